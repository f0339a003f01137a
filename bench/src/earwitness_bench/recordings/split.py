"""Who is trained on, and with which recordings: a seeded draw in which both truths occur.

Goal: half of the artists are used, chosen among neighbours in size, so that large and small ones
are in either half; of a used artist a random half of the pieces is trained on, of the others
nothing. Conventions: every artist's pieces fall into a ``suspect`` and a ``held_out`` half; whole
pieces, with all their versions. The truth of an audit of artist A is then whether A is used.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from earwitness.errors import EarwitnessError
from earwitness_bench.recordings.library import Recording

SPLIT_SEED = 2512
FEWEST_PIECES = 4
"""An artist with fewer has less than two pieces per side, and nothing can be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One recording's part in the experiment.

    ``piece`` is the unit of independence; ``used`` says of the artist, ``role`` of the recording.
    """

    recording: Recording
    artist: str
    piece: str
    role: str
    used: bool

    @property
    def is_trained_on(self) -> bool:
        """Whether the model's training holds this recording."""
        return self.used and self.role == "suspect"


def split(recordings: Sequence[Recording], *, seed: int = SPLIT_SEED) -> list[Part]:
    """Draw the artists that are used, and every artist's two halves; ordered by artist and name.

    Artists without a name and with fewer than ``FEWEST_PIECES`` pieces have no part. With an odd
    number of pieces the suspect half is the larger.

    Raises
    ------
    EarwitnessError
        If fewer than two artists are left.
    """
    pieces = _pieces(recordings)
    used = _used({artist: len(names) for artist, names in pieces.items()}, seed)
    parts = []
    for artist, names in pieces.items():
        order = _generator(seed, artist).permutation(len(names))
        suspects = {names[i] for i in order[: (len(names) + 1) // 2]}
        parts += [
            Part(
                recording=recording, artist=artist, piece=recording.piece, used=used[artist],
                role="suspect" if recording.piece in suspects else "held_out",
            )
            for recording in recordings
            if recording.artist == artist
        ]  # fmt: skip
    return sorted(parts, key=lambda part: (part.artist, part.recording.package, part.recording.name))


def card_text(parts: Sequence[Part], *, seed: int, about: Mapping[str, object]) -> str:
    """The card of a split as JSON, a line per recording, with the content hashes."""
    lines = [
        json.dumps(
            {
                "artist": part.artist, "package": part.recording.package, "name": part.recording.name,
                "title": part.recording.title, "piece": part.piece, "licence": part.recording.licence,
                "content_sha256": part.recording.content_sha256, "used_artist": part.used, "role": part.role,
                "trained_on": part.is_trained_on,
            },
            ensure_ascii=False,
        )
        for part in parts
    ]  # fmt: skip
    head = json.dumps({"split_seed": seed, **about}, indent=2, ensure_ascii=False)[:-2]
    return head + ',\n  "recordings": [\n    ' + ",\n    ".join(lines) + "\n  ]\n}\n"


def _pieces(recordings: Sequence[Recording]) -> dict[str, list[str]]:
    """The pieces of every artist who has enough of them, both in order of name."""
    pieces: dict[str, set[str]] = {}
    for recording in recordings:
        if recording.artist is not None:
            pieces.setdefault(recording.artist, set()).add(recording.piece)
    kept = {artist: sorted(names) for artist, names in sorted(pieces.items()) if len(names) >= FEWEST_PIECES}
    if len(kept) < 2:
        raise EarwitnessError(
            f"{len(kept)} of {len(pieces)} named artists have {FEWEST_PIECES} pieces or more, and two are needed "
            "(one that is used, one that is not); add packages."
        )
    return kept


def _used(sizes: Mapping[str, int], seed: int) -> dict[str, bool]:
    """Of every two artists next to each other in size, one is used; a last one alone is not."""
    order = sorted(sizes, key=lambda artist: (-sizes[artist], artist))
    rng = _generator(seed, "which artists are used")
    chosen = {pair[int(rng.integers(2))] for pair in zip(order[::2], order[1::2], strict=False)}
    return {artist: artist in chosen for artist in order}


def _generator(seed: int, about: str) -> np.random.Generator:
    """Randomness by name, so that another artist in the library moves nobody else's halves."""
    return np.random.default_rng([seed, int.from_bytes(sha256(about.encode()).digest()[:8], "big")])
