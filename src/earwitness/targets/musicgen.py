"""MusicGen: an autoregressive transformer over Encodec codes in a delay pattern.

Loads what ``MusicgenForConditionalGeneration.save_pretrained`` writes (and the hub's
``facebook/musicgen-*`` hold): configuration, weights, tokenizer. Source of the model:
Copet et al., arXiv 2306.05284. Codes and logits are aligned as `delay` says.

Stereo: the codec is mono and hears left and right apart; their codes alternate, left first, so
row 2j + c is codebook j of channel c, and all rows of both channels are scored.

How prompts reach the decoder is the one thing in which the model's relatives differ: it is a
`Conditioning` that `Musicgen` is composed with.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import MusicgenForConditionalGeneration

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import read_config
from earwitness.targets.codec import in_pieces
from earwitness.targets.continuing import NextState, Remembering, continue_greedily, decode
from earwitness.targets.delay import DelayPattern, frame_chunks
from earwitness.targets.networks import tokenizer_of, transformers_network
from earwitness.targets.protocols import LogitsChunk, TargetIdentity, TokenTarget
from earwitness.targets.weights import identify, in_precision


class Text(NamedTuple):
    """Prompts as the decoder sees them.

    ``states`` [batch, L, width] are zero at padding and throughout an empty prompt, ``mask``
    [batch, L] is 1 at tokens and 0 at padding. Without its states a text is the null condition.
    """

    states: Tensor
    mask: Tensor

    def dropped(self) -> "Text":
        """The null condition in place of these prompts: zeroed states, as in training."""
        return Text(torch.zeros_like(self.states), self.mask)


class Conditioning(Protocol):
    """How prompts reach a decoder.

    ``positions`` counts the decoder's positions that are taken before the first frame,
    the prompt's own tokens aside.
    """

    positions: int

    def hidden(self, columns: Tensor, text: Text) -> Tensor:
        """Decoder states [batch, C, width] over delayed codes [batch, K, C]; rows do not see each other."""


@runtime_checkable
class Stepwise(Protocol):
    """A conditioning that remembers what the decoder has seen, so that a further column costs no more than itself."""

    def following(self, text: Text) -> NextState:
        """The decoder under these prompts, before its first column."""


class CrossAttention:
    """Every layer of the decoder attends to the text states."""

    positions = 0

    def __init__(self, model: Any) -> None:
        self._decoder = model.decoder.model

    def hidden(self, columns: Tensor, text: Text) -> Tensor:
        """See `Conditioning`."""
        hidden: Tensor = self._decoder(
            columns.flatten(0, 1),
            encoder_hidden_states=text.states,
            encoder_attention_mask=attended(text),
            use_cache=False,
        ).last_hidden_state
        return hidden

    def following(self, text: Text) -> NextState:
        """See `Stepwise`."""
        return Remembering(self._decoder, text.states, attended(text))


def attended(text: Text) -> Tensor:
    """The mask [batch, L] of a text for cross-attention."""
    # A zeroed row hears nothing whatever its mask says; a full mask keeps it free of NaN.
    silent = ~text.states.any(dim=2).any(dim=1)
    return text.mask.masked_fill(silent[:, None], 1)


class Musicgen:
    """A loaded MusicGen or one of its relatives; see ``TokenTarget`` for the contract of its methods."""

    has_null_condition = True

    def __init__(
        self, model: Any, tokenizer: Any, identity: TargetIdentity, *, conditioning: Conditioning | None = None
    ) -> None:
        config = model.config
        self._model = model
        self._tokenizer = tokenizer
        self._conditioning = CrossAttention(model) if conditioning is None else conditioning
        self.identity = identity
        self.sample_rate = int(config.audio_encoder.sampling_rate)
        self.channels = int(config.decoder.audio_channels)
        self.hop_length = int(config.audio_encoder.hop_length)
        self.codebooks = int(config.decoder.num_codebooks)
        self._pattern = DelayPattern(
            codebooks=self.codebooks, channels=self.channels, start=int(config.decoder.pad_token_id)
        )
        taken = self._conditioning.positions + self.codebooks // self.channels
        self.max_seconds: float | None = (int(config.decoder.max_position_embeddings) - taken) / float(
            config.audio_encoder.frame_rate
        )

    @torch.no_grad()
    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Codes int64 [batch, K, T] of waveforms [batch, samples], or [batch, 2, samples] in stereo.

        Raises
        ------
        ValueError
            Where the waves are not of that shape.
        TargetError
            Where the checkpoint's codec gives other codes than its decoder takes.
        """
        layout = waves.shape[1:-1]
        if layout != (() if self.channels == 1 else (self.channels,)):
            raise ValueError(f"Waves of shape {waves.shape} were given to a model of {self.channels} channel(s).")
        values = torch.from_numpy(waves).to(self._model.device)
        heard = in_pieces(
            lambda piece: self._model.audio_encoder.encode(piece).audio_codes,
            values.reshape(-1, 1, waves.shape[-1]),
            dim=1,
        )
        pieces, _, codebooks, frames = heard.shape
        if (pieces, codebooks * self.channels) != (1, self.codebooks):
            raise TargetError(
                f"The checkpoint's codec gives {codebooks} codebooks a channel in {pieces} piece(s), its decoder needs "
                f"{self.codebooks / self.channels:g} in one; the checkpoint is damaged, get it again."
            )
        codes: Tensor = heard[0].view(len(waves), self.channels, codebooks, frames).transpose(1, 2).flatten(1, 2)
        return codes

    def logits(self, codes: Tensor, prompts: Sequence[str], *, null: bool) -> Iterator[LogitsChunk]:
        """Logits in chunks of frames; an empty prompt is the null condition.

        The hidden states of the whole window are computed once a pass; only the output
        heads, which are the large part, run chunk by chunk.
        """
        text = self.text(prompts)
        columns = self._pattern.columns(codes)
        conditional = self._conditioning.hidden(columns, text)
        unconditional = self._conditioning.hidden(columns, text.dropped()) if null else None
        heads = self._model.decoder.lm_heads
        for chunk in frame_chunks(codes, int(self._model.config.decoder.vocab_size)):
            yield LogitsChunk(
                self._pattern.logits(conditional, heads, chunk),
                None if unconditional is None else self._pattern.logits(unconditional, heads, chunk),
            )

    def parameters(self) -> Iterator[nn.Parameter]:
        """What was trained: decoder and projections, but neither the codec nor the text encoder."""
        for name, parameter in self._model.named_parameters():
            if not name.startswith(("audio_encoder.", "text_encoder.")):
                yield parameter

    @torch.no_grad()
    def continue_codes(self, codes: Tensor, prompts: Sequence[str], frames: int) -> Tensor:
        """The most likely codes [batch, K, frames] after codes [batch, K, P], each given all before it."""
        text = self.text(prompts)
        conditioning = self._conditioning
        state: NextState = (
            conditioning.following(text)
            if isinstance(conditioning, Stepwise)
            else lambda columns: conditioning.hidden(columns, text)[:, -1]
        )
        return continue_greedily(codes, frames, state=state, heads=self._model.decoder.lm_heads, pattern=self._pattern)

    def decode(self, codes: Tensor) -> NDArray[np.float32]:
        """Waveforms [batch, samples], or [batch, 2, samples] in stereo, of codes [batch, K, T]."""
        return decode(self._model.audio_encoder, codes, self.channels)

    def text(self, prompts: Sequence[str]) -> Text:
        """Prompts as the decoder sees them."""
        # Nothing is cut: audiocraft does not cut prompts either, and T5 has no last position.
        tokens = self._tokenizer(list(prompts), padding=True, truncation=False, return_tensors="pt").to(
            self._model.device
        )
        with torch.no_grad():  # the text encoder was not trained with the model
            states = self._model.text_encoder(tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state
        if hasattr(self._model, "enc_to_dec_proj"):  # absent where the widths agree
            states = self._model.enc_to_dec_proj(states)
        empty = torch.tensor([not prompt for prompt in prompts], device=states.device)
        keep = tokens.attention_mask.masked_fill(empty[:, None], 0)
        return Text(states * keep[..., None].to(states.dtype), tokens.attention_mask)


def rounded(model: Any, precision: torch.dtype) -> Any:
    """The model in a precision, but its codec in float32: what a track's codes are does not depend on that choice."""
    for name, part in model.named_children():
        in_precision(part, torch.float32 if name == "audio_encoder" else precision)
    return model


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicgenLike:
    """Directories that one of transformers' MusicGen classes saved.

    ``name`` is also the ``model_type`` in their config.json.
    """

    name: str
    description: str
    architecture: Any
    conditioning: Callable[[Any], Conditioning]

    def matches(self, folder: Path) -> bool:
        """Whether config.json says so."""
        return read_config(folder).get("model_type") == self.name

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> TokenTarget:
        """Load model and tokenizer in evaluation mode."""
        precision = getattr(torch, dtype)
        model = transformers_network(f"The MusicGen checkpoint in {folder}", self.architecture, folder, dtype=precision)
        tokenizer = tokenizer_of(folder)
        identity = identify(self.name, name, dtype, parts={"model": model}, folders=[folder])
        model = rounded(model, precision).to(device).eval()
        return Musicgen(model, tokenizer, identity, conditioning=self.conditioning(model))


MusicgenFamily = MusicgenLike(
    name="musicgen",
    description="MusicGen, mono and stereo: transformers directories and hub ids such as facebook/musicgen-small",
    architecture=MusicgenForConditionalGeneration,
    conditioning=CrossAttention,
)
