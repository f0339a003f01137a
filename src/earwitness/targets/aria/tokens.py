"""A score as Aria's tokens: absolute onsets within segments of five seconds.

A note is three tokens (instrument, pitch and velocity; onset; duration), a stroke of percussion two, and one more
stands wherever another segment begins. Before the first note stand the instruments and the begin; a hundred tokens
before the end one says that the end is near (in training ninety to a hundred and ten, drawn at random), and the end
is a token.
"""

from typing import TYPE_CHECKING, NamedTuple

from earwitness.targets.aria import vocabulary

if TYPE_CHECKING:
    from symusic import Score

_LONG, _FROM_THE_END = 150, 100


class Tokens(NamedTuple):
    """What stands before a piece's first note, and the piece from there to its end token."""

    opening: list[int]
    body: list[int]


def tokens_of(score: "Score") -> Tokens:
    """The tokens of a score; what its instruments leave without tokens is left out."""
    timed, scale = (score, 1) if _counts_milliseconds(score) else (score.to("second"), 1000)
    tracks = [track for track in timed.tracks if track.is_drum or vocabulary.has_tokens(track.program)]
    notes = sorted(
        (round(scale * note.start), number, place, round(scale * note.duration), note.pitch, note.velocity)
        for number, track in enumerate(tracks)
        for place, note in enumerate(track.notes)
    )
    body: list[int] = []
    before = 0
    for start, number, _, duration, pitch, velocity in notes:
        segment = start // vocabulary.SEGMENT
        body += [vocabulary.FIVE_SECONDS] * (segment - before)
        before = segment
        if tracks[number].is_drum:
            body += [vocabulary.percussion(pitch), vocabulary.onset(start)]
        else:
            sounded = vocabulary.note(tracks[number].program, pitch, velocity)
            body += [sounded, vocabulary.onset(start), vocabulary.duration(duration)]
    if len(body) > _LONG:
        body.insert(_whole_note(body, len(body) - _FROM_THE_END), vocabulary.NEARLY_OVER)
    announced = {vocabulary.prefix(track.program) for track in tracks if not track.is_drum}
    announced |= {vocabulary.prefix(None) for track in tracks if track.is_drum and track.notes}
    return Tokens([*sorted(announced), vocabulary.BEGIN], [*body, vocabulary.END] if body else [])


def _counts_milliseconds(score: "Score") -> bool:
    """Whether a tick is a millisecond, as files are read: ticks may lie before the begin, which seconds may not."""
    return score.ticks_per_quarter == 500 and [(tempo.time, tempo.qpm) for tempo in score.tempos] == [(0, 120)]


def _whole_note(body: list[int], at: int) -> int:
    """The place itself, or where the note that it would part begins."""
    return at - (1 if vocabulary.is_onset(body[at]) else 2 if vocabulary.is_duration(body[at]) else 0)
