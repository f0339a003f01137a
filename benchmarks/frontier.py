"""The frontier between false and true verdicts: what each rule of gate and adjustment gives on the same audits.

    python benchmarks/frontier.py --runs 300

A rule is a p-value and what the gate demands. p: of the plain features, or with what the blind features say taken
out (the engine's own). Demands: nothing; a second rejection (κ = 1) unless the gate passes, or where it fails; and half
of the difference left where it is undecided. Worlds are those of `verdict_level.py`; α = .01, 999 relabellings; 95 %
Clopper–Pearson intervals.
"""

import argparse

import numpy as np
from verdict_level import ALPHA, draw, head, row, share

from earwitness import FeatureTable
from earwitness.stats.blind import blind_gate
from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.stats.shift import adjusted_p_value
from earwitness.verdict.design import sides_of

SETTINGS = ExactSettings(permutations=999)
WORLDS = [
    ("false: shift of 1 sd, q = .5", 30, {"shift": 1.0, "seen": 0.5, "member": 0.0, "blind": 12}),
    ("false: shift of 1 sd, q = .7", 30, {"shift": 1.0, "seen": 0.7, "member": 0.0, "blind": 12}),
    ("false: shift of 1 sd, q = .5", 80, {"shift": 1.0, "seen": 0.5, "member": 0.0, "blind": 12}),
    ("false: shift of 1 sd, q = .7", 80, {"shift": 1.0, "seen": 0.7, "member": 0.0, "blind": 12}),
    ("found: members + .6 sd", 12, {"shift": 0.0, "seen": 0.7, "member": 0.6, "blind": 50}),
    ("found: members + .6 sd", 30, {"shift": 0.0, "seen": 0.7, "member": 0.6, "blind": 50}),
    ("found: members + .6 sd", 60, {"shift": 0.0, "seen": 0.7, "member": 0.6, "blind": 50}),
]
RULES = [
    "plain p alone",
    "plain p, second rejection unless passed",
    "plain p, second rejection where failed",
    "p less blind part alone",
    "p less blind part, second rejection unless passed",
    "p less blind part, second rejection where failed",
    "p less blind part, second rejection where failed, half left where undecided",
]


def outcomes(table: FeatureTable, seed: int) -> list[bool]:
    """Whether each rule ends in evidence of use."""
    (values, _), (blind, _), sides = table.oriented(), table.blind(), sides_of(table)
    ones = np.ones(values.shape[1])
    plain = exact_test(values, sides, settings=SETTINGS, seed=seed, headline=ones).p_value <= ALPHA
    test = exact_test(values, sides, settings=SETTINGS, seed=seed, headline=ones, covariates=blind)
    less = test.p_value <= ALPHA
    if not (plain or less):
        return [False] * len(RULES)
    gate = blind_gate(blind, sides, alpha=ALPHA, settings=SETTINGS, seed=seed)
    adjusted = adjusted_p_value(values, blind, sides, weights=test.weights, settings=SETTINGS, seed=seed, headline=ones)
    again, left = adjusted.p_value <= ALPHA, adjusted.effect_ratio >= 0.5
    unless_passed, where_failed = gate.passes or again, gate.state != "fail" or again
    half = gate.state != "undecided" or left
    return [
        plain, plain and unless_passed, plain and where_failed,
        less, less and unless_passed, less and where_failed, less and where_failed and half,
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    runs = parser.parse_args().runs
    head("rule", *(f"{name}, {side} a side" for name, side, _ in WORLDS))
    counts = np.zeros((len(RULES), len(WORLDS)), dtype=int)
    for column, (_, side, world) in enumerate(WORLDS):
        for run in range(runs):
            counts[:, column] += outcomes(draw(np.random.default_rng([run, side, 11]), side, **world), run)
    for name, line in zip(RULES, counts.tolist(), strict=True):
        row(name, *(share(count, runs) for count in line))


if __name__ == "__main__":
    main()
