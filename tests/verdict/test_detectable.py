"""What an audit could have found: planted, judged by the whole verdict, and in line with its own p."""

import numpy as np
import polars as pl
import pytest

from earwitness.features import FeatureTable
from earwitness.verdict import wording
from earwitness.verdict.inference import dataset_inference
from earwitness.verdict.result import DatasetInferenceResult, Power


def _audit(
    sizes: tuple[list[int], list[int]], *, member: float = 0.0, blind: int = 6, shift: float = 0.0, seed: int = 0
) -> FeatureTable:
    """Groups of the sizes given, suspects first; tracks of a group share half of what moves their two features."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes[0]) + len(sizes[1])), [*sizes[0], *sizes[1]])
    suspect = groups < len(sizes[0])
    n = len(groups)
    described = rng.normal(size=(n, blind)) + shift * suspect[:, None]
    shared = rng.normal(size=(int(groups.max()) + 1, 2))[groups]
    values = np.sqrt(0.5) * (shared + rng.normal(size=(n, 2))) + member * suspect[:, None]
    values += 0.5 * shift * (described[:, :1] if blind else 0)
    frame = pl.DataFrame(
        {
            "track_id": [f"t{i:03d}" for i in range(n)],
            "role": np.where(suspect, "suspect", "held_out"),
            "group": [f"g{group:03d}" for group in groups],
            **{f"f{j}": values[:, j] for j in range(2)},
            **{f"blind/b{j}": described[:, j] for j in range(blind)},
        }
    )
    return FeatureTable.from_frame(frame, source="a test", higher=["f*"])


def _result(table: FeatureTable, draws: int = 10) -> DatasetInferenceResult:
    return dataset_inference(table, permutations=999, a_a_runs=0, effect_runs=draws)


@pytest.mark.parametrize("sizes", [([10] * 8, [1] * 60), ([1] * 60, [10] * 8), ([40, *[2] * 12], [3] * 14)])
def test_it_agrees_with_p_where_groups_are_unequal(sizes: tuple[list[int], list[int]]) -> None:
    used, unused = _result(_audit(sizes, member=1.6)), _result(_audit(sizes))
    assert (used.p_value, unused.verdict) == (pytest.approx(0.001), "no_evidence")
    for result in (used, unused):
        assert result.power is not None
        assert result.power.minimum_detectable_auc is not None
        assert 0.6 < result.power.minimum_detectable_auc < 0.95
    # What gave the smallest p there is was more than could just be found, with tracks to spare.
    assert used.auc is not None
    assert used.power is not None
    assert used.auc.estimate > used.power.minimum_detectable_auc - 0.02
    assert used.power.tracks_needed is not None


def test_no_evidence_says_what_could_have_been_found() -> None:
    result = _result(_audit(([1] * 30, [1] * 30)))
    assert result.verdict == "no_evidence"
    assert result.power is not None
    assert result.power.at == "verdict"
    assert "repeated 10 times on its own tracks" in result.reasons[-1]
    assert "ends in evidence of use in about four of five such audits" in result.reasons[-1]


def test_without_a_check_of_comparability_only_the_level_can_be_reached() -> None:
    result = _result(_audit(([1] * 30, [1] * 30), blind=0))
    assert result.power is not None
    assert result.power.at == "p_value"
    assert "reaches the level in about four of five" in result.reasons[-1]


def test_a_failed_gate_costs_what_it_costs() -> None:
    sizes = ([1] * 40, [1] * 40)
    alike, apart = _result(_audit(sizes)), _result(_audit(sizes, shift=0.7))
    assert apart.blind is not None
    assert apart.blind.state == "fail"
    assert alike.power is not None
    assert apart.power is not None
    assert (apart.power.minimum_detectable_auc or 1) > alike.power.minimum_detectable_auc + 0.05


def test_an_effect_that_is_never_found_is_said_to_be_so() -> None:
    never = Power(minimum_detectable_auc=None, tracks_needed=None, draws=30)
    assert wording.detectable(never).endswith(
        "no effect, however large, ends in evidence of use in four of five such audits."
    )


def test_the_same_seed_gives_the_same_answer() -> None:
    table = _audit(([1] * 15, [1] * 15))
    assert _result(table, 6).power == _result(table, 6).power
