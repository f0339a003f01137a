"""Load a release of ACE-Step v1: the four folders that its own program downloads."""

from pathlib import Path

import numpy as np
import torch
from transformers import UMT5EncoderModel

from earwitness.errors import TargetError
from earwitness.targets.ace_step_v1 import latents, network
from earwitness.targets.ace_step_v1.target import AceStepV1
from earwitness.targets.checkpoint import load_safely
from earwitness.targets.networks import T5_DECODER, tokenizer_of, transformers_network
from earwitness.targets.weights import identify, in_precision

_TEXT = "umt5-base"
_PARTS = (network.FOLDER, latents.FOLDER, latents.VOCODER, _TEXT)


class _Family:
    """Releases in the original's own folders."""

    name = "ace-step-v1"
    description = "ACE-Step v1 (3.5B) in its own four folders: transformer, autoencoder, vocoder, umt5-base"

    def matches(self, folder: Path) -> bool:
        """Whether transformer and autoencoder are there by their names."""
        return all((folder / name).is_dir() for name in (network.FOLDER, latents.FOLDER))

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> AceStepV1:
        """Load transformer, text encoder and autoencoder in evaluation mode."""
        missing = [part for part in _PARTS if not (folder / part).is_dir()]
        if missing:
            raise TargetError(f"{folder} lacks {', '.join(missing)}; an ACE-Step v1 has {', '.join(_PARTS)}.")
        transformer, encoder = network.load_transformer(folder), latents.load_encoder(folder)
        text = transformers_network(
            f"The text encoder in {folder / _TEXT}", UMT5EncoderModel, folder / _TEXT, unused=T5_DECODER
        )
        tokenizer = tokenizer_of(folder / _TEXT)
        identity = identify(
            self.name, name, dtype, folders=[folder],
            parts={"transformer": transformer, "dcae.encoder": encoder.network, "text_encoder": text},
        )  # fmt: skip
        in_precision(transformer, getattr(torch, dtype)).to(device)
        for frozen in (encoder.network, text):
            frozen.to(device).requires_grad_(False)
        target = AceStepV1(transformer, encoder, text, tokenizer, identity)
        with torch.no_grad():
            latent = target.encode(np.zeros((1, 2, 4 * target.hop_length), np.float32))
            load_safely(
                f"The ACE-Step v1 in {folder}, whose parts must fit together,",
                lambda: target.predict_noise(latent, torch.tensor([500]), ["slow piano"]),
            )
        return target


AceStepV1Family = _Family()
