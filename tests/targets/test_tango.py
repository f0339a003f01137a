"""Tango: VAE, mel and text against the original written out, ε for every kind of prediction, refusals."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from earwitness.errors import TargetError
from earwitness.targets.mel_diffusion import MelDiffusion
from earwitness.targets.protocols import DenoiserTarget, WhiteBox, WindowLaw
from earwitness.targets.tango import TangoFamily
from earwitness.testing import check_target
from tests.targets.tango_original import (
    BANDS,
    CHANNELS,
    HOP,
    MAIN_CONFIG,
    RATE,
    SCHEDULER_CONFIG,
    STFT_CONFIG,
    UNET_CONFIG,
    VAE_CONFIG,
    Original,
    save_json,
    save_release,
)

PROMPTS = ["a dog barks in the rain and " * 3, "slow piano", ""]  # the first is longer than the tokenizer allows
MAIN, VAE, STFT = "main_config.json", "vae_config.json", "stft_config.json"
UNET, SCHEDULER = "configs/diffusion_model_config.json", "scheduler/scheduler_config.json"
TIMESTEPS = torch.tensor([3, 400, 999])


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return save_release(tmp_path_factory.mktemp("tango"))


@pytest.fixture(scope="module")
def target(original: Original) -> MelDiffusion:
    return load(original.folder)


@pytest.fixture(scope="module")
def noisy() -> Tensor:
    return torch.randn(3, CHANNELS, 8, BANDS // 4, generator=torch.Generator().manual_seed(1))


def load(folder: Path, dtype: str = "float32") -> MelDiffusion:
    return TangoFamily.load(folder, name="tiny", device="cpu", dtype=dtype)


def answer(target: MelDiffusion, noisy: Tensor, timesteps: Tensor, prompts: list[str]) -> Tensor:
    with torch.no_grad():
        return target.predict_noise(noisy, timesteps, prompts)


def test_it_says_what_it_is(target: MelDiffusion, original: Original, tmp_path: Path) -> None:
    assert TangoFamily.matches(original.folder)
    assert not TangoFamily.matches(tmp_path)
    assert isinstance(target, DenoiserTarget)
    assert isinstance(target, WhiteBox)
    assert (target.sample_rate, target.hop_length, target.channels) == (RATE, 4 * HOP, 1)
    assert target.max_seconds == 10.24  # the 1024 frames that the trainer cuts every file to
    assert target.window_law == WindowLaw(seconds=10.24, place="first", filled=True, channel="first")
    assert target.identity.family == "tango"
    assert sum(p.numel() for p in target.parameters()) == sum(p.numel() for p in original.unet.parameters())


def test_it_keeps_the_contract(target: MelDiffusion) -> None:
    with torch.no_grad():
        assert len(list(check_target(target))) >= 4


@pytest.mark.slow
def test_latents_are_those_of_the_original(target: MelDiffusion, original: Original) -> None:
    rng = np.random.default_rng(0)
    for samples in (10 * 4 * HOP, 9 * 4 * HOP + 123):
        waves = rng.normal(0.01, 0.1, size=(2, samples)).astype(np.float32)
        with torch.no_grad():
            theirs = torch.cat([original.latent(wave) for wave in waves])
        ours = target.encode(waves)
        assert ours.dtype == torch.float32
        assert ours.shape == (2, CHANNELS, 256, BANDS // 4)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
        assert theirs.std() > 0.1
        torch.testing.assert_close(target.encode(waves[1:]), ours[1:], rtol=1e-5, atol=1e-5)


def test_a_tone_stands_in_its_band(target: MelDiffusion) -> None:
    tone = 0.5 * torch.sin(2 * torch.pi * 1000 * torch.arange(6400) / RATE)
    mel = target._mel.log_mel(tone[None])[0, 5:-5]
    # A tone of amplitude ½ on bin 32 is 64 in that bin under a Hann window of 512, and 32 in its neighbours.
    filters = target._mel.filters[:, 31:34].double()
    expected = (filters @ torch.tensor([32.0, 64.0, 32.0]).double()).clamp_min(1e-5).log()
    loud = expected > -5
    torch.testing.assert_close(mel[:, loud].double(), expected[loud].expand(len(mel), -1), rtol=0, atol=2e-3)
    assert mel.mean(dim=0).argmax() == expected.argmax()


def test_silence_is_a_latent_like_any_other(target: MelDiffusion) -> None:
    assert torch.isfinite(target.encode(np.zeros((1, 6400), np.float32))).all()


def their_noise(original: Original, noisy: Tensor, heard: tuple[Tensor, Tensor]) -> Tensor:
    """ε = √ᾱ v + √(1 − ᾱ) z_t of the original's network, which predicts v, for its own inputs."""
    kept = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)[TIMESTEPS.numpy(), None, None, None]
    with torch.no_grad():
        velocity = original.unet(noisy, TIMESTEPS, heard[0], encoder_attention_mask=heard[1]).sample
    return torch.from_numpy(np.sqrt(kept) * velocity.numpy() + np.sqrt(1 - kept) * noisy.numpy()).float()


