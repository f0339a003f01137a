"""What Stable Audio Open Small and its like do otherwise than Stable Audio Open: a flow, normed heads, one number.

Facts (stable-audio-tools): ``diffusion_objective`` ``rectified_flow`` or ``rf_denoiser`` noises z to (1 − σ) z + σ ε
and is asked for ε − z, the network's time being σ; ``attn_kwargs`` ``{"qk_norm": "ln"}`` norms every head's queries
and keys (ε 10⁻⁶) before they are turned; the only number told is ``seconds_total``, once attended to and once
before the frames.
"""

from typing import Any, NamedTuple

import torch
from diffusers.pipelines.stable_audio import StableAudioProjectionModel
from torch import Tensor, nn

from earwitness.identity import TargetIdentity
from earwitness.targets.flow import alphas_cumprod_at, flow_times, noise_from_velocity
from earwitness.targets.stable_audio.parametrisation import LEVELS, Level
from earwitness.targets.stable_audio.target import Parts, StableAudio
from earwitness.targets.stable_audio.times import Law

OBJECTIVES = ("rectified_flow", "rf_denoiser")
_EPSILON = 1e-6


class _HeadNorm(nn.LayerNorm):
    """The norm of each head by itself, of states [batch, n, heads · width]."""

    def forward(self, states: Tensor) -> Tensor:
        """Of the same shape."""
        heads = states.view(*states.shape[:-1], -1, self.normalized_shape[0])
        return super().forward(heads).flatten(-2)


def with_normed_heads(transformer: Any) -> Any:
    """Put the norms behind the projections of queries and keys, in all attentions; in place."""
    width = int(transformer.config.attention_head_dim)
    for block in transformer.transformer_blocks:
        for attention in (block.attn1, block.attn2):
            for name in ("to_q", "to_k"):
                normed = nn.Sequential(getattr(attention, name), _HeadNorm(width, eps=_EPSILON))
                setattr(attention, name, normed)
    return transformer


class Told(NamedTuple):
    """What is told, as ``StableAudioProjectionModel`` answers; there is no begin."""

    text_hidden_states: Tensor
    seconds_start_hidden_states: Tensor | None
    seconds_end_hidden_states: Tensor


class LengthOnly(nn.Module):
    """The projections of a model that is told a length and no begin."""

    def __init__(self, *, text_encoder_dim: int, conditioning_dim: int, min_value: float, max_value: float) -> None:
        super().__init__()
        both = StableAudioProjectionModel(text_encoder_dim, conditioning_dim, min_value, max_value)
        self.text_projection, self.end_number_conditioner = both.text_projection, both.end_number_conditioner

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """What it runs in."""
        return next(self.parameters()).dtype

    def forward(self, text_hidden_states: Tensor, start_seconds: Tensor, end_seconds: Tensor) -> Told:
        """As ``StableAudioProjectionModel``'s; the begin is not heard."""
        del start_seconds
        return Told(self.text_projection(text_hidden_states), None, self.end_number_conditioner(end_seconds))


class FlowingStableAudio(StableAudio):
    """A Stable Audio that learned velocities."""

    def __init__(self, parts: Parts, identity: TargetIdentity, times: Law) -> None:
        super().__init__(parts, identity)
        self.alphas_cumprod = alphas_cumprod_at(flow_times(LEVELS))
        self._times = times

    def drawn_at(self, share: float) -> float:
        """The time on the path below which this share of training's draws lay."""
        return self._times.drawn_at(share)

    def _answer(self, noisy: Tensor, timesteps: Tensor, ask: Any) -> Tensor:
        frames = noisy.shape[-1]
        alphas = self.alphas_cumprod[timesteps.cpu()]
        signal, noise = (one.float().to(noisy.device)[:, None, None] for one in (alphas.sqrt(), (1 - alphas).sqrt()))
        clip = self._behind.whole(noisy, signal, noise)
        time = Level.at(timesteps.to(noisy.device)).time
        return noise_from_velocity(clip, alphas, lambda state, _: ask(state, time))[..., :frames]
