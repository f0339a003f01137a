"""Mustango: what the original's own code computed, its folders, what stands for no beats and no chords, refusals."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import torch

from earwitness import audio
from earwitness.errors import TargetError
from earwitness.targets import load_target
from earwitness.targets.mel_diffusion import MelDiffusion
from earwitness.targets.protocols import law_of
from earwitness.targets.tango.family import MustangoFamily, TangoFamily
from earwitness.testing import check_target
from tests.targets.goldens.golden import relative
from tests.targets.goldens.seeded import wave
from tests.targets.mustango_tiny import ABOUT, ARRAYS, asked, load, save_release

LDM = "ldm/pytorch_model_ldm.bin"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_release(tmp_path_factory.mktemp("mustango") / "release")


@pytest.fixture(scope="module")
def target(folder: Path) -> MelDiffusion:
    return load(folder)


def test_it_says_what_it_is(target: MelDiffusion, folder: Path) -> None:
    assert MustangoFamily.matches(folder)
    assert not TangoFamily.matches(folder)
    assert load_target(str(folder), device="cpu").identity == replace(target.identity, name=str(folder))
    assert target.identity.family == "mustango"
    assert (target.sample_rate, target.channels, target.hop_length, target.max_seconds) == (16_000, 1, 640, 10.24)
    law = law_of(target)
    assert (law.place, law.filled, law.channel) == ("first", True, "first")
    assert target.has_null_condition
    assert any("Beats and chords" in remark for remark in target.remarks)
    assert len(list(check_target(target, seconds=0.5))) >= 6


def test_the_latent_of_a_file_is_the_originals(target: MelDiffusion, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", wave(ABOUT["samples"]), 16_000, subtype="FLOAT")
    heard = audio.read_channels(tmp_path / "a.wav", target.sample_rate, target.channels, one="first")
    latent = target.encode(heard)
    assert latent.shape == ARRAYS["latent"].shape == (1, 4, 256, 4)
    assert relative(latent, ARRAYS["latent"]) < 1e-5


def test_the_noise_is_the_originals(target: MelDiffusion) -> None:
    with torch.no_grad():
        ours, theirs = asked(target)
    assert relative(theirs, ARRAYS["noisy"]) > 0.1  # the answer is heard
    assert relative(ours, theirs) < 1e-5


def test_in_half_precision_it_is_close_and_the_same_model(target: MelDiffusion, folder: Path) -> None:
    low = load(folder, "bfloat16")
    assert low.identity.weights_sha256 == target.identity.weights_sha256
    with torch.no_grad():
        exact, rough = (asked(one)[0] for one in (target, low))
    assert relative(rough, exact) < 0.05


def test_gradients_reach_what_stands_for_nothing(target: MelDiffusion) -> None:
    target.predict_noise(ARRAYS["noisy"][:1], torch.tensor([300]), ["a jig"]).square().sum().backward()
    grown = {name: parameter.grad for name, parameter in target._unet.nothing.named_parameters()}
    assert len(grown) == 5
    assert all(gradient is not None and bool(gradient.any()) for gradient in grown.values())
    for parameter in target.parameters():
        parameter.grad = None


def _tensors(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        tensors = torch.load(folder / LDM, weights_only=True)
        change(tensors)
        torch.save(tensors, folder / LDM)

    return harm


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no weights": (lambda folder: (folder / LDM).unlink(), f"lacks {LDM}; get the release again"),
    "no configuration": (
        lambda folder: (folder / "configs" / "vae_config.json").unlink(), "lacks configs/vae_config.json; a Mustango"
    ),
    "no U-Net's": (
        lambda folder: (folder / "configs" / "music_diffusion_model_config.json").unlink(),
        "has no configs/music_diffusion_model_config.json of a U-Net",
    ),
    "a tensor is missing": (
        _tensors(lambda t: t.pop("unet.mid_block.attentions2.0.norm.bias")),
        r"lacks 1 tensors \(for instance unet.mid_block.attentions2.0.norm.bias\)",
    ),
    "no chords": (_tensors(lambda t: t.pop("FME.translation_bias")), "for instance FME.translation_bias"),
    "a tensor too many": (
        _tensors(lambda t: t.update({"unet.mid_block.attentions3.0.proj_in.lora_A.weight": torch.zeros(2, 2)})),
        r"do not explain \(for instance unet.mid_block.attentions3.0.proj_in.lora_A",
    ),
    "Tango's U-Net": (
        lambda folder: (folder / "configs" / "music_diffusion_model_config.json").write_text(
            json.dumps(ABOUT["unet"] | {"down_block_types": ["DownBlock2D", "CrossAttnDownBlock2DMusic"]})
        ),
        "lacks|do not explain|has shape",
    ),
    "a pickle": (
        lambda folder: torch.save({"evil": Path("x")}, folder / LDM), "would run code|which is no tensor",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_asked_is_refused_in_a_line(tmp_path: Path, folder: Path, case: str) -> None:
    harm, said = REFUSED[case]
    copy = shutil.copytree(folder, tmp_path / "copy")
    harm(copy)
    with pytest.raises(TargetError, match=said) as caught:
        load(copy)
    assert "\n" not in str(caught.value)
