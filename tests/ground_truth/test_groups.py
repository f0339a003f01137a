"""Melodies that are versions of one another share a group, and a group lies on one side of the split."""

import numpy as np

from earwitness.ground_truth.groups import draw_members, fingerprints, group_versions


def melody(pitches: list[int], durations: list[float]) -> np.ndarray:
    onsets = np.concatenate([[0.0], np.cumsum(durations)[:-1]])
    return np.stack([onsets, durations, pitches], axis=1).astype(np.float64)


SCALE = melody([60, 62, 64, 65], [1.0, 1.0, 2.0, 1.0])


def test_fingerprints_are_intervals_and_relative_durations() -> None:
    assert fingerprints(SCALE, notes=3, rhythm=False) == {(2, 2), (2, 1)}
    assert fingerprints(SCALE, notes=3, rhythm=True) == {(2, 0, 2, 4), (2, 4, 1, -4)}
    assert fingerprints(SCALE, notes=5, rhythm=False) == set()


def test_key_and_tempo_change_no_fingerprint() -> None:
    other = melody([55, 57, 59, 60], [0.5, 0.5, 1.0, 0.5])
    assert fingerprints(other, notes=3, rhythm=True) == fingerprints(SCALE, notes=3, rhythm=True)


def test_versions_are_joined_by_the_share_of_the_shorter_one() -> None:
    prints = {
        "c": {(1,), (2,), (3,), (4,), (5,)}, "b": {(1,), (2,), (9,), (10,)}, "a": {(9,), (10,), (11,)},
        "d": {(5,), (20,), (21,)},
    }  # fmt: skip
    assert group_versions(prints, shared=0.5) == {"c": "a", "b": "a", "a": "a", "d": "d"}
    assert group_versions(prints, shared=0.6) == {"c": "c", "b": "a", "a": "a", "d": "d"}


def test_half_of_the_groups_are_drawn_whole() -> None:
    groups = {f"piece{i}": f"group{i // 3}" for i in range(30)}
    members = draw_members(groups, seed=7)
    drawn = {groups[name] for name, member in members.items() if member}
    assert len(drawn) == 5
    assert all(members[name] is (group in drawn) for name, group in groups.items())
    assert members == draw_members(dict(reversed(groups.items())), seed=7)
    assert members != draw_members(groups, seed=8)
