"""The one author of sentences: every figure written once, and nothing claimed that was not found."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from earwitness.report import wording as explained
from earwitness.stats.aa import AAControl, rejection_rate
from earwitness.verdict import wording
from earwitness.verdict.numbers import count
from earwitness.verdict.result import Blind, Counts, Interval
from tests.report.samples import VERDICTS, full_result

GATE = Blind(auc=0.7, low=0.62, high=0.78, p_value=0.0002, passes=False, harmful_auc=0.603, state="fail")


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("method", ["exact", "cdi"])
def test_neither_guilt_nor_innocence_nor_a_probability_of_use_is_stated(verdict: str, method: str) -> None:
    result = full_result().model_copy(update={"verdict": verdict, "method": method})
    points = [f"{point.heading} {point.text}" for point in explained.not_meant(result)]
    said = " ".join([wording.headline(result), *explained.how_to_read(result), *points]).lower()
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
    said = wording.control(control)
    assert said.endswith(end)
    assert f"{count(runs)} times; {alarms} runs raised a false alarm" in said


def test_a_failed_gate_reports_the_adjusted_test() -> None:
    assert "p = 0.0002; AUC 0.700" in wording.gate(GATE, 0.01)
    assert "no adjusted test was possible" in wording.accounted(GATE, 0.01)
    for p, outcome in ((0.003, "remains when that is accounted for"), (0.0102, "could come from that alone")):
        said = wording.accounted(replace(GATE, adjusted_p_value=p), 0.01)
        assert outcome in said
        assert said.endswith(f"adjusted p = {p}.")


def test_an_undecided_gate_says_what_is_left_of_the_difference() -> None:
    gate = replace(GATE, state="undecided", effect_ratio=0.417)
    assert "cannot be excluded" in wording.gate(gate, 0.01)
    assert "41.7\xa0% of the difference" in wording.accounted(gate, 0.01)
    assert "100\xa0% of the difference" in wording.accounted(replace(gate, effect_ratio=1.4), 0.01)


def test_a_share_that_is_nothing_is_not_said() -> None:
    assert not wording.sayable(0.004)
    assert wording.sayable(0.006)


def test_the_effect_is_written_once_in_one_way() -> None:
    said = wording.outscored(Interval(estimate=0.8391, low=0.75, high=0.9))
    assert said.startswith(
        "A suspect track outscores a held-out track in 83.9\xa0% of all combinations of two (95\xa0% interval 75\xa0%"
    )


@pytest.mark.parametrize(("tracks", "said"), [(5, "5.6\xa0% of 1,000"), (50, "10\xa0%"), (900, "88.9\xa0%")])
def test_what_nobody_measured_is_said_in_figures_of_the_nearest_size(tracks: int, said: str) -> None:
    result = full_result().model_copy(update={"n_tracks": Counts(suspect=tracks, held_out=1000)})
    points = explained.not_meant(result)
    assert said in points[0].text
    assert "although nothing had been used" in points[0].text


def test_the_figures_of_what_nobody_measured_are_those_of_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "level-and-power.md").read_text(encoding="utf-8")
    for size, share in wording._UNSEEN.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| 0.5 | {size} | 0 |"))
        assert row.split("|")[6].split()[0] == f"{share:.1%}"


def test_a_blind_figure_below_chance_in_small_sets_is_explained() -> None:
    reversed_ = replace(GATE, auc=0.03, low=0.002, high=0.331, p_value=1.0, state="undecided")
    assert "below 0.5 by the way it is made in small sets" in wording.gate(reversed_, 0.01)
    assert "by the way it is made" not in wording.gate(replace(reversed_, high=0.6), 0.01)
