"""ACE-Step 1.5: the pipeline's own inputs, the known best answer, both layouts, refusals."""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    AceStepPipeline,
    AutoencoderOobleck,
    FlowMatchEulerDiscreteScheduler,
)
from safetensors.torch import load_file, save_file
from torch import Tensor

from earwitness.errors import TargetError
from earwitness.targets.ace_step import AceStepFamily
from earwitness.targets.ace_step.model import AceStep
from earwitness.targets.ace_step.parts import needed
from earwitness.targets.protocols import DenoiserTarget, WhiteBox
from tests.targets.ace_step_tiny import CHANNELS, FRAMES, HOP, RATE, load, save_release, save_tiny_ace_step

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")  # the library's own, from Oobleck

PROMPTS = ["a reel", "", "a slow jig in d"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_ace_step(tmp_path_factory.mktemp("ace-step"))


@pytest.fixture(scope="module")
def target(folder: Path) -> AceStep:
    return load(folder)


@pytest.fixture(scope="module")
def waves() -> np.ndarray:
    return np.random.default_rng(0).normal(scale=0.3, size=(3, 2, 5 * RATE)).astype(np.float32)


@pytest.fixture(scope="module")
def noisy() -> Tensor:
    return torch.randn(3, 25, CHANNELS, generator=torch.Generator().manual_seed(0))


def predict(target: AceStep, noisy: Tensor, timesteps: list[int], prompts: list[str]) -> Tensor:
    with torch.no_grad():
        return target.predict_noise(noisy, torch.tensor(timesteps), prompts)


def test_it_says_what_it_is(target: AceStep, folder: Path) -> None:
    assert AceStepFamily.matches(folder)
    assert not AceStepFamily.matches(folder / "transformer")
    assert isinstance(target, DenoiserTarget)
    assert isinstance(target, WhiteBox)
    assert (target.sample_rate, target.channels, target.hop_length, target.max_seconds) == (RATE, 2, HOP, 3000.0)
    assert target.has_null_condition
    levels = target.alphas_cumprod
    assert levels.dtype == torch.float64
    assert (levels.diff() < 0).all()
    assert levels[0] > 1 - 1e-6
    assert levels[-1] < 1e-6


def test_latents_are_the_posteriors_means(target: AceStep, folder: Path, waves: np.ndarray) -> None:
    vae = AutoencoderOobleck.from_pretrained(folder / "vae")
    with torch.no_grad():
        mean, scale = vae.encoder(torch.from_numpy(waves)).chunk(2, dim=1)
    latents = target.encode(waves)
    assert latents.shape == (3, 25, CHANNELS)
    torch.testing.assert_close(latents, mean.transpose(1, 2))
    assert scale.std() > 0.1  # a draw would be elsewhere
    assert torch.equal(latents, target.encode(waves))
    torch.testing.assert_close(latents[1:2], target.encode(waves[1:2]))
    assert target.encode(waves[..., : 3 * HOP + 1]).shape[1] == 4


def _heard(pipeline: AceStepPipeline, **arguments: Any) -> list[dict[str, Tensor]]:
    """What the pipeline's own call gives its transformer, step by step, with the answers."""
    steps: list[dict[str, Tensor]] = []

    def note(module: torch.nn.Module, positional: tuple[()], given: dict[str, Any], answer: tuple[Tensor]) -> None:
        steps.append({name: value for name, value in given.items() if isinstance(value, Tensor)} | {"u": answer[0]})

    handle = pipeline.transformer.register_forward_hook(note, with_kwargs=True)
    pipeline.set_progress_bar_config(disable=True)
    words = {"lyrics": "[Instrumental]", "vocal_language": "unknown"}  # what a piece without words is labelled with
    pipeline(output_type="latent", generator=torch.Generator().manual_seed(0), **words, **arguments)
    handle.remove()
    return steps


@pytest.fixture(scope="module")
def pipeline(folder: Path) -> AceStepPipeline:
    return AceStepPipeline.from_pretrained(folder)


def _asked(target: AceStep, step: dict[str, Tensor], prompt: str) -> list[dict[str, Tensor]]:
    """What we give the transformer at a step of the pipeline: its state, and the level nearest its time."""
    sigma = float(step["timestep"][0])
    t = int(sigma * len(target.alphas_cumprod))
    at = target.alphas_cumprod[t]
    given: list[dict[str, Tensor]] = []
    handle = target._transformer.register_forward_pre_hook(
        lambda module, positional, arguments: given.append(arguments), with_kwargs=True
    )
    noisy = step["hidden_states"][:1] * float(at.sqrt() + (1 - at).sqrt())
    predict(target, noisy, [t], [prompt])
    handle.remove()
    return given


def test_the_transformer_hears_what_the_pipeline_gives_it(target: AceStep, pipeline: AceStepPipeline) -> None:
    times = [0.8005, 0.3005, 0.0305]
    steps = _heard(pipeline, prompt=PROMPTS[2], audio_duration=5.0, guidance_scale=1.0, timesteps=times)
    assert [float(step["timestep"][0]) for step in steps] == pytest.approx(times)
    for step in steps:
        (given,) = _asked(target, step, PROMPTS[2])
        for name in ("hidden_states", "timestep", "timestep_r", "encoder_hidden_states", "context_latents"):
            torch.testing.assert_close(given[name], step[name], rtol=1e-5, atol=1e-6)


def test_the_null_condition_is_the_pipelines(target: AceStep, pipeline: AceStepPipeline) -> None:
    (step,) = _heard(pipeline, prompt=PROMPTS[2], audio_duration=5.0, guidance_scale=7.0, timesteps=[0.5005])
    assert len(step["u"]) == 2  # the second row is without a condition
    state, null = step["hidden_states"][1:], step["u"][1:]
    at = target.alphas_cumprod[500]
    ours = predict(target, state * float(at.sqrt() + (1 - at).sqrt()), [500], [""])
    torch.testing.assert_close(ours, state + (1 - 0.5005) * null, rtol=1e-4, atol=1e-5)
    with_prompt = predict(target, state * float(at.sqrt() + (1 - at).sqrt()), [500], [PROMPTS[2]])
    assert (ours - with_prompt).abs().max() > 0.01


class _Best(torch.nn.Module):
    """The best velocity for latents that are independent draws of N(0, s²)."""

    spread = 1.7
    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, hidden_states: Tensor, timestep: Tensor, **others: object) -> tuple[Tensor]:
        sigma = (timestep / self.steps).view(-1, 1, 1)
        variance = (1 - sigma) ** 2 * self.spread**2 + sigma**2
        return ((sigma - (1 - sigma) * self.spread**2) / variance * hidden_states,)


