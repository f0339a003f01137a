"""ACE-Step v1 as a denoiser that answers with the noise.

Facts (``trainer.py``, ``text2music_dataset.py`` of ace-step/ACE-Step at d612523): whole pieces of 3 to 240 seconds; σ
is 3s / (1 + 2s) with s the logistic of a standard normal number, told in thousandths; the network answers with ε − z.
The caption's UMT5 states (256 tokens at most) are replaced by zeros in 15 steps of 100, under the same mask, which is
the null condition here: as many zeros as the caption has tokens, since what stands behind them is turned by its
place. A piece is asked about as one without words (see ``network``).

Conventions: latents are float32 [batch, 8, 16, frames]; the text is encoded in float32, each caption by itself.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter

from earwitness.identity import TargetIdentity
from earwitness.targets.ace_step_v1.latents import CHANNELS, SpectralEncoder
from earwitness.targets.ace_step_v1.network import Transformer
from earwitness.targets.flow import LogitNormal, alphas_cumprod_at, flow_times, noise_from_velocity
from earwitness.targets.mel_diffusion import Remembered
from earwitness.targets.protocols import Place, Told
from earwitness.targets.together import asked_together

_STEPS, _SHIFT, _LONGEST_PROMPT, _LONGEST_SECONDS = 1000, 3.0, 256, 240.0


class Heard(NamedTuple):
    """A caption, and whether it is left out."""

    prompt: str
    dropped: bool = False


class AceStepV1:
    """A loaded ACE-Step v1; see ``DenoiserTarget`` for the contract of its methods."""

    has_null_condition = True

    def __init__(
        self, transformer: Transformer, encoder: SpectralEncoder, text: Any, tokenizer: Any, identity: TargetIdentity
    ) -> None:
        self._transformer = transformer
        self._encoder = encoder
        self._text = text
        self._tokenizer = tokenizer
        self._states = Remembered(self._encoded)
        self.identity = identity
        self.sample_rate = encoder.mel.sample_rate
        self.channels = CHANNELS
        self.hop_length = encoder.hop_length
        self.max_seconds: float | None = _LONGEST_SECONDS
        self.alphas_cumprod = alphas_cumprod_at(flow_times(_STEPS))

    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Latents float32 [batch, 8, 16, frames] of waveforms [batch, 2, samples]."""
        return self._encoder.encode(waves)

    def tell(self, waves: NDArray[np.float32], prompts: Sequence[str], places: Sequence[Place | None]) -> Told:
        """Each window's caption; without it, zeros in the place of its states."""
        del waves, places
        told = [Heard(prompt, dropped=not prompt) for prompt in prompts]
        return Told(told, [one._replace(dropped=True) for one in told], [bool(prompt) for prompt in prompts])

    def predict_noise(self, noisy: Tensor, timesteps: Tensor, prompts: Sequence[str | Heard]) -> Tensor:
        """ε float32 [batch, 8, 16, frames] at timesteps int64 [batch] under one condition a row."""
        told = [one if isinstance(one, Heard) else Heard(one, dropped=not one) for one in prompts]
        states = [states * (not one.dropped) for one, states in zip(told, self._texts(told), strict=True)]
        reference = next(self._transformer.parameters())

        def velocity(latents: Tensor, sigmas: Tensor) -> Tensor:
            def ask(rows: list[int]) -> Tensor:
                heard = torch.stack([self._transformer.condition(states[row].to(reference)) for row in rows])
                times = (sigmas[rows] * _STEPS).float().to(reference.device)
                answer: Tensor = self._transformer(latents[rows].to(reference), times, heard)
                return answer.to(noisy.device)

            # What stands behind the caption is turned by its place: rows with longer captions are asked apart.
            return asked_together([len(one) for one in states], ask)

        return noise_from_velocity(noisy, self.alphas_cumprod[timesteps.cpu()], velocity)

    def drawn_at(self, share: float) -> float:
        """The time on the path below which this share of training's draws lay."""
        return LogitNormal(mean=math.log(_SHIFT)).drawn_at(share)

    def parameters(self) -> Iterator[Parameter]:
        """The transformer's."""
        yield from self._transformer.parameters()

    def _texts(self, told: Sequence[Heard]) -> list[Tensor]:
        return self._states([one.prompt for one in told])

    def _encoded(self, prompt: str) -> Tensor:
        """States [tokens, width] of one caption."""
        ids = self._tokenizer(prompt, max_length=_LONGEST_PROMPT, truncation=True, return_tensors="pt").input_ids
        states: Tensor = self._text(input_ids=ids.to(self._text.device)).last_hidden_state[0]
        return states
