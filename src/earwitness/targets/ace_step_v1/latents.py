"""A piece's latent in ACE-Step v1: the mel spectrograms of both channels through an autoencoder of images.

Facts (``music_dcae_pipeline.py`` and ``music_log_mel.py`` of ace-step/ACE-Step at d612523): samples within ±1, zeros
up to a whole latent frame, ln max(M · √(|STFT|² + 10⁻⁶), 10⁻⁵) of each channel, −11 … 3 stretched over −1 … 1, the
encoder of ``music_dcae_f8c8``, and (z + 1.9091) · .1786. The front end's sizes are in ``music_vocoder/config.json``.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderDC
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad

from earwitness.errors import TargetError
from earwitness.targets.audiocraft.settings import Needed, Settings
from earwitness.targets.checkpoint import read_config
from earwitness.targets.mel import MelFrontEnd
from earwitness.targets.networks import diffusers_network

FOLDER, VOCODER = "music_dcae_f8c8", "music_vocoder"
CHANNELS, _REDUCTION = 2, 8
_LOWEST, _HIGHEST, _SHIFT, _SCALE = -11.0, 3.0, -1.9091, 0.1786
_INSIDE = 1e-6


class SpectralEncoder:
    """The autoencoder's half that is asked, behind its front end; in float32."""

    def __init__(self, network: nn.Module, mel: MelFrontEnd) -> None:
        self.network, self.mel = network, mel

    @property
    def hop_length(self) -> int:
        """Samples a frame of the latent."""
        return self.mel.hop * _REDUCTION

    @torch.no_grad()
    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Latents [batch, channels, bands, frames] of waveforms [batch, 2, samples], one by one."""
        device = next(self.network.parameters()).device
        clips = pad(torch.from_numpy(waves).clamp(-1, 1), (0, -waves.shape[-1] % self.hop_length)).to(device)
        return torch.cat([self._encoded(clip) for clip in clips])

    def _encoded(self, clip: Tensor) -> Tensor:
        share = (self.mel.log_mel(clip).transpose(1, 2) - _LOWEST) / (_HIGHEST - _LOWEST)
        latent: Tensor = self.network(2 * share[None] - 1)
        return (latent - _SHIFT) * _SCALE


def load_encoder(folder: Path) -> SpectralEncoder:
    """Read ``music_dcae_f8c8`` and the front end of ``music_vocoder``.

    Raises
    ------
    TargetError
        Where one is missing or damaged, or they do not fit each other.
    """
    settings = Settings(read_config(folder / VOCODER), str(folder / VOCODER / "config.json"))
    if not settings.tree:
        raise TargetError(f"{folder} lacks {VOCODER}/config.json, which says how the spectrograms are made; get it.")
    fft = settings.integer("n_fft")
    settings.require([Needed("win_length", fft, None)])
    mel = MelFrontEnd(
        sample_rate=settings.integer("sampling_rate"), hop=settings.integer("hop_length"),
        bands=settings.integer("n_mels"), fft=fft, lowest_hz=settings.number("f_min"),
        highest_hz=settings.number("f_max"), inside=_INSIDE,
    )  # fmt: skip
    what = f"The {FOLDER} in {folder}"
    autoencoder: Any = diffusers_network(what, AutoencoderDC, folder / FOLDER)
    reduction = 2 ** (len(autoencoder.config.encoder_block_out_channels) - 1)
    if autoencoder.config.in_channels != CHANNELS or reduction != _REDUCTION or mel.bands % reduction:
        raise TargetError(
            f"{what} takes {autoencoder.config.in_channels} channels and reduces by {reduction}; {CHANNELS} channels "
            f"and {_REDUCTION} are needed: get it again."
        )
    return SpectralEncoder(autoencoder.encoder, mel)
