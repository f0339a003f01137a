from collections.abc import Sequence

import numpy as np
import pytest
import symusic

from earwitness.signals.blind import BLIND_SPECS
from earwitness.signals.blind.score import SCORE_SPECS, score_features
from earwitness.spec import Direction

TICKS = 480
Note = tuple[float, float, int, int]  # onset and duration in quarters, pitch, velocity

SCALE: list[Note] = [(0, 1, 60, 80), (1, 1, 62, 80), (2, 1, 64, 100), (3, 1, 65, 100)]
STRANGERS = b"MThd\0\0\0\6\0\0\0\1"  # a MIDI file of one track, up to its ticks per quarter


def piece(*tracks: Sequence[Note], ticks: int = TICKS, program: int = 0, is_drum: bool = False) -> symusic.Score:
    score = symusic.Score(ticks)
    for notes in tracks:
        track = symusic.Track(program=program, is_drum=is_drum)
        for onset, duration, pitch, velocity in notes:
            track.notes.append(symusic.Note(round(onset * ticks), round(duration * ticks), pitch, velocity))
        score.tracks.append(track)
    return score


def drums(*notes: Note) -> symusic.Track:
    return piece(notes, is_drum=True).tracks[0]


def measure(score: symusic.Score) -> dict[str, float]:
    return {name.removeprefix("blind/"): value for name, value in score_features(score).items()}


def missing(found: dict[str, float]) -> set[str]:
    return {name for name, value in found.items() if np.isnan(value)}


def midi(ticks: int, events: bytes) -> symusic.Score:
    body = events + b"\0\xff\x2f\0"
    return symusic.Score.from_midi(STRANGERS + ticks.to_bytes(2, "big") + b"MTrk" + len(body).to_bytes(4, "big") + body)


def test_names_are_blind_unique_and_without_direction() -> None:
    names = [spec.name for spec in SCORE_SPECS]
    assert list(score_features(piece(SCALE))) == names
    assert len({*names, *(spec.name for spec in BLIND_SPECS)}) == len(names) + len(BLIND_SPECS)
    assert all(name.startswith("blind/") for name in names)
    assert {spec.member_is for spec in SCORE_SPECS} == {Direction.UNKNOWN}


def test_everything_is_defined_on_an_ordinary_piece() -> None:
    assert missing(measure(piece(SCALE))) == set()


def test_a_scale_has_the_known_statistics() -> None:
    found = measure(piece(SCALE))
    expected = {
        "notes": 4,
        "notes_per_quarter": 1,
        "length_quarters": 4,
        "pitch_mean": 62.75,
        "pitch_sd": np.std([60, 62, 64, 65], ddof=1),
        "pitch_lowest": 60,
        "pitch_highest": 65,
        "pitch_range": 5,
        "pitch_class_entropy": 2,
        "melodic_interval_mean": 5 / 3,
        "melodic_step_share": 1,
        "melodic_repeat_share": 0,
        "polyphony_mean": 1,
        "polyphony_max": 1,
        "duration_mean": 1,
        "duration_sd": 0,
        "durations_distinct": 1,
        "onset_on_quarter_share": 1,
        "onset_on_eighth_share": 1,
        "onset_off_sixteenth_share": 0,
        "velocity_mean": 90,
        "velocity_sd": np.std([80, 80, 100, 100], ddof=1),
        "velocities_distinct": 2,
        "notes_per_second": 2,  # the standard's tempo, 120
        "tempo_first": 120,
        "tempo_mean": 120,
        "tempo_changes": 0,
        "metre_changes": 0,
        "triple_metre_share": 0,
        "tracks": 1,
        "programs": 1,
        "drum_share": 0,
        "largest_track_share": 1,
        "ticks_per_quarter": 480,
        "empty_tracks": 0,
        "named_track_share": 0,
        "states_key": 0,
        "states_lyrics": 0,
        "states_markers": 0,
        "states_controls": 0,
        "states_pitch_bends": 0,
        **{f"pitch_class_share/c={c}": 0.25 * (c in {0, 2, 4, 5}) for c in range(12)},
    }
    assert found == pytest.approx(expected)


def test_transposition_moves_pitches_and_shares_alone() -> None:
    before, after = measure(piece(SCALE)), measure(piece([(o, d, p + 3, v) for o, d, p, v in SCALE]))
    moved = {name for name in before if before[name] != after[name]}
    assert moved == {"pitch_mean", "pitch_lowest", "pitch_highest"} | {
        f"pitch_class_share/c={c}" for c in (0, 2, 3, 4, 7, 8)
    }
    assert [after[f"pitch_class_share/c={(c + 3) % 12}"] for c in range(12)] == [
        before[f"pitch_class_share/c={c}"] for c in range(12)
    ]


