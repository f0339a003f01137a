"""Membership inference where the truth is known: every attack on every target.

Goal: the papers' table, without the choice of the best variant flattering it. Of a signal's
variants (k, codebook, contrast …) the best is chosen on one half of the groups and reported on
the other. Conventions: AUC has DeLong limits, TPR at 1 % FPR Clopper–Pearson ones; where a
signal's direction is unknown it is learned on the choosing half, and the row says so.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from earwitness.features import FeatureTable
from earwitness.spec import Direction
from earwitness.verdict.membership import MembershipResult, ScoreEvaluation, membership_evaluation
from earwitness_bench.feature_sets import signal_of


def halves(table: FeatureTable, *, seed: int = 0) -> tuple[FeatureTable, FeatureTable]:
    """Split the groups of each side at random into a half to choose on and a half to report on."""
    rng = np.random.default_rng(seed)
    member, groups = table.is_suspect(), table.frame["group"].to_numpy()
    first = {
        name
        for side in (member, ~member)
        for names in [rng.permutation(np.unique(groups[side]))]
        for name in names[: len(names) // 2]
    }
    return table.without_groups(set(groups) - first), table.without_groups(first)


def attack_table(table: FeatureTable, *, seed: int = 0) -> pl.DataFrame:
    """Return one row per signal, by falling AUC.

    Columns: ``signal, variant, variants, direction`` (``higher``, ``lower``, or ``learned`` where no
    direction is declared), ``auc, auc_low, auc_high, tpr, tpr_low, tpr_high`` (at 1 % FPR),
    ``members, non_members`` (tracks of the reporting half) and ``undefined`` (tracks without a value).
    """
    choosing, reporting = halves(table, seed=seed)
    chosen = _best_variants(membership_evaluation(choosing, seed=seed))
    turned = {name: Direction.HIGHER if auc > 0.5 else Direction.LOWER for name, auc in chosen.values()}
    specs = {
        name: replace(spec, member_is=turned[name]) if name in turned and spec.member_is is Direction.UNKNOWN else spec
        for name, spec in reporting.specs.items()
    }
    evaluated = membership_evaluation(replace(reporting, specs=specs), seed=seed)
    found = {feature.name: feature for feature in evaluated.features}
    counts = {signal: sum(signal_of(name) == signal for name in found) for signal in chosen}
    rows = [
        _row(signal, found[name], counts[signal], evaluated, learned=table.specs[name].member_is is Direction.UNKNOWN)
        for signal, (name, _) in chosen.items()
    ]
    return pl.DataFrame(rows, infer_schema_length=None).sort("auc", descending=True, nulls_last=True)


def _best_variants(evaluated: MembershipResult) -> dict[str, tuple[str, float]]:
    """Each signal's variant with the highest AUC (farthest from ½ where no direction is declared), with that AUC."""
    best: dict[str, tuple[str, float]] = {}
    strength: dict[str, tuple[bool, float]] = {}
    for feature in evaluated.features:
        auc = feature.auc.estimate
        if auc is None or feature.missing > evaluated.members + evaluated.non_members - feature.missing:
            continue  # what is undefined for most tracks attacks few
        directed = feature.member_is is not Direction.UNKNOWN
        signal, merit = signal_of(feature.name), (directed, auc if directed else abs(auc - 0.5))
        if signal not in best or merit > strength[signal]:
            best[signal], strength[signal] = (feature.name, auc), merit
    return best


def _row(
    signal: str, feature: ScoreEvaluation, variants: int, evaluated: MembershipResult, *, learned: bool
) -> dict[str, object]:
    rate = feature.true_positive_rates[0] if feature.true_positive_rates else None
    return {
        "signal": signal,
        "variant": feature.name,
        "variants": variants,
        "direction": "learned" if learned else feature.member_is.value,
        "auc": feature.auc.estimate,
        "auc_low": feature.auc.low,
        "auc_high": feature.auc.high,
        "tpr": rate.estimate if rate else None,
        "tpr_low": rate.low if rate else None,
        "tpr_high": rate.high if rate else None,
        "members": evaluated.members,
        "non_members": evaluated.non_members,
        "undefined": feature.missing,
    }
