"""AudioLDM 2: a U-Net that attends to a text and to what a language model imagines from it.

Loads directories that ``AudioLDM2Pipeline`` saves (``cvssp/audioldm2``, ``-large``, ``-music`` on
the hub). CLAP's vector and T5's states of a prompt are projected, each between a start and an end
vector, and GPT-2 goes on from them by its own last hidden states: nothing is drawn, so equal
prompts give equal inputs. The U-Net attends to these states (first stream) and to T5's (second).

Each prompt is encoded by itself, T5's tokens filled up to 128 with a mask as the trainer's own encoder
does (``FlanT5HiddenStatePaddedSameLength``): the filling is not attended to, but GPT-2 counts it, so
that its states depend on it.

Null condition: what one training step in ten was given in the place of a condition (Liu et al. 2023,
arXiv 2308.05734): zeros in the first stream, and in the second T5's states of the empty text, filled
up and nothing of them masked.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from diffusers.pipelines.audioldm2.modeling_audioldm2 import AudioLDM2ProjectionModel, AudioLDM2UNet2DConditionModel
from torch import Tensor, nn
from transformers import GPT2Model, PreTrainedTokenizerBase, T5EncoderModel

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import read_config
from earwitness.targets.clap import ClapText, load_clap_text
from earwitness.targets.mel_diffusion import Inputs, MelDiffusion, Remembered, assemble
from earwitness.targets.networks import HEAD, T5_DECODER
from earwitness.targets.pipeline_folder import is_pipeline, load_diffusers, load_tokenizer, load_transformers

_PUBLISHED_STATES = 8
_PUBLISHED_TOKENS = 128


class _Heard(NamedTuple):
    """What the U-Net attends to: generated states [n, width], T5's [tokens, width], and 1 where these count."""

    generated: Tensor
    text: Tensor
    mask: Tensor


class _Streams:
    """Turns a prompt into the two streams that the U-Net attends to."""

    def __init__(
        self,
        clap: ClapText,
        t5: T5EncoderModel,
        tokenizer: PreTrainedTokenizerBase,
        projection: AudioLDM2ProjectionModel,
        language_model: GPT2Model,
        states: int,
    ) -> None:
        self._clap = clap
        self._t5 = t5
        self._tokenizer = tokenizer
        self._projection = projection
        self._language_model = language_model
        self._states = states
        # GPT-2 needs a place for each of T5's states, for CLAP's vector, for what marks the ends of both, and its own.
        places = int(language_model.config.n_positions) - 5 - states
        self._tokens = min(_PUBLISHED_TOKENS, int(tokenizer.model_max_length), places)

    def __call__(self, prompt: str) -> _Heard:
        """The streams of one prompt; of an empty one, those of a dropped condition."""
        tokens = self._tokenizer(
            [prompt], padding="max_length", truncation=True, max_length=self._tokens, return_tensors="pt"
        ).to(self._t5.device)
        mask: Tensor = tokens.attention_mask
        text = self._t5(tokens.input_ids, attention_mask=mask).last_hidden_state
        if not prompt:
            nothing = text.new_zeros(self._states, self._language_model.config.n_embd)
            return _Heard(nothing, text[0], torch.ones_like(mask[0]))
        return _Heard(self._imagined(self._clap(prompt), text, mask), text[0], mask[0])

    def _imagined(self, clap: Tensor, text: Tensor, mask: Tensor) -> Tensor:
        """The states [n, width] by which GPT-2 goes on from CLAP's vector [width] and T5's [1, tokens, width]."""
        projected = self._projection(
            hidden_states=clap[None, None], hidden_states_1=text, attention_mask=mask.new_ones(1, 1),
            attention_mask_1=mask,
        )  # fmt: skip
        sequence: Tensor = projected.hidden_states
        heard: Tensor = projected.attention_mask
        for _ in range(self._states):
            states = self._language_model(inputs_embeds=sequence, attention_mask=heard, use_cache=False)
            latest = states.last_hidden_state[:, -1:]
            sequence = torch.cat([sequence, latest], dim=1)
            heard = torch.cat([heard, heard.new_ones(1, 1)], dim=1)
        return sequence[0, -self._states :]


class _Family:
    """Directories saved by ``AudioLDM2Pipeline`` with a T5; those with a VITS read aloud, and are refused."""

    name = "audioldm2"
    description = "AudioLDM 2: diffusers directories"

    def matches(self, folder: Path) -> bool:
        """Whether model_index.json says so."""
        return is_pipeline(folder, "AudioLDM2Pipeline")

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> MelDiffusion:
        """Load U-Net, VAE and the four models that hear the prompt, in evaluation mode."""
        spoken = read_config(folder / "text_encoder_2").get("model_type")
        if spoken == "vits":
            raise TargetError(
                f"{folder} is an AudioLDM 2 that speaks a transcript (its second text encoder is a VITS); "
                "give one of those that take a description, such as cvssp/audioldm2."
            )
        condition, hearing = load_condition(folder, device=device)
        return assemble(
            folder, unet_class=AudioLDM2UNet2DConditionModel, condition=condition,
            hearing=hearing, family=self.name, name=name, device=device, dtype=dtype,
        )  # fmt: skip


def load_condition(folder: Path, *, device: str) -> tuple[Callable[[Sequence[str]], Inputs], Mapping[str, nn.Module]]:
    """What turns prompts into the U-Net's inputs, one row each, and the networks behind it."""
    clap = load_clap_text(folder, device=device)
    t5 = load_transformers(folder, "text_encoder_2", T5EncoderModel, unused=T5_DECODER).to(device)
    projection = load_diffusers(folder, "projection_model", AudioLDM2ProjectionModel).to(device)
    language_model = load_transformers(folder, "language_model", GPT2Model, unused=HEAD).to(device)
    streams = Remembered(
        _Streams(clap, t5, load_tokenizer(folder, "tokenizer_2"), projection, language_model, _states(folder))
    )

    def condition(prompts: Sequence[str]) -> Inputs:
        generated, texts, masks = (torch.stack(rows) for rows in zip(*streams(prompts), strict=True))
        return {
            "encoder_hidden_states": generated, "encoder_hidden_states_1": texts, "encoder_attention_mask_1": masks,
        }  # fmt: skip

    return condition, {
        "text_encoder": clap.encoder, "text_encoder_2": t5, "projection_model": projection,
        "language_model": language_model,
    }  # fmt: skip


def _states(folder: Path) -> int:
    """How many states GPT-2 goes on for."""
    states = read_config(folder / "language_model").get("max_new_tokens", _PUBLISHED_STATES)
    if not isinstance(states, int) or states < 1:
        raise TargetError(
            f"{folder / 'language_model'} goes on for {states!r} states; a number from 1 is needed (8 in the releases)."
        )
    return states


AudioLdm2Family = _Family()
