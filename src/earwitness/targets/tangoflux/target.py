"""TangoFlux as a denoiser that answers with the noise.

Facts (declare-lab/TangoFlux at 164420f, ``train.py``, ``model.py``, ``utils.py``): the first 30 s of a file, silence
behind a shorter one, both channels or one twice, at 44.1 kHz; latents of Stable Audio Open's autoencoder, unscaled; σ
is one of 1/1000 … 1, drawn as the logistic of a standard normal number; the transformer answers with ε − z and is
told σ, the T5 states of the caption (64 tokens at most) with the duration's embedding behind them, unmasked, and
their mean through a small network. The duration is the file's in seconds, cut off at 30.

Null condition: the published settings drop none (``uncondition`` is false). Where it is true, one condition in ten is
zeros instead of states and duration, while the mean of the caption's states stays, and so it does here.

Conventions: latents are float32 [batch, channels, frames]; text and duration are encoded in float32.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter

from earwitness.identity import TargetIdentity
from earwitness.targets.flow import LogitNormal, alphas_cumprod_at, noise_from_velocity
from earwitness.targets.mel_diffusion import Remembered
from earwitness.targets.protocols import Place, Told, WindowLaw
from earwitness.targets.stable_audio.latents import Behind, ClipEncoder
from earwitness.targets.tangoflux.network import Network
from earwitness.targets.together import asked_together

_STEPS, _LONGEST_PROMPT = 1000, 64


class Heard(NamedTuple):
    """A caption, the seconds of its file, and whether the condition is left out."""

    prompt: str
    seconds: float
    dropped: bool = False


class TangoFlux:
    """A loaded TangoFlux; see ``DenoiserTarget`` for the contract of its methods."""

    def __init__(
        self, network: Network, encoder: ClipEncoder, tokenizer: Any, identity: TargetIdentity, *, dropped: bool
    ) -> None:
        self._network = network
        self._encoder = encoder
        self._tokenizer = tokenizer
        self._behind = Behind(encoder)
        self._states = Remembered(self._encoded)
        self.identity = identity
        self.sample_rate = encoder.sample_rate
        self.channels = encoder.channels
        self.hop_length = encoder.hop_length
        self.max_seconds: float | None = encoder.clip_samples / encoder.sample_rate
        self.window_law = WindowLaw(seconds=self.max_seconds, place="first", filled=True)
        self.has_null_condition = dropped
        # The times that training drew, without that of noise alone.
        self.alphas_cumprod = alphas_cumprod_at(torch.arange(1, _STEPS, dtype=torch.float64) / _STEPS)

    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Latents float32 [batch, latent, frames] of waveforms [batch, 2, samples]; the posterior's mean."""
        return self._encoder.encode(waves)

    def tell(self, waves: NDArray[np.float32], prompts: Sequence[str], places: Sequence[Place | None]) -> Told:
        """Each window's prompt, and how long its track is."""
        own = Place(0.0, waves.shape[-1] / self.sample_rate)
        told = [Heard(prompt, (place or own).track_seconds) for prompt, place in zip(prompts, places, strict=True)]
        null = [one._replace(dropped=True) for one in told] if self.has_null_condition else None
        return Told(told, null, [bool(prompt) for prompt in prompts])

    def predict_noise(self, noisy: Tensor, timesteps: Tensor, prompts: Sequence[str | Heard]) -> Tensor:
        """ε float32 [batch, latent, frames] at timesteps int64 [batch] under one condition a row."""
        frames, transformer = noisy.shape[-1], self._network.transformer
        seconds = frames * self.hop_length / self.sample_rate
        told = [
            one if isinstance(one, Heard) else Heard(one, seconds, dropped=not one and self.has_null_condition)
            for one in prompts
        ]
        conditions = [self._condition(one) for one in told]
        alphas = self.alphas_cumprod[timesteps.cpu()]
        signal, noise = (one.float().to(noisy.device)[:, None, None] for one in (alphas.sqrt(), (1 - alphas).sqrt()))

        def velocity(states: Tensor, sigmas: Tensor) -> Tensor:
            device, dtype = transformer.device, transformer.dtype
            places = torch.arange(states.shape[-1], device=device, dtype=torch.float32)[:, None].expand(-1, 3)

            def ask(rows: list[int]) -> Tensor:
                attended = torch.stack([conditions[row][0] for row in rows])
                answer: Tensor = transformer(
                    states[rows].transpose(1, 2).to(device, dtype),
                    timestep=sigmas[rows].float().to(device),
                    encoder_hidden_states=attended.to(dtype),
                    pooled_projections=torch.stack([conditions[row][1] for row in rows]).to(dtype),
                    txt_ids=places.new_zeros(attended.shape[1], 3),
                    img_ids=places,
                    return_dict=False,
                )[0]
                return answer.transpose(1, 2).to(noisy.device)

            # Nothing that is attended to is masked: a padded condition is another one.
            return asked_together([len(attended) for attended, _ in conditions], ask)

        return noise_from_velocity(self._behind.whole(noisy, signal, noise), alphas, velocity)[..., :frames]

    def drawn_at(self, share: float) -> float:
        """The time on the path below which this share of training's draws lay."""
        return LogitNormal().drawn_at(share)

    def parameters(self) -> Iterator[Parameter]:
        """The transformer's and those of the projection of the text's mean, which were trained."""
        yield from self._network.transformer.parameters()
        yield from self._network.fc.parameters()

    def _condition(self, told: Heard) -> tuple[Tensor, Tensor]:
        """What is attended to [tokens + 1, width], and the projected mean of the caption's states [width]."""
        states = self._states([told.prompt])[0]
        pooled: Tensor = self._network.fc(states.mean(dim=0))
        with torch.no_grad():
            length = self._network.duration_emebdder(states.new_tensor([told.seconds]))[0]
        attended = torch.cat([states, length])
        return attended * (not told.dropped), pooled

    def _encoded(self, prompt: str) -> Tensor:
        """T5's states [tokens, width] of one prompt."""
        ids = self._tokenizer(prompt, max_length=_LONGEST_PROMPT, truncation=True, return_tensors="pt").input_ids
        encoder: Any = self._network.text_encoder
        states: Tensor = encoder(input_ids=ids.to(encoder.device)).last_hidden_state[0]
        return states
