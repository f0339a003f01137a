"""AudioLDM 2: a U-Net that attends to a text and to what a language model imagines from it.

Loads directories that ``AudioLDM2Pipeline`` saves (``cvssp/audioldm2``, ``-large``, ``-music`` on
the hub). CLAP's vector and T5's states of a prompt are projected, each between a start and an end
vector, and GPT-2 goes on from them by its own last hidden states: nothing is drawn, so equal
prompts give equal inputs. The U-Net attends to these states (first stream) and to T5's (second).

Each prompt is encoded by itself, as by a call of the pipeline with one prompt. In a batch, T5's
padding would move GPT-2's positions, and a row would depend on its neighbours.

Null condition: the empty prompt through the same path, as in the pipeline's guidance. The original
was trained with T5's states of the empty prompt in one case out of ten (Liu et al. 2023, arXiv
2308.05734), with zeros in the first stream.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers.pipelines.audioldm2.modeling_audioldm2 import AudioLDM2ProjectionModel, AudioLDM2UNet2DConditionModel
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import GPT2Model, PreTrainedTokenizerBase, T5EncoderModel

from earwitness.errors import TargetError
from earwitness.targets.audioldm import ClapText, load_clap
from earwitness.targets.checkpoint import read_config
from earwitness.targets.mel_diffusion import Inputs, MelDiffusion, Remembered, assemble
from earwitness.targets.pipeline_folder import is_pipeline, load_diffusers, load_tokenizer, load_transformers

_PUBLISHED_STATES = 8


class _Streams:
    """What the U-Net attends to for one prompt: generated states [n, width] and T5's [tokens, width]."""

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
        self._longest = min(int(tokenizer.model_max_length), int(language_model.config.n_positions) - 5 - states)

    def __call__(self, prompt: str) -> tuple[Tensor, Tensor]:
        ids = self._tokenizer([prompt], truncation=True, max_length=self._longest, return_tensors="pt").input_ids
        text = self._t5(ids.to(self._t5.device)).last_hidden_state
        clap = self._clap(prompt)
        sequence = self._projection(hidden_states=clap[None, None], hidden_states_1=text).hidden_states
        for _ in range(self._states):
            latest = self._language_model(inputs_embeds=sequence, use_cache=False).last_hidden_state[:, -1:]
            sequence = torch.cat([sequence, latest], dim=1)
        return sequence[0, -self._states :], text[0]


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
        streams = Remembered(
            _Streams(
                load_clap(folder, device=device),
                load_transformers(folder, "text_encoder_2", T5EncoderModel).to(device),
                load_tokenizer(folder, "tokenizer_2"),
                load_diffusers(folder, "projection_model", AudioLDM2ProjectionModel).to(device),
                load_transformers(folder, "language_model", GPT2Model).to(device),
                _states(folder),
            )
        )

        def condition(prompts: Sequence[str]) -> Inputs:
            generated, texts = zip(*streams(prompts), strict=True)
            return {
                "encoder_hidden_states": torch.stack(generated),
                "encoder_hidden_states_1": pad_sequence(list(texts), batch_first=True),
                "encoder_attention_mask_1": pad_sequence(
                    [text.new_ones(len(text), dtype=torch.long) for text in texts], batch_first=True
                ),
            }

        return assemble(
            folder, unet_class=AudioLDM2UNet2DConditionModel, condition=condition,
            family=self.name, name=name, device=device, dtype=dtype,
        )  # fmt: skip


def _states(folder: Path) -> int:
    """How many states GPT-2 goes on for."""
    states = read_config(folder / "language_model").get("max_new_tokens", _PUBLISHED_STATES)
    if not isinstance(states, int) or states < 1:
        raise TargetError(
            f"{folder / 'language_model'} goes on for {states!r} states; a number from 1 is needed (8 in the releases)."
        )
    return states


AudioLdm2Family = _Family()
