"""MAGNeT: a transformer that fills masked codes in, codebook by codebook, both ways in time at once.

Goal: what training scored, on a fixed schedule. In training a codebook k is drawn, spans of its frames are masked at a
rate of cos(π u / 2), u uniform, all finer codebooks are masked throughout, and the loss is that of the masked frames.
Here u runs over evenly spaced values from 0 (all masked) on, the spans are drawn once for a length of window, the
same for every window and every model, and a frame's logits are the mean of its log-probabilities over the passes in
which it was masked: the loss of a code is its mean loss over the schedule, but for a constant that makes probabilities
of them.

Codebooks behind the first attend to frames at most ``subcodes_context`` away. Rows do not see each other.
Source: Ziv et al., arXiv 2401.04577; ``lm_magnet.py`` and ``solvers/magnet.py`` of facebookresearch/audiocraft (at
896ec7c).
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter

from earwitness.targets.audiocraft.settings import Needed, Settings
from earwitness.targets.delay import frame_chunks
from earwitness.targets.musicgen import Musicgen, Text, attended
from earwitness.targets.protocols import LogitsChunk, TargetIdentity, WindowLaw

PASSES = 4
"""How many masks of a codebook a window is asked under."""
_PARALLEL = (
    Needed("transformer_lm.causal", False, False),
    Needed("codebooks_pattern.modeling", "parallel", None),
    Needed("codebooks_pattern.parallel.empty_initial", -1, 0),
    Needed("interleave_stereo_codebooks.use", False, False),
)


def require_parallel(settings: Settings) -> None:
    """Raise ``TargetError`` where a model looks ahead or delays its codebooks."""
    settings.require(_PARALLEL)


class Magnet:
    """A loaded MAGNeT; see ``TokenTarget`` for the contract of its methods."""

    has_null_condition = True

    def __init__(self, model: Any, tokenizer: Any, identity: TargetIdentity, settings: Settings) -> None:
        self._like_musicgen = Musicgen(model, tokenizer, identity)
        self._model = model
        self._context = settings.whole("transformer_lm.subcodes_context", if_absent=5)
        self._span = settings.integer("masking.span_len")
        self._special = int(model.config.decoder.pad_token_id)
        self.identity = identity
        self.sample_rate = self._like_musicgen.sample_rate
        self.channels = self._like_musicgen.channels
        self.hop_length = self._like_musicgen.hop_length
        self.codebooks = self._like_musicgen.codebooks
        self.max_seconds = self._like_musicgen.max_seconds
        self.window_law = WindowLaw(seconds=self.max_seconds)

    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Codes int64 [batch, K, T] of waveforms [batch, samples]."""
        return self._like_musicgen.encode(waves)

    def parameters(self) -> Iterator[Parameter]:
        """What was trained: decoder and projection, but neither the codec nor the text encoder."""
        return self._like_musicgen.parameters()

    def logits(self, codes: Tensor, prompts: Sequence[str], *, null: bool) -> Iterator[LogitsChunk]:
        """Log-probabilities in chunks of frames, averaged over the masks; an empty prompt is the null condition."""
        text = self._like_musicgen.text(prompts)
        masks = [span_masks(codes.shape[2], self._span, codebook=k).to(codes.device) for k in range(self.codebooks)]
        conditional = self._hidden(codes, masks, text)
        unconditional = self._hidden(codes, masks, text.dropped()) if null else None
        for chunk in frame_chunks(codes, int(self._model.config.decoder.vocab_size)):
            yield LogitsChunk(
                self._averaged(conditional, masks, chunk),
                None if unconditional is None else self._averaged(unconditional, masks, chunk),
            )

    def _hidden(self, codes: Tensor, masks: Sequence[Tensor], text: Text) -> list[list[Tensor]]:
        """Decoder states [batch, T, width] for each codebook and each of its masks."""
        found = []
        for codebook, own in enumerate(masks):
            sight = self._sight(codes.shape[2], codebook)
            known = codes.clone()
            known[:, codebook + 1 :] = self._special
            passes = []
            for mask in own:
                given = known.clone()
                given[:, codebook] = torch.where(mask, self._special, known[:, codebook])
                hidden: Tensor = self._model.decoder.model.decoder(
                    given.flatten(0, 1), attention_mask=sight, encoder_hidden_states=text.states,
                    encoder_attention_mask=attended(text), use_cache=False,
                ).last_hidden_state  # fmt: skip
                passes.append(hidden)
            found.append(passes)
        return found

    def _sight(self, frames: int, codebook: int) -> Tensor:
        """What is added to attention [1, 1, T, T]: nothing within sight, −∞ outside."""
        sight = torch.zeros(frames, frames, device=self._model.device, dtype=self._model.dtype)
        if codebook > 0 and self._context >= 0:
            places = torch.arange(frames, device=sight.device)
            sight.masked_fill_((places[:, None] - places).abs() > self._context, -math.inf)
        return sight[None, None]

    def _averaged(self, hidden: Sequence[Sequence[Tensor]], masks: Sequence[Tensor], chunk: range) -> Tensor:
        """Mean log-probabilities [batch, K, frames, V] over the passes in which a frame was masked."""
        frames = slice(chunk.start, chunk.stop)
        found = []
        for head, passes, own in zip(self._model.decoder.lm_heads, hidden, masks, strict=True):
            weights = own[:, frames] / own[:, frames].sum(dim=0)
            of_each = (head(states[:, frames]).float().log_softmax(dim=-1) for states in passes)
            found.append(sum(weight[:, None] * logs for weight, logs in zip(weights, of_each, strict=True)))
        return torch.stack(found, dim=1)


def span_masks(frames: int, span: int, *, codebook: int) -> Tensor:
    """The masks bool [PASSES, frames] under which a codebook is asked, the first of them full.

    A span covers ``span`` frames to the right of where it begins; spans overlap. How many there are follows from the
    rate as in training, where it is rounded to hundredths.
    """
    generator = torch.Generator().manual_seed(codebook)
    masks = torch.ones(PASSES, frames, dtype=torch.bool)
    for number in range(1, PASSES):
        order = torch.rand(frames, generator=generator).argsort()
        begins = torch.zeros(frames, dtype=torch.bool)
        begins[order[: _spans(round(100 * math.cos(math.pi / 2 * number / PASSES)) / 100, frames, span)]] = True
        masks[number] = begins
        for shift in range(1, min(span, frames)):
            masks[number, shift:] |= begins[:-shift]
    return masks


def _spans(rate: float, frames: int, span: int) -> int:
    """The least number of spans that on average cover this share of frames.

    Of n frames with u spans of length l a share 1 − C(n − l, u) / C(n, u) is covered. Source: appendix C of the paper.
    """
    if frames <= span:
        return 1
    missed, number = 1.0, 0
    while 1 - missed < rate and number < frames:
        missed *= (frames - span - number) / (frames - number)
        number += 1
    return max(number, 1)
