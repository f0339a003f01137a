import numpy as np
import pytest

from earwitness.errors import EarwitnessError
from earwitness_bench.draws import draw_sets

GROUPS = np.array([f"m{i // 2}" for i in range(20)] + [f"n{i // 2}" for i in range(40)])
MEMBER = np.arange(60) < 20


@pytest.mark.parametrize(("used", "known"), [(0.0, 0), (0.5, 4), (1.0, 8)])
def test_sets_hold_whole_groups_and_the_share_that_was_asked_for(used: float, known: int) -> None:
    suspects, held_out = draw_sets(np.random.default_rng(0), GROUPS, MEMBER, 8, used=used)
    assert len(suspects) == len(held_out) == 16  # two tracks per group
    assert len(set(GROUPS[suspects][MEMBER[suspects]])) == known
    assert not MEMBER[held_out].any()
    assert not set(GROUPS[suspects]) & set(GROUPS[held_out])


def test_draws_differ_by_seed_and_agree_for_one_seed() -> None:
    drawn = [draw_sets(np.random.default_rng(seed), GROUPS, MEMBER, 5, used=1.0) for seed in (0, 0, 1)]
    assert np.array_equal(drawn[0][0], drawn[1][0])
    assert not np.array_equal(drawn[0][0], drawn[2][0])


def test_too_few_groups_are_said() -> None:
    with pytest.raises(
        EarwitnessError, match=r"11 groups per side cannot be drawn from 10 that were trained on and 20"
    ):
        draw_sets(np.random.default_rng(0), GROUPS, MEMBER, 11, used=1.0)
    with pytest.raises(EarwitnessError, match=r"cannot be drawn"):
        draw_sets(np.random.default_rng(0), GROUPS, MEMBER, 11, used=0.0)
