"""JASCO: flow matching over Encodec's latents before they are quantised.

Goal: what training asked of a clip that came with a text alone. Chords, drums and melody stood beside the latents
where a clip had them, each left out at random by itself; here all are left out, as they were then: the null chord, a
silent drum track, no melody. (Training read them off the clip with programs that are not part of the release.)

Conventions: training's time runs from 0 (noise) to 1 (data), evenly drawn, and its velocity towards the data; both are
turned round here. Its noise keeps 10⁻⁵ of itself at the data's end, which is left out. Rows whose texts are equally
long share a pass: nothing is padded.
Source: Tal et al., arXiv 2406.10970; ``solvers/jasco.py`` of facebookresearch/audiocraft (at 896ec7c).
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter

from earwitness.targets.audiocraft.flow_network import FlowNetwork
from earwitness.targets.audiocraft.settings import Settings
from earwitness.targets.flow import alphas_cumprod_at, flow_times, noise_from_velocity
from earwitness.targets.protocols import TargetIdentity, WindowLaw
from earwitness.targets.together import asked_together

_LEVELS = 1000
_ALONE = "JASCO was asked under the prompt alone: chords, drums and melody were left out, as in part of its training."


class Jasco:
    """A loaded JASCO; see ``DenoiserTarget`` for the contract of its methods. An empty prompt is the null condition.

    Parameters
    ----------
    network, codec, text_encoder, tokenizer
        Its parts; the codec is an Encodec of one channel.
    beside
        What stands beside every frame's latent where chords, drums and melody are left out [width].
    """

    channels = 1
    remarks: Sequence[str]

    def __init__(
        self,
        network: FlowNetwork,
        codec: Any,
        text_encoder: Any,
        tokenizer: Any,
        beside: Tensor,
        settings: Settings,
        identity: TargetIdentity,
    ) -> None:
        self._network, self._codec, self._beside = network, codec, beside
        self._text_encoder, self._tokenizer = text_encoder, tokenizer
        self._mean = settings.real("compression_model_latent_mean")
        self._std = settings.number("compression_model_latent_std")
        self.identity = identity
        self.sample_rate = int(codec.config.sampling_rate)
        self.hop_length = int(codec.config.hop_length)
        self.max_seconds: float | None = settings.number("dataset.segment_duration")
        self.window_law = WindowLaw(seconds=self.max_seconds)
        self.has_null_condition = bool(settings.get("classifier_free_guidance.training_dropout"))
        self.alphas_cumprod = alphas_cumprod_at(flow_times(_LEVELS))
        self.remarks = [_ALONE] if len(beside) else []

    @torch.no_grad()
    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Latents float32 [batch, frames, latent] of waveforms [batch, samples], scaled as in training."""
        values = torch.from_numpy(waves)[:, None].to(self._codec.device)
        latents: Tensor = self._codec.encoder(values).transpose(1, 2)
        return (latents - self._mean) / self._std

    def predict_noise(self, noisy: Tensor, timesteps: Tensor, prompts: Sequence[str]) -> Tensor:
        """ε float32 [batch, frames, latent] at timesteps [batch], each row under its own prompt."""
        levels = self.alphas_cumprod[timesteps.cpu()]
        return noise_from_velocity(noisy, levels, partial(self._velocity, prompts=prompts))

    def drawn_at(self, share: float) -> float:
        """The time on the path below which this share of training's draws lay: they were even."""
        return min(max(share, 0.0), 1.0)

    def parameters(self) -> Iterator[Parameter]:
        """The network's, without those of codec and text encoder."""
        yield from self._network.parameters()

    def _velocity(self, states: Tensor, sigmas: Tensor, *, prompts: Sequence[str]) -> Tensor:
        """Velocities towards the noise [batch, frames, latent]."""
        weight = self._network.emb.weight
        texts = [self._text(prompt) for prompt in prompts]
        times = (1 - sigmas).float().to(weight.device)
        given = states.to(weight.device, weight.dtype)
        beside = self._beside.to(weight).expand(*states.shape[:2], -1)

        def ask(rows: list[int]) -> Tensor:
            text = torch.stack([texts[row] for row in rows])
            answer: Tensor = self._network(given[rows], times[rows], beside[rows], text)
            return -answer

        return asked_together([len(text) for text in texts], ask)

    def _text(self, prompt: str) -> Tensor:
        """The projected states [tokens, width] of a prompt; zeros for none, whose number then says nothing."""
        tokens = self._tokenizer([prompt], return_tensors="pt").to(self._text_encoder.device)
        with torch.no_grad():
            states = self._text_encoder(**tokens).last_hidden_state[0]
        projected: Tensor = self._network.text(states.to(self._network.text.weight.dtype))
        return projected if prompt else torch.zeros_like(projected[:1])