def test_noise_is_that_of_the_original_for_its_own_inputs(
    target: MelDiffusion, original: Original, noisy: Tensor
) -> None:
    theirs = their_noise(original, noisy, original.heard(PROMPTS))
    torch.testing.assert_close(answer(target, noisy, TIMESTEPS, PROMPTS), theirs, rtol=1e-4, atol=1e-4)


def test_an_empty_prompt_is_the_other_side_of_guidance(target: MelDiffusion, original: Original, noisy: Tensor) -> None:
    theirs = their_noise(original, noisy, original.unheard(PROMPTS))
    null = answer(target, noisy, TIMESTEPS, ["", "", ""])
    torch.testing.assert_close(null, theirs, rtol=1e-4, atol=1e-4)
    difference = (answer(target, noisy, TIMESTEPS, PROMPTS) - null).abs().amax(dim=(1, 2, 3))
    assert (difference[:2] > 0.001).all()
    assert difference[2] < 1e-5


def test_the_network_is_given_what_the_original_gives_it(
    target: MelDiffusion, original: Original, noisy: Tensor
) -> None:
    given: list[dict[str, Tensor]] = []
    hook = target._unet.register_forward_pre_hook(
        lambda _, arguments, named: given.append({"sample": arguments[0], "timestep": arguments[1]} | named),
        with_kwargs=True,
    )
    answer(target, noisy, TIMESTEPS, PROMPTS)
    hook.remove()
    states, mask = original.heard(PROMPTS)
    (inputs,) = given
    assert set(inputs) == {"sample", "timestep", "encoder_hidden_states", "encoder_attention_mask"}
    assert torch.equal(inputs["sample"], noisy)
    assert torch.equal(inputs["timestep"], TIMESTEPS)
    assert inputs["encoder_attention_mask"].dtype == torch.bool
    assert torch.equal(inputs["encoder_attention_mask"], mask)
    torch.testing.assert_close(inputs["encoder_hidden_states"][mask], states[mask], rtol=1e-5, atol=1e-5)


