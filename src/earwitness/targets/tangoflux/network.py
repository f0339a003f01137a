"""The network of a release, under the names that its tensors have: transformer, projection of the text, T5, duration.

Goal: every tensor of ``tangoflux.safetensors`` finds its parameter or the load stops. The classes are those that the
model was published with, or have the same parameters. The autoencoder's sizes are in no configuration; they are read
off the shapes of ``vae.safetensors``.
"""

from pathlib import Path
from typing import Any

import torch
from diffusers import FluxTransformer2DModel
from diffusers.models.autoencoders.autoencoder_oobleck import OobleckEncoder
from diffusers.pipelines.stable_audio.modeling_stable_audio import StableAudioNumberConditioner
from safetensors.torch import load_file
from torch import nn
from transformers import T5Config, T5EncoderModel

from earwitness.errors import TargetError
from earwitness.targets.audiocraft.settings import Needed, Settings
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.stable_audio.latents import ClipEncoder, building_oobleck
from earwitness.targets.stable_audio.names import Origin
from earwitness.targets.stable_audio.tensors import Tensors

CONFIG, WEIGHTS, VAE = "config.json", "tangoflux.safetensors", "vae.safetensors"
SAMPLE_RATE = 44_100  # stands in no file: the trainer resamples to it
_DEFAULTS = {
    "num_layers": 6, "num_single_layers": 18, "in_channels": 64, "attention_head_dim": 128, "joint_attention_dim": 1024,
    "num_attention_heads": 8, "audio_seq_len": 645, "max_duration": 30, "uncondition": False,
    "text_encoder_name": "google/flan-t5-large",
}  # fmt: skip
_EMBEDDING, _SAME_EMBEDDING = "text_encoder.shared.weight", "text_encoder.encoder.embed_tokens.weight"
# What preferences were trained against: a copy of the transformer as it was before.
_REFERENCE = "ref_transformer."


class Network(nn.Module):
    """All that one file holds; the third name is spelled as it is there."""

    def __init__(self, settings: Settings, text: T5Config) -> None:
        super().__init__()
        width = int(text.d_model)
        self.text_encoder = T5EncoderModel(text)
        self.fc = nn.Sequential(nn.Linear(width, settings.integer("joint_attention_dim")), nn.ReLU())
        self.duration_emebdder = StableAudioNumberConditioner(width, 0, settings.number("max_duration"))
        self.transformer: Any = FluxTransformer2DModel(
            **{name: settings.integer(name) for name in (
                "in_channels", "num_layers", "num_single_layers", "attention_head_dim", "num_attention_heads",
                "joint_attention_dim",
            )},
            pooled_projection_dim=width, guidance_embeds=False,
        )  # fmt: skip


def read_settings(folder: Path) -> Settings:
    """Read ``config.json``, its absent values as the original sets them."""
    settings = Settings(_DEFAULTS | read_config(folder, CONFIG), str(folder / CONFIG))
    settings.require([Needed("attention_head_dim", 128, None)])
    return settings


def load_network(folder: Path, settings: Settings, text: Path) -> Network:
    """The network in float32 and evaluation mode; ``text`` has the T5's configuration.

    Raises
    ------
    TargetError
        Where the file is missing or damaged, or does not fit the configurations.
    """
    tensors = dict(_tensors(folder, WEIGHTS).tensors)
    for name, same in ((_SAME_EMBEDDING, _EMBEDDING), (_EMBEDDING, _SAME_EMBEDDING)):
        if same in tensors:
            tensors.setdefault(name, tensors[same])
    sizes = load_safely(f"The T5 configuration in {text}", lambda: T5Config.from_pretrained(text))
    if sizes.d_model != settings.integer("joint_attention_dim"):
        raise TargetError(
            f"The text encoder in {text} is {sizes.d_model} wide, the transformer of {folder} listens to "
            f"{settings.integer('joint_attention_dim')}; put the one that {settings.where} names there."
        )
    with torch.device("meta"):
        network: Network = load_safely(f"The network of {folder}", lambda: Network(settings, sizes))
    found = Tensors(folder / WEIGHTS, tensors)
    found.fill(network, Origin, torch.float32)
    found.require_all_placed(unused=(_REFERENCE,))
    return network.eval()


def load_encoder(folder: Path, settings: Settings) -> ClipEncoder:
    """The autoencoder's half that is asked, in float32, for clips of the model's longest duration."""
    tensors = _tensors(folder, VAE)
    shapes = {name: list(tensor.shape) for name, tensor in tensors.tensors.items()}
    downs = [shapes[name] for i in range(len(shapes)) if (name := f"encoder.block.{i}.conv1.weight_v") in shapes]
    first, latent = shapes.get("encoder.conv1.weight_v", []), settings.integer("in_channels")
    if len(first) != 3 or not downs or first[0] != 2 * latent:
        raise TargetError(
            f"{folder / VAE} is no Oobleck autoencoder with latents of {latent} channels, which {settings.where} asks "
            "for; get the release again."
        )
    strides = [kernel // 2 for _, _, kernel in downs]
    with torch.device("meta"), building_oobleck():
        network = OobleckEncoder(
            encoder_hidden_size=first[0], audio_channels=first[1], downsampling_ratios=strides,
            channel_multiples=[out // first[0] for out, _, _ in downs],
        )  # fmt: skip
    tensors.fill(network, lambda name: Origin(f"encoder.{name}"), torch.float32)
    tensors.require_all_placed(unused=("decoder.",))
    encoder = ClipEncoder(
        network=network.eval(), strides=tuple(strides), channels=first[1], sample_rate=SAMPLE_RATE,
        frames=settings.integer("audio_seq_len"), samples=round(settings.number("max_duration") * SAMPLE_RATE),
        clipped=False,
    )  # fmt: skip
    if encoder.clip_samples // encoder.hop_length != encoder.frames:
        raise settings.wrong(
            "audio_seq_len", encoder.frames, f"{encoder.clip_samples // encoder.hop_length}, the frames of a clip,"
        )
    return encoder


def _tensors(folder: Path, name: str) -> Tensors:
    path = folder / name
    if not path.is_file():
        raise TargetError(f"{folder} lacks {name}; a TangoFlux release holds {CONFIG}, {WEIGHTS} and {VAE}.")
    return Tensors(path, load_safely(f"The weights {path}", lambda: load_file(path)))
