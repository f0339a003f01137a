"""TangoFlux: what the original's own code computed, its layout, its condition, refusals."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from earwitness import audio
from earwitness.errors import TargetError
from earwitness.targets import load_target
from earwitness.targets.protocols import Flows, Place, law_of
from earwitness.targets.tangoflux import TangoFluxFamily
from earwitness.targets.tangoflux.target import Heard, TangoFlux
from earwitness.testing import check_target
from tests.targets.goldens.golden import relative
from tests.targets.goldens.seeded import wave
from tests.targets.tangoflux_tiny import ABOUT, ARRAYS, load, save_release

WEIGHTS = "tangoflux.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_release(tmp_path_factory.mktemp("tangoflux") / "release")


@pytest.fixture(scope="module")
def target(folder: Path) -> TangoFlux:
    return load(folder)


def test_it_says_what_it_is(target: TangoFlux, folder: Path) -> None:
    assert TangoFluxFamily.matches(folder)
    assert load_target(str(folder), device="cpu").identity == replace(target.identity, name=str(folder))
    assert (target.sample_rate, target.channels, target.hop_length, target.max_seconds) == (44_100, 2, 2048, 1.0)
    law = law_of(target)
    assert (law.seconds, law.place, law.filled) == (1.0, "first", True)
    assert not target.has_null_condition  # the published settings drop no condition
    assert len(list(check_target(target, seconds=0.5))) >= 5


def test_latents_of_a_file_are_the_originals(target: TangoFlux, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", wave(ABOUT["samples"]), 44_100, subtype="FLOAT")
    heard = audio.read_channels(tmp_path / "a.wav", target.sample_rate, target.channels)
    latent, own = target.encode(heard[None]), -(-ABOUT["samples"] // 2048)
    assert latent.shape == (1, 4, own)
    assert relative(latent, ARRAYS["latent"][..., :own]) < 1e-5
    padded = np.pad(heard, ((0, 0), (0, 44_100 - ABOUT["samples"])))  # the silence of the clip, heard as such
    assert relative(target.encode(padded[None]), ARRAYS["latent"]) < 1e-5


def expected(seen: int) -> tuple[Tensor, int, Tensor]:
    """What the original's transformer was given [1, latent, frames], at which level, and ε from its answer."""
    state, velocity = (ARRAYS[f"{name}/{seen}"].transpose(1, 2) for name in ("hidden_states", "velocity"))
    sigma = float(ARRAYS[f"timestep/{seen}"][0])
    return state, round(sigma * 1000) - 1, state + (1 - sigma) * velocity


@pytest.mark.parametrize("seen", [0, 1])
def test_the_noise_is_the_originals(target: TangoFlux, seen: int) -> None:
    state, level, noise = expected(seen)
    alpha = target.alphas_cumprod[level]
    told = Heard(ABOUT["prompts"][seen], ABOUT["seconds"][seen])  # 4 s are cut off at the longest, 1 s, as there
    with torch.no_grad():
        attended, pooled = target._condition(told)
        found = target.predict_noise(state * float(alpha.sqrt() + (1 - alpha).sqrt()), torch.tensor([level]), [told])
    assert relative(attended, ARRAYS[f"encoder_hidden_states/{seen}"][0]) < 1e-5
    assert relative(pooled, ARRAYS[f"pooled_projections/{seen}"][0]) < 1e-5
    assert relative(noise, state) > 0.1  # the answer is heard
    assert relative(found, noise) < 1e-5


def test_a_window_is_told_how_long_its_track_is(target: TangoFlux) -> None:
    waves = np.zeros((2, 2, 22_050), np.float32)
    told = target.tell(waves, ["a jig", ""], [Place(0.0, 0.75), None])
    assert told.conditions == [Heard("a jig", 0.75), Heard("", 0.5)]
    assert (told.null, told.informed) == (None, [True, False])
    noisy = torch.randn(1, 4, 21, generator=torch.Generator().manual_seed(0)).expand(2, -1, -1)
    with torch.no_grad():
        short, long = target.predict_noise(noisy, torch.tensor([500, 500]), [Heard("a jig", 0.2), Heard("a jig", 0.9)])
    assert relative(short, long) > 1e-3


