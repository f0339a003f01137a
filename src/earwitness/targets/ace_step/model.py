"""A loaded ACE-Step 1.5: waveforms to latents, noisy latents to noise.

The model is a rectified flow (x_σ = (1 − σ) z + σ ε, answer u = ε − z, time given as σ) over the
latents [batch, frames, channels] of a stereo Oobleck autoencoder at 25 Hz, used unscaled. Besides the
condition it sees the latent of silence and a mask of ones: nothing of the song is given to it.

Conditions are what the library's pipeline makes of a caption, of the lyrics of an instrumental and of
the window's length. The model attends to them without a mask, so rows are run together only where
their conditions are equally long. The null condition is a learned vector, repeated; equal vectors have
equal values, so attention hears the same for any number of them, and one stands for all.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import pad

from earwitness.targets.flow import LogitNormal, alphas_cumprod_at, flow_times, noise_from_velocity
from earwitness.targets.protocols import TargetIdentity
from earwitness.targets.together import asked_together

if TYPE_CHECKING:
    from diffusers import AceStepPipeline

LEVELS = 1000
_CACHED_CONDITIONS = 128
# What a piece without words is labelled with in training.
_NO_WORDS, _NO_LANGUAGE = "[Instrumental]", "unknown"
_TIMBRE_SECONDS = 30  # of silence, as the pipeline gives where there is no reference recording


TRAINED_TIMES = LogitNormal(mean=-0.4, std=1.0)
"""As the releases' config.json has it (``timestep_mu``, ``timestep_sigma``); diffusers directories do not say."""


class AceStep:
    """A loaded ACE-Step; see ``DenoiserTarget`` for the contract of its methods.

    An empty prompt is the learned null condition. A turbo checkpoint has its guidance distilled into
    its weights and is never asked without a condition; there an empty prompt is an empty caption.
    """

    def __init__(
        self, pipeline: "AceStepPipeline", identity: TargetIdentity, *, times: LogitNormal = TRAINED_TIMES
    ) -> None:
        self._times = times
        self._pipeline = pipeline
        self._transformer = pipeline.transformer
        # The levels are closer together than bfloat16 can tell times apart; the blocks cast back themselves.
        self._transformer.time_embed.float()
        self._transformer.time_embed_r.float()
        self._condition = lru_cache(_CACHED_CONDITIONS)(self._encode_condition)
        vae = pipeline.vae
        self.identity = identity
        self.sample_rate = int(vae.config.sampling_rate)
        self.channels = int(vae.config.audio_channels)
        self.hop_length = int(vae.hop_length)
        longest = int(pipeline.condition_encoder.silence_latent.shape[1])
        self.max_seconds: float | None = longest * self.hop_length / self.sample_rate
        self.has_null_condition = not pipeline.is_turbo
        self.alphas_cumprod = alphas_cumprod_at(flow_times(LEVELS))

    @torch.no_grad()
    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Latents float32 [batch, frames, channels] of waveforms, padded with silence to whole frames."""
        values = torch.from_numpy(waves).to(self._pipeline.vae.device)
        values = values.view(len(values), self.channels, -1)
        values = pad(values, (0, -values.shape[-1] % self.hop_length))
        mean: Tensor = self._pipeline.vae.encode(values).latent_dist.mean
        return mean.transpose(1, 2).contiguous()

    def predict_noise(self, noisy: Tensor, timesteps: Tensor, prompts: Sequence[str]) -> Tensor:
        """ε float32 [batch, frames, channels] at timesteps [batch], each row under its own prompt."""
        levels = self.alphas_cumprod[timesteps.cpu()]
        return noise_from_velocity(noisy, levels, partial(self._velocity, prompts=prompts))

    def drawn_at(self, share: float) -> float:
        """The time on the path below which this share of training's draws lay."""
        return self._times.drawn_at(share)

    def parameters(self) -> Iterator[Parameter]:
        """The transformer's parameters; those of text encoder, condition encoder and autoencoder are not among them."""
        yield from self._transformer.parameters()

    def condition(self, prompt: str, frames: int) -> Tensor:
        """What the transformer attends to for a prompt and a window of so many latent frames, [length, width]."""
        return self._condition(prompt, frames)

    def context(self, rows: int, frames: int) -> Tensor:
        """The latent of silence beside a mask of ones, [rows, frames, 2 · channels]."""
        silence, _ = self._pipeline.prepare_src_latents(
            self._transformer.device, self._transformer.dtype, batch_size=rows, latent_length=frames
        )
        return torch.cat([silence, torch.ones_like(silence)], dim=-1)

    def _velocity(self, states: Tensor, sigmas: Tensor, *, prompts: Sequence[str]) -> Tensor:
        """Velocities [batch, frames, channels]; rows whose conditions are equally long share a pass."""
        device, dtype = self._transformer.device, self._transformer.dtype
        times = (sigmas * self._pipeline.scheduler.config.num_train_timesteps).float().to(device)
        conditions = [self.condition(prompt, states.shape[1]) for prompt in prompts]

        def ask(rows: list[int]) -> Tensor:
            answer: Tensor = self._transformer(
                hidden_states=states[rows].to(device, dtype),
                timestep=times[rows],
                timestep_r=times[rows],
                # A copy, so that what was cached in inference mode can serve a later gradient.
                encoder_hidden_states=torch.stack([conditions[row] for row in rows]),
                context_latents=self.context(len(rows), states.shape[1]),
                return_dict=False,
            )[0]
            return answer

        return asked_together([len(condition) for condition in conditions], ask)

    @torch.no_grad()
    def _encode_condition(self, prompt: str, frames: int) -> Tensor:
        """What the transformer attends to, [length, width]; by itself, so that nothing is padded."""
        encoder, device, dtype = self._pipeline.condition_encoder, self._transformer.device, self._transformer.dtype
        if not prompt and self.has_null_condition:
            null: Tensor = encoder.null_condition_emb[0]
            return null
        seconds = frames * self.hop_length / self.sample_rate
        text, text_mask, lyrics, lyrics_mask = self._pipeline.encode_prompt(
            prompt, _NO_WORDS, device, vocal_language=_NO_LANGUAGE, audio_duration=seconds
        )
        timbre_frames = math.ceil(_TIMBRE_SECONDS * self.sample_rate / self.hop_length)
        condition, _ = encoder(
            text_hidden_states=text,
            text_attention_mask=text_mask,
            lyric_hidden_states=lyrics,
            lyric_attention_mask=lyrics_mask,
            refer_audio_acoustic_hidden_states_packed=encoder.silence_latent[:, :timbre_frames].to(device, dtype),
            refer_audio_order_mask=torch.zeros(1, dtype=torch.long, device=device),
        )
        first: Tensor = condition[0]
        return first
