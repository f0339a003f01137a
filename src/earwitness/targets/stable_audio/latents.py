"""A window as the model was trained on it: the beginning of a clip of fixed length, silence behind it.

In training a file shorter than the model's length is padded with silence to that length and the
whole is encoded and denoised. Here the latent of a window is that of its own frames in the padded
clip; the silent rest, which is the same for all windows, is added where the denoiser is asked.
The encoder is convolutional, so only silence within its reach has to be encoded with a window.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad

_SILENCE_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClipEncoder:
    """The encoder half of an Oobleck autoencoder, in float32.

    ``frames`` is the length of a whole clip, ``samples`` where that is no whole number of frames (``None``: it is);
    latents are divided by ``scale``. Clips of training were cut off at ±1 where they were ``clipped``.
    """

    network: nn.Module
    strides: tuple[int, ...]
    channels: int
    sample_rate: int
    frames: int
    scale: float = 1.0
    samples: int | None = None
    clipped: bool = True

    @property
    def clip_samples(self) -> int:
        """Samples of a whole clip."""
        return self.frames * self.hop_length if self.samples is None else self.samples

    @property
    def hop_length(self) -> int:
        """Samples a frame."""
        return int(np.prod(self.strides))

    @torch.no_grad()
    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Posterior means [batch, latent, frames] of windows [batch, samples], or [batch, 2, samples] in stereo.

        Windows are encoded one by one: a whole clip takes gigabytes, and batch-mates must not matter.

        Raises
        ------
        ValueError
            Where the waves are not of that shape or are longer than a clip.
        """
        samples = waves.shape[-1]
        if waves.shape[1:-1] != (() if self.channels == 1 else (self.channels,)):
            raise ValueError(f"Waves of shape {waves.shape} were given to a model of {self.channels} channel(s).")
        if samples > self.clip_samples:
            raise ValueError(f"Waves of {samples} samples were given; a clip has {self.clip_samples}.")
        own = min(-(-samples // self.hop_length), self.frames)
        heard = min((own + reach_in_frames(self.strides)) * self.hop_length, self.clip_samples)
        clips = pad(torch.from_numpy(waves).reshape(len(waves), self.channels, samples), (0, heard - samples))
        clips = clips.clamp(-1, 1) if self.clipped else clips
        return torch.cat([self._means(clip[None]) for clip in clips])[..., :own]

    @torch.no_grad()
    def silence(self) -> Tensor:
        """What stands behind a window [latent, frames]: its last frames are those of a clip's end."""
        reach = reach_in_frames(self.strides)
        beyond = self.clip_samples - self.frames * self.hop_length
        silent = self._means(torch.zeros(1, self.channels, 3 * reach * self.hop_length + beyond))[0]
        inner = silent[:, reach : reach + 1].expand(-1, max(self.frames - reach, 0))
        return torch.cat([inner, silent[:, -min(reach, self.frames) :]], dim=1)

    def _means(self, clips: Tensor) -> Tensor:
        device = next(self.network.parameters()).device
        means: Tensor = self.network(clips.to(device)).chunk(2, dim=1)[0]
        return means / self.scale


class Behind:
    """What stands behind a window in the clip that the denoiser is given: silence, noised by one fixed draw."""

    def __init__(self, encoder: ClipEncoder) -> None:
        self.silence = encoder.silence()
        draw = torch.Generator().manual_seed(_SILENCE_SEED)
        self._noise = torch.randn(self.silence.shape, generator=draw).to(self.silence)

    def whole(self, noisy: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
        """Clips [batch, latent, frames of a clip] that begin with windows; shares of signal and noise [batch, 1, 1]."""
        frames = noisy.shape[-1]
        rest = signal * self.silence[:, frames:] + noise * self._noise[:, frames:]
        return torch.cat([noisy, rest], dim=-1)


def reach_in_frames(strides: Sequence[int]) -> int:
    """How many frames to either side of its own a sample can change, rounded up.

    Kernels of 7 samples dilated by 1, 3 and 9 before each downsampling by s with a kernel of 2s,
    7 samples before all and 3 frames behind.
    """
    samples, step = 3, 1
    for stride in strides:
        samples += 3 * (1 + 3 + 9) * step + stride * step
        step *= stride
    return -(-(samples + step) // step)


@contextmanager
def building_oobleck() -> Iterator[None]:
    """Keep off the terminal that diffusers builds its autoencoder with a function PyTorch would replace."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*weight_norm", category=FutureWarning)
        yield
