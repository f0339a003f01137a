"""The identity of a target: its tensors and what its settings say, not the files that they lie in."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import MusicgenForConditionalGeneration

from earwitness.targets import load_target
from earwitness.targets.protocols import TargetIdentity
from earwitness.targets.weights import in_precision, settings_sha256, weights_sha256
from tests.tiny import save_tiny_musicgen

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_musicgen(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def identity(folder: Path) -> TargetIdentity:
    return identity_of(folder)


def identity_of(folder: Path, dtype: str = "float32") -> TargetIdentity:
    return load_target(str(folder), device="cpu", dtype=dtype).identity


def test_the_hash_is_what_its_page_says() -> None:
    tensors = {"b": torch.tensor([[1.0, -2.5]]), "a": torch.tensor([3, 4])}
    values = np.array([1.0, -2.5], dtype="<f4").tobytes(), np.array([3, 4], dtype="<i8").tobytes()
    floats, numbers = (hashlib.sha256(one).hexdigest() for one in values)
    by_hand = f"part.a\0[2]\0{numbers}\npart.b\0[1, 2]\0{floats}\n"
    assert weights_sha256({"part": tensors, "absent": None}) == hashlib.sha256(by_hand.encode()).hexdigest()


def test_names_shapes_and_every_value_count() -> None:
    values = torch.arange(6.0)
    seen = [
        weights_sha256({"part": tensors})
        for tensors in (
            {"a": values}, {"b": values}, {"a": values.reshape(2, 3)}, {"a": values.reshape(3, 2)},
            {"a": values + torch.eye(6)[5] * 1e-6}, {"a": values, "b": values},
        )
    ]  # fmt: skip
    assert len(set(seen)) == len(seen)
    assert (
        weights_sha256({"part": {"a": values.half()}}) == seen[0] == weights_sha256({"part": {"a": values.bfloat16()}})
    )
    column = torch.stack([values, values], dim=1)[:, 0]
    assert not column.is_contiguous()
    assert weights_sha256({"part": {"a": column}}) == seen[0]


def in_shards(folder: Path) -> None:
    model = MusicgenForConditionalGeneration.from_pretrained(folder)
    (folder / WEIGHTS).unlink()
    model.save_pretrained(folder, max_shard_size="20KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1


def in_a_pickle(folder: Path) -> None:
    # As older libraries wrote it: tied tensors under both of their names.
    torch.save(MusicgenForConditionalGeneration.from_pretrained(folder).state_dict(), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()


def with_litter(folder: Path) -> None:
    for name in ("._config.json", ".cache/huggingface/config.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text('{"left": "behind"}')


def told_elsewhere(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"_name_or_path": "/somewhere/else", "transformers_version": "4.31.0", "torch_dtype": "float16"}
    (folder / "config.json").write_text(json.dumps(config, indent=8))


@pytest.mark.parametrize("change", [in_shards, in_a_pickle, with_litter, told_elsewhere])
def test_the_same_model_in_other_files_is_the_same(
    tmp_path: Path, folder: Path, identity: TargetIdentity, change: Callable[[Path], None]
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    change(copy)
    found = identity_of(copy)
    assert (found.weights_sha256, found.settings_sha256) == (identity.weights_sha256, identity.settings_sha256)


def test_one_value_makes_another_model(tmp_path: Path, folder: Path, identity: TargetIdentity) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    tensors = load_file(copy / WEIGHTS)
    name = next(name for name in tensors if name.endswith("lm_heads.0.weight"))
    tensors[name][0, 0] += 1e-3
    save_file(tensors, copy / WEIGHTS, metadata={"format": "pt"})
    assert identity_of(copy).weights_sha256 != identity.weights_sha256
    assert identity_of(copy).settings_sha256 == identity.settings_sha256


def test_another_setting_makes_another_target_of_the_same_weights(
    tmp_path: Path, folder: Path, identity: TargetIdentity
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    config["decoder"]["scale_embedding"] = not config["decoder"].get("scale_embedding", False)
    (copy / "config.json").write_text(json.dumps(config))
    assert identity_of(copy).weights_sha256 == identity.weights_sha256
    assert identity_of(copy).settings_sha256 != identity.settings_sha256


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_the_precision_it_runs_in_changes_no_name(folder: Path, identity: TargetIdentity, dtype: str) -> None:
    assert identity_of(folder, dtype).weights_sha256 == identity.weights_sha256


def test_half_precision_on_disk_is_named_by_the_values_that_are_left(
    tmp_path: Path, folder: Path, identity: TargetIdentity
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    rounded = {name: value.half() for name, value in load_file(copy / WEIGHTS).items()}
    save_file(rounded, copy / WEIGHTS, metadata={"format": "pt"})
    narrow = identity_of(copy)
    assert narrow.weights_sha256 != identity.weights_sha256
    assert identity_of(copy, "float16").weights_sha256 == narrow.weights_sha256
    save_file({name: value.float() for name, value in rounded.items()}, copy / WEIGHTS, metadata={"format": "pt"})
    assert identity_of(copy).weights_sha256 == narrow.weights_sha256


def test_rounding_keeps_what_the_class_keeps() -> None:
    network = torch.nn.Module()
    network.wo, network.other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    network.register_buffer("inv_freq", torch.ones(2), persistent=False)
    network.register_buffer("table", torch.ones(2), persistent=False)
    network._keep_in_fp32_modules = ["wo"]
    assert in_precision(network, torch.bfloat16).wo.weight.dtype == torch.bfloat16
    network.float()
    in_precision(network, torch.float16)
    kinds = network.wo.weight.dtype, network.other.weight.dtype, network.table.dtype, network.inv_freq.dtype
    assert kinds == (torch.float32, torch.float16, torch.float16, torch.float32)


def test_settings_in_two_folders_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "config.json").write_text('{"a": 1}')
    assert settings_sha256([tmp_path, tmp_path / "part"]) == settings_sha256([tmp_path])
    assert settings_sha256([tmp_path], [{"b": 2}]) != settings_sha256([tmp_path])
