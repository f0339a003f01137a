"""The mel front end of a release, made of its own tensors.

Goal: the transform and the filters that the model was trained behind are in the release; they are
used as they are, so that window, scale and normalisation need not be known. A frame stands in the
middle of its window, the ends of the waveform are mirrored, and the last frame, which begins where
the waveform ends, is left out.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

from earwitness.targets.mel import FLOOR, MelFrontEnd
from earwitness.targets.renamed import Origin, gather
from earwitness.targets.tango.files import read_settings, read_tensors, weights_path

_TRANSFORM, _INVERSE, _FILTERS = "stft_fn.forward_basis", "stft_fn.inverse_basis", "mel_basis"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TangoMel(MelFrontEnd):
    """A front end whose tensors are given.

    Attributes
    ----------
    transform
        Windowed Fourier basis [2·(fft/2 + 1), fft], the real parts before the imaginary ones.
    filters
        Mel filters [bands, fft/2 + 1].
    """

    transform: Tensor
    filters: Tensor

    def log_mel(self, waves: Tensor) -> Tensor:
        """Log-mel spectrograms [batch, samples // hop, bands] of waveforms [batch, samples].

        ln max(M · |STFT|, 10⁻⁵). Source: Ghosal et al. 2023 (arXiv 2304.13731).
        """
        mirrored = pad(waves[:, None], (self.fft // 2,) * 2, mode="reflect")[:, 0]
        # A product and not a convolution, which GPUs compute with shortened mantissas.
        spectra = mirrored.unfold(-1, self.fft, self.hop) @ self.transform.to(waves.device).T
        magnitudes = torch.stack(spectra.chunk(2, dim=-1)).square().sum(0).sqrt()
        mel = (magnitudes @ self.filters.to(waves.device).T).clamp_min(FLOOR).log()
        return mel[:, : waves.shape[-1] // self.hop]


def load_mel(folder: Path) -> TangoMel:
    """Read ``stft_config.json`` and ``pytorch_model_stft.bin``.

    Raises
    ------
    TargetError
        Where they are damaged or do not belong together.
    """
    settings = read_settings(folder, "stft")
    fft, bands = settings.integer("filter_length"), settings.integer("n_mel_channels")
    bins = fft // 2 + 1
    shapes = {name: torch.Size((2 * bins, 1, fft)) for name in (_TRANSFORM, _INVERSE)}
    shapes[_FILTERS] = torch.Size((bands, bins))
    tensors = gather(shapes, Origin, read_tensors(folder, "stft"), weights_path(folder, "stft"))
    lowest = settings.get("mel_fmin")
    return TangoMel(
        sample_rate=settings.integer("sampling_rate"), hop=settings.integer("hop_length"), bands=bands, fft=fft,
        lowest_hz=float(lowest) if isinstance(lowest, int | float) else 0.0, highest_hz=settings.number("mel_fmax"),
        transform=tensors[_TRANSFORM][:, 0].float(), filters=tensors[_FILTERS].float(),
    )  # fmt: skip
