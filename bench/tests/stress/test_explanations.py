"""Every disagreement has a reason, and the reason is what was measured."""

from dataclasses import replace
from itertools import product
from typing import get_args

import pytest

from earwitness_bench.methods import METHODS
from earwitness_bench.stress.cells import Cell
from earwitness_bench.stress.explanations import cases, reasons, sentences, to_explain
from earwitness_bench.stress.outcome import Outcome
from earwitness_bench.stress.scenarios import SCENARIOS

EXACT = Cell(
    scenario="shift", setting="MP3, used", truth="used", method="exact", tracks=60, groups=60, draws=50,
    says_used=0.1, low=0.03, high=0.2, says_no=0.2, inconclusive=0.7, cannot_be_tested=0.0, median_p=0.001,
    outcome="missed", median_auc=0.71, less_member_like=0.0, intraclass_correlation=None, median_blind_auc=0.97,
    gate_fails=1.0, adjusted=0.8, median_adjusted_p=0.3, smallest_auc_found=0.66,
)  # fmt: skip


def published(method: str, outcome: Outcome = "missed") -> Cell:
    return replace(
        EXACT, method=method, inconclusive=None, cannot_be_tested=None, median_blind_auc=None, gate_fails=None,
        adjusted=None, median_adjusted_p=None, smallest_auc_found=None, outcome=outcome, says_used=0.9,
    )  # fmt: skip


def why(*cells: Cell) -> dict[str, str | None]:
    return dict(zip((cell.method for cell in cells), reasons(cells), strict=True))


@pytest.mark.parametrize("outcomes", [("right", "false alarm"), ("found", "partly found", "missed"), ("open",)])
def test_every_disagreement_has_a_reason_and_nothing_else_has(outcomes: tuple[Outcome, ...]) -> None:
    rates = (0.0, 1.0)
    for said, found, adjusted, away, fails in product(outcomes, outcomes, rates, rates, rates):
        exact = replace(
            EXACT, outcome=said, adjusted=adjusted, gate_fails=fails, median_adjusted_p=0.2 if adjusted else None
        )
        others = [replace(published(method, found), less_member_like=away) for method in METHODS[1:]]
        given = why(exact, *others)
        failed, succeeded = {"false alarm", "missed", "partly found"}, {"right", "found"}
        for method, sentence in given.items():
            ours, theirs = said in failed and found in succeeded, found in failed and said in succeeded
            assert (sentence is not None) == (ours or (theirs and method != "exact"))
            assert sentence is None or sentence.endswith(
                f"{'exact' if ours else method} says used in {0.1 if ours else 0.9:.0%} of 50 draws."
            )
    assert set(outcomes) <= set(get_args(Outcome))


def test_a_false_alarm_is_laid_to_what_was_measured() -> None:
    quiet = replace(
        EXACT, truth="not used", outcome="right", adjusted=0.0, median_adjusted_p=None, gate_fails=0.1, median_p=0.4
    )
    alarm = published("iar", "false alarm")
    albums = replace(alarm, tracks=40, groups=10, intraclass_correlation=0.62)
    away = replace(alarm, less_member_like=0.96)
    assert "40 tracks per side for independent" in str(why(quiet, albums)["iar"])
    assert "(intraclass correlation 0.62)" in str(why(quiet, albums)["iar"])
    assert "less member-like in 96% of the draws, and its test is two-sided" in str(why(quiet, away)["iar"])
    assert "Nothing that was measured explains it" in str(why(quiet, alarm)["iar"])
    assert "training tracks" in str(why(quiet, published("cdi", "false alarm"))["cdi"])
    shifted = replace(quiet, gate_fails=0.98, adjusted=0.9, median_adjusted_p=0.25)
    told_apart = str(why(shifted, alarm)["iar"])
    assert "an AUC of 0.97" in told_apart
    assert "(median p 0.25)" in told_apart
    unmoved = replace(quiet, gate_fails=0.98)
    assert "finds nothing in the direction of membership (median p 0.4)" in str(why(unmoved, alarm)["iar"])


