"""MusicGen: an autoregressive transformer over Encodec codes in a delay pattern.

Loads what ``MusicgenForConditionalGeneration.save_pretrained`` writes (and the hub's
``facebook/musicgen-*`` hold): configuration, weights, tokenizer. Source of the model:
Copet et al., arXiv 2306.05284.

Alignment: codebook k is delayed by k frames behind a start column, so the token (k, t)
stands in input column t + k + 1 and is predicted at position t + k. A window of T frames
is fed as T + K − 1 columns and *all* K·T tokens are scored, the tails of the later
codebooks included.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoTokenizer, MusicgenForConditionalGeneration

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import content_sha256, load_safely, read_config
from earwitness.targets.protocols import LogitsChunk, TargetIdentity, TokenTarget

# Logits of one chunk stay inside a processor's cache, or use a GPU's memory sparingly.
_CHUNK_BYTES = {"cpu": 4 << 20, "cuda": 256 << 20}


class Musicgen:
    """A loaded MusicGen; see ``TokenTarget`` for the contract of its methods."""

    has_null_condition = True

    def __init__(self, model: Any, tokenizer: Any, identity: TargetIdentity) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._start = int(model.config.decoder.pad_token_id)
        self.identity = identity
        self.sample_rate = int(model.config.audio_encoder.sampling_rate)
        self.hop_length = int(model.config.audio_encoder.hop_length)
        self.codebooks = int(model.config.decoder.num_codebooks)
        positions = int(model.config.decoder.max_position_embeddings) - self.codebooks
        self.max_seconds: float | None = positions / float(model.config.audio_encoder.frame_rate)

    @torch.inference_mode()
    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Codes int64 [batch, K, T] of waveforms [batch, samples]."""
        values = torch.from_numpy(waves)[:, None].to(self._model.device, self._model.dtype)
        codes: Tensor = self._model.audio_encoder.encode(values).audio_codes[0]
        return codes

    def logits(self, codes: Tensor, prompts: Sequence[str], *, null: bool) -> Iterator[LogitsChunk]:
        """Logits in chunks of frames; an empty prompt is the null condition.

        The hidden states of the whole window are computed once a pass; only the output
        heads, which are the large part, run chunk by chunk.
        """
        with torch.inference_mode():
            states, mask = self._text_states(prompts)
            conditional = self._hidden(codes, states, mask)
            unconditional = self._hidden(codes, torch.zeros_like(states), torch.ones_like(mask)) if null else None
            for chunk in self._frame_chunks(codes):
                yield LogitsChunk(
                    self._heads(conditional, chunk),
                    None if unconditional is None else self._heads(unconditional, chunk),
                )

    def _text_states(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Projected text states [batch, L, width], zeroed where there is no prompt, and their mask."""
        text = self._tokenizer(list(prompts), padding=True, truncation=True, return_tensors="pt").to(self._model.device)
        states = self._model.text_encoder(text.input_ids, attention_mask=text.attention_mask).last_hidden_state
        if hasattr(self._model, "enc_to_dec_proj"):
            states = self._model.enc_to_dec_proj(states)
        empty = torch.tensor([not prompt for prompt in prompts], device=states.device)
        mask = text.attention_mask.masked_fill(empty[:, None], 1)
        keep = text.attention_mask.masked_fill(empty[:, None], 0)
        return states * keep[..., None].to(states.dtype), mask

    def _hidden(self, codes: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        """Decoder states [batch, T + K − 1, width] over the delayed codes."""
        batch, codebooks, frames = codes.shape
        columns = codes.new_full((batch, codebooks, frames + codebooks - 1), self._start)
        for k in range(codebooks):
            end = min(k + 1 + frames, columns.shape[2])
            columns[:, k, k + 1 : end] = codes[:, k, : end - k - 1]
        hidden: Tensor = self._model.decoder.model(
            columns.reshape(batch * codebooks, -1),
            encoder_hidden_states=states,
            encoder_attention_mask=mask,
            use_cache=False,
        ).last_hidden_state
        return hidden

    def _heads(self, hidden: Tensor, frames: range) -> Tensor:
        """Logits [batch, K, frames, V] of a range of frames."""
        return torch.stack(
            [
                head(hidden[:, frames.start + k : frames.stop + k])
                for k, head in enumerate(self._model.decoder.lm_heads)
            ],
            dim=1,
        )

    def _frame_chunks(self, codes: Tensor) -> Iterator[range]:
        batch, codebooks, frames = codes.shape
        budget = _CHUNK_BYTES.get(codes.device.type, _CHUNK_BYTES["cuda"])
        size = max(1, budget // (4 * batch * codebooks * int(self._model.config.decoder.vocab_size)))
        for start in range(0, frames, size):
            yield range(start, min(start + size, frames))


class _Family:
    """Directories saved by ``MusicgenForConditionalGeneration``."""

    name = "musicgen"

    def matches(self, folder: Path) -> bool:
        """Whether config.json says so."""
        return read_config(folder).get("model_type") == "musicgen"

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> TokenTarget:
        """Load model and tokenizer in evaluation mode."""
        config = read_config(folder)
        if config.get("decoder", {}).get("audio_channels", 1) != 1:
            raise TargetError(f"{folder} is a stereo MusicGen; only the mono variants can be asked so far.")
        model, report = load_safely(
            f"The MusicGen checkpoint in {folder}",
            lambda: MusicgenForConditionalGeneration.from_pretrained(
                folder, dtype=getattr(torch, dtype), local_files_only=True, weights_only=True, output_loading_info=True
            ),
        )
        if report["missing_keys"]:
            missing = ", ".join(sorted(report["missing_keys"])[:3])
            raise TargetError(
                f"The MusicGen checkpoint in {folder} lacks weights (for instance {missing}); get it again."
            )
        tokenizer = load_safely(
            f"The tokenizer in {folder}", lambda: AutoTokenizer.from_pretrained(folder, local_files_only=True)
        )
        identity = TargetIdentity(family=self.name, name=name, weights_sha256=content_sha256(folder), dtype=dtype)
        return Musicgen(model.to(device).eval(), tokenizer, identity)


MusicgenFamily = _Family()
