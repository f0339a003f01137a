from dataclasses import asdict

import pytest

from earwitness.report import wording
from earwitness.report.context import ReportContext
from earwitness.report.numbers import count
from earwitness.report.procedure import steps
from earwitness.stats.aa import AAControl, rejection_rate
from earwitness.verdict.result import Blind, DatasetInferenceResult, Interval
from tests.report.samples import VERDICTS, bare_result, full_context, full_result


def everything_said(result: DatasetInferenceResult) -> str:
    points = [f"{point.heading} {point.text}" for point in wording.not_meant(result)]
    return " ".join([wording.headline(result), *wording.meaning(result), *points])


def test_a_rare_p_value_is_told_as_a_frequency_of_audits() -> None:
    said = " ".join(wording.meaning(full_result()))
    assert "If the model had not been trained on either set" in said
    assert "about 1 of 2,500 audits" in said
    assert "(p = 0.0004)" in said
    assert "In 66 of 100 pairs" in said


def test_a_p_value_at_its_floor_says_so() -> None:
    result = full_result().model_copy(update={"p_value": 0.0001})
    assert wording.p_statement(result) == "p = 0.0001, the smallest value 9,999 permutations can give"
    assert "at most 1 of 10,000 audits" in wording.meaning(result)[0]


def test_the_floor_of_few_groups_is_not_blamed_on_permutations() -> None:
    result = full_result().model_copy(update={"p_value": 1 / 70, "p_value_floor": 1 / 70})
    assert wording.p_statement(result) == "p = 0.014, the smallest value that so few groups can give"


def test_no_evidence_states_the_smallest_effect_it_could_have_seen() -> None:
    said = everything_said(full_result(verdict="no_evidence"))
    assert "AUC 0.61 in 4 of 5 cases" in said
    assert "34 of 100 audits" in said
    assert "does not show that the music was left out of training" in said


def test_no_evidence_without_power_says_that_it_is_unknown() -> None:
    assert "was not computed" in wording.meaning(bare_result("no_evidence", p_value=0.4))[1]


def test_too_few_groups_are_explained_by_the_floor() -> None:
    result = bare_result("cannot_be_tested").model_copy(update={"p_value_floor": 1 / 70})
    assert "0.014, which is above the threshold α = 0.01" in wording.meaning(result)[0]


def test_inconclusive_tells_a_difference_from_none() -> None:
    differs = wording.meaning(bare_result("inconclusive", p_value=0.002))[0]
    alike = wording.meaning(bare_result("inconclusive", p_value=0.3))[0]
    assert "does answer the two sets differently" in differs
    assert "does not reach the threshold" in alike


def test_a_published_procedure_promises_no_frequency_and_no_level() -> None:
    result = full_result().model_copy(update={"method": "cdi"})
    said = " ".join(wording.meaning(result))
    assert "audits" not in said
    assert "published procedure “cdi”" in said
    assert any("cdi" in step for step in steps(result, full_context()))


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("full", [True, False])
def test_neither_guilt_nor_innocence_nor_a_probability_of_use_is_stated(verdict: str, full: bool) -> None:
    result = full_result() if full else bare_result("inconclusive", p_value=0.004)
    said = everything_said(result.model_copy(update={"verdict": verdict})).lower()
    for claim in ("guilty", "innocent", "not used", "probability that", "likely that", "proves", "was trained on your"):
        assert claim not in said
    assert "membership inference alone cannot prove" in said
    assert "exchangeable with respect to this model’s behaviour" in said


@pytest.mark.parametrize(
    ("runs", "alarms", "end"),
    [
        (200, 2, "agrees with what was measured."),
        # 7 of 200 come about by chance once in 233 honest audits, 12 never.
        (200, 7, "an honest test raises so many in one audit of 233, by chance."),
        (200, 12, "are not relied on."),
        (2000, 5, "it is cautious here."),
    ],
)
def test_the_control_is_judged_by_its_count(runs: int, alarms: int, end: str) -> None:
    control = AAControl(**asdict(rejection_rate([0.001] * alarms + [0.5] * (runs - alarms), 0.01)))
    said = wording.control_statement(control)
    assert said.endswith(end)
    assert f"{count(runs)} times; {alarms} runs raised a false alarm" in said


def test_a_failed_gate_reports_the_adjusted_test() -> None:
    gate = Blind(auc=0.7, low=0.62, high=0.78, p_value=0.0002, passes=False, harmful_auc=0.603, state="fail")
    assert "No adjusted test was made" in wording.blind_statement(gate, alpha=0.01)
    for p, outcome in ((0.003, "finding remains"), (0.03, "finding does not remain")):
        assert outcome in wording.blind_statement(gate.model_copy(update={"adjusted_p_value": p}), alpha=0.01)


def test_an_undecided_gate_says_so() -> None:
    gate = Blind(auc=0.55, low=0.45, high=0.65, p_value=0.2, passes=False, harmful_auc=0.603, state="undecided")
    assert "stays undecided" in wording.blind_statement(gate, alpha=0.01)


def test_steps_tell_only_what_was_done() -> None:
    assert "3 excerpts of 8 seconds were taken" in steps(full_result(), full_context())[0]
    bare = steps(bare_result("cannot_be_tested"), ReportContext())
    assert bare[0].startswith("The audit starts from a table")
    assert bare[-1] == "No test was made, for the reasons stated at the top."
    enumerated = full_result().model_copy(update={"p_value_floor": 1 / 12870})
    assert any("in every way that there is" in step for step in steps(enumerated, full_context()))


def test_an_auc_without_estimate_is_not_mentioned() -> None:
    result = full_result().model_copy(update={"auc": Interval(estimate=None, low=None, high=None)})
    assert "pairs" not in " ".join(wording.meaning(result))
