"""Audits on tables whose truth is known: who is found, who is left in peace, who cannot be tested."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from earwitness.features import FeatureTable
from earwitness_bench.recordings.excerpts import Excerpt
from earwitness_bench.recordings.split import Part, split
from earwitness_bench.recordings.verdicts import ALL_UNUSED, ALL_USED, Row, audit_rows, audits_of, outcome
from recordings.test_split import recordings

SIZES: dict[str | None, int] = {"Ada": 12, "Bob": 12, "Cid": 4, "Dot": 4}


@pytest.fixture(scope="module")
def excerpts() -> list[Excerpt]:
    return [Excerpt(part=part, path=Path(f"{part.recording.content_sha256}.flac")) for part in split(recordings(SIZES))]


def table(excerpts: list[Excerpt], *, effect: float, seed: int = 5) -> FeatureTable:
    """One row per track; what was trained on has losses lower by ``effect`` deviations."""
    rng = np.random.default_rng(seed)
    parts: list[Part] = [excerpt.part for excerpt in excerpts]
    columns = {f"loss/{i}": [float(rng.normal() - effect * part.is_trained_on) for part in parts] for i in range(4)}
    frame = pl.DataFrame(
        {
            "track_id": [excerpt.path.stem for excerpt in excerpts],
            "role": [part.role for part in parts],
            "group": [f"{part.artist}: {part.piece}" for part in parts],
            **columns,
            **{f"blind/{i}": rng.normal(size=len(parts)) for i in range(8)},
        }
    )
    return FeatureTable.from_frame(frame, lower=("loss/*",))


@pytest.fixture(scope="module")
def rows(excerpts: list[Excerpt]) -> dict[tuple[str, str], Row]:
    told = table(excerpts, effect=2.0)
    audits = audits_of(excerpts, {excerpt.path.name: excerpt.path.stem for excerpt in excerpts})
    return {(row["artist"], row["method"]): row for row in audit_rows(audits, told, told, permutations=999)}


def used_names(excerpts: list[Excerpt]) -> tuple[str, str]:
    """The large artist that is used, and the one that is not."""
    used = {excerpt.part.artist: excerpt.part.used for excerpt in excerpts}
    return ("Ada", "Bob") if used["Ada"] else ("Bob", "Ada")


def test_every_artist_and_both_collections_are_audited_by_every_method(rows: dict[tuple[str, str], Row]) -> None:
    assert {artist for artist, _ in rows} == {"Ada", "Bob", "Cid", "Dot", ALL_USED, ALL_UNUSED}
    assert {method for _, method in rows} == {"exact", "cdi", "iar", "llm-di"}


def test_a_used_artist_is_found_and_an_unused_one_left_in_peace(
    rows: dict[tuple[str, str], Row], excerpts: list[Excerpt]
) -> None:
    used, unused = used_names(excerpts)
    found, quiet = rows[used, "exact"], rows[unused, "exact"]
    assert (found["truth"], found["verdict"], found["outcome"], found["right"]) == (
        "used", "evidence_of_use", "found", True,
    )  # fmt: skip
    assert (quiet["truth"], quiet["outcome"], quiet["right"]) == ("not used", "quiet", True)
    assert found["p_value_floor"] == pytest.approx(1 / 924)  # C(12, 6)
    assert found["p_value"] <= 2 / 924 + 1e-9
    assert rows[ALL_USED, "exact"]["outcome"] == "found"
    assert rows[ALL_UNUSED, "exact"]["outcome"] == "quiet"
    assert (rows[ALL_USED, "exact"]["suspect_tracks"], rows[ALL_USED, "exact"]["held_out_pieces"]) == (8, 8)


def test_too_few_pieces_cannot_be_tested(rows: dict[tuple[str, str], Row]) -> None:
    for artist in ("Cid", "Dot"):
        row = rows[artist, "exact"]
        assert (row["verdict"], row["outcome"]) == ("cannot_be_tested", "cannot be tested")
        assert row["right"] is None
        assert row["p_value"] is None
        assert row["p_value_floor"] == pytest.approx(1 / 6)  # C(4, 2)
        assert "2 suspect and 2 held-out groups" in row["remark"]
        assert rows[artist, "cdi"]["remark"] == "The procedure needs 5 tracks per side."
        assert rows[artist, "iar"]["p_value"] is not None, "two tracks per side are enough for a t-test"


def test_holm_is_over_the_artists_that_were_tested(rows: dict[tuple[str, str], Row], excerpts: list[Excerpt]) -> None:
    used, unused = used_names(excerpts)
    assert rows[used, "exact"]["holm_p_value"] == pytest.approx(2 * rows[used, "exact"]["p_value"])
    assert rows[unused, "exact"]["holm_p_value"] == pytest.approx(rows[unused, "exact"]["p_value"])
    assert rows["Cid", "exact"]["holm_p_value"] is None
    assert rows[ALL_USED, "exact"]["holm_p_value"] is None
    assert rows[used, "iar"]["holm_p_value"] is None


def test_without_an_effect_the_used_artist_is_missed(excerpts: list[Excerpt]) -> None:
    told = table(excerpts, effect=0.0)
    audits = audits_of(excerpts, {excerpt.path.name: excerpt.path.stem for excerpt in excerpts})
    rows = {(row["artist"], row["method"]): row for row in audit_rows(audits, told, told, permutations=999)}
    used, _ = used_names(excerpts)
    assert (rows[used, "exact"]["outcome"], rows[used, "exact"]["right"]) == ("missed", False)


def test_a_track_that_failed_is_left_out(excerpts: list[Excerpt]) -> None:
    known = {excerpt.path.name: excerpt.path.stem for excerpt in excerpts[1:]}
    audits = {audit.artist: audit for audit in audits_of(excerpts, known)}
    assert len(audits["Ada"].track_ids) == 11
    assert len(audits["Bob"].track_ids) == 12


@pytest.mark.parametrize(
    ("verdict", "used", "expected"),
    [
        ("evidence_of_use", True, "found"),
        ("evidence_of_use", False, "false alarm"),
        ("no_evidence", True, "missed"),
        ("inconclusive", True, "missed"),
        ("inconclusive", False, "quiet"),
        ("cannot_be_tested", True, "cannot be tested"),
    ],
)
def test_what_a_verdict_is_worth(verdict: str, used: bool, expected: str) -> None:
    assert outcome(verdict, used=used) == expected