@pytest.mark.parametrize("steps", [1, 1000])
def test_the_best_denoiser_gives_the_best_noise(folder: Path, noisy: Tensor, steps: int) -> None:
    target = load(folder)
    target._transformer = _Best(steps)
    target._pipeline.scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=steps)
    timesteps = [0, 300, 999]
    level = target.alphas_cumprod[timesteps].view(-1, 1, 1)
    expected = (1 - level).sqrt() * noisy / (level * _Best.spread**2 + 1 - level)  # E[ε | z_t]
    torch.testing.assert_close(predict(target, noisy, timesteps, PROMPTS), expected.float(), rtol=1e-5, atol=1e-5)


def test_batch_mates_change_nothing(target: AceStep, noisy: Tensor) -> None:
    timesteps, prompts = [10, 400, 950], PROMPTS
    together = predict(target, noisy, timesteps, prompts)
    for i in range(3):
        alone = predict(target, noisy[i : i + 1], timesteps[i : i + 1], prompts[i : i + 1])
        torch.testing.assert_close(alone[0], together[i], rtol=1e-4, atol=1e-5)
    same = predict(target, noisy[:1].repeat(3, 1, 1), [400] * 3, prompts)
    assert min((same[0] - same[1]).abs().max(), (same[0] - same[2]).abs().max()) > 0.01


def test_a_prompt_is_encoded_once_and_serves_a_gradient_later(folder: Path, noisy: Tensor) -> None:
    target = load(folder)
    calls: list[int] = []
    target._pipeline.text_encoder.register_forward_hook(lambda *arguments: calls.append(1))
    with torch.inference_mode():
        first = target.predict_noise(noisy, torch.tensor([100] * 3), PROMPTS)
    state = noisy.clone().requires_grad_()
    again = target.predict_noise(state, torch.tensor([100] * 3), PROMPTS)
    assert len(calls) == 2  # two prompts; none is needed for the null condition
    torch.testing.assert_close(first.clone(), again)
    again.square().sum().backward()
    assert state.grad is not None
    assert all(row.abs().sum() > 0 for row in state.grad)
    assert all(parameter.grad is not None for parameter in target.parameters())


@pytest.mark.parametrize(("dtype", "within"), [("bfloat16", 0.05), ("float16", 0.01)])
def test_half_precision_is_close(
    target: AceStep, folder: Path, noisy: Tensor, waves: Any, dtype: str, within: float
) -> None:
    half = load(folder, dtype)
    assert half.identity.dtype == dtype
    assert torch.equal(half.encode(waves), target.encode(waves))
    full, rough = (predict(model, noisy, [50, 500, 900], PROMPTS) for model in (target, half))
    assert rough.dtype == torch.float32
    assert (full - rough).abs().max() < within * full.abs().max()


def test_a_turbo_checkpoint_has_no_null_condition(tmp_path: Path, noisy: Tensor) -> None:
    turbo = load(save_tiny_ace_step(tmp_path / "turbo", turbo=True))
    assert not turbo.has_null_condition
    pipeline = AceStepPipeline.from_pretrained(tmp_path / "turbo")
    (step,) = _heard(pipeline, prompt="", audio_duration=5.0, guidance_scale=1.0, timesteps=[0.5005])
    (given,) = _asked(turbo, step, "")
    torch.testing.assert_close(given["encoder_hidden_states"], step["encoder_hidden_states"])


