"""Stable Audio as a denoiser that answers with the noise.

A window is asked about as the crop of its track that it is: with the second at which it begins and the
length of the track, as in training. A shorter one is padded with silence to the model's length; the
silent frames are noised to the window's level with one fixed draw, and the answer is for the window's
own frames alone. A window of which nothing is known counts as a track of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers.models.embeddings import get_1d_rotary_pos_embed
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn.functional import pad

from earwitness.targets.protocols import Place, TargetIdentity, Told, WindowLaw
from earwitness.targets.stable_audio.conditions import Conditioner, Timed
from earwitness.targets.stable_audio.latents import Behind, ClipEncoder
from earwitness.targets.stable_audio.parametrisation import Level, Parametrisation, alphas_cumprod
from earwitness.targets.stable_audio.times import Law
from earwitness.targets.weights import in_precision


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """What a checkpoint holds, text and clip encoder in float32.

    ``tokens`` is the number to which prompts are padded or cut; ``flow`` says that velocities were learned, and at
    times of which law.
    """

    transformer: Any
    projection: Any
    text_encoder: Any
    tokenizer: Any
    tokens: int
    encoder: ClipEncoder
    parametrisation: Parametrisation
    has_null_condition: bool = True
    flow: Law | None = None

    @property
    def networks(self) -> dict[str, nn.Module]:
        """All that is asked, by the names of a directory's components."""
        return {
            "transformer": self.transformer, "projection_model": self.projection, "text_encoder": self.text_encoder,
            "vae.encoder": self.encoder.network,
        }  # fmt: skip

    def in_precision(self, dtype: torch.dtype) -> "Parts":
        """Round what was trained; in place."""
        for trained in (self.transformer, self.projection):
            in_precision(trained, dtype)
        return self

    def to(self, device: str) -> "Parts":
        """Put all parts in place, ready to be asked."""
        for trained in (self.transformer, self.projection):
            # diffusers freezes the frequencies of the time embedding, which the release trained.
            trained.to(device).eval().requires_grad_(True)
        for frozen in (self.text_encoder, self.encoder.network):
            frozen.to(device).eval().requires_grad_(False)
        return self


class StableAudio:
    """A loaded Stable Audio; see ``DenoiserTarget`` for the contract of its methods."""

    def __init__(self, parts: Parts, identity: TargetIdentity) -> None:
        encoder = parts.encoder
        self.identity = identity
        self.sample_rate = encoder.sample_rate
        self.channels = encoder.channels
        self.hop_length = encoder.hop_length
        self.max_seconds: float | None = encoder.frames * self.hop_length / self.sample_rate
        self.window_law = WindowLaw(seconds=self.max_seconds, filled=True)
        self.has_null_condition = parts.has_null_condition
        self.alphas_cumprod = alphas_cumprod()
        self._encoder = encoder
        self._parametrisation = parts.parametrisation
        self._transformer = parts.transformer
        self._projection = parts.projection
        self._condition = Conditioner(
            text_encoder=parts.text_encoder, tokenizer=parts.tokenizer, projection=parts.projection, tokens=parts.tokens
        )
        self._behind = Behind(encoder)
        self._hidden = int(parts.transformer.config.in_channels - parts.transformer.config.out_channels)
        heads = int(parts.transformer.config.attention_head_dim)
        # One position more than frames: the numbers that stand before them.
        positions = get_1d_rotary_pos_embed(heads // 2, encoder.frames + 1, use_real=True, repeat_interleave_real=False)
        self._positions = tuple(table.to(self._behind.silence.device) for table in positions)

    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Latents float32 [batch, latent, frames] of waveforms [batch, 2, samples]; the posterior's mean."""
        return self._encoder.encode(waves)

    def tell(self, waves: NDArray[np.float32], prompts: Sequence[str], places: Sequence[Place | None]) -> Told:
        """Each window's prompt, where it begins, and how long its track is."""
        own = Place(0.0, waves.shape[-1] / self.sample_rate)
        told = [Timed.at(prompt, place or own) for prompt, place in zip(prompts, places, strict=True)]
        null = [one._replace(prompt="") for one in told] if self.has_null_condition else None
        return Told(told, null, [bool(prompt) for prompt in prompts])

    def predict_noise(self, noisy: Tensor, timesteps: Tensor, prompts: Sequence[str | Timed]) -> Tensor:
        """ε float32 [batch, latent, frames] in z_t at timesteps int64 [batch] under one condition per row."""
        own = Place(0.0, self._seconds(noisy.shape[-1]))
        condition = self._condition([one if isinstance(one, Timed) else Timed.at(one, own) for one in prompts])

        def ask(clip: Tensor, time: Tensor) -> Tensor:
            # Inpainting, all of the clip being hidden: a mask of zeros and what it leaves of the latent.
            hidden = pad(clip, (0, 0, 0, self._hidden))
            answer: Tensor = self._transformer(
                hidden.to(self._transformer.dtype),
                time,
                encoder_hidden_states=condition.attended,
                global_hidden_states=condition.before,
                rotary_embedding=self._positions,
                return_dict=False,
            )[0]
            return answer.float()

        return self._answer(noisy, timesteps, ask)

    def _answer(self, noisy: Tensor, timesteps: Tensor, ask: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """ε in windows, from what the network answers about their whole clips at its own times."""
        frames = noisy.shape[-1]
        level = Level.at(timesteps.to(noisy.device))
        whole = self._behind.whole(noisy, level.alpha, level.sigma)
        clip = self._parametrisation.network_input(whole, level)
        return self._parametrisation.noise(noisy, ask(clip, level.time)[..., :frames], level)

    def parameters(self) -> Iterator[Parameter]:
        """Those of the transformer and of the projections of its conditions, which were trained together."""
        yield from self._transformer.parameters()
        yield from self._projection.parameters()

    def _seconds(self, frames: int) -> int:
        """Whole seconds, rounded up, of the shortest window of so many frames: right for windows of whole seconds."""
        return -(-((frames - 1) * self.hop_length + 1) // self.sample_rate)
