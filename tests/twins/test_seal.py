"""The seal: who can compute the draw, and what is named when something was changed."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.stats import binom
from typer.testing import CliRunner

from earwitness.cli.app import app
from earwitness.errors import EarwitnessError
from earwitness.twins.mark import mark_folder
from earwitness.twins.seal import (
    PUBLISHED,
    SEAL_NAME,
    Seal,
    commitment,
    copy_path,
    drawn,
    inconsistencies,
    new_key,
    read_key,
)

RATE = 8000
KEY = bytes(range(32))


@pytest.fixture
def masters(tmp_path: Path) -> Path:
    folder = tmp_path / "masters"
    (folder / "album").mkdir(parents=True)
    for number, name in enumerate(("one", "album/two", "album/three")):
        time = np.arange(2 * RATE) / RATE
        wave = 0.3 * np.sin(2 * np.pi * (220 + 55 * number) * time) + 0.05 * np.sin(2 * np.pi * 1500 * time)
        stereo = np.stack([wave, 0.5 * wave], axis=1) if number else wave
        soundfile.write(folder / f"{name}.wav", stereo, RATE, subtype="PCM_16")
    return folder


def test_the_draw_is_even_and_follows_key_and_beacon() -> None:
    counts = np.bincount([drawn(KEY, "", f"{work:064x}", 8) for work in range(4000)], minlength=8)
    assert all(binom.ppf(0.0005, 4000, 1 / 8) <= count <= binom.ppf(0.9995, 4000, 1 / 8) for count in counts)
    by_key = [drawn(bytes(32), "", f"{work:064x}", 8) for work in range(64)]
    by_beacon = [drawn(KEY, "round 4711", f"{work:064x}", 8) for work in range(64)]
    here = [drawn(KEY, "", f"{work:064x}", 8) for work in range(64)]
    assert here != by_key
    assert here != by_beacon
    # A fixed value, so that no later version draws otherwise: two parties must never disagree.
    assert [drawn(KEY, "", f"{work:064x}", 8) for work in range(8)] == [5, 6, 6, 2, 4, 5, 5, 5]
    assert commitment(KEY).startswith("41396dcbd70585a3")


def test_a_sealed_folder_is_as_sealed_and_every_change_is_named(masters: Path, tmp_path: Path) -> None:
    out = tmp_path / "sealed"
    seal = mark_folder(masters, out, KEY, copies=3)
    assert [work.name for work in seal.works] == ["album/three", "album/two", "one"]
    assert Seal.read(out) == seal
    assert inconsistencies(out, seal, KEY) == []
    for work in seal.works:
        assert len(set(work.copies)) == 3
        published = soundfile.read(out / PUBLISHED / f"{work.name}.flac", always_2d=True)[0]
        master = soundfile.read(masters / f"{work.name}.wav", always_2d=True)[0]
        assert published.shape == master.shape
    assert "not the one" in str(inconsistencies(out, seal, bytes(32))[0])
    changed = copy_path(out, "album/two", 1)
    soundfile.write(changed, np.zeros((RATE, 2)), RATE, format="FLAC")
    copy_path(out, "one", 0).unlink()
    problems = [str(finding) for finding in inconsistencies(out, seal, None)]
    assert len(problems) == 2
    assert str(changed) in problems[0]
    assert "changed since it was sealed" in problems[0]
    assert "missing" in problems[1]


def test_another_copy_under_published_is_named(masters: Path, tmp_path: Path) -> None:
    out = tmp_path / "sealed"
    seal = mark_folder(masters, out, KEY, copies=3)
    work = seal.works[0]
    other = (drawn(KEY, "", work.master_sha256, 3) + 1) % 3
    (out / PUBLISHED / f"{work.name}.flac").write_bytes(copy_path(out, work.name, other).read_bytes())
    assert [str(finding) for finding in inconsistencies(out, seal, KEY)] == [
        f"{out / PUBLISHED / 'album/three.flac'}: is not the copy that the key drew"
    ]


def test_an_edited_seal_has_another_hash_and_does_not_hold(masters: Path, tmp_path: Path) -> None:
    out = tmp_path / "sealed"
    seal = mark_folder(masters, out, KEY, copies=2)
    edited = json.loads((out / SEAL_NAME).read_text())
    edited["works"][0]["copies"].reverse()
    (out / SEAL_NAME).write_text(json.dumps(edited))
    again = Seal.read(out)
    assert again.sha256 != seal.sha256
    assert len(inconsistencies(out, again, KEY)) == 2
    edited["works"][0]["name"] = "../../elsewhere"
    (out / SEAL_NAME).write_text(json.dumps(edited))
    with pytest.raises(EarwitnessError, match="leads out of the folder"):
        Seal.read(out)
    (out / SEAL_NAME).write_text("{}")
    with pytest.raises(EarwitnessError, match="is not a seal"):
        Seal.read(out)


def test_what_was_sealed_stays_and_settings_are_checked(masters: Path, tmp_path: Path) -> None:
    out = tmp_path / "sealed"
    mark_folder(masters, out, KEY, copies=2)
    with pytest.raises(EarwitnessError, match="is sealed already"):
        mark_folder(masters, out, KEY, copies=2)
    with pytest.raises(EarwitnessError, match="nothing to draw"):
        mark_folder(masters, tmp_path / "other", KEY, copies=1)
    with pytest.raises(EarwitnessError, match="no mark 'glitter'"):
        mark_folder(masters, tmp_path / "other", KEY, copies=2, kinds=("glitter",))


def test_two_masters_that_are_one_file_are_refused_by_name(masters: Path, tmp_path: Path) -> None:
    (masters / "twice.wav").write_bytes((masters / "one.wav").read_bytes())
    with pytest.raises(EarwitnessError, match="'one' and 'twice' are the same file"):
        mark_folder(masters, tmp_path / "sealed", KEY, copies=2)
    assert not (tmp_path / "sealed").exists()


@pytest.mark.parametrize("option", [("--copies", "1"), ("--marks", "glitter"), ("--strength", "-1")])
def test_no_key_is_made_for_a_request_that_is_refused(masters: Path, tmp_path: Path, option: tuple[str, str]) -> None:
    asked = ["mark", "--in", str(masters), "--out", str(tmp_path / "sealed"), "--key", str(tmp_path / "key"), *option]
    assert CliRunner().invoke(app, asked).exit_code != 0
    assert not (tmp_path / "key").exists()


def test_key_files(tmp_path: Path) -> None:
    path = tmp_path / "secret" / "key"
    key = new_key(path)
    assert len(key) == 32
    assert new_key(path) == key == read_key(path)
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("word")
    with pytest.raises(EarwitnessError, match="not a key file"):
        read_key(path)
    with pytest.raises(EarwitnessError, match="no key file"):
        read_key(tmp_path / "absent")


def test_marking_and_verifying_from_the_command_line(masters: Path, tmp_path: Path) -> None:
    out, key = tmp_path / "sealed", tmp_path / "key"
    run = CliRunner()
    committed = run.invoke(app, ["mark", "commit", str(key)])
    made = run.invoke(
        app, ["mark", "--in", str(masters), "--out", str(out), "--key", str(key), "--copies", "2", "--marks", "tilt"]
    )
    assert made.exit_code == 0, made.output
    assert Seal.read(out).sha256 in made.output
    assert committed.output.strip() == Seal.read(out).key_commitment
    assert run.invoke(app, ["mark", "verify", str(out), "--key", str(key)]).exit_code == 0
    copy_path(out, "one", 0).write_bytes(b"fLaC")
    checked = run.invoke(app, ["mark", "verify", str(out), "--key", str(key), "--json"])
    assert checked.exit_code == 1
    assert "00.flac" in json.loads(checked.output)["problems"][0]