def test_the_melody_is_each_tracks_highest_line() -> None:
    # Above: C5 C5 A5 (a repeat, a leap of 9), below a chord's other note; the second track steps down by 2.
    upper: list[Note] = [(0, 1, 72, 90), (0, 1, 40, 90), (1, 1, 72, 90), (2, 1, 50, 90), (2, 1, 81, 90)]
    lower: list[Note] = [(1, 1, 46, 90), (0, 1, 48, 90)]
    found = measure(piece(upper, lower))
    assert found["melodic_interval_mean"] == pytest.approx((0 + 9 + 2) / 3)
    assert found["melodic_step_share"] == pytest.approx(1 / 3)
    assert found["melodic_repeat_share"] == pytest.approx(1 / 3)
    assert found["largest_track_share"] == pytest.approx(5 / 7)


def test_polyphony_counts_sounding_notes_over_sounding_time() -> None:
    # Quarters 0–1: one note; 1–2: three; 2–4: silence; 4–5: one, taken over by another without overlap.
    found = measure(piece([(0, 2, 60, 90), (1, 1, 64, 90), (1, 1, 67, 90), (4, 0.5, 60, 90), (4.5, 0.5, 60, 90)]))
    assert found["polyphony_mean"] == pytest.approx((1 + 3 + 1) / 3)
    assert found["polyphony_max"] == 3


def test_a_note_of_no_length_does_not_sound() -> None:
    found = measure(piece([*SCALE, (1, 0, 70, 90)]))
    assert (found["polyphony_mean"], found["polyphony_max"], found["durations_distinct"]) == (1, 1, 2)


def test_the_onset_grid_is_nested_and_counts_a_chord_once() -> None:
    onsets = [0, 0, 1, 1.5, 2.25, 2 + 1 / 3]  # two quarters (one a chord), an eighth, a sixteenth, a triplet
    found = measure(piece([(onset, 0.1, 60 + n, 90) for n, onset in enumerate(onsets)]))
    assert found["onset_on_quarter_share"] == pytest.approx(2 / 5)
    assert found["onset_on_eighth_share"] == pytest.approx(3 / 5)
    assert found["onset_off_sixteenth_share"] == pytest.approx(1 / 5)


@pytest.mark.parametrize("ticks", [24, 25, 96, 120, 480, 1023])
def test_rounding_to_ticks_does_not_leave_the_grid(ticks: int) -> None:
    found = measure(piece([(n / 4, 0.2, 60, 90) for n in range(33)], ticks=ticks))
    assert found["onset_off_sixteenth_share"] == 0
    assert measure(piece([(n / 3, 0.2, 60, 90) for n in range(33)], ticks=ticks))["onset_off_sixteenth_share"] == (
        pytest.approx(2 / 3)
    )


def test_a_performance_leaves_the_grid_and_varies_its_touch() -> None:
    rng = np.random.default_rng(0)
    played: list[Note] = [(o + rng.uniform(0.02, 0.2), d - rng.uniform(0, 0.3), p, int(rng.integers(40, 110)))
                          for o, d, p, _ in SCALE * 4]  # fmt: skip
    found = measure(piece(played))
    assert found["onset_off_sixteenth_share"] == 1
    assert found["durations_distinct"] > 8
    assert found["velocities_distinct"] > 8


def test_drums_count_as_notes_and_onsets_not_as_pitches() -> None:
    score = piece(SCALE)
    score.tracks.append(drums((0, 0.1, 35, 127), (0.5, 0.1, 35, 127)))
    plain, found = measure(piece(SCALE)), measure(score)
    pitched = [n for n in plain if n.startswith(("pitch_", "melodic_", "polyphony_", "programs"))]
    assert [found[name] for name in pitched] == [plain[name] for name in pitched]
    assert found["notes"] == 6
    assert found["tracks"] == 2
    assert found["drum_share"] == pytest.approx(1 / 3)
    assert found["largest_track_share"] == pytest.approx(2 / 3)
    assert found["onset_on_quarter_share"] == pytest.approx(4 / 5)
    assert found["velocity_mean"] == pytest.approx((360 + 254) / 6)


def test_tempo_is_that_in_force() -> None:
    score = piece(SCALE)
    # 60 from the start (stated twice, the last counts), 120 halfway (repeated), and one after the end.
    for quarter, qpm in [(2, 120), (0, 200), (0, 60), (3, 120), (9, 30)]:
        score.tempos.append(symusic.Tempo(quarter * TICKS, qpm=qpm))
    found = measure(score)
    assert found["tempo_first"] == pytest.approx(60)
    assert found["tempo_mean"] == pytest.approx(4 / (3 / 60))  # two quarters of 1 s, two of .5 s
    assert found["notes_per_second"] == pytest.approx(4 / 3)
    assert found["tempo_changes"] == 1


def test_a_late_first_tempo_follows_the_standards_own() -> None:
    score = piece([(1, 1, 60, 90), (2, 2, 60, 90)])
    score.tempos.append(symusic.Tempo(2 * TICKS, qpm=60))
    found = measure(score)
    assert (found["tempo_first"], found["tempo_changes"]) == (pytest.approx(120), 1)
    assert found["tempo_mean"] == pytest.approx(80)


def test_seconds_agree_with_the_readers_own_clock() -> None:
    rng = np.random.default_rng(1)
    score = piece([(float(o), 0.5, 60, 90) for o in range(64)])
    for quarter in range(0, 60, 7):
        score.tempos.append(symusic.Tempo(quarter * TICKS, qpm=float(rng.uniform(50, 180))))
    assert measure(score)["notes_per_second"] == pytest.approx(64 / score.to("second").end(), rel=1e-5)


