"""Which signals earn their place: AUC and TPR of each, and what the exact test loses or gains by it.

Takes a run folder whose tracks' membership is known, measured with every signal, for instance

    earwitness reference data fiddle --out tunes
    earwitness index RUN --manifest tunes/manifest.csv
    earwitness extract RUN --target "$(earwitness reference path fiddle)" --with surp --with renyi …
    python benchmarks/signal_power.py RUN > table.md

The groups are split at random into a half on which sets of signals may be compared and chosen
(``--half choose``) and a half on which the choice is reported (``--half report``). In every draw
the same tracks are tested with every set of signals, so that sets are compared in pairs.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earwitness.features import FeatureTable
from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.stats.sides import Sides
from earwitness.verdict.membership import membership_evaluation
from earwitness_bench.feature_sets import signal_of

DEFAULT = ("loss", "min_k", "min_k_pp", "neighbour_noise")
FAST = ExactSettings(permutations=999)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--half", choices=("choose", "report", "both"), default="both")
    parser.add_argument("--tracks", type=int, default=20, help="groups per side in every draw")
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--sets", nargs="*", default=[], help="further sets of signals or parts of them, joined by +")
    parser.add_argument(
        "--lower", nargs="*", default=(), help="features that a member moves down, where the run does not say"
    )
    parser.add_argument("--default", nargs="*", default=DEFAULT, help="the signals that others are held against")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table = FeatureTable.read(options.run, lower=options.lower).pooled()
    groups = table.frame["group"].to_numpy()
    if options.half != "both":
        names = np.unique(groups)
        first = np.isin(names, np.random.default_rng(options.seed).permutation(names)[: len(names) // 2])
        kept = names[first if options.half == "choose" else ~first]
        table = table.without_groups(set(names) - set(kept))
        groups = table.frame["group"].to_numpy()
    member = table.is_suspect()
    print(f"{member.sum()} members and {(~member).sum()} non-members in {len(np.unique(groups))} groups.\n")
    print_signals(table)
    print_sets(table, member, groups, options.tracks, options.draws, options.seed, options.sets, options.default)


def print_signals(table: FeatureTable) -> None:
    """One line per feature, of all codebooks together where there are several: AUC and TPR at 1 % FPR."""
    found = {feature.name: feature for feature in membership_evaluation(table).features}
    pooled = any("/codebook=all" in name for name in found)
    print("| feature | member is | AUC | TPR at 1 % FPR | undefined |\n| --- | --- | --- | --- | --- |")
    for name in table.oriented(include_unknown=True)[1]:
        feature, codebook = found[name], re.search(r"/codebook=(\w+)", name)
        if not feature.true_positive_rates or (pooled and codebook and codebook.group(1) != "all"):
            continue
        auc, tpr = feature.auc, feature.true_positive_rates[0]
        short = name.replace(codebook.group(0), "") if codebook else name
        print(
            f"| `{short}` | {feature.member_is} | {auc.estimate:.3f} [{auc.low:.3f}, {auc.high:.3f}] "
            f"| {tpr.estimate:.1%} [{tpr.low:.1%}, {tpr.high:.1%}] | {feature.missing} |"
        )
    print()


def print_sets(
    table: FeatureTable, member: NDArray[np.bool_], groups: NDArray[np.str_], tracks: int, draws: int, seed: int,
    further: list[str],
    base: Sequence[str],
) -> None:  # fmt: skip
    """Power of the exact test with the default's signals, without each, with each other one, and with each alone."""
    values, names = table.oriented()
    signals = [signal_of(name) for name in names]
    default = tuple(signal for signal in base if signal in signals)  # a score has no noise neighbour
    others = [signal for signal in dict.fromkeys(signals) if signal not in default]
    sets = {"the default's": default}
    sets |= {f"without {signal}": tuple(s for s in default if s != signal) for signal in default}
    sets |= {f"with {signal}": (*default, signal) for signal in others}
    sets |= {f"{signal} alone": (signal,) for signal in (*default, *others)}
    sets |= {text: tuple(text.split("+")) for text in further}
    columns = {text: [i for i, name in enumerate(names) if _is_of(name, chosen)] for text, chosen in sets.items()}
    p_values = {text: np.empty(draws) for text in sets}
    rng = np.random.default_rng(seed)
    inside, outside = np.unique(groups[member]), np.unique(groups[~member])
    for draw in range(draws):
        chosen = [*rng.permutation(inside)[:tracks], *rng.permutation(outside)[:tracks]]
        rows = np.isin(groups, chosen)
        permutation_seed = int(rng.integers(2**31))
        for text in sets:
            p_values[text][draw] = exact_test(
                values[rows][:, columns[text]], Sides(member[rows], groups[rows]), settings=FAST, seed=permutation_seed
            ).p_value
    print(
        f"{draws} draws of {tracks} groups per side, the same for every set; p of the exact test, 999 relabellings.\n"
    )
    print("| signals | features | median p | power at .01 | p lower / higher than the default's |")
    print("| --- | --- | --- | --- | --- |")
    against = p_values["the default's"]
    for text, found in p_values.items():
        hits = int((found <= 0.01).sum())
        low, high = clopper_pearson(hits, draws)
        print(
            f"| {text} | {len(columns[text])} | {np.median(found):.4f} | {hits / draws:.0%} [{low:.0%}, {high:.0%}] "
            f"| {(found < against).mean():.0%} / {(found > against).mean():.0%} |"
        )


def _is_of(feature: str, chosen: Sequence[str]) -> bool:
    """Whether a feature belongs to one of the chosen signals, or to a part of one: ``neighbour/by=noise=-40dB``."""
    return any(signal_of(feature) == part or ("/" in part and feature.startswith(f"{part}/")) for part in chosen)


if __name__ == "__main__":
    main()