def test_the_releases_own_layout_is_the_same_model(
    target: AceStep, folder: Path, tmp_path: Path, noisy: Tensor, waves: np.ndarray
) -> None:
    model = save_release(folder, tmp_path)
    assert AceStepFamily.matches(model)
    release = load(model)
    assert torch.equal(release.encode(waves), target.encode(waves))
    timesteps = [10, 400, 950]
    ours, theirs = (predict(model, noisy, timesteps, PROMPTS) for model in (target, release))
    torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-5)
    assert release.identity.weights_sha256 == target.identity.weights_sha256
    assert AceStepFamily.matches(tmp_path)
    path = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    changed = load_file(path)
    changed["decoder.conv1.bias"][0] += 1
    save_file(changed, path)
    assert load(tmp_path).identity.weights_sha256 != target.identity.weights_sha256


def _without_weight(path: Path) -> None:
    weights = load_file(path)
    weights.pop(sorted(weights)[0])
    save_file(weights, path)


def _without_silence(folder: Path) -> None:
    path = folder / "condition_encoder" / "diffusion_pytorch_model.safetensors"
    save_file(load_file(path) | {"silence_latent": torch.zeros(1, FRAMES, CHANNELS)}, path)


def _other_vae(folder: Path) -> None:
    AutoencoderOobleck(
        encoder_hidden_size=4, downsampling_ratios=[2, 4], channel_multiples=[1, 2], decoder_channels=4,
        decoder_input_channels=2,
    ).save_pretrained(folder / "vae")  # fmt: skip


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this ran",)


def _as_pickle(folder: Path) -> None:
    path = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(path) | {"evil": _Evil()}, path.with_suffix(".bin"))
    path.unlink()


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no vae": (lambda folder: shutil.rmtree(folder / "vae"), "vae could not be loaded"),
    "no tokenizer": (lambda folder: shutil.rmtree(folder / "tokenizer"), "tokenizer"),
    "no scheduler": (lambda folder: shutil.rmtree(folder / "scheduler"), "scheduler"),
    "a weight is missing": (
        lambda folder: _without_weight(folder / "transformer" / "diffusion_pytorch_model.safetensors"),
        "transformer lacks weights",
    ),
    "a text weight is missing": (
        lambda folder: _without_weight(folder / "text_encoder" / "model.safetensors"),
        "text_encoder lacks weights",
    ),
    "damaged": (
        lambda folder: (folder / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"no weights"),
        "vae could not be loaded",
    ),
    "a pickle": (_as_pickle, "transformer.*would run code"),
    "placeholder": (_without_silence, "silence is all zeros"),
    "parts of two models": (_other_vae, "latent channels of the vae is 2, but 4 fits"),
    "backwards": (
        lambda folder: FlowMatchEulerDiscreteScheduler(invert_sigmas=True).save_pretrained(folder / "scheduler"),
        "runs time backwards",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_used_is_refused_in_a_line(tmp_path: Path, folder: Path, case: str) -> None:
    harm, needed = BROKEN[case]
    copy = shutil.copytree(folder, tmp_path / "ace-step")
    harm(copy)
    with pytest.raises(TargetError, match=needed) as caught:
        load(copy)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("missing", "needed"),
    [
        ("../vae", "needs vae in it or beside it"),
        ("model", "has no model.safetensors"),
        ("silence_latent.pt", "silence"),
    ],
)
def test_an_incomplete_release_is_refused_in_a_line(tmp_path: Path, folder: Path, missing: str, needed: str) -> None:
    model = save_release(folder, tmp_path)
    for path in model.glob("model*") if missing == "model" else [model / missing]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(TargetError, match=needed) as caught:
        load(model)
    assert "\n" not in str(caught.value)


def test_a_model_of_several_has_to_be_named(tmp_path: Path, folder: Path) -> None:
    model = save_release(folder, tmp_path)
    shutil.copytree(model, tmp_path / "acestep-v15-turbo")
    with pytest.raises(TargetError, match=r"several models \(acestep-v15-base, acestep-v15-turbo\); give one"):
        load(tmp_path)
    with pytest.raises(TargetError, match="holds no ACE-Step"):
        load(tmp_path / "vae")


def test_loading_is_silent(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(folder)
    assert capfd.readouterr() == ("", "")


def test_a_release_that_does_not_fit_its_settings_is_refused(tmp_path: Path, folder: Path) -> None:
    model = save_release(folder, tmp_path)
    _without_weight(min(model.glob("model*")))
    with pytest.raises(TargetError, match=r"does not fit its config.json .* is missing"):
        load(model)


def test_a_library_without_the_classes_is_named() -> None:
    with pytest.raises(TargetError, match="has no AceStep3Pipeline; get a newer one"):
        needed("AceStep3Pipeline")
