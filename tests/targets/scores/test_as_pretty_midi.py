"""The reading of pretty_midi: by hand where pitches are struck twice, and beside pretty_midi on random files."""

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest

from earwitness.errors import AudioError
from earwitness.targets.scores.as_pretty_midi import read_as_pretty_midi
from tests.targets.scores.midi_bytes import COMMON_TIME, midi_file, off, on

if TYPE_CHECKING:
    import symusic

Notes = list[tuple[int, int, int, int]]


def notes(score: "symusic.Score") -> list[Notes]:
    return [[(n.start, n.end, n.pitch, n.velocity) for n in track.notes] for track in score.tracks]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        # One note-off ends both notes; the second note-off ends nothing.
        ([(0, on(60, 50)), (24, on(60, 70)), (96, off(60)), (192, off(60))], [(0, 96, 60, 50), (24, 96, 60, 70)]),
        # A note that is struck where the last one ends goes on.
        ([(0, on(60)), (96, on(60, 70)), (96, off(60)), (120, off(60))], [(0, 96, 60, 64), (96, 120, 60, 70)]),
        # A note of no length is dropped, and so is one that nothing ends.
        ([(0, on(60)), (0, off(60)), (10, on(61)), (20, on(62)), (30, off(62))], [(20, 30, 62, 64)]),
        # A note-on of velocity 0 is a note-off; running status.
        ([(0, on(60)), (48, bytes([60, 0])), (50, bytes([64, 9])), (60, off(64))], [(0, 48, 60, 64), (50, 60, 64, 9)]),
    ],
)  # fmt: skip
def test_a_note_off_ends_every_open_note(events: list[tuple[int, bytes]], expected: Notes) -> None:
    assert notes(read_as_pretty_midi(midi_file(events))) == [expected]


def random_file(seed: int) -> bytes:
    """Three tracks of few pitches, so that they are struck again while they sound, among pedals, bends and programs."""
    rng = np.random.default_rng(seed)
    first = [(0, b"\xff\x51\x03\x07\xa1\x20"), (0, COMMON_TIME), (0, b"\xff\x59\x02\xfe\x01")]
    first += [
        (int(tick), b"\xff\x51\x03" + int(rng.integers(300_000, 900_000)).to_bytes(3, "big")) for tick in (96, 480)
    ]
    tracks = [first]
    for _ in range(3):
        events, tick = [(0, b"\xf0\x03abc")], 0
        for _ in range(120):
            tick += int(rng.integers(0, 3)) * int(rng.integers(1, 60))
            channel, pitch = int(rng.choice([0, 1, 9])), int(rng.integers(60, 64))
            event = [
                on(pitch, int(rng.integers(1, 128)), channel),
                off(pitch, channel),
                on(pitch, 0, channel),
                bytes([0xC0 | channel, int(rng.integers(0, 3))]),
                bytes([0xB0 | channel, 64, int(rng.integers(0, 128))]),
                bytes([0xE0 | channel, int(rng.integers(0, 128)), int(rng.integers(0, 128))]),
                bytes([0xD0 | channel, 5]),
                b"\xff\x05\x02la",
            ][int(rng.choice(8, p=[0.4, 0.25, 0.1, 0.05, 0.08, 0.05, 0.04, 0.03]))]
            events.append((tick, event))
        tracks.append(events)
    return midi_file(*tracks)


@pytest.mark.parametrize("seed", range(20))
def test_random_files_read_as_pretty_midi_reads_them(seed: int) -> None:
    pretty_midi = pytest.importorskip("pretty_midi", reason="needs pip install 'earwitness[demo]'")
    data = random_file(seed)
    theirs = pretty_midi.PrettyMIDI(io.BytesIO(data))
    ours = read_as_pretty_midi(data)
    tick = theirs.time_to_tick
    played = [track for track in ours.tracks if track.name != "lyrics"]
    assert [(t.program, t.is_drum) for t in played] == [(i.program, i.is_drum) for i in theirs.instruments]
    for track, instrument in zip(played, theirs.instruments, strict=True):
        assert sorted((n.start, n.end, n.pitch, n.velocity) for n in track.notes) == sorted(
            (tick(n.start), tick(n.end), n.pitch, n.velocity) for n in instrument.notes
        )
        assert [(c.time, c.number, c.value) for c in track.controls] == [
            (tick(c.time), c.number, c.value) for c in instrument.control_changes
        ]
        assert [(b.time, b.value) for b in track.pitch_bends] == [
            (tick(b.time), b.pitch) for b in instrument.pitch_bends
        ]
    assert [t.mspq for t in ours.tempos] == [round(6e7 / bpm) for bpm in theirs.get_tempo_changes()[1]]
    assert [(s.time, s.numerator, s.denominator) for s in ours.time_signatures] == [(0, 4, 4)]
    assert [(k.time, k.key, k.tonality) for k in ours.key_signatures] == [(0, -2, 1)]
    assert sum(len(track.lyrics) for track in ours.tracks) == len(theirs.lyrics)


def test_signatures_count_in_the_first_track_only() -> None:
    pretty_midi = pytest.importorskip("pretty_midi", reason="needs pip install 'earwitness[demo]'")
    data = midi_file([(0, on(60)), (10, off(60))], [(0, COMMON_TIME), (0, on(60)), (10, off(60))])
    assert not len(read_as_pretty_midi(data).time_signatures)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert not pretty_midi.PrettyMIDI(io.BytesIO(data)).time_signature_changes


def test_a_track_that_breaks_off_is_refused() -> None:
    whole = midi_file([(0, on(60)), (10, off(60))])
    broken = whole.replace(b"\0\xff\x2f\0", b"\0\x90\x3c")
    with pytest.raises(AudioError, match="breaks off"):
        read_as_pretty_midi(broken)
    with pytest.raises(AudioError, match="an event is due"):
        read_as_pretty_midi(midi_file([(0, bytes([60, 1]))]))
