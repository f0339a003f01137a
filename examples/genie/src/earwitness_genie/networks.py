"""Piano Genie: an encoder that presses eight buttons, and a decoder that plays 88 keys from them.

Goal: the network under the names of the published checkpoint, so that its weights load as they are.
Source: Donahue, Simon and Dieleman 2019 (arXiv 1810.05246); the weights are those of the tutorial of Donahue, Huang
and Gillick (ISMIR 2021).

Conventions: keys are int64 [batch, notes] from 0 (A0) to 87 (C8); times are seconds since the note before, at most
``cfg["data_delta_time_max"]``, which also stands at the first note; buttons are reals from −1 to 1.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

KEYS = 88


class Encoder(nn.Module):
    """Which button a note is played with, told from the whole window."""

    def __init__(self, width: int, layers: int, buttons: int) -> None:
        super().__init__()
        self.input = nn.Linear(KEYS + 1, width)
        self.lstm = nn.LSTM(width, width, layers, batch_first=True, bidirectional=True)
        self.output = nn.Linear(2 * width, 1)
        self._buttons = buttons

    def forward(self, keys: Tensor, times: Tensor) -> Tensor:
        """Buttons [batch, notes]: the encoder's real number on a grid of equal steps, clipped to it."""
        heard = torch.cat([nn.functional.one_hot(keys, KEYS).to(times), times[..., None]], dim=2)
        pressed = self.output(self.lstm(self.input(heard))[0])[..., 0]
        steps = self._buttons - 1
        return torch.round((pressed + 1).div(2).clamp(0, 1) * steps) / steps * 2 - 1


class Decoder(nn.Module):
    """Which key comes, told from the keys before it and from times and buttons up to it."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.input = nn.Linear(KEYS + 3, width)
        self.lstm = nn.LSTM(width, width, layers, batch_first=True)
        self.output = nn.Linear(width, KEYS)

    def forward(self, keys: Tensor, times: Tensor, buttons: Tensor) -> Tensor:
        """Logits [batch, notes, 88]; behind the last key stands the token that begins a piece."""
        before = torch.cat([torch.full_like(keys[:, :1], KEYS), keys[:, :-1]], dim=1)
        told = [nn.functional.one_hot(before, KEYS + 1).to(times), times[..., None], buttons[..., None]]
        logits: Tensor = self.output(self.lstm(self.input(torch.cat(told, dim=2)))[0])
        return logits


class Genie(nn.Module):
    """Both, under the checkpoint's names."""

    def __init__(self, settings: Mapping[str, int]) -> None:
        super().__init__()
        width, layers = settings["model_rnn_dim"], settings["model_rnn_num_layers"]
        self.enc = Encoder(width, layers, settings["num_buttons"])
        self.dec = Decoder(width, layers)
