"""Load a release of TangoFlux, or what its trainer saved beside the release's configuration."""

from pathlib import Path

import torch

from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.tango.text import fitting_tokenizer, text_folder
from earwitness.targets.tangoflux.network import CONFIG, WEIGHTS, load_encoder, load_network, read_settings
from earwitness.targets.tangoflux.target import TangoFlux
from earwitness.targets.weights import identify, in_precision

_SAYS_TANGOFLUX = {"audio_seq_len", "num_single_layers", "text_encoder_name"}


class _Family:
    """Releases in the original's own files."""

    name = "tangoflux"
    description = "TangoFlux in declare-lab's own files: config.json, tangoflux.safetensors, vae.safetensors"

    def matches(self, folder: Path) -> bool:
        """Whether the weights are called so, or the configuration is of this kind."""
        return (folder / WEIGHTS).is_file() or read_config(folder, CONFIG).keys() >= _SAYS_TANGOFLUX

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> TangoFlux:
        """Load transformer, text encoder and autoencoder in evaluation mode."""
        settings = read_settings(folder)
        text = text_folder(folder, settings)
        network, encoder = load_network(folder, settings, text), load_encoder(folder, settings)
        tokenizer = fitting_tokenizer(text, network.text_encoder)
        identity = identify(
            self.name, name, dtype, parts={"tangoflux": network, "vae.encoder": encoder.network}, folders=[folder, text]
        )
        in_precision(network.transformer, getattr(torch, dtype))
        network.to(device)
        network.text_encoder.requires_grad_(False)
        encoder.network.to(device).requires_grad_(False)
        target = TangoFlux(network, encoder, tokenizer, identity, dropped=settings.flag("uncondition", if_absent=False))
        latent = torch.zeros(1, settings.integer("in_channels"), 4)
        with torch.no_grad():
            load_safely(
                f"The TangoFlux release in {folder}, whose parts must fit together,",
                lambda: target.predict_noise(latent, torch.tensor([500]), ["slow piano"]),
            )
        return target


TangoFluxFamily = _Family()
