"""Ready, or exactly what is missing: data, draw and target of every experiment."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from earwitness.bench.paper.check import Checked, check
from earwitness.bench.paper.experiments import EXPERIMENTS, Experiment, experiments_named
from earwitness.errors import EarwitnessError
from tests.bench.paper.layouts import (
    kinds,
    line_of,
    song,
    video,
    write_attributions,
    write_audiocaps,
    write_lakh,
    write_matches,
)
from tests.tiny import save_tiny_musicgen


def sized(names: Sequence[str], tracks: int = 6) -> list[Experiment]:
    """Experiments of a size that the miniatures can serve."""
    return [replace(one, tracks_a_side=tracks, seconds=one.seconds and 1.0) for one in experiments_named(names)]


def one(name: str, option: str, folder: Path, targets: dict[str, str] | None = None, tracks: int = 6) -> Checked:
    (found,) = check(sized([name], tracks), {option: folder}, targets or {})
    return found


def test_nothing_given_says_what_each_needs() -> None:
    found = check(EXPERIMENTS, {}, {})
    assert not any(each.ready for each in found)
    lines = {each.experiment.name: line_of(each.findings, "no_folder") for each in found}
    assert lines["tango"] == (
        "No folder was given; give --audiocaps DIR, which holds train.csv, val.csv, test.csv and the clips' audio."
    )
    assert lines["stable-audio-open-fma"] == (
        "No folder was given; give --stable-audio DIR, which holds fma_dataset_attribution*.csv with its audio in "
        "fma/, and the same of later uploads in held_out/."
    )


def test_a_complete_copy_of_audiocaps_serves_six_models(tmp_path: Path) -> None:
    write_audiocaps(tmp_path, train=7, val=2, test=6)
    names = ["audiogen", "musicgen", "audioldm", "audioldm2", "tango", "tango2"]
    found = check(sized(names), {"--audiocaps": tmp_path}, {})
    assert [each.experiment.name for each in found if each.ready] == names
    assert {(each.count(member=True), each.count(member=False)) for each in found} == {((6, 6), (6, 6))}
    assert len({each.tracks for each in found}) == 1
    assert kinds(found[4].findings) == [("target_from_hub", False)]
    assert line_of(found[1].findings, "control") == (
        "The model's makers list no such training data: evidence of use would be a false alarm."
    )


def test_a_complete_copy_of_lakh_still_needs_the_checkpoint(tmp_path: Path) -> None:
    write_lakh(tmp_path)
    found = one("figaro", "--lakh", tmp_path)
    assert kinds(found.findings) == [("groups", False), ("no_target", True)]
    assert found.findings[1].line == (
        "The checkpoint is on no hub; download it and give its folder: --target figaro=DIR."
    )
    assert one("figaro", "--lakh", tmp_path, {"figaro": "someone/figaro"}).ready


def test_songs_on_both_sides_of_lakh_are_left_out(tmp_path: Path) -> None:
    names = write_lakh(tmp_path)
    write_matches(tmp_path, {song(1): [names["train"][0], names["test"][0]]})
    found = one("figaro", "--lakh", tmp_path, {"figaro": "a/b"}, tracks=6)
    assert not found.ready
    assert [line.split(" (")[0] for line in [line_of(found.findings, "groups_on_both_sides")]] == [
        "Listed on both sides and left out of both: 1 group"
    ]
    assert one("figaro", "--lakh", tmp_path, {"figaro": "a/b"}, tracks=5).ready


def test_a_complete_copy_of_the_attribution_lists(tmp_path: Path) -> None:
    write_attributions(tmp_path, "freesound", authors=3)
    write_attributions(tmp_path, "fma", authors=2)
    found = check(sized(["stable-audio-open-freesound", "stable-audio-open-fma"]), {"--stable-audio": tmp_path}, {})
    assert [each.ready for each in found] == [True, True]
    assert [each.count(member=False) for each in found] == [(6, 3), (6, 2)]
    assert [finding.kind for finding in found[0].findings] == ["claim", "target_from_hub"]


def test_absent_files_are_counted_and_named(tmp_path: Path) -> None:
    write_audiocaps(tmp_path, train=9, val=2, test=6)
    for i in range(5):
        (tmp_path / "train" / f"{video('train', i)}_{10 * i}.wav").unlink()
    found = one("tango", "--audiocaps", tmp_path)
    assert line_of(found.findings, "files_absent") == (
        "Absent of the 9 files of the training side: "
        "5 files (tr000-_AbCd_0, tr001-_AbCd_10, tr002-_AbCd_20 and 2 more)."
    )
    assert line_of(found.findings, "too_few_tracks").startswith(
        "The training side has 4 tracks that can be used, and 6"
    )
    assert one("tango", "--audiocaps", tmp_path, tracks=4).ready


def test_a_malformed_list_stops_its_own_experiments_alone(tmp_path: Path) -> None:
    write_audiocaps(tmp_path / "captions", train=1, val=1, test=1)
    (tmp_path / "captions" / "test.csv").write_text("youtube_id,caption\n../../x,A dog\n")
    write_attributions(tmp_path / "sounds")
    folders = {"--audiocaps": tmp_path / "captions", "--stable-audio": tmp_path / "sounds"}
    captions, sounds = check(sized(["tango", "stable-audio-open-freesound"]), folders, {})
    assert sounds.ready
    assert captions.tracks == ()
    assert line_of(captions.findings, "list_unusable") == (
        f"{tmp_path / 'captions' / 'test.csv'} lacks the column 'audiocap_id' (found: youtube_id, caption); "
        "its header must name audiocap_id, youtube_id, start_time, caption."
    )


def test_a_folder_that_does_not_exist_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match="nowhere of --lakh does not exist"):
        check(EXPERIMENTS, {"--lakh": tmp_path / "nowhere"}, {})


def test_targets_are_looked_at(tmp_path: Path) -> None:
    write_audiocaps(tmp_path / "captions")
    model = save_tiny_musicgen(tmp_path / "model")
    (tmp_path / "empty").mkdir()

    def said(name: str, target: str) -> list[str]:
        found = one(name, "--audiocaps", tmp_path / "captions", {name: target})
        return [finding.line for finding in found.findings if finding.blocks]

    assert said("musicgen", str(model)) == []
    assert said("audiogen", str(model)) == [
        f"{model} holds a model of the family musicgen, and audiogen is needed; correct --target audiogen=DIR."
    ]
    assert said("tango", str(tmp_path / "empty")) == [
        f"{tmp_path / 'empty'} holds no model of a known family, and tango is needed; correct --target tango=DIR."
    ]
    assert said("tango", "./nowhere") == [
        "The target ./nowhere is neither a folder nor a hub id; correct --target tango=DIR."
    ]