def test_metre_is_weighted_by_its_length() -> None:
    score = piece(SCALE)
    for quarter, beats in [(0, 4), (1, 3), (2, 9), (4, 5)]:
        score.time_signatures.append(symusic.TimeSignature(quarter * TICKS, beats, 4))
    found = measure(score)
    assert found["triple_metre_share"] == pytest.approx(3 / 4)
    assert found["metre_changes"] == 2  # the last comes when the notes are over


def test_traces_of_the_software_are_seen_one_by_one() -> None:
    plain = measure(piece(SCALE))

    def changed(score: symusic.Score) -> dict[str, float]:
        return {name: value for name, value in measure(score).items() if value != plain[name]}

    score = piece(SCALE)
    score.key_signatures.append(symusic.KeySignature(0, 2, 0))
    assert changed(score) == {"states_key": 1}
    score = piece(SCALE)
    score.markers.append(symusic.TextMeta(0, "verse"))
    assert changed(score) == {"states_markers": 1}
    score = piece(SCALE)
    score.tracks[0].lyrics.append(symusic.TextMeta(0, "la"))
    assert changed(score) == {"states_lyrics": 1}
    score = piece(SCALE)
    score.tracks[0].controls.append(symusic.ControlChange(0, 7, 100))
    assert changed(score) == {"states_controls": 1}
    score = piece(SCALE)
    score.tracks[0].pitch_bends.append(symusic.PitchBend(0, 100))
    assert changed(score) == {"states_pitch_bends": 1}
    score = piece(SCALE)
    score.tracks.append(symusic.Track(name="a title"))
    assert changed(score) == {"empty_tracks": 1, "named_track_share": 0.5}
    assert changed(piece(SCALE, ticks=96)) == {"ticks_per_quarter": 96}


def test_programs_are_counted_once_and_without_drums() -> None:
    score = symusic.Score(TICKS)
    for program in (5, 5, 40):
        score.tracks.append(piece(SCALE, program=program).tracks[0])
    score.tracks.append(drums((0, 0.1, 35, 127)))
    found = measure(score)
    assert (found["programs"], found["tracks"]) == (2, 4)


def test_a_piece_of_drums_has_no_pitches() -> None:
    score = symusic.Score(TICKS)
    score.tracks.append(drums((0, 0.5, 35, 100), (1, 0.5, 38, 90)))
    found = measure(score)
    assert missing(found) == {n for n in found if n.startswith(("pitch_", "melodic_", "polyphony_"))}
    assert (found["programs"], found["drum_share"], found["notes"]) == (0, 1, 2)


@pytest.mark.parametrize("tracks", [0, 1])
def test_without_notes_only_counts_and_traces_remain(tracks: int) -> None:
    found = measure(piece(*[[]] * tracks))
    defined = {name: found[name] for name in found.keys() - missing(found)}
    assert defined.pop("named_track_share", 0) == 0
    assert defined == {
        "notes": 0, "tracks": 0, "empty_tracks": tracks, "programs": 0, "ticks_per_quarter": 480, "states_key": 0,
        "states_lyrics": 0, "states_markers": 0, "states_controls": 0, "states_pitch_bends": 0,
    }  # fmt: skip


def test_one_note_of_no_length_is_survived() -> None:
    found = measure(piece([(0, 0, 60, 90)]))
    assert found["length_quarters"] == 0
    assert {"notes_per_quarter", "notes_per_second", "tempo_mean", "polyphony_mean", "pitch_sd"} <= missing(found)


def test_what_a_strangers_file_cannot_mean_is_passed_over() -> None:
    no_time_and_no_beats = b"\0\xff\x51\3\0\0\0" + b"\0\xff\x58\4\0\2\x18\x08"
    note = b"\0\x90\x3c\x40\x60\x80\x3c\0"
    found = measure(midi(96, no_time_and_no_beats + note))
    assert (found["tempo_first"], found["tempo_mean"], found["notes_per_second"]) == pytest.approx((120, 120, 2))
    assert (found["triple_metre_share"], found["metre_changes"]) == (0, 0)
    no_ticks = measure(midi(0, note))
    assert {"length_quarters", "duration_mean", "onset_on_quarter_share", "tempo_mean", "ticks_per_quarter"} <= missing(
        no_ticks
    )
    assert (no_ticks["notes"], no_ticks["pitch_mean"]) == (1, 60)


def test_the_order_of_notes_and_tracks_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    tracks = [[(float(rng.integers(0, 40)) / 4, 0.5, int(rng.integers(40, 80)), 90) for _ in range(50)] for _ in "ab"]
    shuffled = [[track[i] for i in rng.permutation(50)] for track in reversed(tracks)]
    assert measure(piece(*shuffled)) == pytest.approx(measure(piece(*tracks)))


def test_other_units_of_time_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'Quarter'; ticks are needed"):
        score_features(piece(SCALE).to("quarter"))
