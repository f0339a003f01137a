"""The trained network of a release: U-Net and frozen text encoder from one file.

Goal: both keep the names of the library classes that the release was trained with; every tensor of
the file finds its parameter or the load stops. The U-Net's configuration is looked for beside the
weights; where a release only names one of the two published ones, it is that one.
"""

from pathlib import Path, PurePosixPath
from typing import TypeVar

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from transformers import T5Config, T5EncoderModel

from earwitness.errors import TargetError
from earwitness.targets.audiocraft.settings import Settings
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.renamed import Origin, gather
from earwitness.targets.tango import music
from earwitness.targets.tango.companions import PUBLISHED
from earwitness.targets.tango.files import in_folders, read_tensors, weights_path

_Network = TypeVar("_Network", bound=nn.Module)
_UNET, _TEXT = "unet.", "text_encoder."
_EMBEDDING, _SAME_EMBEDDING = _TEXT + "shared.weight", _TEXT + "encoder.embed_tokens.weight"
# The sampler of the release draws latents of this size whatever the configuration says: 10.24 s in 64 bands.
LATENT_SIZE = (256, 16)


def load_networks(
    folder: Path, settings: Settings, text: Path, remarks: list[str]
) -> tuple[UNet2DConditionModel, T5EncoderModel]:
    """Build the U-Net and the text encoder in float32, both in evaluation mode.

    Parameters
    ----------
    folder
        The release.
    settings
        Its ``main_config.json``.
    text
        The folder of the text encoder's ``config.json``.
    remarks
        Takes a sentence where a configuration is not the release's own.

    Raises
    ------
    TargetError
        Where configurations and tensors do not belong together.
    """
    musical = in_folders(folder)
    config = (music.unet_config(folder) if musical else unet_config(folder, settings, remarks)) | {
        "sample_size": LATENT_SIZE
    }
    width = load_safely(f"The T5 configuration in {text}", lambda: T5Config.from_pretrained(text)).d_model
    if config.get("cross_attention_dim") != width:
        raise TargetError(
            f"The text encoder in {text} is {width} wide, the U-Net of {folder} listens to "
            f"{config.get('cross_attention_dim')}; put the one that {settings.where} names there."
        )
    with torch.device("meta"):
        encoder = load_safely(f"The T5 in {text}", lambda: T5EncoderModel(T5Config.from_pretrained(text)))
        build = music.listening_unet if musical else UNet2DConditionModel.from_config
        unet: UNet2DConditionModel = load_safely(f"The U-Net of {folder}", lambda: build(config))
    shapes = _shapes(_UNET, unet) | _shapes(_TEXT, encoder)
    tensors = read_tensors(folder, "main")
    tensors.setdefault(_SAME_EMBEDDING, tensors.get(_EMBEDDING, torch.empty(0)))
    if musical:
        tensors = {name: tensor for name, tensor in tensors.items() if name not in music.UNUSED}
    origin = (lambda name: Origin(music.original_name(name))) if musical else Origin
    taken = gather(shapes, origin, tensors, weights_path(folder, "main"))
    return _filled(_UNET, unet, taken), _filled(_TEXT, encoder, taken)


def unet_config(folder: Path, settings: Settings, remarks: list[str]) -> dict[str, object]:
    """The U-Net's configuration, from the file that ``main_config.json`` names; says where it is not in the release."""
    if settings.get("unet_model_name") is not None:
        raise TargetError(
            f"{settings.where}: this model is built on the U-Net of {settings.get('unet_model_name')!r} with "
            "projections around it; only one with a U-Net of its own (unet_model_config_path) can be asked."
        )
    named = PurePosixPath(settings.text("unet_model_config_path"))
    own = folder / named.name
    inside = folder / named if not named.is_absolute() and ".." not in named.parts else own
    found: dict[str, object] = {}
    for path in (inside, own):
        found = found or read_config(path.parent, path.name)
    if not found and (PUBLISHED / named.name).is_file():
        found = read_config(PUBLISHED, named.name)
        remarks.append(
            f"The U-Net's configuration {named.name}, which the release only names, is the one that its authors "
            "published, as it comes with earwitness."
        )
    if found.get("_class_name") != "UNet2DConditionModel":
        raise TargetError(
            f"{folder} has no U-Net configuration: {settings.where} names {named}, which is not there and is no "
            f"published one; put the file that the model was trained with at {inside}."
        )
    return found


def _shapes(prefix: str, module: nn.Module) -> dict[str, torch.Size]:
    return {prefix + name: tensor.shape for name, tensor in module.state_dict().items()}


def _filled(prefix: str, network: _Network, tensors: dict[str, Tensor]) -> _Network:
    own = {name.removeprefix(prefix): tensor.float() for name, tensor in tensors.items() if name.startswith(prefix)}
    network.load_state_dict(own, assign=True)
    return network.eval()
