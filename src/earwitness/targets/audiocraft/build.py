"""Put the parts of a release together as one transformers model.

Goal: the model is first laid out without memory, from settings alone; every parameter then
finds its tensor or the load stops; only then are weights read, straight in the precision
that was asked for.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import EncodecModel, T5EncoderModel

from earwitness.errors import TargetError
from earwitness.targets.audiocraft.codec import codec_config, codec_tensors, encode_with, transposed_convolutions
from earwitness.targets.audiocraft.files import Release
from earwitness.targets.audiocraft.language_model import (
    TEXT_ENCODER,
    codebooks_a_channel,
    decoder_sizes,
    decoder_tensors,
    origin,
)
from earwitness.targets.audiocraft.variants import Variant, variant_of

_TEXT, _CODEC, _PROJECTION = "text_encoder.", "audio_encoder.", "enc_to_dec_proj."


def build(
    language_model: Release, codec: Release | EncodecModel, text_encoder: T5EncoderModel, dtype: torch.dtype
) -> Any:
    """Build the model from a release's language model, its codec (file or published) and its T5 encoder.

    Raises
    ------
    TargetError
        Where the parts do not fit each other or cannot be mapped.
    """
    variant = variant_of(language_model.settings)
    config = _config(variant, language_model, codec, text_encoder)
    _check_text_width(language_model, text_encoder)
    layout = _layout(variant, config)
    tensors = _prefixed(_TEXT, text_encoder.state_dict())
    if isinstance(codec, Release):
        upsampling = transposed_convolutions(layout.audio_encoder)
        tensors |= _prefixed(_CODEC, codec_tensors(codec, _shapes(layout.audio_encoder), upsampling))
    else:
        tensors |= _prefixed(_CODEC, codec.state_dict())
    trained = {name: shape for name, shape in _shapes(layout).items() if not name.startswith((_TEXT, _CODEC))}
    tensors |= decoder_tensors(language_model, trained)
    model = variant.architecture.from_pretrained(None, config=config, state_dict=tensors, dtype=dtype)
    if not hasattr(model, "enc_to_dec_proj"):
        model.enc_to_dec_proj = _linear(tensors[_PROJECTION + "weight"], tensors[_PROJECTION + "bias"], dtype)
    model.generation_config.decoder_start_token_id = config.decoder.pad_token_id
    return model


def _config(
    variant: Variant, language_model: Release, codec: Release | EncodecModel, text_encoder: T5EncoderModel
) -> Any:
    settings = language_model.settings
    codebooks = codebooks_a_channel(settings)
    if isinstance(codec, Release):
        audio = codec_config(codec.settings, codebooks)
    else:
        audio = encode_with(codec.config, codebooks, "The published codec")
    variant.check(settings)
    own = variant.configuration(settings)
    decoder = decoder_sizes(settings, audio.sampling_rate / audio.hop_length, prefix=own.get("chroma_length", 0))
    if decoder["vocab_size"] != audio.codebook_size:
        raise TargetError(
            f"{language_model.path} models {decoder['vocab_size']} codes per codebook, its codec has "
            f"{audio.codebook_size}; the two files do not belong together."
        )
    return variant.architecture.config_class(
        text_encoder=text_encoder.config.to_dict(), audio_encoder=audio.to_dict(), decoder=decoder, **own
    )


def _check_text_width(language_model: Release, text_encoder: T5EncoderModel) -> None:
    """Say that the text encoder is another one, before its width looks like a damaged tensor."""
    projection, width = language_model.tensors.get(origin(_PROJECTION + "weight").name), text_encoder.config.d_model
    if projection is not None and projection.ndim == 2 and projection.shape[1] != width:
        wanted = language_model.settings.text(TEXT_ENCODER)
        raise TargetError(
            f"The text encoder in {text_encoder.config.name_or_path} is {width} wide, {language_model.path} was "
            f"trained with {wanted}, {projection.shape[1]} wide; put that one there."
        )


def _layout(variant: Variant, config: Any) -> Any:
    """Lay the model out on the meta device: names and shapes, no values."""
    with torch.device("meta"):
        layout = variant.architecture(config)
        # The class leaves the projection out where text and decoder are equally wide; audiocraft always has it.
        layout.enc_to_dec_proj = nn.Linear(config.text_encoder.hidden_size, config.decoder.hidden_size)
    return layout


def _linear(weight: Tensor, bias: Tensor, dtype: torch.dtype) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.load_state_dict({"weight": weight.to(dtype), "bias": bias.to(dtype)}, assign=True)
    return layer


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def _shapes(module: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in module.state_dict().items()}
