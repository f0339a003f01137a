"""AudioLDM and MusicLDM: one CLAP vector tells the U-Net what to sound like.

Loads directories that ``AudioLDMPipeline`` and ``MusicLDMPipeline`` save (``cvssp/audioldm-*``,
``ucsd-reach/musicldm`` on the hub). A unit vector of CLAP enters as a class label beside the time;
there is no cross-attention. In training it was the vector of the clip's own sound: where the side of
CLAP that hears is at hand (``clap.py``), windows are asked about under it, otherwise under their prompts.

Null condition: the vector of the empty prompt, as in the pipelines' guidance. Both models were
trained with it in the place of one condition in ten (Liu et al. 2023, arXiv 2301.12503, and the
configuration that MusicLDM was published with).
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from earwitness.targets.clap import load_clap_audio, load_clap_text
from earwitness.targets.mel_diffusion import Inputs, MelDiffusion, Remembered, assemble
from earwitness.targets.pipeline_folder import is_pipeline


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
        """Load U-Net, VAE and CLAP in evaluation mode."""
        text = load_clap_text(folder, device=device)
        vectors = Remembered(text)

        def condition(told: Sequence[str | Tensor]) -> Inputs:
            labels = [one if isinstance(one, Tensor) else vectors([one])[0] for one in told]
            return {"encoder_hidden_states": None, "class_labels": torch.stack(labels)}

        return assemble(
            folder, unet_class=UNet2DConditionModel, condition=condition,
            hear=lambda rate: load_clap_audio(folder, text, sample_rate=rate, device=device),
            hearing={"text_encoder": text.encoder}, family=self.name, name=name, device=device, dtype=dtype,
        )  # fmt: skip


AudioLdmFamily = _Family("audioldm", "AudioLDM: diffusers directories", "AudioLDMPipeline")
MusicLdmFamily = _Family("musicldm", "MusicLDM: diffusers directories", "MusicLDMPipeline")
