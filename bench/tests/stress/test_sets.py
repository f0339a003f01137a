"""Sets hold what a scenario says, in whole groups, each on one side."""

import numpy as np
import pytest

from earwitness.errors import EarwitnessError
from earwitness_bench.stress.scenarios import SCENARIOS, Part, Scenario
from earwitness_bench.stress.sets import draw, largest_size
from earwitness_bench.stress.treatments import TAKES, TREATMENTS
from stress.worlds import ALBUM_POOLS, pools

EVERYTHING = pools(treatments=(*TREATMENTS, "airs", "opening"))


def scenario(suspects: tuple[Part, ...], held_out: tuple[Part, ...], size: int = 60) -> Scenario:
    return Scenario(name="s", setting="s", truth="used", suspects=suspects, held_out=held_out, size=size)


@pytest.mark.parametrize("asked", SCENARIOS, ids=lambda asked: f"{asked.name}, {asked.setting}")
def test_every_scenario_can_be_drawn_and_no_group_is_on_both_sides(asked: Scenario) -> None:
    if any("generated" in part.treatments for part in asked.suspects):
        return
    size = largest_size(asked, EVERYTHING)
    for seed in range(3):
        suspects, held_out = draw(asked, EVERYTHING, size, np.random.default_rng(seed))
        on_sides = [set(EVERYTHING.group[rows].tolist()) for rows in (suspects, held_out)]
        assert not on_sides[0] & on_sides[1]
        assert [len(groups) for groups in on_sides] == [size, size]
        assert len(np.unique(np.concatenate([suspects, held_out]))) == len(suspects) + len(held_out)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.5, 0.75, 1.0])
def test_the_share_that_was_used_is_exact(share: float) -> None:
    parts = (Part(member=True, share=share), Part(member=False, share=1 - share))
    found = pools(60, 120)
    suspects, held_out = draw(scenario(parts, (Part(member=False),)), found, 60, np.random.default_rng(0))
    assert found.member[suspects].sum() == round(60 * share)
    assert len(suspects) == len(held_out) == 60
    assert not found.member[held_out].any()


def test_an_odd_set_is_halved_without_losing_a_track() -> None:
    halves = (Part(member=True, share=0.5), Part(member=False, share=0.5))
    suspects, _ = draw(scenario(halves, (Part(member=False),)), pools(), 25, np.random.default_rng(0))
    assert len(suspects) == 25


def test_albums_are_whole() -> None:
    albums = scenario((Part(member=True, treatments=TAKES),), (Part(member=False, treatments=TAKES),), size=10)
    suspects, held_out = draw(albums, ALBUM_POOLS, 10, np.random.default_rng(0))
    for rows in (suspects, held_out):
        names, counts = np.unique(ALBUM_POOLS.group[rows], return_counts=True)
        assert len(names) == 10
        assert (counts == len(TAKES)).all()


def test_only_the_dances_that_are_asked_for_are_drawn() -> None:
    found = pools()
    reels = scenario((Part(member=False, dances=("reel",)),), (Part(member=False, dances=("jig", "hornpipe")),))
    suspects, held_out = draw(reels, found, 20, np.random.default_rng(0))
    assert set(found.dance[suspects]) == {"reel"}
    assert set(found.dance[held_out]) == {"jig", "hornpipe"}


def test_sets_are_as_large_as_the_pools_allow() -> None:
    inside, outside = (Part(member=True),), (Part(member=False),)
    found = pools(40, 80)
    assert largest_size(scenario(inside, outside), found) == 40
    assert largest_size(scenario(outside, outside), found) == 40
    assert largest_size(scenario(outside, outside, size=8), found) == 8
    with pytest.raises(EarwitnessError, match="finds no two groups per side"):
        largest_size(scenario((Part(member=False, treatments=("airs",)),), outside), found)


def test_scenarios_are_well_formed() -> None:
    names = [(asked.name, asked.setting) for asked in SCENARIOS]
    assert len(set(names)) == len(names)
    by_name = dict(zip(names, SCENARIOS, strict=True))
    for asked in SCENARIOS:
        for parts in (asked.suspects, asked.held_out):
            assert sum(part.share for part in parts) == pytest.approx(1)
        assert asked.unused is None or by_name[asked.unused].truth == "not used"
        # What is called used holds recordings as they were trained on, or with the same notes at the same time.
        trained = {name for part in asked.suspects if part.member and part.share for name in part.treatments}
        recordings = trained & {"base", "mp3", "ogg", "quieter"}
        assert asked.truth == ("used" if recordings else "the tune, not the recording" if trained else "not used")
