"""The diffusion and the flow recipes in small: they run, resume to the same weights, and publish what they say."""

from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AceStepTransformer1DModel, AudioLDM2UNet2DConditionModel, UNet2DConditionModel
from diffusers.pipelines.deprecated.audioldm.pipeline_audioldm import AudioLDMPipeline

from earwitness.audio import decode
from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import read_card
from earwitness.ground_truth.fiddle.tunes import Tune, read_tunes, write_track
from earwitness.ground_truth.hum.tunes import WINDOW_SAMPLES
from earwitness.ground_truth.registry import shipped
from earwitness.targets import load_target
from earwitness_bench.recipes import brook, drone, hum
from earwitness_bench.recipes.denoiser import Training
from earwitness_bench.recipes.mel_vae import REDUCTION

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")]
TRAINING = Training(keep=(1, 2), batch=3, store=2, fresh_every=1, warm_up_steps=1)


@dataclass(frozen=True)
class Case:
    recipe: ModuleType
    settings: Any
    network: Any


CASES = {
    "hum": Case(hum, hum.Settings(members=2, training=TRAINING), UNet2DConditionModel),
    "drone": Case(drone, drone.Settings(members=2, training=TRAINING), AudioLDM2UNet2DConditionModel),
    "brook": Case(brook, brook.Settings(members=2, training=TRAINING), AceStepTransformer1DModel),
}


@pytest.fixture(scope="module")
def tunes() -> list[Tune]:
    return read_tunes([tune.name for tune in shipped("fiddle").read().tunes[:8]])


@pytest.fixture(scope="module", params=list(CASES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def work(name: str, tunes: list[Tune], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(name)
    case = CASES[name]
    assert case.recipe.train(folder, report=lambda line: None, tunes=tunes, settings=case.settings) == 2
    return folder


def test_an_interrupted_run_goes_on_to_the_same_weights(
    name: str, work: Path, tunes: list[Tune], tmp_path: Path
) -> None:
    case = CASES[name]
    for made in ("asked.npy", "frozen", "vae", "untrained"):  # what is not trained by the loop
        if (work / made).exists():
            (tmp_path / made).symlink_to(work / made)
    stopped = replace(case.settings, training=replace(TRAINING, keep=(1,)))
    for settings in (stopped, case.settings):
        case.recipe.train(tmp_path, report=lambda line: None, tunes=tunes, settings=settings)
    first, second = (case.network.from_pretrained(folder / "epoch-0002").state_dict() for folder in (work, tmp_path))
    assert all(torch.equal(first[part], second[part]) for part in first)


def test_what_is_published_is_a_target_with_a_true_card(
    name: str, work: Path, tunes: list[Tune], tmp_path: Path
) -> None:
    case = CASES[name]
    made = case.recipe.publish(work, 2, tmp_path, tunes=tunes, settings=case.settings)
    assert read_card(tmp_path / "card.json") == made
    assert sum(tune.member for tune in made.tunes) == 2
    sides = [{tune.group for tune in made.tunes if tune.member is side} for side in (True, False)]
    assert not sides[0] & sides[1]
    target = load_target(str(tmp_path / "model"), device="cpu")
    assert target.identity.family == {"hum": "audioldm", "drone": "audioldm2", "brook": "ace-step"}[name]
    written = write_track(made.tunes[0].name, tmp_path, case.recipe.PROGRAMS)
    assert decode(written.path).content_hash == written.content_sha256 == made.tunes[0].content_sha256
    with pytest.raises(EarwitnessError, match="no epoch 7; it holds: 0001, 0002"):
        case.recipe.publish(work, 7, tmp_path)
    if name == "hum":
        _makes_sound_of_a_windows_length(tmp_path / "model")


def _makes_sound_of_a_windows_length(model: Path) -> None:
    pipeline = AudioLDMPipeline.from_pretrained(model, dtype=torch.float32)
    assert pipeline.unet.config.class_embeddings_concat
    assert pipeline.vae_scale_factor == REDUCTION
    audio = pipeline("a reel in A major", num_inference_steps=2, generator=torch.Generator().manual_seed(0)).audios
    assert audio.shape == (1, WINDOW_SAMPLES)
    assert np.isfinite(audio).all()


def test_the_epochs_are_watched(work: Path) -> None:
    lines = (work / "log.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert '"sima": [' in lines[0]
