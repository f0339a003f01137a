"""The blocks of ACE-Step v1's transformer, under the names of its files.

Facts (ace-step/ACE-Step at d612523): every block shifts, scales and gates by a table that the time moves; attends to
the piece itself linearly, (φ(q) φ(k)ᵀ v) / (φ(q) Σ φ(k)) with φ the positive part, and to the condition by softmax;
and ends in a gated convolution of three frames. Queries and keys of both are turned by their places, those of the
condition by places of their own. Neighbouring channels form a pair; the angle of channel d is place · base^(−2 (d mod
D/2) / D).

Conventions: states are [batch, places, width]; nothing is masked, rows of a batch being equally long.
"""

import torch
from diffusers.models.normalization import RMSNorm
from torch import Tensor, nn
from torch.nn.functional import pad, relu, scaled_dot_product_attention, silu

_EPSILON, _LEAST = 1e-6, 1e-15


class Attention(nn.Module):
    """Four projections; ``linear`` attention to the states themselves, or softmax attention to others."""

    def __init__(self, width: int, heads: int, *, linear: bool) -> None:
        super().__init__()
        self.heads, self.linear = heads, linear
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, states: Tensor, others: Tensor, turn: Tensor, turn_others: Tensor) -> Tensor:
        """States that have looked at ``others``; angles [places, width of a head] of both."""
        query, key, value = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project, x in ((self.to_q, states), (self.to_k, others), (self.to_v, others))
        )
        query, key = turned(query, turn), turned(key, turn_others)
        seen = _linear(query, key, value) if self.linear else scaled_dot_product_attention(query, key, value)
        found: Tensor = self.to_out[0](seen.transpose(1, 2).flatten(2))
        return found


class _Convolution(nn.Module):
    """A convolution by the name that the files give it."""

    def __init__(self, width: int, out: int, kernel: int = 1, *, groups: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, out, kernel, padding=kernel // 2, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.conv(x)
        return found


class GatedConvolution(nn.Module):
    """Wider, along time by channels of its own, halved by a gate, and back."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.inverted_conv = _Convolution(width, 2 * inner)
        self.depth_conv = _Convolution(2 * inner, 2 * inner, 3, groups=2 * inner)
        self.point_conv = _Convolution(inner, width, bias=False)

    def forward(self, states: Tensor) -> Tensor:
        """Of the same shape."""
        value, gate = self.depth_conv(silu(self.inverted_conv(states.transpose(1, 2)))).chunk(2, dim=1)
        found: Tensor = self.point_conv(value * silu(gate)).transpose(1, 2)
        return found


class Block(nn.Module):
    """One layer."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.scale_shift_table = nn.Parameter(torch.empty(6, width))
        self.norm1, self.norm2 = (RMSNorm(width, _EPSILON, elementwise_affine=False) for _ in range(2))
        self.attn, self.cross_attn = (Attention(width, heads, linear=linear) for linear in (True, False))
        self.ff = GatedConvolution(width, inner)

    def forward(self, states: Tensor, condition: Tensor, time: Tensor, turn: Tensor, turn_condition: Tensor) -> Tensor:
        """States after it; ``time`` [batch, 6 · width]."""
        moved = (self.scale_shift_table[None] + time.view(len(time), 6, -1)).chunk(6, dim=1)
        shift, scale, gate, shift_behind, scale_behind, gate_behind = moved
        own = self.norm1(states) * (1 + scale) + shift
        states = states + gate * self.attn(own, own, turn, turn)
        states = states + self.cross_attn(states, condition, turn, turn_condition)
        found: Tensor = states + gate_behind * self.ff(self.norm2(states) * (1 + scale_behind) + shift_behind)
        return found


def angles(places: int, width: int, base: float, device: torch.device) -> Tensor:
    """Angles float32 [places, width of a head]."""
    rates = base ** (-torch.arange(0, width, 2, dtype=torch.float32, device=device) / width)
    return torch.outer(torch.arange(places, dtype=torch.float32, device=device), torch.cat([rates, rates]))


def turned(states: Tensor, angle: Tensor) -> Tensor:
    """Queries or keys [batch, heads, places, width], each channel turned with its neighbour by an angle of its own."""
    even, odd = states.float().reshape(*states.shape[:-1], -1, 2).unbind(-1)
    across = torch.stack([-odd, even], dim=-1).flatten(-2)
    return (states.float() * angle.cos() + across * angle.sin()).to(states.dtype)


def _linear(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """In float32, the sum of the weights being a further channel of ones."""
    weights, heard = relu(query.float()), pad(value.float(), (0, 1), value=1.0)
    seen = weights @ (relu(key.float()).transpose(-1, -2) @ heard)
    return (seen[..., :-1] / (seen[..., -1:] + _LEAST)).to(value.dtype)
