"""Stable Audio directories: schedule and answers, the pipeline's own inputs, padding, batches, refusals."""

import importlib
import json
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from importlib.util import find_spec
from math import pi
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

import numpy as np
import pytest
import torch
from diffusers import AutoencoderOobleck, StableAudioDiTModel, StableAudioPipeline
from diffusers.pipelines.stable_audio import StableAudioProjectionModel
from torch import Tensor, nn
from transformers import T5Config, T5EncoderModel

from earwitness.errors import TargetError
from earwitness.targets.protocols import DenoiserTarget, HearsWindows, Place, WhiteBox, WindowLaw
from earwitness.targets.stable_audio import StableAudioFamily
from earwitness.targets.stable_audio.latents import building_oobleck, reach_in_frames
from earwitness.targets.stable_audio.parametrisation import Level, Parametrisation
from earwitness.targets.stable_audio.target import StableAudio
from earwitness_bench.recipes.musicgen import caption_tokenizer

RATE, STRIDES, HOP, FRAMES, LATENT, TOKENS = 160, [2, 8], 16, 40, 4, 7
REACH, WINDOW = 10, 2 * RATE
PROMPTS = ["a slow reel in d major", "a jig"]

# The scheduler draws with torchsde, which only a step needs; its levels and conversions work without.
_absent = {} if find_spec("torchsde") else {"torchsde": ModuleType("torchsde")}
with patch.dict(sys.modules, _absent):
    CosineScheduler = importlib.import_module(
        "diffusers.schedulers.scheduling_cosine_dpmsolver_multistep"
    ).CosineDPMSolverMultistepScheduler


def random_weights(module: nn.Module, std: float = 0.3) -> None:
    """Weights large enough for every input to matter."""
    for parameter in module.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=std)


