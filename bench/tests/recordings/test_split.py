"""The split: both truths occur, whole pieces stay on one side, and nothing else moves the draw."""

import json
from pathlib import Path

import pytest

from earwitness.errors import EarwitnessError
from earwitness_bench.recordings.library import Recording
from earwitness_bench.recordings.split import FEWEST_PIECES, Part, card_text, split


def recordings(sizes: dict[str | None, int], versions: int = 1) -> list[Recording]:
    """``sizes`` pieces per artist, each in that many versions."""
    return [
        Recording(
            path=Path(f"/{artist}/{piece}/{version}.ogg"), package="pack", name=f"{artist}/{piece}/{version}.ogg",
            artist=artist, title=f"{piece} v{version}", piece=f"piece {piece}", seconds=60.0, licence="GPL",
            content_sha256=f"{artist}-{piece}-{version}",
        )
        for artist, count in sizes.items()
        for piece in range(count)
        for version in range(versions)
    ]  # fmt: skip


SIZES: dict[str | None, int] = {"Ada": 16, "Bob": 16, "Cid": 9, "Dot": 8, "Eve": 4, "Fay": 5, "Gus": 3, None: 20}


def of(parts: list[Part], artist: str) -> list[Part]:
    return [part for part in parts if part.artist == artist]


def test_half_of_the_artists_are_used_at_every_size() -> None:
    parts = split(recordings(SIZES))
    used = {part.artist: part.used for part in parts}
    assert set(used) == {"Ada", "Bob", "Cid", "Dot", "Eve", "Fay"}, "nobody unnamed, nobody too small"
    for pair in (("Ada", "Bob"), ("Cid", "Dot"), ("Eve", "Fay")):
        assert sum(used[artist] for artist in pair) == 1


def test_an_odd_last_artist_is_not_used() -> None:
    parts = split(recordings({"Ada": 9, "Bob": 8, "Cid": 4}))
    assert not of(parts, "Cid")[0].used


def test_only_the_suspect_half_of_used_artists_is_trained_on() -> None:
    for part in split(recordings(SIZES)):
        assert part.is_trained_on == (part.used and part.role == "suspect")


def test_halves_are_of_pieces_and_versions_stay_together() -> None:
    parts = split(recordings(SIZES, versions=2))
    for artist, size in SIZES.items():
        if artist is None or size < FEWEST_PIECES:
            continue
        sides = {role: {p.piece for p in of(parts, artist) if p.role == role} for role in ("suspect", "held_out")}
        assert not sides["suspect"] & sides["held_out"]
        assert (len(sides["suspect"]), len(sides["held_out"])) == ((size + 1) // 2, size // 2)


def test_neither_order_nor_another_artist_moves_an_artists_halves() -> None:
    first = {p.recording.name: p.role for p in split(recordings(SIZES))}
    again = {p.recording.name: p.role for p in split(recordings({"Hal": 7, **dict(reversed(SIZES.items()))}))}
    assert all(again[name] == role for name, role in first.items())
    other = {p.recording.name: p.role for p in split(recordings(SIZES), seed=1)}
    assert other != first


def test_one_artist_alone_is_refused() -> None:
    with pytest.raises(EarwitnessError, match="1 of 2 named artists have 4 pieces"):
        split(recordings({"Ada": 9, "Bob": 2}))


def test_the_card_lists_every_recording_by_content() -> None:
    parts = split(recordings({"Ada": 4, "Bob": 4}))
    card = json.loads(card_text(parts, seed=3, about={"base": "fiddle"}))
    assert (card["split_seed"], card["base"], len(card["recordings"])) == (3, "fiddle", 8)
    assert sum(row["trained_on"] for row in card["recordings"]) == 2
    assert {row["content_sha256"] for row in card["recordings"]} == {p.recording.content_sha256 for p in parts}
