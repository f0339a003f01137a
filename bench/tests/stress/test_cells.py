"""Judging draws of pools whose truth is known."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from earwitness_bench.stress.answers import Asked
from earwitness_bench.stress.cells import Cell, draw_scenario
from earwitness_bench.stress.outcome import outcome
from earwitness_bench.stress.scenarios import Part, Scenario, Truth
from earwitness_bench.stress.sets import Pools
from earwitness_bench.stress.treatments import TAKES
from stress.worlds import ALBUM_POOLS, asked, pools

MEMBERS, OTHERS = (Part(member=True),), (Part(member=False),)


def drawn(
    truth: Truth, suspects: tuple[Part, ...], held_out: tuple[Part, ...], world: Asked, found: Pools, *,
    size: int = 30, draws: int = 10, workers: int = 1,
) -> dict[str, Cell]:  # fmt: skip
    scenario = Scenario(name="s", setting="s", truth=truth, suspects=suspects, held_out=held_out, size=size)
    with ThreadPoolExecutor(workers) as executor:
        cells = draw_scenario(scenario, world, found, draws=draws, permutations=199, executor=executor, workers=workers)
    return {cell.method: cell for cell in cells}


def test_a_strong_effect_is_found_by_all_and_none_of_it_the_other_way_round_by_exact() -> None:
    found = pools()
    world = asked(found, effect=1.5)
    cells = drawn("used", MEMBERS, OTHERS, world, found)
    assert {method: cell.outcome for method, cell in cells.items()} == dict.fromkeys(cells, "found")
    assert cells["exact"].median_p == pytest.approx(1 / 200)
    turned = drawn("not used", OTHERS, MEMBERS, world, found)
    assert turned["exact"].says_used == 0
    assert turned["exact"].inconclusive == 1
    assert turned["iar"].outcome == turned["cdi"].outcome == "false alarm"
    assert turned["iar"].less_member_like == 1


def test_without_an_effect_exact_and_iar_are_quiet() -> None:
    found = pools(40, 200)
    cells = drawn("not used", OTHERS, OTHERS, asked(found, effect=0.0), found, draws=20)
    assert cells["exact"].outcome == cells["iar"].outcome == "right"
    assert cells["exact"].says_no == 1
    assert cells["iar"].inconclusive is None
    assert cells["iar"].intraclass_correlation is None


def test_albums_make_iar_fire_and_not_exact() -> None:
    part = (Part(member=False, treatments=TAKES),)
    world = asked(ALBUM_POOLS, effect=0.0, group_sd=2.0)
    cells = drawn("not used", part, part, world, ALBUM_POOLS, size=10, draws=30)
    assert cells["iar"].outcome == "false alarm"
    assert cells["iar"].intraclass_correlation == pytest.approx(0.8, abs=0.1)
    assert cells["exact"].outcome == "right"
    assert (cells["exact"].tracks, cells["exact"].groups) == (40, 10)


def test_a_shift_of_the_audio_is_seen_at_the_gate() -> None:
    found = pools(treatments=("base", "mp3"))
    cells = drawn(
        "not used", (Part(member=False, treatments=("mp3",)),), OTHERS, asked(found, effect=0.0, blind_shift=2.0), found
    )
    assert cells["exact"].gate_fails == 1
    assert cells["exact"].median_blind_auc == pytest.approx(1, abs=0.05)
    assert cells["iar"].gate_fails is None


def test_too_few_groups_cannot_be_tested() -> None:
    found = pools()
    cells = drawn("used", MEMBERS, OTHERS, asked(found, effect=1.5), found, size=4, draws=2)
    assert cells["exact"].cannot_be_tested == 1
    assert cells["exact"].median_p is None
    assert cells["cdi"].median_p is None
    assert cells["exact"].outcome == "missed"


def test_the_answers_do_not_depend_on_the_number_of_workers() -> None:
    found = pools()
    world: Asked = pickle.loads(pickle.dumps(asked(found, effect=0.5)))
    one = drawn("used", MEMBERS, OTHERS, world, found, draws=4)
    assert one == drawn("used", MEMBERS, OTHERS, world, found, draws=4, workers=3)


def test_outcomes() -> None:
    assert outcome("not used", 0.04, 0.0049) == "right"
    assert outcome("not used", 0.06, 0.0125) == "false alarm"
    assert [outcome("used", share, 0.0) for share in (0.8, 0.79, 0.2, 0.19)] == [
        "found",
        "partly found",
        "partly found",
        "missed",
    ]
    assert outcome("the tune, not the recording", 1.0, 0.9) == "open"