def tiny_pipeline() -> StableAudioPipeline:
    """Clips of 40 frames of 16 samples, 4 seconds of stereo; prompts of 7 tokens, projected from 12 to 16."""
    torch.manual_seed(0)
    tokenizer = caption_tokenizer(PROMPTS, max_length=TOKENS)
    with building_oobleck():
        vae = AutoencoderOobleck(
            encoder_hidden_size=2 * LATENT, downsampling_ratios=STRIDES, channel_multiples=[1, 2], decoder_channels=4,
            decoder_input_channels=LATENT, sampling_rate=RATE,
        )  # fmt: skip
    transformer = StableAudioDiTModel(
        sample_size=FRAMES, in_channels=LATENT, out_channels=LATENT, num_layers=2, attention_head_dim=16,
        num_attention_heads=2, num_key_value_attention_heads=1, cross_attention_dim=16, time_proj_dim=8,
        global_states_input_dim=32, cross_attention_input_dim=16,
    )  # fmt: skip
    projection = StableAudioProjectionModel(text_encoder_dim=12, conditioning_dim=16, min_value=0, max_value=8)
    text_encoder = T5EncoderModel(
        T5Config(vocab_size=len(tokenizer), d_model=12, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    ).eval()
    for part in (transformer, projection, text_encoder):
        random_weights(part)
    pipeline = StableAudioPipeline(
        vae=vae, text_encoder=text_encoder, projection_model=projection, tokenizer=tokenizer,
        transformer=transformer, scheduler=CosineScheduler(),
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def load(folder: Path, dtype: str = "float32") -> StableAudio:
    return StableAudioFamily.load(folder, name="tiny", device="cpu", dtype=dtype)


@pytest.fixture(scope="module")
def pipeline() -> StableAudioPipeline:
    return tiny_pipeline()


@pytest.fixture(scope="module")
def folder(pipeline: StableAudioPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stable-audio")
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def target(folder: Path) -> StableAudio:
    return load(folder)


@pytest.fixture(scope="module")
def waves() -> np.ndarray:
    return np.random.default_rng(0).normal(scale=0.2, size=(2, 2, WINDOW)).astype(np.float32)


class Enough(Exception):  # noqa: N818
    """What was to be seen has been seen."""


def seen_by(transformer: nn.Module, ask: Callable[[], object]) -> dict[str, Tensor]:
    """What the transformer is given when ``ask()`` first calls it."""
    seen: dict[str, Tensor] = {}

    def note(module: nn.Module, args: tuple[Tensor, Tensor], kwargs: dict[str, Tensor]) -> None:
        seen.update({"hidden_states": args[0], "timestep": args[1], **kwargs})
        raise Enough

    handle = transformer.register_forward_pre_hook(note, with_kwargs=True)
    with torch.no_grad(), suppress(Enough):
        ask()
    handle.remove()
    return seen


def random_latents(rows: int, frames: int, seed: int = 1) -> Tensor:
    return torch.randn(rows, LATENT, frames, generator=torch.Generator().manual_seed(seed))


def test_it_says_what_it_is(target: StableAudio, folder: Path) -> None:
    assert StableAudioFamily.matches(folder)
    assert isinstance(target, DenoiserTarget)
    assert isinstance(target, WhiteBox)
    assert (target.sample_rate, target.channels, target.hop_length, target.max_seconds) == (RATE, 2, HOP, 4.0)
    assert target.has_null_condition
    assert target.identity.family == "stable-audio"


def test_levels_are_the_middles_of_a_thousand_slices_of_the_models_time(target: StableAudio) -> None:
    expected = [np.cos((i + 0.5) * pi / 2000) ** 2 for i in range(1000)]
    np.testing.assert_allclose(target.alphas_cumprod.numpy(), expected, rtol=1e-12)
    assert target.alphas_cumprod.dtype == torch.float64


class Optimal(nn.Module):
    """The best denoiser of clips that are N(0, s²) everywhere, in the scheduler's own parametrisation."""

    dtype = torch.float32

    def __init__(self, scheduler: CosineScheduler, spread: float) -> None:
        super().__init__()
        self.scheduler, self.spread = scheduler, spread

    def forward(self, given: Tensor, time: Tensor, **conditions: object) -> tuple[Tensor]:
        sigma = torch.tan(time.double() * pi / 2)[:, None, None]
        one, none = torch.ones_like(sigma), torch.zeros_like(sigma)
        noisy = given.double() / self.scheduler.precondition_inputs(one, sigma)
        clip = noisy * self.spread**2 / (self.spread**2 + sigma**2)
        skip = self.scheduler.precondition_outputs(one, none, sigma)
        scale = self.scheduler.precondition_outputs(none, one, sigma)
        return (((clip - skip * noisy) / scale).float(),)


@pytest.mark.parametrize("answer", ["v_prediction", "epsilon"])
@pytest.mark.parametrize("sigma_data", [1.0, 0.5])
def test_the_best_denoiser_of_gaussian_clips_gives_the_expected_noise(
    tmp_path: Path, folder: Path, answer: str, sigma_data: float
) -> None:
    scheduler = CosineScheduler(prediction_type=answer, sigma_data=sigma_data)
    shutil.copytree(folder, tmp_path / "copy")
    scheduler.save_pretrained(tmp_path / "copy" / "scheduler")
    target, spread = load(tmp_path / "copy"), 0.7
    target._transformer = Optimal(scheduler, spread)
    timesteps = torch.tensor([0, 1, 37, 500, 900, 999])
    noisy = random_latents(6, 9)
    kept = target.alphas_cumprod[timesteps][:, None, None]
    expected = torch.sqrt(1 - kept) * noisy.double() / (kept * spread**2 + 1 - kept)
    answer = target.predict_noise(noisy, timesteps, [""] * 6)
    torch.testing.assert_close(answer.double(), expected, rtol=1e-4, atol=2e-6)


def test_the_noise_of_a_v_prediction_is_its_definition_turned_round() -> None:
    clip, noise = random_latents(3, 5), random_latents(3, 5, seed=2)
    level = Level.at(torch.tensor([3, 400, 998]))
    noisy = level.alpha * clip + level.sigma * noise
    v = level.alpha * noise - level.sigma * clip
    torch.testing.assert_close(Parametrisation().network_input(noisy, level), noisy)
    torch.testing.assert_close(Parametrisation().noise(noisy, v, level), noise, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("frames", "seconds"), [(20, 2), (40, 4)])
def test_the_transformer_is_given_what_the_pipeline_gives_it(
    target: StableAudio, pipeline: StableAudioPipeline, frames: int, seconds: int
) -> None:
    theirs = seen_by(
        pipeline.transformer,
        lambda: pipeline(PROMPTS, audio_end_in_s=float(seconds), num_inference_steps=2, guidance_scale=1.0),
    )
    ours = seen_by(
        target._transformer,
        lambda: target.predict_noise(random_latents(2, frames), torch.tensor([5, 700]), PROMPTS),
    )
    assert ours.keys() == theirs.keys()
    assert ours["hidden_states"].shape == theirs["hidden_states"].shape == (2, LATENT, FRAMES)
    for name in ("encoder_hidden_states", "global_hidden_states", "rotary_embedding"):
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours["timestep"], torch.tensor([0.0055, 0.7005]))


def test_a_window_is_told_where_it_stands_in_its_track(target: StableAudio, pipeline: StableAudioPipeline) -> None:
    """The crop's begin is rounded down and the file's length up, as in training; the condition alone is dropped."""
    assert isinstance(target, HearsWindows)
    assert target.window_law == WindowLaw(seconds=4.0, filled=True)
    asked = {"audio_start_in_s": 5.0, "audio_end_in_s": 8.0, "num_inference_steps": 2}
    theirs = seen_by(pipeline.transformer, lambda: pipeline(PROMPTS, guidance_scale=1.0, **asked))
    guided = seen_by(pipeline.transformer, lambda: pipeline(PROMPTS, guidance_scale=3.0, **asked))
    told = target.tell(np.zeros((2, 2, RATE), np.float32), PROMPTS, [Place(5.4, 7.2), Place(5.0, 8.0)])
    assert list(told.informed) == [True, True]
    assert told.null is not None
    for conditions, expected in ((told.conditions, theirs), (told.null, guided)):
        ours = seen_by(
            target._transformer,
            lambda conditions=conditions: target.predict_noise(
                random_latents(2, FRAMES), torch.tensor([5, 700]), conditions
            ),
        )
        for name in ("encoder_hidden_states", "global_hidden_states"):
            torch.testing.assert_close(ours[name], expected[name][:2], rtol=1e-5, atol=1e-6)
    (alone,) = target.tell(np.zeros((1, 2, RATE), np.float32), PROMPTS[:1], [None]).conditions
    assert (alone.start, alone.total) == (0, 1)


def test_the_noise_is_that_of_pipeline_and_scheduler(target: StableAudio, pipeline: StableAudioPipeline) -> None:
    sigma = np.tan(0.4005 * pi / 2)
    seen: dict[str, Tensor] = {}

    class Watched(CosineScheduler):
        def convert_model_output(self, model_output: Tensor, sample: Tensor) -> None:
            clip = super().convert_model_output(model_output, sample)
            seen.update(noise=(sample - clip) / sigma, noisy=sample / np.sqrt(1 + sigma**2))
            raise Enough

    parts = pipeline.components | {"scheduler": Watched(sigma_max=sigma, sigma_min=sigma / 2)}
    watched = StableAudioPipeline(**parts)
    watched.set_progress_bar_config(disable=True)
    with suppress(Enough):
        watched(PROMPTS, num_inference_steps=2, guidance_scale=1.0, latents=random_latents(2, FRAMES))
    with torch.no_grad():
        answer = target.predict_noise(seen["noisy"], torch.tensor([400, 400]), PROMPTS)
    torch.testing.assert_close(answer, seen["noise"], rtol=1e-3, atol=1e-3)


def test_no_prompt_is_the_pipelines_unconditional_input(target: StableAudio, pipeline: StableAudioPipeline) -> None:
    theirs = seen_by(
        pipeline.transformer, lambda: pipeline(PROMPTS, audio_end_in_s=2.0, num_inference_steps=2, guidance_scale=3.0)
    )
    ours = seen_by(
        target._transformer, lambda: target.predict_noise(random_latents(2, 20), torch.tensor([5, 700]), ["", ""])
    )
    for name in ("encoder_hidden_states", "global_hidden_states"):
        torch.testing.assert_close(ours[name], theirs[name][:2], rtol=1e-5, atol=1e-6)
    assert not ours["encoder_hidden_states"].any()


def test_batch_mates_change_nothing(target: StableAudio) -> None:
    noisy, timesteps, prompts = random_latents(4, 20), torch.tensor([0, 300, 300, 999]), [*PROMPTS, "", PROMPTS[0]]
    with torch.no_grad():
        together = target.predict_noise(noisy, timesteps, prompts)
        for i in range(4):
            alone = target.predict_noise(noisy[i : i + 1], timesteps[i : i + 1], prompts[i : i + 1])
            torch.testing.assert_close(alone[0], together[i], rtol=1e-3, atol=1e-4)
        other = target.predict_noise(noisy, timesteps, ["", "", PROMPTS[1], PROMPTS[1]])
    assert (other - together).abs().amax(dim=(1, 2)).min() > 0.01


def test_a_prompt_is_encoded_once(folder: Path) -> None:
    target, calls = load(folder), []
    target._condition._text_encoder.register_forward_hook(lambda *_: calls.append(1))
    for seed in range(3):
        target.predict_noise(random_latents(4, 20, seed), torch.tensor([1, 2, 3, 4]), [*PROMPTS, *PROMPTS])
    assert len(calls) == 2


def test_gradients_reach_the_input_and_all_that_was_trained(target: StableAudio) -> None:
    noisy = random_latents(2, 20).requires_grad_()
    target.predict_noise(noisy, torch.tensor([5, 700]), PROMPTS).square().sum().backward()
    assert (noisy.grad.abs().amax(dim=1) > 0).all()
    assert all(parameter.grad is not None for parameter in target.parameters())
    names = {*target._transformer.state_dict(), *target._projection.state_dict()}
    assert len(list(target.parameters())) == len(names)
    for parameter in target.parameters():
        parameter.grad = None


def test_latents_are_those_of_the_padded_clip(
    target: StableAudio, pipeline: StableAudioPipeline, waves: np.ndarray
) -> None:
    clip = torch.zeros(2, 2, FRAMES * HOP)
    clip[..., :WINDOW] = torch.from_numpy(waves)
    with torch.no_grad():
        whole = pipeline.vae.encode(clip).latent_dist.mean
    latents = target.encode(waves)
    assert latents.shape == (2, LATENT, 20)
    torch.testing.assert_close(latents, whole[..., :20], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(target.encode(waves[1:]), latents[1:])
    torch.testing.assert_close(target.encode(clip.numpy()), whole, rtol=1e-4, atol=1e-5)
    assert target.encode(waves[..., : 3 * HOP + 1]).shape[2] == 4


def test_a_window_reaches_the_transformer_as_its_noised_padded_clip(
    target: StableAudio, pipeline: StableAudioPipeline, waves: np.ndarray
) -> None:
    clip = torch.zeros(1, 2, FRAMES * HOP)
    clip[..., :WINDOW] = torch.from_numpy(waves[:1])
    with torch.no_grad():
        whole = pipeline.vae.encode(clip).latent_dist.mean[0]
    given = seen_by(
        target._transformer, lambda: target.predict_noise(whole[None, :, :20], torch.tensor([0]), PROMPTS[:1])
    )["hidden_states"][0]
    # Level 0 is all but free of noise. Frames that hear the window's end differ from silence by what they hear.
    inner = slice(20 + REACH, FRAMES)
    torch.testing.assert_close(given[:, :20], whole[:, :20])
    torch.testing.assert_close(given[:, inner], whole[:, inner], rtol=0, atol=4e-3)
    loud = seen_by(
        target._transformer, lambda: target.predict_noise(whole[None, :, :20], torch.tensor([500]), PROMPTS[:1])
    )["hidden_states"][0]
    noise = (loud - np.sqrt(0.5) * given)[:, 20:] / np.sqrt(0.5)
    assert 0.7 < float(noise.std()) < 1.3


def test_no_sample_changes_frames_beyond_its_reach(target: StableAudio) -> None:
    assert reach_in_frames(STRIDES) == REACH
    assert reach_in_frames([2, 4, 4, 8, 8]) == 8
    wave = np.zeros((1, 2, FRAMES * HOP), np.float32)
    touched = wave.copy()
    touched[..., 20 * HOP] = 1
    moved = (target.encode(wave) - target.encode(touched)).abs().amax(dim=(0, 1)) > 1e-6
    frames = np.flatnonzero(moved.numpy())
    assert 20 - REACH <= frames.min() < 20 - 1
    assert 20 + 1 < frames.max() <= 20 + REACH


def test_samples_are_clipped_as_the_training_data_were(target: StableAudio, waves: np.ndarray) -> None:
    loud = 9 * waves
    torch.testing.assert_close(target.encode(loud), target.encode(loud.clip(-1, 1)))


@pytest.mark.parametrize(
    ("samples", "seconds"), [(1, 1), (44_100, 1), (5 * 44_100, 5), (242_550, 6), (10 * 44_100, 10), (2_097_152, 48)]
)
def test_the_length_is_whole_seconds_rounded_up(target: StableAudio, samples: int, seconds: int) -> None:
    published = copy(target)
    published.sample_rate, published.hop_length = 44_100, 2048
    assert published._seconds(-(-samples // 2048)) == seconds


def test_waves_that_do_not_fit_are_refused(target: StableAudio, waves: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"2 channel"):
        target.encode(waves[:, 0])
    with pytest.raises(ValueError, match="a clip has 640"):
        target.encode(np.zeros((1, 2, 641), np.float32))


@pytest.mark.parametrize(("dtype", "close"), [("float16", 0.01), ("bfloat16", 0.08)])
def test_lower_precision_is_close(
    folder: Path, target: StableAudio, waves: np.ndarray, dtype: str, close: float
) -> None:
    low = load(folder, dtype)
    torch.testing.assert_close(low.encode(waves), target.encode(waves))
    noisy, timesteps = random_latents(3, 20), torch.tensor([100, 500, 900])
    with torch.no_grad():
        answers = [each.predict_noise(noisy, timesteps, [*PROMPTS, ""]) for each in (low, target)]
    assert answers[0].dtype == torch.float32
    assert float((answers[0] - answers[1]).norm() / answers[1].norm()) < close


@pytest.mark.parametrize(
    ("file", "changes", "needed"),
    [
        ("scheduler/scheduler_config.json", {"_class_name": "DDIMScheduler"}, "CosineDPMSolverMultistepScheduler is"),
        ("scheduler/scheduler_config.json", {"prediction_type": "sample"}, "predicts 'sample'"),
        ("scheduler/scheduler_config.json", {"sigma_data": 0}, "sigma_data 0"),
        ("transformer/config.json", {"_class_name": "Evil"}, "no StableAudioDiTModel"),
        ("transformer/config.json", {"quantization_config": {"quant_method": "x"}}, "quantised"),
        ("transformer/config.json", {"num_layers": 3}, "lacks weights"),
        ("transformer/config.json", {"in_channels": 5}, "could not be loaded"),
        ("projection_model/config.json", {"conditioning_dim": 12}, "could not be loaded|lacks weights"),
        ("vae/config.json", {"decoder_input_channels": 5}, "could not be loaded"),
        ("tokenizer/tokenizer_config.json", {"model_max_length": 10**30}, "no model_max_length"),
        ("text_encoder/config.json", {"num_layers": 2}, "lacks weights"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, folder: Path, file: str, changes: dict[str, object], needed: str
) -> None:
    changed = shutil.copytree(folder, tmp_path / "copy")
    config = json.loads((changed / file).read_text())
    (changed / file).write_text(json.dumps(config | changes))
    with pytest.raises(TargetError, match=needed) as caught:
        load(changed)
    assert "\n" not in str(caught.value)


def test_components_of_two_models_are_refused(tmp_path: Path, folder: Path) -> None:
    changed = shutil.copytree(folder, tmp_path / "copy")
    StableAudioProjectionModel(12, 24, 0, 8).save_pretrained(changed / "projection_model")
    with pytest.raises(TargetError, match="width of the condition 24, but 16"):
        load(changed)


def test_a_pickle_and_a_missing_component_are_refused(tmp_path: Path, folder: Path) -> None:
    changed = shutil.copytree(folder, tmp_path / "copy")
    weights = changed / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(TargetError, match=r"transformer in .* under another name; call it .safetensors"):
        load(changed)
    shutil.rmtree(changed / "vae")
    weights.with_suffix(".bin").rename(weights)
    with pytest.raises(TargetError, match=r"vae in .* is no AutoencoderOobleck"):
        load(changed)
    (changed / "model_index.json").unlink()
    assert not StableAudioFamily.matches(changed)
    with pytest.raises(TargetError, match="holds no Stable Audio"):
        load(changed)
