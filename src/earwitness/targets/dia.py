"""Dia: spoken dialogue from a transcript; an encoder over bytes, a decoder over delayed DAC codes.

Loads what ``DiaForConditionalGeneration.save_pretrained`` and ``DiaProcessor.save_pretrained``
write (and the hub's ``nari-labs/Dia-1.6B-0626`` holds): configuration, weights, tokenizer, and the
name of the codec. A prompt is a transcript as the model was trained on, ``[S1] … [S2] …``.

Alignment: codebook k is delayed by d(k) columns behind one start column, so the token (k, t)
stands in column t + d(k) + 1 and is predicted at position t + d(k). A window of T frames is fed
as T + max d columns and *all* K·T tokens are scored. Behind a codebook's codes stand an end token
and padding, as in the processor's own training examples.

Null condition: every byte of the transcript is 0, as in the class's own guidance. Equal bytes have
equal values, so whatever attends to them hears the same for any number of them: one stands for all.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import linear
from transformers import DiaForConditionalGeneration, PreTrainedTokenizerBase

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import read_config
from earwitness.targets.codec import Codec, load_codec
from earwitness.targets.delay import frame_chunks
from earwitness.targets.networks import tokenizer_of, transformers_network
from earwitness.targets.protocols import LogitsChunk, TargetIdentity
from earwitness.targets.weights import identify, in_precision

_CODEC_FOLDER = "codec"


class Dia:
    """A loaded Dia; see ``TokenTarget`` for the contract of its methods.

    Logits are over the codes of a codebook, without the start, end and padding tokens.
    """

    has_null_condition = True
    channels = 1

    def __init__(
        self,
        model: DiaForConditionalGeneration,
        tokenizer: PreTrainedTokenizerBase,
        codec: Codec,
        identity: TargetIdentity,
    ) -> None:
        decoder = model.config.decoder_config
        self._model = model
        self._tokenizer = tokenizer
        self._codec = codec
        self._delays = [int(delay) for delay in model.config.delay_pattern]
        self._start, self._end, self._pad = decoder.bos_token_id, decoder.eos_token_id, decoder.pad_token_id
        self.identity = identity
        self.sample_rate = codec.sample_rate
        self.hop_length = codec.hop_length
        self.codebooks = codec.codebooks
        frames = int(decoder.max_position_embeddings) - max(self._delays)
        self.max_seconds: float | None = frames * self.hop_length / self.sample_rate

    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Codes int64 [batch, K, T] of waveforms [batch, samples]."""
        return self._codec.encode(waves)

    def parameters(self) -> Iterator[Parameter]:
        """All parameters of text encoder and decoder, which were trained together; not the codec's."""
        yield from self._model.parameters()

    def logits(self, codes: Tensor, prompts: Sequence[str], *, null: bool) -> Iterator[LogitsChunk]:
        """Logits in chunks of frames; an empty prompt is the null condition."""
        columns = self._columns(codes)
        conditional = self._hidden(columns, *self._text(prompts))
        unconditional = self._hidden(columns, *self._text(["" for _ in prompts])) if null else None
        for frames in frame_chunks(codes, self._codec.codes):
            yield LogitsChunk(
                self._logits(conditional, frames),
                None if unconditional is None else self._logits(unconditional, frames),
            )

    def _text(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Byte ids [batch, L] and their mask; an empty prompt is one byte of 0."""
        limit = int(self._model.config.encoder_config.max_position_embeddings)
        rows = [self._tokenizer(prompt, add_special_tokens=False).input_ids[:limit] or [0] for prompt in prompts]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows], device=self._model.device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=self._model.device)
        return ids, mask

    def _columns(self, codes: Tensor) -> Tensor:
        """Decoder input [batch, T + max d, K] of codes [batch, K, T]."""
        frames, latest = codes.shape[2], max(self._delays)
        columns = codes.new_full((codes.shape[0], frames + latest, codes.shape[1]), self._pad)
        for k, delay in enumerate(self._delays):
            columns[:, : delay + 1, k] = self._start
            known = min(frames, frames + latest - delay - 1)  # nobody needs the last token of the latest codebook
            columns[:, delay + 1 : delay + 1 + known, k] = codes[:, k, :known]
            columns[:, delay + 1 + frames : delay + 2 + frames, k] = self._end
        return columns

    def _hidden(self, columns: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """Decoder states [batch, T + max d, width]."""
        hidden: Tensor = self._model.model(
            input_ids=ids, attention_mask=mask, decoder_input_ids=columns, use_cache=False
        ).last_hidden_state
        return hidden

    def _logits(self, hidden: Tensor, frames: range) -> Tensor:
        """Logits [batch, K, frames, V] of a range of frames; the special tokens' rows come behind the codes'."""
        heads = self._model.logits_dense.weight.unflatten(0, (self.codebooks, -1))[:, : self._codec.codes]
        return torch.stack(
            [
                linear(hidden[:, frames.start + delay : frames.stop + delay], head)
                for head, delay in zip(heads, self._delays, strict=True)
            ],
            dim=1,
        )


class _Family:
    """Directories saved by ``DiaForConditionalGeneration`` and ``DiaProcessor``."""

    name = "dia"
    description = "Dia, text to speech: transformers directories with their DAC codec"

    def matches(self, folder: Path) -> bool:
        """Whether config.json says so."""
        return read_config(folder).get("model_type") == "dia"

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> Dia:
        """Load model, tokenizer and codec in evaluation mode."""
        precision = getattr(torch, dtype)
        model = transformers_network(
            f"The Dia checkpoint in {folder}", DiaForConditionalGeneration, folder, dtype=precision
        )
        tokenizer = tokenizer_of(folder)
        codebooks = int(model.config.decoder_config.num_channels)
        codec = load_codec(folder, _codec_name(folder), codebooks=codebooks, device=device)
        if codec.codes > min(model.config.decoder_config.eos_token_id, model.config.decoder_config.vocab_size):
            raise TargetError(
                f"The codec of {folder} has more codes than its decoder; give the one it was trained with."
            )
        identity = identify(
            self.name, name, dtype, parts={"model": model, "codec": codec.model}, folders=[folder, codec.folder]
        )
        return Dia(in_precision(model, precision).to(device).eval(), tokenizer, codec, identity)


def _codec_name(folder: Path) -> str:
    """The codec's directory: beside the model, else where its processor says."""
    if (folder / _CODEC_FOLDER).is_dir():
        return _CODEC_FOLDER
    stated = read_config(folder, "processor_config.json").get("audio_tokenizer")
    stated = stated or read_config(folder, "audio_tokenizer_config.json")
    place = stated.get("audio_tokenizer_name_or_path") if isinstance(stated, dict) else None
    if not isinstance(place, str):
        raise TargetError(
            f"{folder} does not say which codec its codes are of; put the codec's directory (descript/dac_44khz for "
            f"the released Dia) into {folder / _CODEC_FOLDER}."
        )
    return place


DiaFamily = _Family()
