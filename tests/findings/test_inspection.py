"""What two sets of files are and can show is said before any model is asked."""

import json
from dataclasses import asdict
from math import comb
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile

from earwitness.collection.draft import write_draft
from earwitness.collection.index import Collection, index
from earwitness.errors import EarwitnessError
from earwitness.findings.describe import clipped_runs, describe, silent_share
from earwitness.findings.inspection import inspection
from earwitness.findings.record import Findings
from tests.audio_encoders import RATE as MUSIC_RATE
from tests.audio_encoders import mp3, music, written
from tests.audio_fixtures import RATE, noise, write
from tests.collection.test_index import tag


def sets(
    root: Path, *, albums: int = 6, tracks: int = 2, suffixes: tuple[str, str] = ("flac", "flac"), gain: float = 1.0
) -> tuple[Path, Path]:
    """Two folders of noise, ``albums`` a side, each of an artist of its own."""
    for side, (name, suffix) in enumerate(zip(("s", "h"), suffixes, strict=True)):
        for album in range(albums):
            for track in range(tracks):
                samples = noise(1000 * side + 10 * album + track) * (gain if side else 1.0)
                path = write(root / name / f"{album}" / f"{track}.{suffix}", samples.astype(np.int16))
                if suffix != "wav":
                    tag(path, title=f"{side}{album}{track}", artist="Ann", album=f"{name}{album}")
    return root / "s", root / "h"


def found(suspect: Path, held_out: Path, **settings: float) -> Findings:
    collection = index(suspect, held_out, describe=describe, refuse=False)
    return inspection(collection, **settings)  # type: ignore[arg-type]


def test_sets_alike_have_a_gate_a_floor_and_nothing_that_stops(tmp_path: Path) -> None:
    findings = found(*sets(tmp_path), audits=4)
    suspect, held_out = findings.sides
    assert (suspect.role, suspect.tracks, suspect.groups, suspect.largest_group) == ("suspect", 12, 6, 2)
    assert (suspect.groups_from, suspect.formats) == ({"album": 12}, {"flac, 16 bit": 12})
    assert (held_out.sample_rates, held_out.channels) == ({"16000 Hz": 12}, {"1": 12})
    assert suspect.tagged == {"title": 12, "artist": 12, "album": 12}
    assert suspect.artists == {"Ann": 12}
    assert suspect.loudness_dbfs is not None
    assert -18 < suspect.loudness_dbfs.median < -16  # uniform on ±8000 of 32768
    assert findings.prospects.testable
    assert findings.prospects.labellings == comb(12, 6)
    assert findings.prospects.p_value_floor == 1 / comb(12, 6)
    assert findings.gate is not None
    assert findings.gate.state != "fail"
    assert [chance.audits for chance in findings.prospects.chances] == [4, 4, 4]
    assert not any(item.stops for item in findings.mend)
    assert findings.prospects.detectable_auc is not None
    assert findings.prospects.detectable_auc > 0.75


@pytest.mark.slow
def test_planted_leaks_are_found_as_often_as_the_formula_says(tmp_path: Path) -> None:
    """Without blind features and with one track per group, the simulated test is that of the formula."""
    collection = index(*sets(tmp_path, albums=30, tracks=1))
    chances = inspection(collection, audits=60, alpha=0.05, icc=0.0).prospects.chances
    strong = chances[-1]
    assert strong.test is not None
    assert strong.formula == pytest.approx(0.89, abs=0.02)
    assert strong.test > 0.7
    assert chances[0].formula < chances[1].formula < strong.formula


def test_formats_of_one_side_fail_the_gate_and_name_the_cure(tmp_path: Path) -> None:
    findings = found(*sets(tmp_path, suffixes=("mp3", "wav"), gain=0.2))
    assert findings.gate is not None
    assert findings.gate.state == "fail"
    formats = next(item for item in findings.mend if "different formats" in item.found)
    assert "12 × mp3 against 12 × pcm, 16 bit" in formats.found
    level = next(item for item in findings.mend if "level" in item.found)
    assert formats.command == level.command == "earwitness audit … --harmonise full"
    told = {prop.name: prop for prop in findings.properties if prop.differs}
    assert told["codec is mp3"].auc == 1.0
    assert (told["codec is mp3"].suspect, told["codec is mp3"].held_out) == (1.0, 0.0)
    assert told["rms"].auc == 1.0
    collection = index(tmp_path / "s", tmp_path / "h", describe=describe)
    assert not any("--harmonise" in (item.command or "") for item in inspection(collection, harmonised=True).mend)