def test_where_conditions_were_dropped_the_null_is_that_of_training(tmp_path: Path) -> None:
    target = load(save_release(tmp_path / "release", uncondition=True))
    assert target.has_null_condition
    (told,) = target.tell(np.zeros((1, 2, 22_050), np.float32), ["a jig"], [None]).null or ()
    attended, pooled = target._condition(told)
    assert not attended.any()
    assert torch.equal(pooled, target._condition(Heard("a jig", 0.5))[1])
    assert len(list(check_target(target, seconds=0.5))) >= 6


def test_levels_are_the_times_that_training_drew(target: TangoFlux) -> None:
    assert isinstance(target, Flows)
    assert target.drawn_at(0.5) == 0.5
    assert target.drawn_at(0.2) == pytest.approx(1 / (1 + np.exp(0.8416212)))
    share = target.alphas_cumprod
    sigmas = (1 - share).sqrt() / (share.sqrt() + (1 - share).sqrt())
    torch.testing.assert_close(sigmas, torch.arange(1, 1000, dtype=torch.float64) / 1000)


def test_in_half_precision_it_is_close_and_the_same_model(target: TangoFlux, folder: Path) -> None:
    low = load(folder, "bfloat16")
    assert low.identity.weights_sha256 == target.identity.weights_sha256
    noisy, levels = torch.randn(2, 4, 21, generator=torch.Generator().manual_seed(0)), torch.tensor([100, 700])
    with torch.no_grad():
        exact, rough = (one.predict_noise(noisy, levels, ["a jig", ""]) for one in (target, low))
    assert relative(rough, exact) < 0.05


def _tensors(change: Callable[[dict[str, Tensor]], object], name: str = WEIGHTS) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        tensors = load_file(folder / name)
        change(tensors)
        save_file(tensors, folder / name)

    return harm


def _settings(**changed: object) -> Callable[[Path], None]:
    return lambda folder: (folder / "config.json").write_text(json.dumps(ABOUT["config"] | changed)) and None


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), f"lacks {WEIGHTS}; a TangoFlux release holds"),
    "no autoencoder": (lambda folder: (folder / "vae.safetensors").unlink(), "lacks vae.safetensors"),
    "damaged": (lambda folder: (folder / WEIGHTS).write_bytes(b"nothing"), "could not be loaded"),
    "a tensor is missing": (_tensors(lambda t: t.pop("fc.0.bias")), r"lacks 1 tensors \(for instance fc.0.bias\)"),
    "a tensor too many": (
        _tensors(lambda t: t.update(strange=torch.zeros(1))), r"do not explain \(for instance strange\)",
    ),
    "an unmerged adapter": (
        _tensors(lambda t: t.update({"transformer.proj_out.lora_A.default.weight": torch.zeros(2, 128)})),
        r"do not explain \(for instance transformer.proj_out.lora_A",
    ),
    "another shape": (_tensors(lambda t: t.update({"fc.0.bias": torch.zeros(9)})), "fc.0.bias has shape"),
    "another autoencoder": (
        _tensors(lambda t: t.pop("encoder.conv1.weight_v"), "vae.safetensors"),
        "no Oobleck autoencoder with latents of 4 channels",
    ),
    "another width": (_settings(in_channels=8), "transformer.x_embedder.weight has shape"),
    "frames that do not fit": (_settings(audio_seq_len=22), "audio_seq_len is 22, 21, the frames of a clip, is needed"),
    "heads of another width": (_settings(attention_head_dim=64), "attention_head_dim is 64"),
    "another text encoder": (_settings(joint_attention_dim=16), "is 8 wide, the transformer of .* listens to 16"),
    "no T5": (lambda folder: shutil.rmtree(folder / "text_encoder"), "needs the T5 configuration and tokenizer"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_asked_is_refused_in_a_line(
    tmp_path: Path, folder: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    harm, said = REFUSED[case]
    copy = shutil.copytree(folder, tmp_path / "copy")
    harm(copy)
    with pytest.raises(TargetError, match=said) as caught:
        load(copy)
    assert "\n" not in str(caught.value)


def test_a_reference_of_preference_training_is_no_part_of_the_model(
    tmp_path: Path, folder: Path, target: TangoFlux
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    _tensors(lambda t: t.update({"ref_transformer.proj_out.bias": torch.zeros(4)}))(copy)
    assert load(copy).identity.weights_sha256 == target.identity.weights_sha256
