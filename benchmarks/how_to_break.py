"""Attacks on the verdict, each tried on many simulated audits: how often it then says "evidence of use", and why not.

    python benchmarks/how_to_break.py --runs 200

Prints the two tables of docs/how-to-break-it.md: 60 tracks a side unless the row says otherwise, the world of
`verdict_level.py` (26 features, 12 blind features), α = .01, 1,999 relabellings, 95 % Clopper–Pearson intervals.
"""

import argparse
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from verdict_level import ALPHA, FULL, LEFT_OUT, draw, head, row, share, table

from earwitness import FeatureTable, dataset_inference
from earwitness.errors import EarwitnessError
from earwitness.verdict.family import family
from earwitness.verdict.result import DatasetInferenceResult

SIDE = 60
Audit = Callable[[np.random.Generator], FeatureTable]


def null(rng: np.random.Generator, **settings: Any) -> FeatureTable:
    """Sets that nothing was used of."""
    return draw(rng, SIDE, **{"shift": 0.0, "seen": 0.7, "member": 0.0, "blind": 12, **settings})


def edited(given: FeatureTable, *columns: pl.Expr | pl.Series) -> FeatureTable:
    return FeatureTable.from_frame(given.frame.with_columns(*columns), higher=["f*"])


def albums(rng: np.random.Generator, *, told: bool) -> FeatureTable:
    """Albums of six, half of what makes a track hard shared within the album."""
    album = np.arange(2 * SIDE) // 6
    values = np.sqrt(0.5) * rng.standard_normal((2 * SIDE // 6, 26))[album]
    values += np.sqrt(0.5) * rng.standard_normal((2 * SIDE, 26))
    groups = {"group": [f"g{i:04d}" for i in album]} if told else {}
    blind = rng.standard_normal((2 * SIDE, 12))
    return table(values, np.arange(2 * SIDE) < SIDE, blind=blind, **groups)


def picked(rng: np.random.Generator) -> FeatureTable:
    """Of three times as many unused works, those the model knows least are presented as the held-out set."""
    unused = np.sort(rng.standard_normal((3 * SIDE, 1)) + 0.5 * rng.standard_normal((3 * SIDE, 26)), axis=0)[:SIDE]
    suspects = rng.standard_normal((SIDE, 1)) + 0.5 * rng.standard_normal((SIDE, 26))
    values = np.concatenate([suspects, unused[rng.permutation(SIDE)]])
    return table(values, np.arange(2 * SIDE) < SIDE, blind=rng.standard_normal((2 * SIDE, 12)))


def quiet_dropped(rng: np.random.Generator) -> FeatureTable:
    """The lowest sixth of the suspects' scores is missing, column by column."""
    given = null(rng)
    suspect = pl.col("role") == "suspect"
    lowest = [
        pl.when(suspect & (pl.col(name) < pl.col(name).filter(suspect).quantile(0.16))).then(None).otherwise(name)
        for name in given.specs
        if not name.startswith("blind/")
    ]
    return edited(given, *(expression.alias(f"f{j}") for j, expression in enumerate(lowest)))


def labelled(rng: np.random.Generator) -> FeatureTable:
    """A column that is the label, offered as a feature."""
    given = null(rng)
    return edited(given, (pl.col("role") == "suspect").cast(pl.Float64).alias("f_release"))


def part(given: FeatureTable, kept: int) -> FeatureTable:
    """Some blind features dropped: the first of them, which sees the shift, among those dropped."""
    names = [name for name in given.specs if name.startswith("blind/")][: 12 - kept]
    return FeatureTable.from_frame(given.frame.drop(names), higher=["f*"])


def ask(given: FeatureTable, seed: int, **settings: Any) -> DatasetInferenceResult:
    return dataset_inference(given, permutations=FULL, alpha=ALPHA, seed=seed, **LEFT_OUT, **settings)


def outcome(audit: Audit, run: int, **settings: Any) -> tuple[str, str]:
    """The verdict, or "refused"; and the sentence that carries it."""
    try:
        result = ask(audit(np.random.default_rng([run, 5])), run, **settings)
    except EarwitnessError as error:
        return "refused", str(error)
    # The first sentence is that of p; what stopped or carried a verdict comes after it.
    reasons = result.reasons[1:2] if result.verdict == "inconclusive" else result.reasons[:1]
    return result.verdict, reasons[0]


ATTACKS: list[tuple[str, Audit, dict[str, Any]]] = [
    ("none: half a standard deviation of use, comparable sets", lambda r: null(r, member=0.5), {}),
    ("none: nothing used, comparable sets", null, {}),
    ("sets a standard deviation apart in one cause; blind features catch 98 % of it",
     lambda r: null(r, shift=1.0, seen=0.98), {}),
    ("the same, they catch 70 %", lambda r: null(r, shift=1.0, seen=0.7), {}),
    ("the same, they catch 50 %", lambda r: null(r, shift=1.0, seen=0.5), {}),
    ("the same, they catch nothing", lambda r: null(r, shift=1.0, seen=0.0), {}),
    ("the blind feature that would show it is left out of the table", lambda r: part(null(r, shift=1.0), 11), {}),
    ("all blind features are left out", lambda r: part(null(r, shift=1.0), 0), {}),
    ("all are left out, and the sets are called comparable in words", lambda r: part(null(r, shift=1.0), 0),
     {"comparable": "drawn by lot from one session, see annex"}),
    ("albums of six listed as single tracks, nothing used", lambda r: albums(r, told=False), {}),
    ("the same albums, told", lambda r: albums(r, told=True), {}),
    ("suspects' lowest sixth missing", quiet_dropped, {}),
    ("the label among the features", labelled, {}),
    ("sets exchanged: the held-out set was used", lambda r: null(r, member=-0.5), {}),
    ("sets exchanged, published procedure `iar`", lambda r: null(r, member=-0.5), {"method": "iar"}),
    ("held-out set picked after looking at scores", picked, {}),
]  # fmt: skip


def attacks(runs: int) -> None:
    head("what is done", "evidence of use", "what it mostly says instead, or why", "in")
    for name, audit, settings in ATTACKS:
        found = [outcome(audit, run, **settings) for run in range(runs)]
        evidence = sum(verdict == "evidence_of_use" for verdict, _ in found)
        others = Counter(verdict for verdict, _ in found if verdict != "evidence_of_use")
        verdict, count = others.most_common(1)[0] if others else ("evidence_of_use", evidence)
        sentence = next(sentence for which, sentence in found if which == verdict)
        row(name, share(evidence, runs), f"*{verdict.replace('_', ' ')}*: {sentence}".replace("|", "/"), count)


def shopping(runs: int) -> None:
    """Twenty tries on sets that nothing was used of; the best one is presented."""
    head("twenty tries, the best presented", "p ≤ .01 for the best alone", "what the record makes of it")

    def seeds(run: int) -> list[DatasetInferenceResult]:
        given = null(np.random.default_rng([run, 6]))
        return [ask(given, seed) for seed in range(20)]

    def sets(run: int) -> list[DatasetInferenceResult]:
        return [ask(null(np.random.default_rng([run, 7, i])), run) for i in range(20)]

    tries = max(runs // 4, 1)
    best = sum(min(result.p_value or 1 for result in seeds(run)) <= ALPHA for run in range(tries))
    row(
        "one table, twenty seeds",
        share(best, tries),
        "all twenty are lines of `attempts.jsonl`; the planned one counts",
    )
    alone = together = 0
    for run in range(tries):
        results = sets(run)
        alone += min(result.p_value or 1 for result in results) <= ALPHA
        together += min(claim.holm_p_value for claim in family(results)) <= ALPHA
    row("twenty collections", share(alone, tries), f"`earwitness family` of all twenty: {share(together, tries)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    attacks(parser.parse_args().runs)
    print()
    shopping(parser.parse_args().runs)
