"""ACE-Step v1's transformer: ``ace_step_transformer`` of a release, every tensor accounted for.

Facts (ace-step/ACE-Step at d612523): columns of the latent (16 bands of 8 channels) are embedded with a norm over the
whole clip; the condition is a speaker's vector, the caption's states and the states of the lyrics, in this order.
Speaker: training knew zeros in half of its steps, and its published dataset gives nothing else. Lyrics: a piece without
words is the one token 0. A single token attends to itself alone, so its encoder needs neither queries nor keys nor
places, and what is written here is exact for it. Heads that foretold features of other models in training, and
projections of the condition that the original makes and never uses, are left out.
"""

import math
from pathlib import Path
from typing import Any

import torch
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from torch import Tensor, nn
from torch.nn.functional import silu

from earwitness.errors import TargetError
from earwitness.targets.ace_step_v1.blocks import Block, angles
from earwitness.targets.audiocraft.settings import Needed, Settings
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.stable_audio.names import Origin
from earwitness.targets.stable_audio.tensors import Tensors
from earwitness.targets.weight_files import DIFFUSERS, read_tensors

FOLDER = "ace_step_transformer"
_BANDS, _EMBEDDED, _TIME, _EPSILON = 16, 256, 256, 1e-6
_NEEDED = (Needed("patch_size", [_BANDS, 1], [_BANDS, 1]), Needed("max_height", _BANDS, _BANDS))
_UNUSED_OF_CROSS = ("add_q_proj.", "add_k_proj.", "add_v_proj.", "to_add_out.")
_UNUSED_OF_LYRICS = ("pos_bias_", "linear_q.", "linear_k.", "linear_pos.")


class _Words(nn.Module):
    """The encoder of the lyrics for one token."""

    def __init__(self, inputs: int, width: int, inner: int, layers: int) -> None:
        super().__init__()
        self.embed = nn.ModuleDict({"out": nn.Sequential(nn.Linear(inputs, width), nn.LayerNorm(width))})
        self.encoders = nn.ModuleList(_WordLayer(width, inner) for _ in range(layers))
        self.after_norm = nn.LayerNorm(width)
        self.scale = math.sqrt(width)

    def forward(self, token: Tensor) -> Tensor:
        """State [1, width] of a token's embedding [1, inputs]."""
        state = self.embed["out"](token) * self.scale
        for layer in self.encoders:
            state = layer(state)
        found: Tensor = self.after_norm(state)
        return found


class _WordLayer(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.self_attn = nn.ModuleDict({name: nn.Linear(width, width) for name in ("linear_v", "linear_out")})
        self.feed_forward = nn.ModuleDict({"w_1": nn.Linear(width, inner), "w_2": nn.Linear(inner, width)})
        self.norm_mha, self.norm_ff = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, state: Tensor) -> Tensor:
        state = state + self.self_attn["linear_out"](self.self_attn["linear_v"](self.norm_mha(state)))
        found: Tensor = state + self.feed_forward["w_2"](silu(self.feed_forward["w_1"](self.norm_ff(state))))
        return found


class _Columns(nn.Module):
    """What becomes of the latent's columns before the first block."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        wide = channels * _EMBEDDED
        self.early_conv_layers = nn.Sequential(
            nn.Conv2d(channels, wide, (_BANDS, 1), stride=(_BANDS, 1)), nn.GroupNorm(32, wide, eps=_EPSILON),
            nn.Conv2d(wide, width, 1),
        )  # fmt: skip

    def forward(self, latent: Tensor) -> Tensor:
        """States [batch, frames, width] of latents [batch, channels, bands, frames]."""
        found: Tensor = self.early_conv_layers(latent).flatten(2).transpose(1, 2)
        return found


class _Last(nn.Module):
    """Norm, shift and scale by the time, and back to columns."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.scale_shift_table = nn.Parameter(torch.empty(2, width))
        self.norm_final = nn.RMSNorm(width, elementwise_affine=False, eps=_EPSILON)
        self.linear = nn.Linear(width, _BANDS * channels)

    def forward(self, states: Tensor, time: Tensor) -> Tensor:
        """Columns [batch, channels, bands, frames]."""
        shift, scale = (self.scale_shift_table[None] + time[:, None]).chunk(2, dim=1)
        columns: Tensor = self.linear(self.norm_final(states) * (1 + scale) + shift)
        return columns.view(*columns.shape[:2], _BANDS, -1).permute(0, 3, 2, 1)


