"""ACE-Step v1: what the original's own code computed, its folders, its condition, refusals."""

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

from earwitness import audio
from earwitness.errors import TargetError
from earwitness.targets import load_target
from earwitness.targets.ace_step_v1 import AceStepV1Family
from earwitness.targets.ace_step_v1.target import AceStepV1, Heard
from earwitness.targets.protocols import Flows
from earwitness.testing import check_target
from tests.targets.ace_step_v1_tiny import ABOUT, ARRAYS, WEIGHTS, asked, load, save_release
from tests.targets.goldens.golden import relative
from tests.targets.goldens.seeded import wave


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_release(tmp_path_factory.mktemp("ace-step-v1") / "release")


@pytest.fixture(scope="module")
def target(folder: Path) -> AceStepV1:
    return load(folder)


def test_it_says_what_it_is(target: AceStepV1, folder: Path) -> None:
    assert AceStepV1Family.matches(folder)
    assert load_target(str(folder), device="cpu").identity == replace(target.identity, name=str(folder))
    assert (target.sample_rate, target.channels, target.hop_length, target.max_seconds) == (44_100, 2, 4096, 240.0)
    assert target.has_null_condition
    assert len(list(check_target(target, seconds=0.5))) >= 6


def test_the_latent_of_a_file_is_the_originals(target: AceStepV1, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", wave(ABOUT["samples"]), 44_100, subtype="FLOAT")
    heard = audio.read_channels(tmp_path / "a.wav", target.sample_rate, target.channels)
    latent = target.encode(heard[None])
    assert latent.shape == ARRAYS["latent"].shape == (1, 8, 16, 5)
    assert relative(latent, ARRAYS["latent"]) < 1e-5


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("i", [0, 1])
def test_the_noise_is_the_originals(target: AceStepV1, i: int, dropped: bool) -> None:
    with torch.no_grad():
        ours, theirs = asked(target, i, dropped=dropped)
    assert relative(theirs, ARRAYS[f"noisy/{i}"]) > 0.1  # the answer is heard
    assert relative(ours, theirs) < 1e-5


def test_the_null_condition_has_the_captions_length(target: AceStepV1) -> None:
    told = target.tell(np.zeros((2, 2, 9), np.float32), ["a jig", ""], [None, None])
    assert told.conditions == [Heard("a jig"), Heard("", True)]
    assert told.null == [Heard("a jig", True), Heard("", True)]
    assert told.informed == [True, False]
    noisy = torch.randn(1, 8, 16, 5, generator=torch.Generator().manual_seed(0)).expand(2, -1, -1, -1)
    with torch.no_grad():  # what stands behind the caption is turned by its place
        long, short = target.predict_noise(noisy, torch.tensor([500, 500]), [Heard("a slow reel", True), ""])
    assert relative(long, short) > 1e-5


def test_levels_are_shares_of_what_training_drew(target: AceStepV1) -> None:
    assert isinstance(target, Flows)
    found = [target.drawn_at(share) for share in ABOUT["shares"]]
    assert found == pytest.approx(ARRAYS["times"].tolist(), abs=0.004)  # 400 000 draws of a table of 1000 steps
    assert target.drawn_at(0.5) == pytest.approx(0.75)


def test_in_half_precision_it_is_close_and_the_same_model(target: AceStepV1, folder: Path) -> None:
    low = load(folder, "bfloat16")
    assert low.identity.weights_sha256 == target.identity.weights_sha256
    noisy, levels = torch.randn(2, 8, 16, 5, generator=torch.Generator().manual_seed(0)), torch.tensor([100, 700])
    with torch.no_grad():
        exact, rough = (one.predict_noise(noisy, levels, ["a jig", ""]) for one in (target, low))
    assert relative(rough, exact) < 0.05


def test_gradients_reach_the_state_and_every_parameter_but_those_of_nothing(target: AceStepV1) -> None:
    state = torch.randn(1, 8, 16, 5, requires_grad=True)
    target.predict_noise(state, torch.tensor([300]), ["a jig"]).square().sum().backward()
    assert state.grad is not None
    assert bool(state.grad.any())
    assert all(parameter.grad is not None for parameter in target.parameters())
    for parameter in target.parameters():
        parameter.grad = None


def _tensors(change: Callable[[dict], object], part: str = "ace_step_transformer") -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        tensors = load_file(folder / part / WEIGHTS)
        change(tensors)
        save_file(tensors, folder / part / WEIGHTS, metadata={"format": "pt"})

    return harm


def _config(part: str, **changed: object) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        path = folder / part / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))

    return harm


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "no vocoder": (lambda folder: shutil.rmtree(folder / "music_vocoder"), "lacks music_vocoder; an ACE-Step v1 has"),
    "no text encoder": (lambda folder: shutil.rmtree(folder / "umt5-base"), "lacks umt5-base"),
    "no config": (
        lambda folder: (folder / "ace_step_transformer" / "config.json").unlink(), "lacks config.json, which says how",
    ),
    "no weights": (
        lambda folder: (folder / "ace_step_transformer" / WEIGHTS).rename(
            folder / "ace_step_transformer" / "diffusion_pytorch_model_int4wo.bin"
        ),
        "holds diffusion_pytorch_model_int4wo.bin, but weights are looked for under",
    ),
    "damaged": (
        lambda folder: (folder / "ace_step_transformer" / WEIGHTS).write_bytes(b"nothing"), "could not be loaded"
    ),
    "a tensor is missing": (
        _tensors(lambda t: t.pop("t_block.1.bias")), r"lacks 1 tensors \(for instance t_block.1.bias\)",
    ),
    "a tensor too many": (
        _tensors(lambda t: t.update({"transformer_blocks.0.attn.to_q.lora_A.weight": torch.zeros(2, 32)})),
        r"do not explain \(for instance transformer_blocks.0.attn.to_q.lora_A",
    ),
    "an autoencoder's tensor": (
        _tensors(lambda t: t.pop(min(t)), "music_dcae_f8c8"), "music_dcae_f8c8 in .* lacks weights",
    ),
    "other columns": (_config("ace_step_transformer", patch_size=[8, 1]), r"patch_size is \[8, 1\]"),
    "another width": (_config("ace_step_transformer", attention_head_dim=32), "has shape"),
    "another window": (_config("music_vocoder", win_length=1024), "win_length is 1024"),
    "another text encoder": (_config("ace_step_transformer", text_embedding_dim=7), "genre_embedder.weight has shape"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_asked_is_refused_in_a_line(tmp_path: Path, folder: Path, case: str) -> None:
    harm, said = REFUSED[case]
    copy = shutil.copytree(folder, tmp_path / "copy")
    harm(copy)
    with pytest.raises(TargetError, match=said) as caught:
        load(copy)
    assert "\n" not in str(caught.value)


def test_shards_are_the_same_model(tmp_path: Path, folder: Path, target: AceStepV1) -> None:
    place = shutil.copytree(folder, tmp_path / "copy") / "ace_step_transformer"
    tensors = load_file(place / WEIGHTS)
    (place / WEIGHTS).unlink()
    names, index = sorted(tensors), {}
    for i, part in enumerate((names[::2], names[1::2]), start=1):
        file = f"diffusion_pytorch_model-0000{i}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, place / file)
        index |= dict.fromkeys(part, file)
    (place / f"{WEIGHTS}.index.json").write_text(json.dumps({"weight_map": index}))
    assert load(tmp_path / "copy").identity.weights_sha256 == target.identity.weights_sha256
