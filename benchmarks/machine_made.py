"""How often machine-made music is recognised by what files say, and how often people's music is taken for it.

    python benchmarks/machine_made.py --made DIR --real DIR...

Looks at every audio file below the folders with `earwitness.collection.generated.machine_made`, and counts statements
and hints with exact 95 % limits. docs/how-to-break-it.md names the packages that the committed figures are of.
"""

import argparse
from pathlib import Path

from scipy.stats import binomtest

from earwitness.audio import SUFFIXES
from earwitness.collection.generated import machine_made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--made", type=Path, nargs="+", required=True)
    parser.add_argument("--real", type=Path, nargs="+", required=True)
    options = parser.parse_args()
    for name, folders in (("made by a machine", options.made), ("made by people", options.real)):
        files = sorted(
            path for folder in folders for path in folder.rglob("*")
            if path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink()
        )  # fmt: skip
        found = [machine_made(path) for path in files]
        for kind, hits in (
            ("stated", sum(bool(m.stated) for m in found)),
            ("hinted", sum(bool(m.hinted) for m in found)),
        ):
            limits = binomtest(hits, len(files)).proportion_ci(0.95, "exact")
            print(f"{name}, {kind}: {hits} of {len(files)} [{limits.low:.1%}, {limits.high:.1%}]")


if __name__ == "__main__":
    main()
