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
from earwitness.ground_truth.card import read_card
from earwitness.ground_truth.fiddle.tunes import Tune, group_tunes, read_tunes, render, write_audio
from earwitness.ground_truth.groups import draw_sides
from earwitness.ground_truth.registry import shipped
from earwitness.targets import load_target
from earwitness_bench.recipes import fiddle, tune_target
from earwitness_bench.recipes.musicgen import Schedule, window_scores

pytestmark = pytest.mark.slow

STAGE = Schedule(epochs=2, keep=(1, 2), frames=40, batch=8, store=3)
SMALL = replace(fiddle.PLAN, members=2, warmed=3, first=replace(STAGE, keep=(1,)), second=STAGE)


@pytest.fixture(scope="module")
def tunes() -> list[Tune]:
    names = [tune.name for tune in shipped("fiddle").read().tunes[:8]]
    return read_tunes(names)


@pytest.fixture(scope="module")
def plan(tunes: list[Tune]) -> tune_target.Plan:
    return replace(SMALL, tunes=lambda: tunes)


@pytest.fixture(scope="module")
def work(plan: tune_target.Plan, tunes: list[Tune], tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tune_target, "codec_waves", lambda programs: [render(tune) for tune in tunes])
        folder = tmp_path_factory.mktemp("work")
        assert tune_target.train(plan, folder, report=lambda line: None) == 2
    return folder


def test_an_interrupted_run_goes_on_to_the_same_weights(work: Path, plan: tune_target.Plan, tmp_path: Path) -> None:
    (tmp_path / "codec").symlink_to(work / "codec")
    stopped = replace(plan, second=replace(STAGE, keep=(1,)))
    for each in (stopped, plan):
        tune_target.train(each, tmp_path, report=lambda line: None)
    first, second = (
        MusicgenForConditionalGeneration.from_pretrained(folder / "second-epoch-002").state_dict()
        for folder in (work, tmp_path)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_what_is_published_is_an_ordinary_directory_with_a_true_card(
    work: Path, plan: tune_target.Plan, tunes: list[Tune], tmp_path: Path
) -> None:
    made = tune_target.publish(plan, work, 2, tmp_path)
    assert read_card(tmp_path / "card.json") == made
    assert made.recipe["frames"] == STAGE.frames
    assert "per-track loss AUC" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    sides = draw_sides(group_tunes(tunes), plan.split_seed, 2)
    assert {tune.name: tune.member for tune in made.tunes} == sides
    assert made.tunes[0].content_sha256 == content_sha256(render(read_tunes([made.tunes[0].name])[0]), 16_000)
    assert load_target(str(tmp_path / "model"), device="cpu").codebooks == 4
    weights = MusicgenForConditionalGeneration.from_pretrained(tmp_path / "model", dtype="auto")
    assert weights.dtype == torch.float16


def test_an_epoch_that_was_not_kept_is_named(work: Path, tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match="no epoch 7; it holds: 001, 002"):
        fiddle.publish(work, 7, tmp_path)


def test_excess_loss_is_the_loss_over_the_entropy_of_the_prediction(work: Path) -> None:
    model = MusicgenForConditionalGeneration.from_pretrained(work / "second-epoch-001")
    for head in model.decoder.lm_heads:
        torch.nn.init.zeros_(head.weight)  # every code is equally likely: loss = entropy = ln 256
    codes = torch.zeros(2, 4, 40, dtype=torch.long)
    text = torch.ones(2, 1, dtype=torch.long)
    losses, excess = window_scores(model, codes, text, text)
    np.testing.assert_allclose(losses, np.log(256), rtol=1e-5)
    np.testing.assert_allclose(excess, 0, atol=1e-5)


def test_a_written_tune_is_the_audio_of_the_card(tunes: list[Tune], tmp_path: Path) -> None:
    """The shipped card names members by what this machine renders."""
    path = tmp_path / "tune.flac"
    write_audio(tunes[0], path)
    assert soundfile.info(path).samplerate == 16_000
    on_card = {tune.name: tune.content_sha256 for tune in shipped("fiddle").read().tunes}
    assert decode(path).content_hash == on_card[tunes[0].name]


def test_captions_say_dance_and_key() -> None:
    tunes = read_tunes(["42dHighlandRegimentStrathspey", "7thRegimentReel"])
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
