"""What a notebook shows of a result."""

import polars as pl
import pytest

from earwitness.verdict.result import Verdict
from tests.report.samples import VERDICTS, bare_result, full_result, hostile


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_result_is_one_line_and_says_its_verdict(verdict: Verdict) -> None:
    for result in (full_result(verdict=verdict), bare_result(verdict)):
        assert repr(result) == str(result)
        assert len(repr(result)) < 200
        assert repr(result).startswith(f"<DatasetInferenceResult: {verdict}, ")
    assert "80 suspect v 80 held-out tracks in 16 v 20 groups" in repr(full_result())


def test_the_cell_shows_verdict_reasons_warnings_and_figures_and_little_else() -> None:
    shown = full_result()._repr_html_()
    for text in (
        "Evidence of use.",
        "The gate passed.",
        "Sixteen suspect groups",
        "0.0004",
        "0.66 (0.58 to 0.75)",
        "fiddle-musicgen",
    ):
        assert text in shown, text
    assert len(shown) < 4000
    assert "None" not in bare_result("cannot_be_tested")._repr_html_()


def test_strangers_text_is_harmless_in_a_cell() -> None:
    result, _ = hostile("<script>x</script>\u202e")
    shown = result._repr_html_()
    assert "<script>" not in shown
    assert "\u202e" not in shown
    assert "&lt;script&gt;" in shown


def test_frames_hold_the_record() -> None:
    result = full_result(tracks=8)
    tracks, features = result.to_frame(), result.to_frame("features")
    assert tracks.rows() == [(t.track_id, t.role, t.group, t.score, t.p_value) for t in result.tracks]
    assert features["name"].to_list() == [feature.name for feature in result.features]
    assert features["member_is"][0] == "lower"
    assert features["auc"].to_list() == [feature.auc for feature in result.features]
    assert isinstance(bare_result("no_evidence").to_frame(), pl.DataFrame)
    assert bare_result("no_evidence").to_frame().height == 0
