"""The documentation is held to the program: commands and options that it shows exist, its links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from earwitness.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "bench/*.md", "examples/*/*.md")
    for path in ROOT.glob(pattern)
    if not path.name.startswith(".")
)
ADDED = ("bigram",)  # the example package's own command
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def commands(page: Path) -> list[str]:
    """Every command line that a page shows in code, in a block or in a line."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:sh|shell|bash|console)?\n(.*?)```", text, re.DOTALL)
    lines = re.findall(r"(?<!`)`(earwitness [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    shown = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [" ".join(line.split("#")[0].split()) for line in (*shown, *lines) if line.startswith("earwitness ")]


def complaint(line: str) -> str | None:
    """What is wrong with a command line: a command that does not exist, or an option that it does not take."""
    command = typer.main.get_command(app)
    words = [word for word in shlex.split(line.replace("…", "").replace("'", '"'))[1:] if word]
    while words and hasattr(command, "commands") and re.fullmatch(r"[a-z][a-z_-]*", words[0]):
        name = words.pop(0)
        if name in ADDED:
            return None
        if name not in command.commands:
            return f"there is no command {name!r}"
        command = command.commands[name]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help", "-h"}
    given = {word.split("=")[0] for word in words if re.match(r"--[a-z]", word)}
    return f"it takes no {', '.join(sorted(given - known))}" if given - known else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_that_are_shown_exist(page: Path) -> None:
    wrong = {line: found for line in commands(page) if (found := complaint(line)) is not None}
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_these_tests_can_fail() -> None:
    assert commands(ROOT / "README.md")
    assert complaint("earwitness audit --target T --suspect DIR --held-out DIR") is None
    assert complaint("earwitness listen --target T") == "there is no command 'listen'"
    assert complaint("earwitness audit --target T --verdict guilty") == "it takes no --verdict"