def test_what_exact_misses_is_laid_to_what_it_said() -> None:
    cdi = published("cdi", "found")
    unused = replace(published("cdi", "false alarm"), setting="MP3, not used", truth="not used", says_used=0.84)
    assert ("shift", "MP3, used") in {(known.name, known.setting) for known in SCENARIOS}
    gate = reasons([EXACT, cdi, unused, replace(EXACT, setting="MP3, not used", outcome="right")])[0]
    assert gate is not None
    assert "withheld in 70% of the draws" in gate
    assert "Who finds use here finds it without use too (cdi in 84% of the draws)" in gate
    weak = replace(EXACT, says_no=0.9, inconclusive=0.0, median_auc=0.58)
    assert "an AUC of 0.66 is found in four of five audits, and the median here is 0.58" in str(why(weak, cdi)["exact"])
    small = replace(EXACT, says_no=0.0, inconclusive=0.0, cannot_be_tested=0.9, groups=4)
    assert "4 groups per side are too few" in str(why(small, cdi)["exact"])
    elsewhere = replace(EXACT, adjusted=0.0, median_adjusted_p=None)
    assert "not in the direction of membership (median p 0.001)" in str(why(elsewhere, cdi)["exact"])


def test_a_published_method_misses_for_want_of_power_only_where_its_features_tell_less() -> None:
    found = replace(EXACT, outcome="found")
    weaker, stronger = (replace(published("llm-di"), median_auc=auc) for auc in (0.6, 0.8))
    assert "a median AUC of 0.60, those of exact with 0.71" in str(why(found, weaker)["llm-di"])
    assert "AUC" not in str(why(found, stronger)["llm-di"])
    assert "tests the other half" in str(why(found, stronger)["llm-di"])


def test_a_direction_that_half_of_the_draws_have_is_no_reason() -> None:
    quiet = replace(EXACT, truth="not used", outcome="right", gate_fails=0.0)
    alarm = replace(published("cdi", "false alarm"), less_member_like=0.55)
    assert "less member-like" not in str(why(quiet, alarm)["cdi"])


def test_a_false_alarm_of_exact_says_whether_the_gate_saw_it() -> None:
    alarm = replace(EXACT, truth="not used", outcome="false alarm", says_used=0.3)
    seen, unseen = (
        replace(alarm, median_adjusted_p=0.004),
        replace(alarm, gate_fails=0.1, adjusted=0.0, median_adjusted_p=None),
    )
    assert "do not describe all that differs" in str(why(seen, published("iar", "right"))["exact"])
    assert "the gate fails in 10% of the draws" in str(why(unseen, published("iar", "right"))["exact"])


def test_an_answer_that_nobody_got_right_needs_no_reason() -> None:
    cells = {cell.method: cell for cell in (EXACT, published("cdi"))}
    assert not any(to_explain(cell, cells) for cell in cells.values())


def test_every_case_has_its_sentence_and_every_sentence_its_case() -> None:
    rates = (0.0, 1.0)
    met: set[str] = set()
    for method, outcome, rate, other, p in product(METHODS, get_args(Outcome), rates, rates, (0.001, None)):
        exact = replace(
            EXACT, gate_fails=rate, adjusted=other, median_adjusted_p=p, says_no=0.5 * rate, inconclusive=0.5 * other,
            cannot_be_tested=0.4,
        )  # fmt: skip
        failed = replace(
            exact if method == "exact" else published(method), outcome=outcome, less_member_like=other,
            intraclass_correlation=rate, median_auc=0.6 + 0.2 * rate,
        )  # fmt: skip
        met |= set(cases(failed, {"exact": exact}, {"cdi": 0.8} if rate else {}))
    assert met == set(sentences())


def test_a_missing_sentence_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    left = {key: text for key, text in sentences().items() if key != "exact_missed.shift"}
    monkeypatch.setattr("earwitness_bench.stress.explanations.sentences", lambda: left)
    with pytest.raises(KeyError, match=r"exact_missed\.shift"):
        why(EXACT, published("cdi", "found"))
