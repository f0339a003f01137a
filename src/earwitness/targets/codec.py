"""Audio codecs of transformers as one thing: waveforms in, codes of the first K codebooks out.

Goal: Encodec, DAC, Mimi and X-Codec differ in how the number of codebooks is asked for and in how a
length that is no multiple of the hop is treated. They run in float32 whatever the language
model runs in, so that the codes of a track do not depend on that choice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad
from transformers import AutoModel, PreTrainedModel

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import read_config, resolve
from earwitness.targets.networks import transformers_network

_CACHED_SAMPLES = 2**17


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """A loaded codec, asked for its first ``codebooks`` codebooks of ``codes`` codes."""

    model: PreTrainedModel
    sample_rate: int
    hop_length: int
    codebooks: int
    codes: int
    folder: Path

    @torch.no_grad()
    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Codes int64 [batch, K, T] of waveforms [batch, samples], padded with silence to whole frames."""
        values = torch.from_numpy(waves)[:, None].to(self.model.device)
        values = pad(values, (0, -values.shape[-1] % self.hop_length))
        kind = _KINDS[self.model.config.model_type]
        return in_pieces(lambda piece: kind.encode(self.model, piece, self.codebooks).long(), values)


def in_pieces(encode: Callable[[Tensor], Tensor], values: Tensor, *, dim: int = 0) -> Tensor:
    """Encode waveforms [batch, 1, samples] a few at a time where that is faster, and join the answers along ``dim``.

    The first layers of a codec hold dozens of channels at the full rate. On a processor a whole batch of
    them leaves the cache, and every pad and activation waits for the memory; a GPU takes the batch as it is.
    """
    if values.device.type != "cpu":
        return encode(values)
    rows = max(1, _CACHED_SAMPLES // values.shape[-1])
    return torch.cat([encode(piece) for piece in torch.split(values, rows)], dim=dim)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How codecs of a model type are asked."""

    codebooks: Callable[[PreTrainedModel], int]
    hop_length: Callable[[PreTrainedModel], float]
    encode: Callable[[PreTrainedModel, Tensor, int], Tensor]
    sample_rate: Callable[[PreTrainedModel], int] = lambda model: model.config.sampling_rate


def _encodec_codes(model: PreTrainedModel, values: Tensor, codebooks: int) -> Tensor:
    """The lowest bandwidth that holds so many codebooks; later ones refine, they change no former one."""
    quantizers = model.quantizer.get_num_quantizers_for_bandwidth
    enough = [width for width in sorted(model.config.target_bandwidths) if quantizers(width) >= codebooks]
    codes: Tensor = model.encode(values, bandwidth=enough[0]).audio_codes[0]
    return codes[:, :codebooks]


def _dac_codes(model: PreTrainedModel, values: Tensor, codebooks: int) -> Tensor:
    codes: Tensor = model.encode(values, n_quantizers=codebooks).audio_codes
    return codes


def _mimi_codes(model: PreTrainedModel, values: Tensor, codebooks: int) -> Tensor:
    codes: Tensor = model.encode(values, num_quantizers=codebooks).audio_codes
    return codes


def _xcodec_codes(model: PreTrainedModel, values: Tensor, codebooks: int) -> Tensor:
    codes: Tensor = model.encode(values).audio_codes
    return codes[:, :codebooks]


_KINDS = {
    "encodec": _Kind(
        codebooks=lambda model: model.quantizer.get_num_quantizers_for_bandwidth(max(model.config.target_bandwidths)),
        hop_length=lambda model: model.config.hop_length,
        encode=_encodec_codes,
    ),
    "dac": _Kind(
        codebooks=lambda model: model.config.n_codebooks,
        hop_length=lambda model: model.config.hop_length,
        encode=_dac_codes,
    ),
    "mimi": _Kind(
        codebooks=lambda model: model.config.num_quantizers,
        hop_length=lambda model: model.config.sampling_rate / model.config.frame_rate,
        encode=_mimi_codes,
    ),
    "xcodec": _Kind(
        codebooks=lambda model: model.config.num_quantizers,
        hop_length=lambda model: model.config.hop_length,
        encode=_xcodec_codes,
        sample_rate=lambda model: model.config.sample_rate,
    ),
}


def load_codec(folder: Path, name: str, *, codebooks: int, device: str) -> Codec:
    """Load the codec that a model directory names.

    Parameters
    ----------
    folder
        The model directory.
    name
        A directory inside it, any other directory, or a hub id.
    codebooks
        How many codebooks the model speaks.
    device
        Where to run it.

    Raises
    ------
    TargetError
        Where there is none, it is of another kind, not mono, or has fewer codebooks.
    """
    place = folder / name if (folder / name).is_dir() else resolve(name)
    config = read_config(place)
    found = config.get("model_type", "no config.json with a model_type")
    own = next(place.glob("**/ckpt_*.pth"), None)
    if found not in _KINDS and own is not None:
        raise TargetError(
            f"{place} holds X-Codec as its authors saved it ({own.name}); take its tensors (codec_model, if it has "
            "that entry) through transformers' convert_xcodec_weights_to_hf.py and give the folder that this writes."
        )
    if found not in _KINDS:
        raise TargetError(f"{place} holds no codec that can be asked (found: {found}; known: {', '.join(_KINDS)}).")
    if config.get("audio_channels", 1) != 1 or config.get("chunk_length_s") is not None:
        raise TargetError(f"The codec in {place} is stereo or works in chunks; one that takes mono audio is needed.")
    model = transformers_network(f"The codec in {place}", AutoModel, place)
    available = _KINDS[found].codebooks(model)
    if available < codebooks:
        raise TargetError(f"The codec in {place} has {available} codebooks, but the model speaks {codebooks}.")
    return Codec(
        model=model.to(device).eval(), sample_rate=int(_KINDS[found].sample_rate(model)),
        hop_length=round(_KINDS[found].hop_length(model)), codebooks=codebooks, codes=int(model.config.codebook_size),
        folder=place,
    )  # fmt: skip
