"""p of parts of the sets, and the bets: what they are made of, and that they end where the audit does."""

import numpy as np
import polars as pl
import pytest

from earwitness.features import FeatureTable
from earwitness.verdict.growth import growth
from earwitness.verdict.inference import dataset_inference
from earwitness.verdict.procedure import Divided, Procedure
from earwitness.verdict.strength_wording import one_feature
from tests.report.samples import full_result


def table(moved: float, side: int = 24, per_group: int = 2, paired: bool = False) -> FeatureTable:
    rng = np.random.default_rng(5)
    suspect = np.arange(2 * side) < side
    groups = [f"{'s' if own else 'h'}{i % side // per_group}" for i, own in enumerate(suspect)]
    columns = {
        "track_id": [f"t{i}" for i in range(2 * side)], "group": groups,
        "role": np.where(suspect, "suspect", "held_out"),
        "f": rng.standard_normal(2 * side) + moved * suspect,
        **({"pair": [f"p{i % side}" for i in range(2 * side)]} if paired else {}),
    }  # fmt: skip
    return FeatureTable.from_frame(pl.DataFrame(columns), higher=("f",))


def grown(given: FeatureTable, p: float = 0.003) -> list[tuple[int, float]]:
    procedure = Procedure.of(given, alpha=0.01, permutations=99)
    return [
        (point.suspects, point.p_value) for point in growth(procedure, Divided.of(given), p_value=p, seed=1, draws=6)
    ]


@pytest.mark.parametrize("paired", [False, True])
def test_parts_grow_by_whole_groups_and_end_with_the_audit(paired: bool) -> None:
    given = table(1.6, per_group=1 if paired else 2, paired=paired)
    points = grown(given)
    assert [tracks for tracks, _ in points] == [*((6, 12, 18) if paired else (12, 18)), 24]
    assert points[-1] == (24, 0.003)
    p_values = [p for _, p in points[:-1]]
    assert p_values == sorted(p_values, reverse=True)
    assert p_values[-1] < 0.01
    assert grown(given) == points
    assert np.mean([p for _, p in grown(table(0.0))[:-1]]) > 0.05


def test_few_groups_give_no_curve() -> None:
    assert grown(table(1.0, side=8)) == []


def test_the_bets_of_a_result_end_at_its_e_value() -> None:
    result = dataset_inference(table(1.6), permutations=199, a_a_runs=0, effect_runs=0)
    assert result.wealth[-1] == result.e_value
    assert len(result.wealth) == 12
    assert result.growth == []
    assert result.scorer in result.scorer_p_values
    assert one_feature(result) == "“f” carries all the weight: no other feature has a known direction."


@pytest.mark.parametrize(
    ("scorer", "why"), [("headline", "laid down as the score before"), ("strongest", "pays for the choice")]
)
def test_one_weighty_feature_is_explained(scorer: str, why: str) -> None:
    full = full_result(tracks=10)
    features = [f.model_copy(update={"weight": float(i == 0)}) for i, f in enumerate(full.features)]
    said = one_feature(full.model_copy(update={"features": features, "scorer": scorer}))
    assert said is not None
    assert said.startswith(f"“{features[0].name}” carries all the weight: ")
    assert why in said
    assert one_feature(full.model_copy(update={"scorer": scorer})) is None
