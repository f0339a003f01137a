"""Which question should be the default: verdict power of candidate questions, chosen on all targets but one.

Reads feature tables of ground-truth targets of one kind (run folders or parquet files with the roles member and
non_member) and prints Markdown: for every table and candidate the share of draws with p ≤ α and with the verdict
`evidence of use`, by tracks a side, with the shares where neither side was trained on beside it; then, for every
table, which candidate the others would have chosen and what it gives there.

    python benchmarks/leave_one_out.py fiddle=fiddle/run reel=reel/run --candidates token --sizes 16 30 60 > table.md
    python benchmarks/leave_one_out.py hum=hum/run --candidate "loss=multiple_loss/t=0.[123]" --candidate "all=*"

A candidate is ``NAME=GLOB[,GLOB…]``. Each glob gives one column, the mean of the standardised columns that match it,
which is a headline; after a ``;`` come globs whose columns stand for themselves and are none:
``few=excess_loss/codebook=all;min_k_pp/*``.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import polars as pl

from earwitness import FeatureTable, dataset_inference
from earwitness.features import BLIND_PREFIX, ID_COLUMNS
from earwitness.spec import Direction, FeatureSpec
from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.verdict.design import sides_of
from earwitness_bench.draws import draw_sets

ALPHA = 0.01
CANDIDATES = {
    "token": (
        "former default=;loss/*,min_k/*,min_k_pp/*,neighbour/by=noise*",
        "Min-K++ columns=;min_k_pp/*",
        "Min-K++, one number=min_k_pp/k=*/codebook=all",
        "excess loss=excess_loss/codebook=all",
        "excess loss with its codebooks=excess_loss/codebook=all;excess_loss/codebook=[0-9]",
        "excess loss + Min-K++=excess_loss/codebook=all,min_k_pp/k=*/codebook=all",
        "excess loss; Min-K++=excess_loss/codebook=all;min_k_pp/k=0.[135]/codebook=all",
        "one number per signal="
        "excess_loss/codebook=all,loss/codebook=all,min_k/k=*/codebook=all,min_k_pp/k=*/codebook=all",
        "excess loss; everything=excess_loss/codebook=all;*",
    ),
    "symbolic": (
        "former default=;loss/*,min_k/*,min_k_pp/*",
        "Min-K++, one number=min_k_pp/k=*/codebook=0",
        "loss=loss/codebook=0",
        "excess loss=excess_loss/codebook=0",
        "excess loss + Min-K++=excess_loss/codebook=0,min_k_pp/k=*/codebook=0",
        "excess loss + loss=excess_loss/codebook=0,loss/codebook=0",
        "excess loss; everything=excess_loss/codebook=0;*",
    ),
    "diffusion": (
        "former default=;denoising_loss/*,secmi,pia,sima",
        "denoising loss=denoising_loss/*",
        "loss, all levels=multiple_loss/t=*",
        "loss, low levels=multiple_loss/t=0.[123]",
        "loss, middle levels=multiple_loss/t=0.[34567]",
        "SecMI=secmi",
        "PIA=pia",
        "SimA=sima",
        "SimA; PIA=sima;pia",
        "SimA; PIA, loss=sima;pia,denoising_loss/*",
        "SimA + PIA=sima,pia",
        "SimA + PIA + SecMI=sima,pia,secmi",
        "SimA + low levels=sima,multiple_loss/t=0.[123]",
        "everything=;*",
    ),
    "flow": (
        "former default=;velocity_error*,pia,sima",
        "velocity error=velocity_error",
        "velocity error, calibrated=velocity_error/calibrated",
        "loss, all levels=multiple_loss/t=*",
        "loss, low levels=multiple_loss/t=0.[123]",
        "loss, middle levels=multiple_loss/t=0.[34567]",
        "SecMI=secmi",
        "PIA=pia",
        "SimA=sima",
        "SimA + PIA=sima,pia",
        "velocity error + SimA + PIA=velocity_error,sima,pia",
        "everything=;*",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", help="NAME=PATH of a run folder or parquet file")
    parser.add_argument("--candidates", choices=list(CANDIDATES), help="a list kept here")
    parser.add_argument("--candidate", action="append", default=[], help="NAME=GLOB,…;GLOB,… (repeatable)")
    parser.add_argument("--sizes", nargs="+", type=int, default=[16, 30, 60])
    parser.add_argument("--draws", type=int, default=60)
    parser.add_argument("--permutations", type=int, default=999)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--p-only", action="store_true", help="no gate and no verdict: both are p ≤ .01")
    parser.add_argument("--windows", type=int, help="only so many windows of each track, spread over it")
    options = parser.parse_args()
    read = {name: FeatureTable.read(Path(path)) for name, path in (text.split("=", 1) for text in options.tables)}
    tables = {name: _spread(table, options.windows).pooled() for name, table in read.items()}
    asked = [*CANDIDATES.get(options.candidates, ()), *options.candidate]
    candidates = dict(text.split("=", 1) for text in asked)
    print(f"{options.draws} draws a cell, the same for every candidate; p of {options.permutations} relabellings.\n")
    print(
        "| target | question | columns | tracks a side | p ≤ .01 | evidence of use | p ≤ .01, nothing used | evidence |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    power: dict[str, dict[str, list[float]]] = {}
    for name, table in tables.items():
        for candidate, columns in candidates.items():
            asked_table = _asked(table, columns)
            if asked_table is None:
                continue
            for size in options.sizes:
                found = _shares(asked_table, size, options)
                if found is None:
                    continue
                power.setdefault(candidate, {}).setdefault(name, []).append(found[1][0])
                count = sum(not column.startswith(BLIND_PREFIX) for column in asked_table.feature_names)
                print(f"| {name} | {candidate} | {count} | {size} | {' | '.join(map(_cell, found))} |", flush=True)
    _print_choices(power, list(tables))


def _asked(table: FeatureTable, columns: str) -> FeatureTable | None:
    """The table with a candidate's columns, oriented, and the blind ones; ``None`` where it has none of them."""
    values, names = table.oriented()
    spread = np.nanstd(values, axis=0)
    centred = (values - np.nanmean(values, axis=0)) / np.where(spread > 0, spread, 1)
    headline, _, further = columns.partition(";")
    made: dict[str, np.ndarray] = {}
    for glob in filter(None, headline.split(",")):
        if own := [i for i, name in enumerate(names) if fnmatchcase(name, glob)]:
            made[f"mean of {glob}"] = np.nanmean(centred[:, own], axis=1)
    chosen = set(made)
    for glob in filter(None, further.split(",")):
        made |= {name: values[:, i] for i, name in enumerate(names) if fnmatchcase(name, glob)}
    if not made:
        return None
    blind = [name for name in table.feature_names if name.startswith(BLIND_PREFIX)]
    frame = table.frame.select(*ID_COLUMNS, *blind).with_columns(**{n: pl.Series(v) for n, v in made.items()})
    specs = {name: table.specs[name] for name in blind} | {
        name: FeatureSpec(name=name, member_is=Direction.HIGHER, headline=name in chosen) for name in made
    }
    return replace(table, frame=frame, specs=specs)


