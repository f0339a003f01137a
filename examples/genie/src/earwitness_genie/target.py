"""Piano Genie as a ``SymbolicTarget``: one codebook of 88 keys.

Goal: the model is asked as it was trained: windows of 128 notes from any place, the buttons that its own encoder
presses for them, and the loss of the keys. Buttons and times are a window's condition; they are told from the whole
window, since the model is an autoencoder, and so part of what is asked, not of the music alone.

A folder holds ``model.pt`` and ``cfg.json`` of the published training, read without running anything.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter

from earwitness.errors import AudioError, TargetError
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.protocols import LogitsChunk, TargetIdentity, TokenWindow
from earwitness.targets.scores.as_pretty_midi import read_as_pretty_midi
from earwitness.targets.weights import identify
from earwitness_genie.networks import KEYS, Genie

if TYPE_CHECKING:
    from symusic import Score

WEIGHTS, SETTINGS = "model.pt", "cfg.json"
_LOWEST_PITCH = 21
_NEEDED = ("model_rnn_dim", "model_rnn_num_layers", "num_buttons", "seq_len", "data_delta_time_max")


class GenieTarget:
    """A loaded model; see ``SymbolicTarget`` for the contract of its methods."""

    codebooks = 1
    has_null_condition = False

    def __init__(self, network: Genie, identity: TargetIdentity, *, notes: int, longest_wait: float) -> None:
        self._network = network
        self._longest_wait = longest_wait
        self.identity = identity
        self.window_tokens = notes

    def read_score(self, data: bytes) -> "Score":
        """The score in a file's bytes, as pretty_midi reads it: that is what the training set was made with."""
        return read_as_pretty_midi(data)

    def windows(self, score: "Score") -> list[TokenWindow]:
        """Full windows that overlap by half; a short piece gives one shorter window."""
        played = sorted((n.start, n.pitch) for track in score.to("second").tracks for n in track.notes)
        keys = np.array([pitch - _LOWEST_PITCH for _, pitch in played], dtype=np.int64)
        if not len(keys) or keys.min() < 0 or keys.max() >= KEYS:
            raise AudioError("The piece has no notes, or some that a piano has no key for; leave it out.")
        waits = np.diff([start for start, _ in played], prepend=-np.inf).clip(0, self._longest_wait)
        length = self.window_tokens
        starts = range(0, len(keys) - length + 1, length // 2) or range(1)
        return [self._window(keys[at : at + length], waits[at : at + length], at) for at in starts]

    def logits(self, codes: Tensor, conditions: Sequence[object], *, null: bool) -> Iterator[LogitsChunk]:
        """Logits [batch, 1, notes, 88] in one chunk."""
        if null:
            raise TargetError("Piano Genie has no null condition; ask for no contrast.")
        weight = next(self._network.parameters())
        told = torch.nn.utils.rnn.pad_sequence([torch.as_tensor(one) for one in conditions], batch_first=True)
        told = told[:, : codes.shape[2]].to(weight)
        yield LogitsChunk(self._network.dec(codes[:, 0], told[..., 0], told[..., 1])[:, None], None)

    def parameters(self) -> Iterator[Parameter]:
        """All that was trained."""
        return self._network.parameters()

    @torch.no_grad()
    def _window(self, keys: np.ndarray, waits: np.ndarray, start: int) -> TokenWindow:
        """Codes [1, notes] with times and buttons [notes, 2] as their condition; the first wait is the longest."""
        codes = torch.from_numpy(keys)[None]
        times = torch.from_numpy(waits).to(next(self._network.parameters()))[None]
        times[:, 0] = self._longest_wait
        condition = torch.stack([times[0], self._network.enc(codes, times)[0]], dim=1)
        return TokenWindow(codes=codes, condition=condition, start=start)


class _Family:
    """Folders with the checkpoint and the settings of the published training."""

    name = "piano-genie"
    description = "a published Piano Genie over MIDI performances (see earwitness-genie)"

    def matches(self, folder: Path) -> bool:
        """Whether both files are there and the settings are Piano Genie's."""
        if not ((folder / WEIGHTS).is_file() and (folder / SETTINGS).is_file()):
            return False
        return "num_buttons" in read_config(folder, SETTINGS)

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> GenieTarget:
        """Load the checkpoint without running anything in it."""
        settings: dict[str, Any] = read_config(folder, SETTINGS)
        if missing := [key for key in _NEEDED if not isinstance(settings.get(key), int | float)]:
            raise TargetError(f"{folder / SETTINGS} does not say {', '.join(missing)}; take the published file.")
        path, network = folder / WEIGHTS, Genie(settings)
        weights: Any = load_safely(str(path), lambda: torch.load(path, map_location="cpu", weights_only=True))
        load_safely(str(path), lambda: network.load_state_dict(weights))
        identity = identify(self.name, name, dtype, parts={"network": network}, folders=[folder], settings=[settings])
        return GenieTarget(
            network.to(device, getattr(torch, dtype)).eval(), identity,
            notes=settings["seq_len"], longest_wait=float(settings["data_delta_time_max"]),
        )  # fmt: skip


GenieFamily = _Family()
