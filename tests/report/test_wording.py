import pytest

from earwitness.report import wording
from earwitness.report.context import ReportContext
from earwitness.report.html import render_html
from earwitness.report.procedure import steps
from tests.report.samples import VERDICTS, bare_result, full_context, full_result


def test_a_rare_p_value_is_told_as_a_frequency_of_audits() -> None:
    said = " ".join(wording.how_to_read(full_result()))
    assert "If the model had not been trained on either set" in said
    assert "about 1 of 2,500 audits" in said


def test_a_p_value_at_its_floor_says_so() -> None:
    result = full_result().model_copy(update={"p_value": 0.0001})
    said = wording.how_to_read(result)[0]
    assert "at most 1 of 10,000 audits" in said
    assert said.endswith("The p-value is the smallest value 9,999 permutations can give.")


def test_the_floor_of_few_groups_is_not_blamed_on_permutations() -> None:
    result = full_result().model_copy(update={"p_value": 1 / 70, "p_value_floor": 1 / 70})
    assert wording.how_to_read(result)[0].endswith("the smallest value that so few groups can give.")


def test_no_evidence_is_no_absence_and_says_so_where_its_power_is_unknown() -> None:
    assert "was not computed" in wording.how_to_read(bare_result("no_evidence", p_value=0.4))[-1]
    assert "left out of training" in wording.not_meant(full_result(verdict="no_evidence"))[0].heading
    assert "left out of training" not in wording.not_meant(full_result())[0].heading


def test_pairs_that_nobody_drew_are_told_from_keyed_twins() -> None:
    plain, paired = (wording.not_meant(full_result(), paired=paired) for paired in (False, True))
    assert [point for point in paired if point not in plain] == [wording.NATURAL_TWINS]
    # The figures of the sentence: pairs and eight copies at level .01.
    assert 2**-7 <= 0.01 < 2**-6
    assert 8**-3 <= 0.01 < 8**-2


def test_a_published_procedure_promises_no_frequency_and_no_level() -> None:
    result = full_result().model_copy(update={"method": "cdi"})
    said = " ".join(wording.how_to_read(result))
    assert "audits" not in said
    assert "published procedure “cdi”" in said
    assert any("cdi" in step for step in steps(result, full_context()))


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_page_says_what_was_found_in_the_words_of_the_record_alone(verdict: str) -> None:
    reasons = ["A suspect track outscores a held-out track in 83.9\xa0% of pairs.", "Another reason."]
    page = render_html(full_result().model_copy(update={"verdict": verdict, "reasons": reasons}), full_context())
    assert [page.count(reason) for reason in reasons] == [1, 1]
    meaning = page[page.index('id="meaning"') : page.index('id="limits"')]
    assert "of 100 pairs" not in page
    assert "AUC" not in meaning


def test_steps_tell_only_what_was_done() -> None:
    assert "3 excerpts of 8 seconds were taken" in steps(full_result(), full_context())[0]
    bare = steps(bare_result("cannot_be_tested"), ReportContext())
    assert bare[0].startswith("The audit starts from a table")
    assert bare[-1] == "No test was made, for the reasons stated at the top."
    enumerated = full_result().model_copy(update={"p_value_floor": 1 / 12870})
    assert any("in every way that there is" in step for step in steps(enumerated, full_context()))
