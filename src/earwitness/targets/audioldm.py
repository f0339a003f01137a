"""AudioLDM and MusicLDM: one CLAP vector tells the U-Net what to sound like.

Loads directories that ``AudioLDMPipeline`` and ``MusicLDMPipeline`` save (``cvssp/audioldm-*``,
``ucsd-reach/musicldm`` on the hub). A prompt becomes the unit vector of CLAP's text side and
enters as a class label beside the time; there is no cross-attention. MusicLDM's directory holds
the whole CLAP, of which the text side is loaded; its vectors are the same.

Null condition: the vector of the empty prompt, as in the pipelines' guidance. Both models were
trained with it in the place of one condition in ten (Liu et al. 2023, arXiv 2301.12503, and the
configuration that MusicLDM was published with).
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from torch.nn.functional import normalize
from transformers import ClapTextModelWithProjection, PreTrainedTokenizerBase

from earwitness.targets.mel_diffusion import Inputs, MelDiffusion, Remembered, assemble
from earwitness.targets.pipeline_folder import is_pipeline, load_tokenizer, load_transformers


class ClapText:
    """The text side of CLAP: a prompt's unit vector [width]."""

    def __init__(self, encoder: ClapTextModelWithProjection, tokenizer: PreTrainedTokenizerBase) -> None:
        self._encoder = encoder
        self._tokenizer = tokenizer
        # Positions are counted from behind the padding's.
        places = int(encoder.config.max_position_embeddings) - int(encoder.config.pad_token_id) - 1
        self._longest = min(int(tokenizer.model_max_length), places)

    def __call__(self, prompt: str) -> Tensor:
        """The vector of one prompt, cut at the length that the encoder takes."""
        text = self._tokenizer([prompt], truncation=True, max_length=self._longest, return_tensors="pt")
        text = text.to(self._encoder.device)
        vectors = self._encoder(text.input_ids, attention_mask=text.attention_mask).text_embeds
        return normalize(vectors, dim=-1)[0]


def load_clap(folder: Path, *, device: str) -> ClapText:
    """Load the text side of the CLAP in a pipeline directory."""
    encoder = load_transformers(folder, "text_encoder", ClapTextModelWithProjection)
    return ClapText(encoder.to(device), load_tokenizer(folder, "tokenizer"))


class _Family:
    """Directories of one of the two pipelines."""

    def __init__(self, name: str, description: str, pipeline: str) -> None:
        self.name = name
        self.description = description
        self._pipeline = pipeline

    def matches(self, folder: Path) -> bool:
        """Whether model_index.json says so."""
        return is_pipeline(folder, self._pipeline)

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> MelDiffusion:
        """Load U-Net, VAE and CLAP's text side in evaluation mode."""
        vectors = Remembered(load_clap(folder, device=device))

        def condition(prompts: Sequence[str]) -> Inputs:
            return {"encoder_hidden_states": None, "class_labels": torch.stack(vectors(prompts))}

        return assemble(
            folder, unet_class=UNet2DConditionModel, condition=condition,
            family=self.name, name=name, device=device, dtype=dtype,
        )  # fmt: skip


AudioLdmFamily = _Family("audioldm", "AudioLDM: diffusers directories", "AudioLDMPipeline")
MusicLdmFamily = _Family("musicldm", "MusicLDM: diffusers directories", "MusicLDMPipeline")
