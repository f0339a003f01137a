"""What the U-Net hears of a prompt: the states of all its tokens, and which of them are padding.

Goal: the inputs of training. Each prompt is encoded by itself and padded afterwards, so that a row
does not depend on its batch-mates. A model that was trained with ``uncondition`` knows a missing
condition as zeros in the place of a prompt's states; attention returns the same for any number of
them, so that one stands for all. Any other model never met one: its empty prompt is the end token
alone, which is what the sampler puts on the other side of its guidance.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase, T5EncoderModel

from earwitness.targets.mel_diffusion import Inputs, Remembered


class TokenStates:
    """Turns prompts into the U-Net's keyword inputs, one row each."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, encoder: T5EncoderModel, *, dropped: bool) -> None:
        self._tokenizer = tokenizer
        self._encoder = encoder
        self._dropped = dropped
        self._states = Remembered(self._encode)

    def __call__(self, prompts: Sequence[str]) -> Inputs:
        """States [batch, longest, width], and a mask [batch, longest] that is true where they are of the prompt."""
        rows = self._states(prompts)
        lengths = torch.tensor([len(row) for row in rows], device=self._encoder.device)
        states = pad_sequence(rows, batch_first=True)
        heard = torch.arange(states.shape[1], device=states.device) < lengths[:, None]
        return {"encoder_hidden_states": states, "encoder_attention_mask": heard}

    def _encode(self, prompt: str) -> Tensor:
        """States [tokens, width] of one prompt, cut where the tokenizer says."""
        if not prompt and self._dropped:
            return torch.zeros(1, self._encoder.config.d_model, device=self._encoder.device)
        limit = self._tokenizer.model_max_length
        ids = self._tokenizer(prompt, max_length=limit, truncation=True, return_tensors="pt").input_ids
        states: Tensor = self._encoder(input_ids=ids.to(self._encoder.device)).last_hidden_state[0]
        return states
