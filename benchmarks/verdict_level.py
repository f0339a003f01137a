"""False and true verdicts of evidence on simulated audits, gate and all, and what other rules would give.

    python benchmarks/verdict_level.py shift --runs 1000       # a shift between the sets, no membership
    python benchmarks/verdict_level.py comparable --runs 1000  # no shift: nulls and power, beside other rules
    python benchmarks/verdict_level.py spread --runs 1000      # unequal sizes and spreads, same mean
    python benchmarks/verdict_level.py dilution --runs 400     # one live feature among dead ones

α = .01 and 1,999 relabellings throughout. A draw whose p among 199 relabellings exceeds .1 is not run further:
it cannot come to .01. A verdict is `earwitness.verdict.judge.judge` on test, gate and adjusted test, as in
`dataset_inference` without its A/A control.

World of the first two tables: 26 features of correlation .3 that share a part R² = .2 with one cause; the
suspects' cause is shifted; 12 (or 50) blind features, of which one catches a share q of the cause's variance.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.blind import blind_gate, informative
from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.stats.residualised import residualised_test
from earwitness.stats.shift import adjusted_p_value
from earwitness.stats.sides import Sides
from earwitness.verdict.judge import judge
from earwitness.verdict.result import Blind

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
ALPHA, SCREEN = 0.01, 0.1
QUICK, FULL = ExactSettings(permutations=199), ExactSettings(permutations=1999)
AUC = 0.68


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Features and blind features of tracks that are groups of their own."""

    values: Floats
    blind: Floats
    is_suspect: Bools

    @property
    def groups(self) -> NDArray[np.intp]:
        """Each track a group."""
        return np.arange(len(self.is_suspect))


def draw(rng: np.random.Generator, side: int, *, shift: float, seen: float, member: float, blind: int) -> Audit:
    """One audit of the module's world; ``member`` moves every feature of a suspect, in standard deviations."""
    suspect = np.arange(2 * side) < side
    cause = rng.standard_normal(2 * side) + shift * suspect
    own = np.sqrt(0.3) * rng.standard_normal((2 * side, 1)) + np.sqrt(0.7) * rng.standard_normal((2 * side, 26))
    values = np.sqrt(0.2) * cause[:, None] + np.sqrt(0.8) * own + member * suspect[:, None]
    described = rng.standard_normal((2 * side, blind))
    described[:, 0] = np.sqrt(seen) * cause + np.sqrt(1 - seen) * described[:, 0]
    return Audit(values=values, blind=described, is_suspect=suspect)


def verdict(audit: Audit, seed: int) -> str:
    """The verdict of one audit."""
    sets = (audit.values, audit.is_suspect, audit.groups)
    test = exact_test(*sets, settings=QUICK, seed=seed, covariates=audit.blind)
    if test.p_value <= SCREEN:
        test = exact_test(*sets, settings=FULL, seed=seed, covariates=audit.blind)
    if test.p_value > ALPHA:
        return "no_evidence"
    gate = blind_gate(audit.blind, Sides(audit.is_suspect, audit.groups), alpha=ALPHA, settings=FULL, seed=seed)
    blind = Blind(
        auc=gate.auc, low=gate.low, high=gate.high, p_value=gate.p_value, passes=gate.passes,
        harmful_auc=gate.harmful_auc, state=gate.state, informative=int(informative(audit.blind).sum()),
    )  # fmt: skip
    if not gate.passes:
        adjusted = adjusted_p_value(
            audit.values, audit.blind, Sides(audit.is_suspect, audit.groups),
            weights=test.weights, settings=FULL, seed=seed,
        )  # fmt: skip
        ratio = None if np.isnan(adjusted.effect_ratio) else adjusted.effect_ratio
        blind = blind.model_copy(update={"adjusted_p_value": adjusted.p_value, "effect_ratio": ratio})
    return judge(test, alpha=ALPHA, companion_p=1.0, a_a=None, blind=blind)[0]


def rules(audit: Audit, seed: int) -> dict[str, bool]:
    """What each rule of the frontier says of one audit: whether it ends in evidence."""
    sets = (audit.values, audit.is_suspect, audit.groups)
    plain = exact_test(*sets, settings=FULL, seed=seed).p_value <= ALPHA
    gate = blind_gate(audit.blind, Sides(audit.is_suspect, audit.groups), alpha=ALPHA, settings=FULL, seed=seed)
    adjusted = True
    if plain and not gate.passes:
        adjusted = residualised_test(audit.values, audit.blind, *sets[1:], settings=FULL, seed=seed).p_value <= ALPHA
    return {
        "plain": plain,
        "plain, adjusted unless passed": plain and (gate.passes or adjusted),
        "plain, adjusted where failed": plain and (gate.state != "fail" or adjusted),
        "this rule": verdict(audit, seed) == "evidence_of_use",
    }


def share(hits: int, runs: int) -> str:
    """A share in per cent with its exact 95 % limits."""
    low, high = clopper_pearson(hits, runs)
    return f"{hits / runs:.1%} ({low:.1%}–{high:.1%})"