def _shares(table: FeatureTable, size: int, options: argparse.Namespace) -> list[tuple[float, int, int]] | None:
    """Share, hits and draws of p ≤ α and of `evidence of use`, where the suspects were used and where not."""
    member, groups = table.is_suspect(), table.frame["group"].to_numpy()
    if len(np.unique(groups[member])) < size or len(np.unique(groups[~member])) < size:
        return None
    cells = []
    for used in (1.0, 0.0):
        if used == 0.0 and len(np.unique(groups[~member])) < 2 * size:
            cells += [(float("nan"), 0, 0)] * 2
            continue
        rng = np.random.default_rng([options.seed, size])
        p_values, verdicts = [], []
        for _ in range(options.draws):
            suspects, held_out = draw_sets(rng, groups, member, size, used=used)
            drawn, seed = _drawn(table, suspects, held_out), int(rng.integers(2**31))
            p, evidence = (
                _p_only(drawn, options.permutations, seed)
                if options.p_only
                else _verdict(drawn, options.permutations, seed)
            )
            p_values.append(p)
            verdicts.append(evidence)
        for hits in (sum(p <= ALPHA for p in p_values), sum(verdicts)):
            cells.append((hits / options.draws, hits, options.draws))
    return cells


def _verdict(table: FeatureTable, permutations: int, seed: int) -> tuple[float, bool]:
    result = dataset_inference(table, permutations=permutations, alpha=ALPHA, a_a_runs=0, effect_runs=0, seed=seed)
    return 1.0 if result.p_value is None else result.p_value, result.verdict == "evidence_of_use"


def _p_only(table: FeatureTable, permutations: int, seed: int) -> tuple[float, bool]:
    values, names = table.oriented()
    headline = table.headline(names)
    p = exact_test(
        values, sides_of(table), settings=ExactSettings(permutations=permutations),
        seed=seed, headline=headline if headline.any() else None,
    ).p_value  # fmt: skip
    return p, p <= ALPHA


def _spread(table: FeatureTable, windows: int | None) -> FeatureTable:
    """The table with so many windows of each track, at equal distances; tracks of fewer keep theirs."""
    if windows is None:
        return table
    place, count = pl.int_range(pl.len()).over("track_id"), pl.len().over("track_id")
    step = pl.min_horizontal(pl.lit(windows), count) / count
    return replace(table, frame=table.frame.filter((place * step).floor() != ((place - 1) * step).floor()))


def _drawn(table: FeatureTable, suspects: Sequence[int], held_out: Sequence[int]) -> FeatureTable:
    rows = [*suspects, *held_out]
    roles = ["suspect"] * len(suspects) + ["held_out"] * len(held_out)
    return replace(table, frame=table.frame[rows].with_columns(pl.Series("role", roles)))


def _cell(share: tuple[float, int, int]) -> str:
    rate, hits, draws = share
    if not draws:
        return "–"
    low, high = clopper_pearson(hits, draws)
    return f"{rate:.2f} [{low:.2f}, {high:.2f}]"


def _print_choices(power: dict[str, dict[str, list[float]]], targets: Sequence[str]) -> None:
    """For every target: what the others choose by mean verdict power, and its power here beside the best here."""
    means = {question: {name: np.mean(cells) for name, cells in found.items()} for question, found in power.items()}
    everywhere = {question: found for question, found in means.items() if len(found) == len(targets)}
    print("\n| left out | chosen on the others | its mean verdict power here | best here | mean verdict power |")
    print("| --- | --- | --- | --- | --- |")
    for left_out in targets:
        others = [name for name in targets if name != left_out] or [left_out]
        chosen = max(everywhere, key=lambda q: np.mean([everywhere[q][name] for name in others]))
        best = max(everywhere, key=lambda q: everywhere[q][left_out])
        print(
            f"| {left_out} | {chosen} | {everywhere[chosen][left_out]:.2f} "
            f"| {best} | {everywhere[best][left_out]:.2f} |"
        )


if __name__ == "__main__":
    main()
