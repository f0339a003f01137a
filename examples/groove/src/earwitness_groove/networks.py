"""The two published kinds of network, under the names that their checkpoints use.

Goal: a checkpoint's weights load strictly. Both hear a groove tapped on one voice and answer with the logits of
the hits of nine; ``Direct`` is an encoder, ``Variational`` an encoder, a latent vector and an encoder more. The
density of hits, where a network is told of it, stands beside every step.

Conventions: batches [batch, 32, features]. The latent vector is its own mean: nothing is drawn.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from earwitness.errors import TargetError
from earwitness_groove.grid import VOICES, WINDOW

_SIZES = {
    "direct": ("d_model", "embedding_size_src", "nhead", "dim_feedforward", "num_encoder_layers"),
    "variational": (
        "d_model_enc", "d_model_dec", "embedding_size_src", "nhead_enc", "nhead_dec", "dim_feedforward_enc",
        "dim_feedforward_dec", "num_encoder_layers", "num_decoder_layers", "latent_dim",
    ),
}  # fmt: skip
_LARGEST = 1024


class _Positions(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        angles = torch.arange(WINDOW)[:, None] * torch.exp(-math.log(10000.0) * torch.arange(0, width, 2) / width)
        self.register_buffer("pe", torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[None, :, :width])

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.get_buffer("pe")


class _Input(nn.Module):
    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.Linear = nn.Linear(features, width)
        self.PositionalEncoding = _Positions(width)

    def forward(self, heard: Tensor) -> Tensor:
        hidden: Tensor = self.PositionalEncoding(self.Linear(heard).relu())
        return hidden


class _Encoder(nn.Module):
    def __init__(self, width: int, heads: int, inner: int, layers: int) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(width, heads, inner, batch_first=True)
        self.Encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)

    def forward(self, hidden: Tensor) -> Tensor:
        states: Tensor = self.Encoder(hidden)
        return states


class _Output(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.Linear = nn.Linear(width, 3 * len(VOICES))

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits of the hits; those of velocities and offsets follow them."""
        hits: Tensor = self.Linear(hidden)[..., : len(VOICES)]
        return hits


class Direct(nn.Module):
    """An encoder from the tapped groove to the hits."""

    def __init__(self, sizes: Mapping[str, int], features: int) -> None:
        super().__init__()
        width = sizes["d_model"]
        self.InputLayerEncoder = _Input(features, width)
        self.Encoder = _Encoder(width, sizes["nhead"], sizes["dim_feedforward"], sizes["num_encoder_layers"])
        self.OutputLayer = _Output(width)

    def forward(self, heard: Tensor) -> Tensor:
        """Logits of hits [batch, 32, 9]."""
        logits: Tensor = self.OutputLayer(self.Encoder(self.InputLayerEncoder(heard)))
        return logits


class _Latent(nn.Module):
    def __init__(self, width: int, latent: int) -> None:
        super().__init__()
        self.fc_mu = nn.Linear(WINDOW * width, latent)
        self.fc_var = nn.Linear(WINDOW * width, latent)

    def forward(self, hidden: Tensor) -> Tensor:
        mean: Tensor = self.fc_mu(hidden.flatten(1))
        return mean


class _DecoderInput(nn.Module):
    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        self.updims = nn.Linear(latent, WINDOW * width)

    def forward(self, latent: Tensor) -> Tensor:
        hidden: Tensor = self.updims(latent).unflatten(1, (WINDOW, -1))
        return hidden


class _Decoder(nn.Module):
    def __init__(self, sizes: Mapping[str, int]) -> None:
        super().__init__()
        width = sizes["d_model_dec"]
        self.DecoderInput = _DecoderInput(sizes["latent_dim"], width)
        self.Decoder = _Encoder(width, sizes["nhead_dec"], sizes["dim_feedforward_dec"], sizes["num_decoder_layers"])
        self.OutputLayer = _Output(width)

    def forward(self, latent: Tensor) -> Tensor:
        logits: Tensor = self.OutputLayer(self.Decoder(self.DecoderInput(latent)))
        return logits


class Variational(nn.Module):
    """An encoder from the tapped groove to a latent vector, and from there to the hits."""

    def __init__(self, sizes: Mapping[str, int], features: int) -> None:
        super().__init__()
        width = sizes["d_model_enc"]
        self.InputLayerEncoder = _Input(features, width)
        self.Encoder = _Encoder(width, sizes["nhead_enc"], sizes["dim_feedforward_enc"], sizes["num_encoder_layers"])
        self.LatentEncoder = _Latent(width, sizes["latent_dim"])
        self.Decoder = _Decoder(sizes)

    def forward(self, heard: Tensor) -> Tensor:
        """Logits of hits [batch, 32, 9]."""
        logits: Tensor = self.Decoder(self.LatentEncoder(self.Encoder(self.InputLayerEncoder(heard))))
        return logits


def build(params: Mapping[str, object], where: str) -> Direct | Variational:
    """A network of a checkpoint's own sizes.

    Raises
    ------
    TargetError
        Where they are absent or absurd.
    """
    kind = "variational" if "latent_dim" in params else "direct"
    sizes: dict[str, int] = {}
    for name in _SIZES[kind]:
        value = params.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _LARGEST:
            raise TargetError(f"{where} has {name} = {value!r:.40}, which no groove model can have; get it again.")
        sizes[name] = value
    features = sizes["embedding_size_src"] + ("n_params" in params)
    return Variational(sizes, features) if kind == "variational" else Direct(sizes, features)
