"""Is the smallest effect that an audit says it could have found the one that fresh audits find in four of five?

    python benchmarks/detectable.py --side 40 --blind 12 --fresh 100 --audits 8

Sets of independent tracks, 8 features that share R² .2 with one blind feature, no shift; α .01, 499 relabellings.
"""

import argparse
from dataclasses import replace

import numpy as np

from earwitness.stats.exact import ExactSettings
from earwitness.stats.grouping import normal_scores
from earwitness.stats.planting import Original, auc_of_step, repetitions
from earwitness.stats.scorers import UNDECLARED
from earwitness.stats.sides import Sides
from earwitness.verdict.detectable import detectable
from earwitness.verdict.procedure import Divided, Procedure

FEATURES = 8
PROCEDURE = Procedure(
    alpha=0.01, settings=ExactSettings(permutations=499, scorers=UNDECLARED), headline=np.ones(FEATURES)
)


def audit(rng: np.random.Generator, side: int, blind: int) -> Divided:
    described = rng.standard_normal((2 * side, blind))
    values = np.sqrt(0.8) * rng.standard_normal((2 * side, FEATURES)) + np.sqrt(0.2) * described[:, :1]
    return Divided(values=values, covariates=described, sides=Sides(np.arange(2 * side) < side, np.arange(2 * side)))


def needed(sets: Divided, seed: int) -> float:
    """The AUC that one fresh audit needs: its own features with a step planted, nothing turned."""
    gate = PROCEDURE.gate(sets, seed=seed)
    sides = sets.sides
    original = Original(
        values=sets.values, is_suspect=sides.is_suspect, units=sides.units, headline=PROCEDURE.headline,
        covariates=sets.covariates,
    )  # fmt: skip
    unit = next(repetitions(original, draws=1)).unit
    for step in np.geomspace(0.1, 4, 60):
        planted = replace(sets, values=_normal(sets) + step * np.outer(sides.is_suspect, unit))
        if PROCEDURE.finds(planted, seed=seed, gate=gate)[1]:
            return auc_of_step(float(step))
    return 1.0


def _normal(sets: Divided) -> np.ndarray:
    return normal_scores(sets.values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=40)
    parser.add_argument("--blind", type=int, default=12)
    parser.add_argument("--fresh", type=int, default=100)
    parser.add_argument("--audits", type=int, default=8)
    given = parser.parse_args()
    fresh = [needed(audit(np.random.default_rng([k, 7]), given.side, given.blind), k) for k in range(given.fresh)]
    print(f"four of five of {given.fresh} fresh audits end in evidence from an AUC of {np.quantile(fresh, 0.8):.3f} on")
    for k in range(given.audits):
        sets = audit(np.random.default_rng([k, 99]), given.side, given.blind)
        gate = PROCEDURE.gate(sets, seed=k)
        stated = detectable(PROCEDURE, sets, gate=gate, auc=None, seed=k).minimum_detectable_auc
        share = np.mean([auc <= (stated or 1.0) for auc in fresh])
        state = "none" if gate is None else gate.state
        print(f"audit {k}, gate {state}: {stated or 1:.3f}, where {share:.0%} of the fresh audits do", flush=True)


if __name__ == "__main__":
    main()
