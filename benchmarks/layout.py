"""How a package is laid out: its rooms, the arrows between them, and how long it is.

A room is a module or package directly under the package. An arrow from one room to another is an import, anywhere in
a file of the first. Prints rooms, arrows, files and lines, and the rooms that lie on a circle of arrows.

    python benchmarks/layout.py src/earwitness
"""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path


def imported(path: Path, package: str) -> Iterator[str]:
    """The rooms of the package that a file imports from."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == package:
            names = [f"{package}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith(f"{package}."))


def main() -> None:
    root = Path(sys.argv[1])
    files = sorted(root.rglob("*.py"))
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)
    room_of = {path: path.relative_to(root).parts[0].removesuffix(".py") for path in files}
    rooms = {room for room in room_of.values() if room != "__init__"}
    arrows: dict[str, set[str]] = {room: set() for room in rooms}
    for path, room in room_of.items():
        if room in rooms:
            arrows[room] |= {other for other in imported(path, root.name) if other in rooms and other != room}
    count = sum(map(len, arrows.values()))
    print(f"{len(rooms)} rooms, {count} arrows, {len(files)} files, {lines} lines of Python")
    try:
        TopologicalSorter(arrows).prepare()
        print("no circle")
    except CycleError as error:
        print("a circle:", " → ".join(error.args[1]))


if __name__ == "__main__":
    main()