class Transformer(nn.Module):
    """The network that answers with velocities."""

    def __init__(self, settings: Settings, shapes: dict[str, list[int]]) -> None:
        super().__init__()
        heads, self.head_width = settings.integer("num_attention_heads"), settings.integer("attention_head_dim")
        width, self.base = heads * self.head_width, settings.number("rope_theta")
        inner = int(width * settings.number("mlp_ratio"))
        self.transformer_blocks = nn.ModuleList(
            Block(width, heads, inner) for _ in range(settings.integer("num_layers"))
        )
        self.time_proj: Any = Timesteps(_TIME, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.timestep_embedder: Any = TimestepEmbedding(_TIME, width)
        self.t_block = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        self.speaker_embedder = nn.Linear(settings.integer("speaker_embedding_dim"), width)
        self.genre_embedder = nn.Linear(settings.integer("text_embedding_dim"), width)
        words = settings.integer("lyric_hidden_size")
        self.lyric_embs = nn.Embedding(settings.integer("lyric_encoder_vocab_size"), words)
        inside = shapes.get("lyric_encoder.encoders.0.feed_forward.w_1.weight", [1, 1])
        layers = sum(name.startswith("lyric_encoder.") and name.endswith(".norm_mha.bias") for name in shapes)
        self.lyric_encoder = _Words(words, inside[1], inside[0], layers)
        self.lyric_proj = nn.Linear(inside[1], width)
        self.proj_in = _Columns(settings.integer("in_channels"), width)
        self.final_layer = _Last(width, settings.integer("out_channels"))

    def condition(self, states: Tensor) -> Tensor:
        """What is attended to [1 + tokens + 1, width] under a caption's states [tokens, width of the text]."""
        speaker = self.speaker_embedder(states.new_zeros(1, self.speaker_embedder.in_features))
        words = self.lyric_proj(self.lyric_encoder(self.lyric_embs.weight[:1]))
        return torch.cat([speaker, self.genre_embedder(states), words])

    def forward(self, latent: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        """Velocities [batch, channels, bands, frames] at times float32 [batch], in thousandths of the path."""
        time = self.timestep_embedder(self.time_proj(times).to(latent.dtype))
        moved, states = self.t_block(time), self.proj_in(latent)
        turn, turn_condition = (
            angles(x.shape[1], self.head_width, self.base, latent.device) for x in (states, condition)
        )
        for block in self.transformer_blocks:
            states = block(states, condition, moved, turn, turn_condition)
        found: Tensor = self.final_layer(states, time)
        return found


def load_transformer(folder: Path) -> Transformer:
    """The network in ``folder/ace_step_transformer``, in float32 and evaluation mode.

    Raises
    ------
    TargetError
        Where it is missing, damaged, or not as its config.json says.
    """
    place = folder / FOLDER
    what = f"The {FOLDER} in {folder}"
    settings = Settings(read_config(place), str(place / "config.json"))
    if not settings.tree:
        raise TargetError(f"{place} lacks config.json, which says how large the network is; get it again.")
    settings.require(_NEEDED)
    tensors = Tensors(place, read_tensors(what, place, DIFFUSERS))
    shapes = {name: list(tensor.shape) for name, tensor in tensors.tensors.items()}
    with torch.device("meta"):
        network: Transformer = load_safely(what, lambda: Transformer(settings, shapes))
    tensors.fill(network, Origin, torch.float32)
    blocks, layers = len(network.transformer_blocks), len(network.lyric_encoder.encoders)
    tensors.require_all_placed(unused=(
        "projectors.",
        *(f"transformer_blocks.{i}.cross_attn.{name}" for i in range(blocks) for name in _UNUSED_OF_CROSS),
        *(f"lyric_encoder.encoders.{i}.self_attn.{name}" for i in range(layers) for name in _UNUSED_OF_LYRICS),
    ))  # fmt: skip
    return network.eval()