def test_too_few_groups_stop_and_say_how_many_are_needed(tmp_path: Path) -> None:
    findings = found(*sets(tmp_path, albums=3, tracks=4))
    assert not findings.prospects.testable
    assert findings.prospects.labellings == comb(6, 3)
    first = findings.mend[0]
    assert first.stops
    assert "smallest p-value they can give is 0.05" in first.found
    assert "until each set has 5 groups" in first.do
    assert findings.gate is None
    assert findings.not_compared == "There are too few groups to compare the sets."


def test_guests_and_compilations_are_one_group_and_a_torn_folder_is_to_mend(tmp_path: Path) -> None:
    suspect, held_out = sets(tmp_path)
    for number, artist in enumerate(("Ann", "Ann & Guest", "Somebody")):
        tag(write(suspect / "hits" / f"{number}.flac", noise(500 + number)), artist=artist, album="Hits")
    torn = [write(held_out / "torn" / f"{number}.flac", noise(600 + number)) for number in range(2)]
    tag(torn[0], artist="Ann", album="One")
    tag(torn[1], artist="Ann", album="Two")
    findings = found(suspect, held_out)
    assert findings.sides[0].groups == 7
    assert ("suspect", "album:hits by ann", "album", 3) in findings.groups
    mend = next(item for item in findings.mend if "split into several groups" in item.found)
    assert "held_out torn: 2 groups" in mend.found
    assert "group column" in mend.do


def test_a_recording_in_both_sets_stops_an_audit_and_is_shown(tmp_path: Path) -> None:
    suspect, held_out = sets(tmp_path)
    song = music(8, 1)
    soundfile.write(suspect / "song.flac", song, MUSIC_RATE)
    written(held_out / "other" / "upload.mp3", mp3(song / 2, 128))
    written(suspect / "0" / "copy.mp3", mp3(music(8, 2), 96))
    soundfile.write(suspect / "1" / "original.wav", music(8, 2), MUSIC_RATE)
    write(held_out / "twin.wav", noise(0))  # sample for sample the first suspect track
    findings = found(suspect, held_out)
    across, within = sorted(findings.couples, key=lambda couple: not couple.across)
    assert (across.first, across.second) == ("suspect song.flac", "held_out other/upload.mp3")
    assert (within.first, within.second) == ("suspect 0/copy.mp3", "suspect 1/original.wav")
    assert findings.refusal is not None
    assert "suspect 0/0.flac = held_out twin.wav" in findings.refusal
    assert findings.mend[0].stops
    assert findings.mend[0].found == "The same audio is in both sets (suspect 0/0.flac = held_out twin.wav): 4 files."
    assert sorted(row.path for row in findings.left_out) == ["0/0.flac", "other/upload.mp3", "song.flac", "twin.wav"]
    with pytest.raises(EarwitnessError, match="The same audio is in both sets"):
        index(suspect, held_out)


def test_an_album_in_both_sets_stops_an_audit(tmp_path: Path) -> None:
    suspect, held_out = sets(tmp_path)
    tag(write(held_out / "late.flac", noise(77)), title="x", artist="Ann", album="s0")
    findings = found(suspect, held_out)
    assert findings.spanning == ("album:s0 by ann",)
    assert findings.mend[0].stops
    assert findings.mend[0].command == "earwitness audit … --exclude-spanning"
    assert findings.prospects.labellings == comb(12, 5) or findings.prospects.labellings == comb(11, 5)


def test_pairs_are_counted_and_give_the_floor(tmp_path: Path) -> None:
    suspect, held_out = sets(tmp_path, albums=8, tracks=1)
    lines = [f"{side.name}/{n}/0.flac,{role},{n}" for n in range(8) for side, role in
             ((suspect, "suspect"), (held_out, "held_out"))]  # fmt: skip
    (tmp_path / "m.csv").write_text("path,role,pair\n" + "\n".join(lines))
    findings = inspection(index(manifest=tmp_path / "m.csv", describe=describe))
    assert findings.pairs == 8
    assert findings.prospects.labellings == 2**8
    assert findings.spanning == ()