def row(cells: list[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def head(cells: list[str]) -> None:
    row(cells)
    row(["---"] * len(cells))


def shift(runs: int, sides: list[int]) -> None:
    head(["shift (sd)", "tracks a side", "q", "false evidence"])
    for side in sides or [30, 80, 300]:
        for size in (1.0, 0.5):
            for part in (0.5, 0.7, 0.9, 0.98, 0.0):
                hits = 0
                for run in range(runs):
                    rng = np.random.default_rng([run, side, round(100 * part), round(10 * size)])
                    audit = draw(rng, side, shift=size, seen=part, member=0.0, blind=12)
                    hits += verdict(audit, run) == "evidence_of_use"
                row([f"{size:g}", str(side), f"{part:g}", share(hits, runs)])


def comparable(runs: int, sides: list[int]) -> None:
    titles: list[str] = []
    for side in sides or [12, 16, 30]:
        for member, count in ((0.0, runs), (0.6, max(runs // 5, 1))):
            hits: dict[str, int] = {}
            for run in range(count):
                rng = np.random.default_rng([run, side, round(10 * member)])
                audit = draw(rng, side, shift=0.0, seen=0.7, member=member, blind=50)
                found = rules(audit, run) if member else {"this rule": verdict(audit, run) == "evidence_of_use"}
                for name, yes in found.items():
                    hits[name] = hits.get(name, 0) + yes
            if not titles:
                titles = ["plain", "plain, adjusted unless passed", "plain, adjusted where failed", "this rule"]
                head(["tracks a side", "member (sd)", "draws", *titles])
            row([str(side), f"{member:g}", str(count), *(share(hits[t], count) if t in hits else "" for t in titles)])


def spread(runs: int, _: list[int]) -> None:
    head(["suspects", "held out", "suspects' sd", "features", "no headline declared", "all features headline"])
    worlds = [(20, 200, 2.0, 26), (20, 200, 2.0, 1), (200, 20, 2.0, 26), (20, 20, 2.0, 26), (20, 200, 1.0, 26)]
    for suspects, held_out, sd, features in worlds:
        labels = np.arange(suspects + held_out) < suspects
        fired = [0, 0]
        for run in range(runs):
            values = np.random.default_rng([run, suspects, features]).standard_normal((len(labels), features))
            values[labels] *= sd
            for index, headline in enumerate((None, np.ones(features))):
                sets = (values, labels, np.arange(len(labels)))
                p_value = exact_test(*sets, settings=QUICK, seed=run, headline=headline).p_value
                if p_value <= SCREEN:
                    p_value = exact_test(*sets, settings=FULL, seed=run, headline=headline).p_value
                fired[index] += p_value <= ALPHA
        row([str(suspects), str(held_out), f"{sd:g}", str(features), *(share(hits, runs) for hits in fired)])


def dilution(runs: int, sides: list[int], counts: list[int]) -> None:
    moved = np.sqrt(2) * norm.ppf(AUC)
    head(["tracks a side", "dead", "correlation", "alone", "the headline", "no headline declared"])
    for side in sides or [16, 30, 60]:
        labels = np.arange(2 * side) < side
        for dead in counts or [0, 10, 80, 300]:
            for correlation in (0.0, 0.3) if dead else (0.0,):
                hits = [0, 0, 0]
                for run in range(runs):
                    rng = np.random.default_rng([run, side, dead])
                    live = rng.standard_normal((2 * side, 1)) + moved * labels[:, None]
                    others = np.sqrt(1 - correlation) * rng.standard_normal((2 * side, dead))
                    values = np.hstack([live, others + np.sqrt(correlation) * rng.standard_normal((2 * side, 1))])
                    for index, (columns, headline) in enumerate(_three_ways(values)):
                        found = exact_test(
                            columns, Sides(labels, np.arange(2 * side)), settings=FULL, seed=run, headline=headline
                        )
                        hits[index] += found.p_value <= ALPHA
                row([str(side), str(dead), f"{correlation:g}", *(share(count, runs) for count in hits)])


def _three_ways(values: Floats) -> Iterator[tuple[Floats, Bools | None]]:
    yield values[:, :1], np.ones(1, dtype=np.bool_)
    yield values, np.arange(values.shape[1]) == 0
    yield values, None


TABLES: dict[str, Callable[[int, list[int]], None]] = {
    "shift": shift,
    "comparable": comparable,
    "spread": spread,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=[*TABLES, "dilution"])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--sides", type=int, nargs="*", default=[], help="these numbers of tracks a side alone")
    parser.add_argument("--dead", type=int, nargs="*", default=[], help="these numbers of dead columns alone")
    arguments = parser.parse_args()
    if arguments.table == "dilution":
        dilution(arguments.runs, arguments.sides, arguments.dead)
    else:
        TABLES[arguments.table](arguments.runs, arguments.sides)
