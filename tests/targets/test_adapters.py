"""Adapters are merged into the model that is asked, or the load ends with one line."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import AceStepTransformer1DModel, StableDiffusionPipeline, UNet2DConditionModel
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import MusicgenForConditionalGeneration

from earwitness.errors import TargetError
from earwitness.targets import load_target
from tests.targets.ace_step_tiny import save_release as save_ace_step_release
from tests.targets.ace_step_tiny import save_tiny_ace_step
from tests.targets.test_audioldm import save_tiny as save_tiny_audioldm
from tests.targets.test_stable_audio_release import save_release
from tests.tiny import save_tiny_musicgen

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
WEIGHTS, ADAPTER, CONFIG = "model.safetensors", "adapter_model.safetensors", "adapter_config.json"
DENOISER = "diffusion_pytorch_model.safetensors"


def lora(model: nn.Module, targets: list[str], **settings: object) -> PeftModel:
    """A model wrapped by peft, its adapter as if it had been trained."""
    torch.manual_seed(5)
    wrapped = get_peft_model(model, LoraConfig(r=2, lora_alpha=6, target_modules=targets, **settings))
    for name, parameter in wrapped.named_parameters():
        if ".lora_B." in name:
            nn.init.normal_(parameter, std=0.3)
    return wrapped


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_musicgen(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As peft saves it: a folder of its own."""
    folder = tmp_path_factory.mktemp("adapter")
    wrapped = lora(MusicgenForConditionalGeneration.from_pretrained(base), ["q_proj", "v_proj"])
    wrapped.peft_config["default"].base_model_name_or_path = str(base)
    wrapped.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def whole(base: Path, adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model with the adapter merged by peft beforehand."""
    folder = shutil.copytree(base, tmp_path_factory.mktemp("whole"), dirs_exist_ok=True)
    model = MusicgenForConditionalGeneration.from_pretrained(base)
    PeftModel.from_pretrained(model, adapter).merge_and_unload().save_pretrained(folder)
    return folder


def weights_of(folder: Path) -> str:
    return load_target(str(folder), device="cpu").identity.weights_sha256


def test_an_adapter_in_its_own_folder_is_merged_into_the_base_that_it_names(
    base: Path, adapter: Path, whole: Path
) -> None:
    target = load_target(str(adapter), device="cpu")
    assert target.identity.weights_sha256 == weights_of(whole) != weights_of(base)
    assert target.identity.name == f"{adapter} (adapter merged)"
    assert load_target(str(base), device="cpu").identity.name == str(base)


def test_an_adapter_beside_the_weights_is_merged(tmp_path: Path, base: Path, adapter: Path, whole: Path) -> None:
    both = shutil.copytree(base, tmp_path / "both")
    for name in (ADAPTER, CONFIG):
        shutil.copy(adapter / name, both)
    target = load_target(str(both), device="cpu", dtype="bfloat16")
    assert target.identity.weights_sha256 == weights_of(whole)
    assert target.identity.name.endswith("(adapter merged)")


def unmerged(base: Path, folder: Path) -> Path:
    """As a training script leaves it that saves the wrapped model's tensors as the model's."""
    shutil.copytree(base, folder)
    wrapped = lora(MusicgenForConditionalGeneration.from_pretrained(base), ["q_proj", "v_proj"])
    tensors = {name.removeprefix("base_model.model."): value.clone() for name, value in wrapped.state_dict().items()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    return folder


def test_an_adapter_inside_the_weights_is_merged_where_its_strength_is_known(
    tmp_path: Path, base: Path, adapter: Path, whole: Path
) -> None:
    folder = unmerged(base, tmp_path / "unmerged")
    with pytest.raises(TargetError, match=r"never merged \(decoder\.\S+lora_A\S+\) and no adapter_config\.json"):
        load_target(str(folder), device="cpu")
    shutil.copy(adapter / CONFIG, folder)
    assert weights_of(folder) == weights_of(whole)


def in_a_pickle(folder: Path) -> Path:
    tensors = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    return folder


def test_an_adapter_inside_weights_in_a_pickle_is_treated_alike(
    tmp_path: Path, base: Path, adapter: Path, whole: Path
) -> None:
    folder = in_a_pickle(unmerged(base, tmp_path / "unmerged"))
    with pytest.raises(TargetError, match=r"never merged \(decoder\.\S+lora_A\S+\) and no adapter_config\.json"):
        load_target(str(folder), device="cpu")
    shutil.copy(adapter / CONFIG, folder)
    target = load_target(str(folder), device="cpu")
    assert target.identity.weights_sha256 == weights_of(whole)
    assert target.identity.name.endswith("(adapter merged)")


def test_an_adapter_in_a_pickle_beside_weights_that_are_read_is_nothing(tmp_path: Path, base: Path) -> None:
    folder = shutil.copytree(base, tmp_path / "both")
    torch.save({"decoder.lora_A.weight": torch.ones(2, 2)}, folder / "pytorch_model.bin")
    assert weights_of(folder) == weights_of(base)


def test_the_adapter_in_a_pickled_denoiser_is_merged(tmp_path: Path) -> None:
    folder = save_tiny_audioldm("audioldm", tmp_path / "audioldm")
    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    wrapped = lora(unet, ["to_q", "to_v"])
    state = {name.removeprefix("base_model.model."): value.clone() for name, value in wrapped.state_dict().items()}
    wrapped.merge_and_unload().save_pretrained(folder / "unet")
    expected = weights_of(folder)
    (folder / "unet" / DENOISER).unlink()
    torch.save(state, folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(TargetError, match="never merged"):
        load_target(str(folder), device="cpu")
    wrapped.peft_config["default"].save_pretrained(folder / "unet")
    assert weights_of(folder) == expected


@pytest.mark.parametrize("family", ["tango", "stable-audio"])
def test_lora_tensors_in_a_releases_pickle_are_refused_by_name(tmp_path: Path, family: str) -> None:
    if family == "tango":
        from tests.targets.tango_original import save_release as save_tango

        save_tango(tmp_path / "release")
        path, stranger = tmp_path / "release" / "pytorch_model_main.bin", "unet.mid_block.lora_A.weight"
        tensors = torch.load(path, weights_only=True)
        torch.save(tensors | {stranger: torch.ones(2, 2)}, path)
    else:
        folder = save_release(tmp_path / "release")
        stranger = "model.model.transformer.layers.0.lora_A.weight"
        tensors = load_file(folder / WEIGHTS) | {stranger: torch.ones(2, 2)}
        (folder / WEIGHTS).unlink()
        torch.save({"state_dict": tensors}, folder / "model.ckpt")
    with pytest.raises(TargetError, match=rf"settings do not explain \(for instance {stranger}\)") as caught:
        load_target(str(tmp_path / "release"), device="cpu")
    assert "\n" not in str(caught.value)


def test_without_peft_it_is_refused(adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(TargetError, match=r"pip install 'earwitness\[peft\]'") as caught:
        load_target(str(adapter), device="cpu")
    assert "\n" not in str(caught.value)


def _less(folder: Path) -> None:
    tensors = load_file(folder / ADAPTER)
    tensors.pop(min(tensors))
    save_file(tensors, folder / ADAPTER)


def _more(folder: Path) -> None:
    tensors = load_file(folder / ADAPTER)
    tensors["base_model.model.decoder.foreign.lora_A.weight"] = torch.ones(2, 2)
    save_file(tensors, folder / ADAPTER)


def _soft(folder: Path) -> None:
    config = {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 2, "task_type": "CAUSAL_LM"}
    config["base_model_name_or_path"] = json.loads((folder / CONFIG).read_text())["base_model_name_or_path"]
    (folder / CONFIG).write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_less, "lacks tensors"),
        (_more, r"no place for \(base_model.model.decoder.foreign"),
        (_soft, "could not be loaded"),
        (lambda folder: (folder / ADAPTER).unlink(), f"but no {ADAPTER}"),
        (lambda folder: (folder / ADAPTER).write_bytes(b"nothing"), "could not be loaded"),
    ],
)
def test_an_adapter_that_cannot_be_merged_is_refused_in_a_line(
    tmp_path: Path, adapter: Path, harm: Callable[[Path], None], said: str
) -> None:
    copy = shutil.copytree(adapter, tmp_path / "adapter")
    harm(copy)
    with pytest.raises(TargetError, match=said) as caught:
        load_target(str(copy), device="cpu")
    assert "\n" not in str(caught.value)


def test_the_lora_of_a_pipeline_is_merged_into_its_denoiser(tmp_path: Path) -> None:
    base = save_tiny_audioldm("audioldm", tmp_path / "base")
    unet = UNet2DConditionModel.from_pretrained(base / "unet")
    wrapped = lora(unet, ["to_q", "to_v"])
    layers = get_peft_model_state_dict(wrapped)
    layers = {name.removeprefix("base_model.model."): value for name, value in layers.items()}
    told, untold = (shutil.copytree(base, tmp_path / name) for name in ("told", "untold"))
    about = {"r": 2, "lora_alpha": 6, "target_modules": ["to_q", "to_v"]}
    StableDiffusionPipeline.save_lora_weights(told, unet_lora_layers=layers, unet_lora_adapter_metadata=about)
    StableDiffusionPipeline.save_lora_weights(untold, unet_lora_layers=layers)
    whole = shutil.copytree(base, tmp_path / "whole")
    wrapped.merge_and_unload().save_pretrained(whole / "unet")
    assert weights_of(told) == weights_of(whole) != weights_of(base)
    assert weights_of(untold) not in (weights_of(whole), weights_of(base))  # strength 1 instead of 3


def test_a_release_of_ace_step_and_its_adapter_are_the_adapted_model(tmp_path: Path) -> None:
    folder = save_tiny_ace_step(tmp_path / "diffusers")
    release = save_ace_step_release(folder, tmp_path / "release")
    transformer = AceStepTransformer1DModel.from_pretrained(folder / "transformer")
    wrapped = lora(transformer, ["to_q", "to_v"])
    adapter = tmp_path / "adapter"
    wrapped.save_pretrained(adapter)
    named = {"to_q": "q_proj", "to_v": "v_proj"}
    tensors = load_file(adapter / ADAPTER)
    for ours, theirs in named.items():
        tensors = {name.replace(f".{ours}.", f".{theirs}."): value for name, value in tensors.items()}
    save_file(tensors, adapter / ADAPTER)
    config = json.loads((adapter / CONFIG).read_text())
    config |= {"target_modules": ["q_proj", "v_proj"], "base_model_name_or_path": str(release)}
    (adapter / CONFIG).write_text(json.dumps(config))
    wrapped.merge_and_unload().save_pretrained(folder / "transformer")
    assert weights_of(adapter) == weights_of(folder) != weights_of(release)


def test_an_adapter_that_names_no_base_is_refused(tmp_path: Path, adapter: Path) -> None:
    copy = shutil.copytree(adapter, tmp_path / "adapter")
    config = json.loads((copy / CONFIG).read_text()) | {"base_model_name_or_path": None}
    (copy / CONFIG).write_text(json.dumps(config))
    with pytest.raises(TargetError, match="an adapter alone and does not name the model"):
        load_target(str(copy), device="cpu")


def test_a_family_that_cannot_merge_says_so(tmp_path: Path, adapter: Path) -> None:
    folder = save_release(tmp_path / "stable-audio")
    shutil.copy(adapter / CONFIG, folder)
    with pytest.raises(TargetError, match="cannot be merged into models of the family stable-audio here"):
        load_target(str(folder), device="cpu")


def test_a_tensor_too_many_is_refused_by_its_name(tmp_path: Path, base: Path) -> None:
    copy = shutil.copytree(base, tmp_path / "copy")
    tensors = load_file(copy / WEIGHTS) | {"decoder.model.decoder.gate.weight": torch.ones(2)}
    save_file(tensors, copy / WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(TargetError, match=r"that its class does not know \(decoder.model.decoder.gate.weight\)"):
        load_target(str(copy), device="cpu")
