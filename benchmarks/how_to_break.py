"""Attacks on the verdict, each run through it: what it then says. Prints Markdown.

Sets are simulated: 40 tracks a side, 8 features, 12 blind features. Run:

    python benchmarks/how_to_break.py
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from earwitness import FeatureTable, dataset_inference
from earwitness.errors import EarwitnessError
from earwitness.verdict.family import family
from earwitness.verdict.result import DatasetInferenceResult

TRACKS, FEATURES, BLIND = 40, 8, 12


def table(
    *,
    effect: float = 0.0,
    shift: float = 0.0,
    seen: float = 1.0,
    blind: int = BLIND,
    album: int = 1,
    albums_told: bool = True,
    seed: int = 0,
    **columns: Any,
) -> FeatureTable:
    """``effect`` sd in every feature; ``shift`` sd in what blind features see to a share ``seen`` and scores follow."""
    rng = np.random.default_rng(seed)
    n = 2 * TRACKS
    suspect = np.arange(n) < TRACKS
    group = np.arange(n) // album
    confounder = rng.normal(size=n) + shift * suspect
    common = rng.normal(size=(n, FEATURES))[group]
    noise = np.sqrt(0.5) * common + np.sqrt(0.5) * rng.normal(size=(n, FEATURES)) if album > 1 else common
    scores = noise + 0.5 * confounder[:, None] + effect * suspect[:, None]
    described = np.sqrt(seen) * confounder[:, None] + np.sqrt(1.05 - seen) * rng.normal(size=(n, blind))
    data = {
        "track_id": [f"t{i:03d}" for i in range(n)],
        "role": np.where(suspect, "suspect", "held_out"),
        "group": [f"g{g:03d}" for g in (group if albums_told else np.arange(n))],
        **{f"f{j}": scores[:, j] for j in range(FEATURES)},
        **{f"blind/b{j}": described[:, j] for j in range(blind)},
        **columns,
    }
    return FeatureTable.from_frame(pl.DataFrame(data), higher=["f*", *(c for c in columns if c == "mine")])


def ask(**settings: Any) -> Callable[[FeatureTable], DatasetInferenceResult]:
    return lambda given: dataset_inference(given, permutations=999, a_a_runs=0, **settings)


def say(name: str, given: Callable[[], FeatureTable], answer: Callable[[FeatureTable], DatasetInferenceResult]) -> None:
    print(f"\n### {name}\n")
    try:
        result = answer(given())
    except EarwitnessError as error:
        print(f"> refused: {error}", flush=True)
        return
    print(f"> **{result.verdict.replace('_', ' ')}**", flush=True)
    for sentence in [*result.reasons, *result.warnings]:
        print(f"> {sentence}", flush=True)


def main() -> None:
    say("nothing is wrong: used, comparable", lambda: table(effect=0.7), ask())
    say("sets that differ, nothing used, blind features see it", lambda: table(shift=1.0), ask())
    say("sets that differ, nothing used, blind features see half of it", lambda: table(shift=1.0, seen=0.5), ask())
    say("sets that differ in what nothing measures", lambda: table(shift=1.0, seen=0.0), ask())
    say("no blind features", lambda: table(effect=0.7, blind=0), ask())
    say("one blind column of noise", lambda: table(effect=0.7, blind=1, seen=0.0), ask())
    stated = {"comparable": "drawn by lot from one session, see annex"}
    say("no blind features, comparability stated in words", lambda: table(effect=0.7, blind=0), ask(**stated))
    say("albums of eight listed as single tracks, nothing used", lambda: table(album=8, albums_told=False), ask())
    say("the same albums, told", lambda: table(album=8), ask())
    say("the sets exchanged", lambda: table(effect=-0.7), ask())
    say("a published procedure, sets exchanged", lambda: table(effect=-0.7), ask(method="iar"))
    say("a label as a feature", lambda: table(mine=[1.0] * TRACKS + [0.0] * TRACKS), ask())
    print("\n### the best of twenty audits of sets that nothing was used of\n")
    results = [ask()(table(seed=seed)) for seed in range(100, 120)]
    alone = min(results, key=lambda result: result.p_value or 1)
    claims = family(results)
    best = claims[results.index(alone)]
    print(f"> alone: p = {alone.p_value:.3g}, {alone.verdict}; in the family of 20: p = {best.holm_p_value:.3g}")


if __name__ == "__main__":
    main()
