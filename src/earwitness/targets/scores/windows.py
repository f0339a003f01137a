"""The windows of a file's score, read as the target's training read it."""

from collections.abc import Sequence

from earwitness.midi import Midi
from earwitness.targets.protocols import ReadsMidi, SymbolicTarget, TokenWindow


def windows_of(target: SymbolicTarget, piece: Midi) -> Sequence[TokenWindow]:
    """The windows of a decoded file under a target."""
    score = target.read_score(piece.data) if isinstance(target, ReadsMidi) else piece.score
    return target.windows(score)