def test_batch_mates_change_nothing(target: MelDiffusion, noisy: Tensor) -> None:
    together = answer(target, noisy, TIMESTEPS, PROMPTS)
    for row in range(3):
        alone = answer(target, noisy[row : row + 1], TIMESTEPS[row : row + 1], PROMPTS[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-5, atol=1e-5)


def test_the_prompts_of_a_batch_are_encoded_together_and_once(original: Original, noisy: Tensor) -> None:
    target = load(original.folder)
    seen: list[int] = []
    target._condition._encoder.register_forward_hook(lambda *_: seen.append(1))
    for _ in range(3):
        answer(target, noisy, TIMESTEPS, ["slow piano", "a dog", "slow piano"])
    assert len(seen) == 1


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("steps", [1000, 50])
def test_the_answer_is_the_noise_whatever_the_checkpoint_predicts(
    tmp_path: Path, original: Original, monkeypatch: pytest.MonkeyPatch, prediction: str, steps: int
) -> None:
    stated = {"prediction_type": prediction, "num_train_timesteps": steps}
    folder = copied(original, tmp_path, {SCHEDULER: SCHEDULER_CONFIG | stated})
    target = load(folder)
    alphas = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, steps) ** 2)
    np.testing.assert_allclose(target.alphas_cumprod.numpy(), alphas, rtol=1e-4)
    variance = 1.7**2
    timesteps = torch.tensor([0, steps // 2, steps - 1])
    kept = torch.tensor(alphas[timesteps.numpy()], dtype=torch.float32).reshape(3, 1, 1, 1)

    def known(noisy: Tensor, timestep: Tensor, **_: Tensor) -> SimpleNamespace:
        assert torch.equal(timestep, timesteps)
        total = kept * variance + 1 - kept
        noise, data = (1 - kept).sqrt() / total * noisy, kept.sqrt() * variance / total * noisy
        answers = {"epsilon": noise, "sample": data, "v_prediction": kept.sqrt() * noise - (1 - kept).sqrt() * data}
        return SimpleNamespace(sample=answers[prediction])

    monkeypatch.setattr(target._unet, "forward", known)
    latent, noise = torch.randn(2, 3, CHANNELS, 8, 4, generator=torch.Generator().manual_seed(2)).unbind()
    mixed = kept.sqrt() * 1.7 * latent + (1 - kept).sqrt() * noise
    expected = (1 - kept).sqrt() / (kept * variance + 1 - kept) * mixed
    torch.testing.assert_close(answer(target, mixed, timesteps, PROMPTS), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("dtype", "near"), [("bfloat16", 0.03), ("float16", 0.005)])
def test_other_precisions_are_near_and_latents_do_not_depend_on_them(
    target: MelDiffusion, original: Original, noisy: Tensor, dtype: str, near: float
) -> None:
    other = load(original.folder, dtype)
    theirs, ours = answer(target, noisy, TIMESTEPS, PROMPTS), answer(other, noisy, TIMESTEPS, PROMPTS)
    assert ours.dtype == torch.float32
    assert next(other.parameters()).dtype == getattr(torch, dtype)
    assert (ours - theirs).square().mean().sqrt() < near * theirs.square().mean().sqrt()
    wave = np.random.default_rng(3).normal(size=(1, 6400)).astype(np.float32)
    assert torch.equal(other.encode(wave), target.encode(wave))
    states = [each._condition(PROMPTS)["encoder_hidden_states"] for each in (target, other)]
    assert torch.equal(*states)


def test_gradients_reach_the_noisy_latent_and_the_denoiser(original: Original, noisy: Tensor) -> None:
    target = load(original.folder)
    leaf = noisy.clone().requires_grad_()
    target.predict_noise(leaf, TIMESTEPS, PROMPTS).square().sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.abs().sum() > 0
    assert all(parameter.grad is not None for parameter in target.parameters())


def test_condition_dropout_is_what_the_checkpoint_says(
    original: Original, target: MelDiffusion, noisy: Tensor, tmp_path: Path
) -> None:
    assert not target.has_null_condition
    trained = load(copied(original, tmp_path, {MAIN: MAIN_CONFIG | {"uncondition": True}}))
    assert trained.has_null_condition
    heard, mask = original.heard(PROMPTS[:1])
    zeroed = their_noise(original, noisy, (torch.zeros_like(heard).expand(3, -1, -1), mask.expand(3, -1)))
    torch.testing.assert_close(answer(trained, noisy, TIMESTEPS, ["", "", ""]), zeroed, rtol=1e-4, atol=1e-4)
    empty = answer(target, noisy, TIMESTEPS, ["", "", ""])
    assert (empty - zeroed).norm() > 0.01 * zeroed.norm()
    torch.testing.assert_close(
        answer(trained, noisy, TIMESTEPS, PROMPTS)[:2], answer(target, noisy, TIMESTEPS, PROMPTS)[:2]
    )
    assert trained.identity.weights_sha256 == target.identity.weights_sha256
    assert trained.identity.settings_sha256 != target.identity.settings_sha256


def test_the_tied_embedding_may_be_stored_once(
    original: Original, target: MelDiffusion, noisy: Tensor, tmp_path: Path
) -> None:
    def drop(tensors: dict[str, Tensor]) -> None:
        del tensors["text_encoder.encoder.embed_tokens.weight"]

    other = load(rewritten(original, tmp_path, "main", drop))
    assert torch.equal(answer(other, noisy, TIMESTEPS, PROMPTS), answer(target, noisy, TIMESTEPS, PROMPTS))


def test_names_are_found_in_the_hub_cache(
    original: Original, target: MelDiffusion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(original, tmp_path, {})
    cache = tmp_path / "cache"
    shutil.move(folder / "flan-t5-large", cache / "google" / "flan-t5-large")
    shutil.move(folder / "scheduler", cache / "stabilityai" / "stable-diffusion-2-1" / "scheduler")
    asked: list[bool] = []

    def snapshot(name: str, *, allow_patterns: list[str], local_files_only: bool) -> str:
        asked.append(local_files_only)
        return str(cache / name)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    other = load(folder)
    assert asked == [True, True]
    assert other.identity.weights_sha256 == target.identity.weights_sha256
    settings = {target.identity.settings_sha256, other.identity.settings_sha256}
    for part, change in (
        (cache / "google" / "flan-t5-large" / "config.json", {"dropout_rate": 0.2}),
        (cache / "stabilityai" / "stable-diffusion-2-1" / SCHEDULER, {"beta_end": 0.013}),
    ):
        save_json(part, json.loads(part.read_text()) | change)
        settings.add(load(folder).identity.settings_sha256)
    assert len(settings) == 3
    wave = np.random.default_rng(3).normal(size=(1, 6400)).astype(np.float32)
    assert torch.equal(other.encode(wave), target.encode(wave))


def copied(original: Original, tmp_path: Path, files: dict[str, object]) -> Path:
    """A copy with some JSON files replaced, or removed where the content is ``None``."""
    folder = shutil.copytree(original.folder, tmp_path / "release")
    for name, content in files.items():
        if content is None:
            (folder / name).unlink()
        else:
            save_json(folder / name, content)
    return folder


def rewritten(original: Original, tmp_path: Path, part: str, change: Callable[[dict[str, Tensor]], object]) -> Path:
    folder = copied(original, tmp_path, {})
    path = folder / f"pytorch_model_{part}.bin"
    tensors = torch.load(path, weights_only=True)
    change(tensors)
    torch.save(tensors, path)
    return folder


def refused(folder: Path, needed: str) -> None:
    with pytest.raises(TargetError, match=needed) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def in_vae(**settings: object) -> dict[str, object]:
    return VAE_CONFIG | {"ddconfig": VAE_CONFIG["ddconfig"] | settings}


@pytest.mark.parametrize(
    ("files", "needed"),
    [
        ({"pytorch_model_vae.bin": None}, r"lacks pytorch_model_vae\.bin"),
        ({STFT: None}, r"lacks stft_config\.json"),
        ({VAE: in_vae(attn_resolutions=[64])}, "ddconfig.attn_resolutions is"),
        ({VAE: in_vae(ch=64)}, r"coder\..* has shape .*do not belong together"),
        ({VAE: in_vae(ch_mult=[])}, "ddconfig.ch_mult is"),
        ({VAE: VAE_CONFIG | {"scale_factor": None}}, "scale_factor is None, a number above 0"),
        ({VAE: VAE_CONFIG | {"embed_dim": 3}}, "embed_dim is 3"),
        ({STFT: STFT_CONFIG | {"n_mel_channels": 64}}, "mel_basis has shape"),
        ({STFT: STFT_CONFIG | {"hop_length": "160"}}, "hop_length is '160'"),
        ({MAIN: MAIN_CONFIG | {"unet_model_name": "sd"}}, "is built on the U-Net of 'sd'"),
        ({MAIN: MAIN_CONFIG | {"unet_model_config_path": "mine.json"}}, r"names mine\.json, which is not"),
        ({MAIN: MAIN_CONFIG | {"unet_model_config_path": "../../x.json"}}, r"put the file .*release/x\.json"),
        ({MAIN: MAIN_CONFIG | {"text_encoder_name": "bert"}}, "only a model behind a T5"),
        ({MAIN: MAIN_CONFIG | {"text_encoder_name": "../t5"}}, "no published model's name"),
        ({UNET: None}, r"is 12 wide, the U-Net of .* listens to 1024"),
        ({UNET: UNET_CONFIG | {"block_out_channels": [16, 64]}}, "do not belong together"),
        ({UNET: UNET_CONFIG | {"block_out_channels": "x"}}, "could not be loaded"),
        ({SCHEDULER: {"_class_name": "FlowMatchEulerDiscreteScheduler"}}, "DDPM-like"),
        ({SCHEDULER: SCHEDULER_CONFIG | {"prediction_type": "flow"}}, "predicts 'flow'"),
        ({"flan-t5-large/config.json": {"model_type": "bert"}}, "holds no T5"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(original: Original, tmp_path: Path, files: dict[str, object], needed: str) -> None:
    refused(copied(original, tmp_path, files), needed)


@pytest.mark.parametrize(
    ("part", "change", "needed"),
    [
        ("main", lambda t: t.pop("unet.conv_in.weight"), r"lacks 1 tensors .*unet\.conv_in\.weight"),
        ("main", lambda t: t.update({"group_in.0.weight": torch.zeros(1)}), "do not explain .*group_in"),
        ("main", lambda t: t.pop("text_encoder.shared.weight"), r"text_encoder\.shared\.weight"),
        ("vae", lambda t: t.pop("encoder.mid.attn_1.q.bias"), r"lacks 1 tensors .*encoder\.mid\.attn_1\.q\.bias"),
        ("vae", lambda t: t.update({"loss.logvar": torch.zeros(1)}), r"do not explain .*loss\.logvar"),
        ("stft", lambda t: t.pop("mel_basis"), "lacks 1 tensors .*mel_basis"),
        ("stft", lambda t: t.update({"mel_basis": 3}), "'mel_basis', which is no tensor"),
    ],
)
def test_tensors_are_all_accounted_for(
    original: Original, tmp_path: Path, part: str, change: Callable[[dict[str, Tensor]], object], needed: str
) -> None:
    refused(rewritten(original, tmp_path, part, change), needed)


@pytest.mark.parametrize("gone", ["flan-t5-large", "schedule"])
def test_what_lies_nowhere_is_asked_for(
    original: Original, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    def unreachable(name: str, **_: object) -> str:
        raise OSError("no network\nat all")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    folder = copied(original, tmp_path, {MAIN: MAIN_CONFIG | {"scheduler_name": "somebody/schedule"}})
    (folder / "scheduler").rename(folder / "schedule")
    (folder / "schedule" / "scheduler").mkdir()
    (folder / "schedule" / "scheduler_config.json").rename(folder / "schedule" / SCHEDULER)
    shutil.rmtree(folder / gone)
    place = "text_encoder" if gone == "flan-t5-large" else "scheduler"
    refused(folder, rf"no network\)\. Put its .* into .*release/{place}\.")


def test_a_schedule_that_the_hub_no_longer_has_comes_with_us_and_is_spoken_of(
    original: Original, target: MelDiffusion, noisy: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def unreachable(name: str, *, local_files_only: bool, **_: object) -> str:
        asked.append(f"{name} {local_files_only}")
        raise OSError("404")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    folder = copied(original, tmp_path, {})
    shutil.rmtree(folder / "scheduler")
    other = load(folder)
    assert asked == ["stabilityai/stable-diffusion-2-1 True"]
    assert torch.equal(other.alphas_cumprod, target.alphas_cumprod)
    assert torch.equal(answer(other, noisy, TIMESTEPS, PROMPTS), answer(target, noisy, TIMESTEPS, PROMPTS))
    assert target.remarks == ()
    (remark,) = other.remarks
    assert remark.startswith("The noise schedule of stabilityai/stable-diffusion-2-1, which the release only names")


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("part", ["main", "vae", "stft"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_runs_code_is_refused_and_not_run(
    original: Original, tmp_path: Path, part: str, zipped: bool
) -> None:
    folder = copied(original, tmp_path, {})
    path, content = folder / f"pytorch_model_{part}.bin", {"mel_basis": _Bomb(tmp_path / "ran")}
    if zipped:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content, 2))
    refused(folder, "pickle that would run code")
    assert not (tmp_path / "ran").exists()


def test_a_damaged_configuration_is_named(original: Original, tmp_path: Path) -> None:
    folder = copied(original, tmp_path, {})
    (folder / "vae_config.json").write_text(json.dumps(VAE_CONFIG)[:-5])
    refused(folder, "not readable JSON")
