"""MusicGen Melody: the prompt stands in front of the codes instead of being attended to.

Loads what ``MusicgenMelodyForConditionalGeneration.save_pretrained`` writes (and the hub's
``facebook/musicgen-melody*`` hold, stereo ones included). The decoder has no cross-attention:
its sequence is a melody of ``chroma_length`` frames, the text states, then the delayed codes.
Source of the model: Copet et al., arXiv 2306.05284.

Condition: the prompt, and *no* melody. The melody that the model was trained with is computed
from the very audio in question, so a score under it would say in part how well the audio agrees
with itself. Without one, the class fills the melody's place with its null chroma (every frame in
the first of the 12 classes), as it does for text-only generation; so does this adapter.

Null condition: the text states are zeroed and keep their place, so that codes stand at the same
positions in both passes. This is what the class's own classifier-free guidance compares with.

Length: ``max_seconds`` leaves room for the melody, not for the prompt, whose few dozen tokens
come on top; the class computes its sinusoidal positions beyond the configured number itself.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import MusicgenMelodyForConditionalGeneration

from earwitness.targets.musicgen import MusicgenLike, Text


class Prepended:
    """Null chroma and text states stand in front of the codes.

    A prompt's length moves the positions of the codes, and zeroed padding would be attended to.
    So that no row depends on its batch-mates, the decoder runs once a prompt length, on the rows
    that share it, without padding.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.positions = int(model.config.chroma_length)

    def hidden(self, columns: Tensor, text: Text) -> Tensor:
        """See `Conditioning`."""
        melody = self._null_melody(text.states)
        lengths = text.mask.sum(dim=1)
        order, found = [], []
        for length in sorted(set(lengths.tolist())):
            rows = (lengths == length).nonzero()[:, 0]
            words = text.states[rows][text.mask[rows] == 1].reshape(len(rows), length, -1)
            prefix = torch.cat([melody.expand(len(rows), -1, -1), words], dim=1)
            decoded = self._model.decoder.model(
                columns[rows].flatten(0, 1), encoder_hidden_states=prefix, use_cache=False
            )
            order.append(rows)
            found.append(decoded.last_hidden_state[:, prefix.shape[1] :])
        return torch.cat(found)[torch.cat(order).argsort()]

    def _null_melody(self, like: Tensor) -> Tensor:
        """The states [1, chroma_length, width] that the class sets where no melody is given."""
        chroma = like.new_zeros(1, 1, int(self._model.config.num_chroma))
        chroma[..., 0] = 1
        if hasattr(self._model, "audio_enc_to_dec_proj"):  # absent where the widths agree
            chroma = self._model.audio_enc_to_dec_proj(chroma)
        return chroma.expand(-1, self.positions, -1)


MusicgenMelodyFamily = MusicgenLike(
    name="musicgen_melody",
    description="MusicGen Melody, mono and stereo, asked without a melody: transformers directories and hub ids",
    architecture=MusicgenMelodyForConditionalGeneration,
    conditioning=Prepended,
)
