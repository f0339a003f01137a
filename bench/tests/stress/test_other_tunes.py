"""Another collection is read as it is written, and shares no tune with the target's."""

import numpy as np

from earwitness_bench.stress.other_tunes import other_tunes, read_air

AIR = "X:1\nT:Up and down\nM:6/8\nL:1/8\nK:E Minor\n" + "GAB c2d|" * 12 + "\n"


def test_an_air_has_the_notes_of_its_text_and_the_dance_of_its_metre() -> None:
    air = read_air(AIR, "air")
    assert air is not None
    assert air.notes[:5, 2].tolist() == [67, 69, 71, 72, 74]
    assert air.notes[:5, 1].tolist() == [0.5, 0.5, 0.5, 1, 0.5]
    assert air.caption == "a jig in E minor"
    assert air.title == "Up and down"


def test_what_is_unusual_or_too_short_is_left_out() -> None:
    assert read_air(AIR.replace("6/8", "3/4"), "waltz") is None
    assert read_air(AIR.replace("E Minor", "Hp"), "pipes") is None
    assert read_air("X:1\nT:Up\nM:6/8\nL:1/8\nK:G\nGAB c2d|\n", "short") is None


def test_versions_of_known_tunes_are_not_taken() -> None:
    first, second, third = other_tunes([], 3)
    assert [tune.name for tune in other_tunes([second], 2)] == [first.name, third.name]
    assert len({tune.name for tune in (first, second, third)}) == 3
    assert all(np.all(np.diff(tune.notes[:, 0]) >= 0) for tune in (first, second, third))