def test_files_left_out_short_and_silent_tracks_are_to_mend(tmp_path: Path) -> None:
    suspect, held_out = sets(tmp_path)
    (suspect / "empty.wav").touch()
    quiet = np.concatenate([noise(5), np.zeros((RATE, 1), dtype=np.int16)])
    write(suspect / "0" / "quiet.flac", quiet)
    said = [item.found + item.do for item in found(suspect, held_out).mend]
    assert any("1 file could not be used; the first: empty.wav is empty" in text for text in said)
    assert any("1 suspect tracks are silent for more than a fifth" in text for text in said)
    short = "Some suspect and some held_out tracks are shorter than the usual window of 10 s (the shortest has 0.5 s)"
    assert any(short in text for text in said)


def test_other_artists_are_to_mend(tmp_path: Path) -> None:
    suspect, held_out = sets(tmp_path)
    for path in held_out.rglob("*.flac"):
        tag(path, artist="Bob")
    assert any(
        item.found == "The sets have no artist in common: Ann against Bob." for item in found(suspect, held_out).mend
    )


def test_findings_are_json(tmp_path: Path) -> None:
    findings = found(*sets(tmp_path, albums=1, tracks=1))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    loaded = json.loads(json.dumps(asdict(findings)), parse_constant=refuse)
    assert loaded["sides"][1]["role"] == "held_out"
    assert loaded["prospects"]["testable"] is False


def test_files_read_once_are_not_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = sets(tmp_path / "here")
    (folders[0] / "empty.wav").touch()
    index(*folders, describe=describe).write(tmp_path / "run")
    earlier = Collection.read(tmp_path / "run")
    (tmp_path / "here").rename(tmp_path / "there")
    moved = tmp_path / "there" / "s", tmp_path / "there" / "h"
    with monkeypatch.context() as patched:
        patched.setattr("earwitness.collection.index.read", lambda *_: pytest.fail("decoded again"))
        again = index(*moved, describe=describe, earlier=earlier)
    assert again.tracks.equals(earlier.tracks)
    assert again.described.equals(earlier.described)
    assert all(path.is_file() for _, path in again.located())
    write(moved[0] / "0" / "0.flac", noise(999))
    changed = index(*moved, describe=describe, earlier=earlier)
    assert changed.tracks["sha256"][0] != earlier.tracks["sha256"][0]
    assert index(*moved, describe=describe, earlier=changed).tracks.equals(changed.tracks)


def test_a_draft_manifest_gives_the_same_sets_and_groups(tmp_path: Path) -> None:
    collection = index(*sets(tmp_path))
    path = write_draft(tmp_path / "lists" / "tracks.csv", collection)
    again = index(manifest=path)
    columns = ["track_id", "role", "group", "title", "artist", "album"]
    assert again.tracks.select(columns).sort("track_id").equals(collection.tracks.select(columns).sort("track_id"))
    assert set(again.tracks["group_from"]) == {"manifest"}
    with pytest.raises(EarwitnessError, match="may hold corrections"):
        write_draft(path, collection)


def test_a_collection_without_sound_is_inspected_too(tmp_path: Path) -> None:
    """An index of an earlier version holds no description: what the table has is compared."""
    collection = index(*sets(tmp_path))
    assert collection.described.columns == ["track_id"]
    names = {prop.name for prop in inspection(collection).properties}
    assert names <= {"seconds", "bitrate", "prompt length"}


def test_settings_out_of_range_are_refused(tmp_path: Path) -> None:
    collection = index(*sets(tmp_path, albums=1, tracks=1))
    with pytest.raises(EarwitnessError, match="alpha is 2"):
        inspection(collection, alpha=2)
    with pytest.raises(EarwitnessError, match="icc is 3"):
        inspection(collection, icc=3)


def test_clipping_and_silence_are_counted() -> None:
    wave = np.sin(np.linspace(0, 40 * np.pi, 16_000)).astype(np.float32)
    assert clipped_runs(0.5 * wave) == 0
    assert clipped_runs((2 * wave).clip(-1, 1)) == 40
    assert silent_share(np.concatenate([wave, np.zeros(16_000, dtype=np.float32)]), 16_000) == 0.5
    assert np.isnan(silent_share(wave[:10], 16_000))


def test_columns_described_are_kept_beside_the_tracks(tmp_path: Path) -> None:
    collection = index(*sets(tmp_path, albums=1), describe=describe)
    collection.write(tmp_path / "run")
    assert pl.read_parquet(tmp_path / "run" / "described.parquet").equals(collection.described)
    assert "blind/rms_db" in collection.described.columns
