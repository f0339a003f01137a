"""Folders as people have them: what loads, and the one line that says why another does not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import MusicgenForConditionalGeneration

from earwitness.errors import TargetError
from earwitness.targets import load_target
from earwitness.testing import check_target
from tests.targets.test_audioldm import save_tiny as save_tiny_audioldm
from tests.tiny import save_tiny_musicgen

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_musicgen(tmp_path_factory.mktemp("music"))


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_audioldm("audioldm", tmp_path_factory.mktemp("latents"))


def renamed(folder: Path, name: str) -> None:
    (folder / WEIGHTS).rename(folder / name)


def as_torch(folder: Path, name: str) -> None:
    torch.save(load_file(folder / WEIGHTS), folder / name)
    (folder / WEIGHTS).unlink()


def without_index(folder: Path) -> None:
    model = MusicgenForConditionalGeneration.from_pretrained(folder)
    (folder / WEIGHTS).unlink()
    model.save_pretrained(folder, max_shard_size="20KB")
    (folder / f"{WEIGHTS}.index.json").unlink()


def pointer(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 123\n")


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "pointer": (lambda folder: pointer(folder / WEIGHTS), r"model\.safetensors is a Git LFS pointer"),
    "pointer beside": (lambda folder: pointer(folder / "tokenizer.json"), r"tokenizer\.json is a Git LFS pointer"),
    "other name": (lambda folder: renamed(folder, "weights.safetensors"), r"holds weights\.safetensors, but .* rename"),
    "pth": (lambda folder: as_torch(folder, "model.pth"), r"holds model\.pth, but weights are looked for under"),
    "ckpt": (lambda folder: as_torch(folder, "last.ckpt"), r"holds last\.ckpt, but weights are looked for under"),
    "shards alone": (without_index, r"model-00001-of-\S+, \d+ in all\) without the index"),
    "not a pickle": (lambda folder: renamed(folder, "pytorch_model.bin"), r"in safetensors under another name"),
    "a pickle": (lambda folder: as_torch(folder, "model.safetensors.tmp"), "has no weights"),
    "nothing": (lambda folder: (folder / WEIGHTS).unlink(), "has no weights"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_named_in_one_line(tmp_path: Path, music: Path, case: str) -> None:
    harm, said = REFUSED[case]
    copy = shutil.copytree(music, tmp_path / "copy")
    harm(copy)
    with pytest.raises(TargetError, match=said) as caught:
        load_target(str(copy), device="cpu")
    assert "\n" not in str(caught.value)


def test_a_torch_file_called_safetensors_is_told_from_a_damaged_one(tmp_path: Path, music: Path) -> None:
    copy = shutil.copytree(music, tmp_path / "copy")
    tensors = {name: tensor.clone() for name, tensor in load_file(copy / WEIGHTS).items()}
    torch.save(tensors, copy / WEIGHTS)
    with pytest.raises(TargetError, match=r"PyTorch file under another name; call it \.bin"):
        load_target(str(copy), device="cpu")


@pytest.mark.parametrize("beside", [False, True], ids=["half precision alone", "with full precision in .bin"])
def test_variants_are_read_where_nothing_better_is_there(tmp_path: Path, latents: Path, beside: bool) -> None:
    copy = shutil.copytree(latents, tmp_path / "copy")
    exact = load_target(str(copy), device="cpu").identity.weights_sha256
    unet = UNet2DConditionModel.from_pretrained(copy / "unet")
    plain = copy / "unet" / "diffusion_pytorch_model.safetensors"
    if beside:
        torch.save(load_file(plain), plain.with_suffix(".bin"))
    plain.unlink()
    unet.half().save_pretrained(copy / "unet", variant="fp16")
    assert (copy / "unet" / "diffusion_pytorch_model.fp16.safetensors").is_file()
    found = load_target(str(copy), device="cpu").identity.weights_sha256
    assert (found == exact) == beside


def test_a_directory_without_its_tokenizer_is_refused(tmp_path: Path, music: Path) -> None:
    MusicgenForConditionalGeneration.from_pretrained(music).save_pretrained(tmp_path)  # and nothing else
    with pytest.raises(TargetError, match=r"no tokenizer .* all prompts are alike") as caught:
        load_target(str(tmp_path), device="cpu")
    assert "\n" not in str(caught.value)


def test_the_check_finds_prompts_that_are_all_alike(tmp_path: Path, music: Path) -> None:
    copy = shutil.copytree(music, tmp_path / "copy")
    assert "two prompts differ, and both from no prompt" in list(check_target(load_target(str(copy), device="cpu")))
    content = json.loads((copy / "tokenizer.json").read_text())
    content["pre_tokenizer"] = None  # all of a text is one word, which it does not know
    (copy / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(AssertionError, match="two prompts are answered otherwise"):
        list(check_target(load_target(str(copy), device="cpu")))


def test_a_tensor_too_many_in_a_pipelines_part_is_refused_by_its_name(tmp_path: Path, latents: Path) -> None:
    copy = shutil.copytree(latents, tmp_path / "copy")
    path = copy / "unet" / "diffusion_pytorch_model.safetensors"
    save_file(load_file(path) | {"mid_block.gate.weight": torch.ones(2)}, path, metadata={"format": "pt"})
    with pytest.raises(TargetError, match=r"The unet in .* does not know \(mid_block\.gate\.weight\)"):
        load_target(str(copy), device="cpu")


def test_a_text_encoder_in_half_precision_alone_is_read(tmp_path: Path, latents: Path) -> None:
    copy = shutil.copytree(latents, tmp_path / "copy")
    plain = copy / "text_encoder" / WEIGHTS
    halves = {name: tensor.half() for name, tensor in load_file(plain).items()}
    plain.unlink()
    save_file(halves, copy / "text_encoder" / "model.fp16.safetensors", metadata={"format": "pt"})
    found, exact = (load_target(str(folder), device="cpu").identity.weights_sha256 for folder in (copy, latents))
    assert found != exact
