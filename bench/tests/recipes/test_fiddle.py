"""The recipe in small: it runs, it resumes to the same weights, and its card is true."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from transformers import MusicgenForConditionalGeneration

from earwitness.audio import content_sha256, decode
from earwitness.errors import EarwitnessError
from earwitness.ground_truth.fiddle import card
from earwitness.ground_truth.fiddle.tunes import Tune, as_decoded, group_tunes, pcm16, read_tunes, render, write_audio
from earwitness.targets import load_target
from earwitness_bench.recipes import fiddle as recipe
from earwitness_bench.recipes.musicgen import Schedule

pytestmark = pytest.mark.slow

SMALL = Schedule(epochs=2, keep=(1, 2), frames=50, batch=16)


@pytest.fixture(scope="module")
def tunes() -> list[Tune]:
    names = [tune.name for tune in card.read().tunes[:8]]
    return read_tunes(names)


@pytest.fixture(scope="module")
def work(tunes: list[Tune], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    assert recipe.train(folder, report=lambda line: None, tunes=tunes, schedule=SMALL, codec_steps=2) == 2
    return folder


def test_an_interrupted_run_goes_on_to_the_same_weights(work: Path, tunes: list[Tune], tmp_path: Path) -> None:
    for name in ("codec", "tokenizer"):
        (tmp_path / name).symlink_to(work / name)
    report: list[str] = []
    recipe.train(tmp_path, report=report.append, tunes=tunes, schedule=replace(SMALL, keep=(1,)), codec_steps=2)
    recipe.train(tmp_path, report=report.append, tunes=tunes, schedule=SMALL, codec_steps=2)
    first, second = (
        MusicgenForConditionalGeneration.from_pretrained(folder / "epoch-002").state_dict()
        for folder in (work, tmp_path)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_what_is_published_is_an_ordinary_directory_with_a_true_card(
    work: Path, tunes: list[Tune], tmp_path: Path
) -> None:
    made = recipe.publish(work, 2, tmp_path, tunes=tunes, schedule=SMALL)
    assert card.read(tmp_path / "card.json") == made
    assert made.recipe["frames"] == SMALL.frames
    assert "per-track loss AUC" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert {tune.name for tune in made.tunes if tune.member} == {
        name for name, member in recipe.split_groups(group_tunes(tunes)).items() if member
    }
    assert made.tunes[0].content_sha256 == content_sha256(as_decoded(pcm16(render(tunes[0]))), 16_000)
    assert load_target(str(tmp_path / "model"), device="cpu").codebooks == 4
    weights = MusicgenForConditionalGeneration.from_pretrained(tmp_path / "model", dtype="auto")
    assert weights.dtype == torch.float16


def test_an_epoch_that_was_not_kept_is_named(work: Path, tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match="no epoch 7; it holds: 001, 002"):
        recipe.publish(work, 7, tmp_path)


def test_the_split_is_by_group_and_fixed() -> None:
    groups = {"a": "a", "b": "a", "c": "c", "d": "d", "e": "d", "f": "f"}
    split = recipe.split_groups(groups)
    assert split == recipe.split_groups(dict(reversed(groups.items())))
    assert split["a"] == split["b"]
    assert split["d"] == split["e"]
    assert len({groups[name] for name, member in split.items() if member}) == 2


def test_a_written_tune_is_the_audio_of_the_card(tunes: list[Tune], tmp_path: Path) -> None:
    """The shipped card names members by what this machine renders."""
    path = tmp_path / "tune.flac"
    write_audio(tunes[0], path)
    assert soundfile.info(path).samplerate == 16_000
    shipped = {tune.name: tune.content_sha256 for tune in card.read().tunes}
    assert decode(path).content_hash == shipped[tunes[0].name]


def test_captions_say_dance_and_key(tunes: list[Tune]) -> None:
    captions = {tune.name: tune.caption for tune in tunes}
    assert captions["42dHighlandRegimentStrathspey"] == "a strathspey in A minor"
    assert captions["7thRegimentReel"].startswith("a reel in ")


def test_versions_of_a_tune_share_a_group_whatever_the_key(tunes: list[Tune]) -> None:
    higher = replace(tunes[0], name="zz", notes=tunes[0].notes + np.array([0.0, 0.0, 5.0]))
    faster = replace(tunes[1], name="zzz", notes=tunes[1].notes * [0.5, 0.5, 1.0])
    groups = group_tunes([*tunes, higher, faster])
    assert groups["zz"] == groups[tunes[0].name]
    assert groups["zzz"] == groups[tunes[1].name]
    assert len(set(groups.values())) == len({groups[tune.name] for tune in tunes})
