"""What the default preset and the exact test show on a shipped target, where the truth is known.

Writes all pieces of the card, asks the target about them (minutes; resumes in the work
folder), and prints Markdown: the AUC of every feature with its 95 % interval (DeLong,
clustered by group), the power of the exact test by number of groups, and its
rejection rate where both sets are pieces the target was not trained on.

    python benchmarks/ground_truth.py fiddle --work fiddle-work > tables.md
    python benchmarks/ground_truth.py chorale --work chorale-work > tables.md
    python benchmarks/ground_truth.py hum --work hum-work > tables.md
"""

import argparse
import re
import sys
from pathlib import Path

import numpy as np

from earwitness import pipeline
from earwitness.features import FeatureTable
from earwitness.ground_truth.data import write_data
from earwitness.ground_truth.registry import TARGETS, shipped
from earwitness.spec import Direction
from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.stats.roc import auc_delong
from earwitness.stats.sides import Sides
from earwitness_bench.draws import draw_sets

SIZES = (10, 20, 40, 80, 160)
FAST = ExactSettings(permutations=499)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(TARGETS))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--target", help="another checkpoint of the same split")
    parser.add_argument("--contrast", default="auto", help="on: with the guidance contrasts (another --work folder)")
    parser.add_argument("--runs", type=int, default=1000, help="null draws per size")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    card = shipped(options.name)
    target = options.target or str(card.model)
    table = _features(options.work, options.name, target, options.contrast, options.seed).pooled()
    member = table.is_suspect()
    groups = table.frame["group"].to_numpy()
    print(card.read().summary().replace("\n", "; "))
    print(f"\n{member.sum()} members, {(~member).sum()} non-members, up to three windows per piece.\n")
    _print_signals(table, member, groups)
    _print_tests(table, member, groups, options.runs, options.seed)


def _features(work: Path, name: str, target: str, contrast: str, seed: int) -> FeatureTable:
    run = work / "run"
    if not (run / "tracks.parquet").exists():
        written = write_data(name, work / "data", on_progress=_progress)
        pipeline.index_stage(run, manifest=written.manifest)
    settings = pipeline.MeasureSettings(target=target, contrast=contrast, seed=seed)
    summary = pipeline.extract_stage(run, settings, on_progress=_progress)
    print(f"extracted: {summary}", file=sys.stderr)
    return FeatureTable.read(run)


def _progress(done: int, total: int) -> None:
    print(f"{done}/{total}", end="\r", file=sys.stderr)


def _print_signals(table: FeatureTable, member: np.ndarray, groups: np.ndarray) -> None:
    """One line per signal, one column per codebook: AUC in the declared direction."""
    values, names = table.oriented(include_unknown=True)
    found: dict[str, dict[str, str]] = {}
    wrong: list[str] = []
    for column, name in zip(values.T, names, strict=True):
        codebook = re.search(r"/codebook=(\w+)", name)
        auc = auc_delong(
            column[member], column[~member], positive_groups=groups[member], negative_groups=groups[~member]
        )
        signal = name.replace(codebook.group(0), "") if codebook else name
        found.setdefault(signal, {})[f"codebook {codebook.group(1)}" if codebook else "AUC"] = (
            f"{auc.estimate:.3f} [{auc.low:.3f}, {auc.high:.3f}]"
        )
        if table.specs[name].member_is is not Direction.UNKNOWN and auc.high < 0.5:
            wrong.append(name)
    books = list(next(iter(found.values())))
    print(f"| signal | {' | '.join(books)} |")
    print(f"| --- |{' --- |' * len(books)}")
    for signal, cells in found.items():
        print(f"| `{signal}` | {' | '.join(cells[book] for book in books)} |")
    print(f"\nFeatures whose interval lies below .5 in the declared direction: {', '.join(wrong) or 'none'}.\n")


def _print_tests(table: FeatureTable, member: np.ndarray, groups: np.ndarray, runs: int, seed: int) -> None:
    """Power and level of the exact test by number of tracks per side, one draw of sets per run."""
    values, _ = table.oriented()
    rng = np.random.default_rng(seed)
    print("| groups per side | members found at .01 | at .05 | false alarms at .01 | at .05 |")
    print("| --- | --- | --- | --- | --- |")
    for size in SIZES:
        if size > min(len(np.unique(groups[member])), len(np.unique(groups[~member])) // 2):
            break
        cells = []
        for truth, count in ((True, max(runs // 10, 1)), (False, runs)):
            p_values = []
            for _ in range(count):
                suspects, held_out = draw_sets(rng, groups, member, size, used=float(truth))
                rows = np.concatenate([suspects, held_out])
                is_suspect = np.arange(len(rows)) < len(suspects)
                p_values.append(
                    exact_test(
                        values[rows], Sides(is_suspect, groups[rows]), settings=FAST, seed=int(rng.integers(2**31))
                    ).p_value
                )
            for alpha in (0.01, 0.05):
                hits = sum(p <= alpha for p in p_values)
                low, high = clopper_pearson(hits, count)
                cells.append(f"{hits / count:.1%} [{low:.1%}, {high:.1%}] of {count}")
        print(f"| {size} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
