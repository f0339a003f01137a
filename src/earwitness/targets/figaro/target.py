"""FIGARO as a target: the windows of a score, and the logits of their tokens.

Goal: labels are scored, not inputs. A window's codes are the tokens *after* its first: it begins at
a ``Bar`` token (the piece's first window at ``<bos>``), which is input only, so every code has a
prediction. Bars, positions and the description go with the window as its condition.

Conventions: a window's expert description begins with its first bar, as in training; a learned one
covers the piece from its start, as in training, up to ``context_size`` bars. Windows end with the last
bar and position that can be embedded. FIGARO was trained without condition dropout: there is no
null condition. Source: von Rütte et al., arXiv 2201.10936.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils.rnn import pad_sequence

from earwitness.errors import AudioError, TargetError
from earwitness.targets.checkpoint import read_config
from earwitness.targets.figaro.config import FigaroConfig
from earwitness.targets.figaro.description import Description
from earwitness.targets.figaro.load import Loaded, checkpoints, load_figaro
from earwitness.targets.figaro.remi import Piece
from earwitness.targets.figaro.vocabulary import PAD, REMI
from earwitness.targets.protocols import LogitsChunk, SymbolicTarget, TargetIdentity, TokenWindow
from earwitness.targets.scores.as_pretty_midi import read_as_pretty_midi
from earwitness.targets.weights import identify, in_precision

if TYPE_CHECKING:
    from symusic import Score


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Condition:
    """What a window's logits depend on besides its codes; all on the CPU.

    Attributes
    ----------
    first
        The input before the first code: ``<bos>`` or a ``Bar`` token.
    bar_ids, positions
        Of the inputs, int64 [T]: of ``first`` and of all codes but the last.
    description, description_bar_ids
        The expert description from the window's first bar on, int64 [n].
    latents
        The learned description of the piece's bars, float [bars, d_latent].
    """

    first: int
    bar_ids: Tensor
    positions: Tensor
    description: Tensor | None
    description_bar_ids: Tensor | None
    latents: Tensor | None


class Windows(Sequence[TokenWindow]):
    """A piece's windows, made when they are asked for; the piece is described once."""

    def __init__(self, piece: Piece, loaded: Loaded) -> None:
        self._piece = piece
        self._loaded = loaded
        self._length = loaded.model.config.context_size
        self._starts = _window_starts(piece, loaded.model.config)

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> TokenWindow: ...
    @overload
    def __getitem__(self, index: slice) -> list[TokenWindow]: ...
    def __getitem__(self, index: int | slice) -> TokenWindow | list[TokenWindow]:
        """The window that begins at the so-many-th bar."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        start = self._starts[index]
        inputs = slice(start, min(start + self._length, len(self._piece.tokens) - 1))
        described = None
        if self._loaded.model.config.reads_description:
            described = self._description.from_bar(int(self._piece.bar_ids[start]), self._length, self._length)
        return TokenWindow(
            codes=torch.from_numpy(self._piece.tokens[inputs.start + 1 : inputs.stop + 1])[None],
            condition=Condition(
                first=int(self._piece.tokens[start]),
                bar_ids=torch.from_numpy(self._piece.bar_ids[inputs]),
                positions=torch.from_numpy(self._piece.positions[inputs]),
                description=None if described is None else torch.from_numpy(described[0]),
                description_bar_ids=None if described is None else torch.from_numpy(described[1]),
                latents=self._latents,
            ),
            start=start,
        )

    @cached_property
    def _description(self) -> Description:
        return Description.of(self._piece.bars, self._loaded.model.config.parts)

    @cached_property
    def _latents(self) -> Tensor | None:
        if self._loaded.vae is None:
            return None
        with torch.no_grad():
            bars = range(min(len(self._piece.bar_starts), self._length))
            return self._loaded.vae.latents([self._piece.bar_tokens(bar) for bar in bars]).cpu()


class Figaro:
    """A loaded FIGARO; see ``SymbolicTarget`` for the contract of its methods."""

    codebooks = 1
    has_null_condition = False

    def __init__(self, loaded: Loaded, identity: TargetIdentity) -> None:
        self._loaded = loaded
        self._model = loaded.model
        self.identity = identity
        self.window_tokens = loaded.model.config.context_size

    def read_score(self, data: bytes) -> "Score":
        """The score in a file's bytes, with the notes that pretty_midi finds, as in training."""
        return read_as_pretty_midi(data)

    def windows(self, score: "Score") -> Windows:
        """All full windows that begin at a bar; without one, one shorter window; without notes, none.

        Raises
        ------
        AudioError
            Where the piece has no time signature: FIGARO's preparation left such pieces out.
        """
        if not len(score.time_signatures):
            raise AudioError(
                "The piece has no time signature (in its first track): FIGARO's preparation refuses such pieces, "
                "so the model was trained on none; leave it out."
            )
        return Windows(Piece.from_score(score), self._loaded)

    def logits(self, codes: Tensor, conditions: Sequence[object], *, null: bool) -> Iterator[LogitsChunk]:
        """Logits of codes [batch, 1, T] in one chunk.

        Raises
        ------
        TargetError
            Where the logits without a condition are asked for, which this model was not trained to give.
        """
        if null:
            raise TargetError("FIGARO was trained without condition dropout and has no null condition; leave it out.")
        device, length = self._model.out_layer.weight.device, codes.shape[2]
        known = [condition for condition in conditions if isinstance(condition, Condition)]
        if len(known) != len(codes):
            raise TargetError(f"{len(codes)} windows need as many of FIGARO's conditions; found {len(known)}.")
        first = codes.new_tensor([condition.first for condition in known])
        tokens = torch.cat([first[:, None], codes[:, 0, :-1]], dim=1).to(device)
        bar_ids = _stacked([condition.bar_ids for condition in known], length).to(device)
        positions = _stacked([condition.positions for condition in known], length).to(device)
        hidden = self._model.hidden(tokens, bar_ids, positions, self._memory(known))
        yield LogitsChunk(self._model.out_layer(hidden)[:, None], None)

    @property
    def token_kinds(self) -> Sequence[str]:
        """What each token begins with: ``Pitch``, ``Velocity``, ``Duration``, ``Position`` …"""
        return [token.split("_")[0] for token in REMI.tokens]

    def parameters(self) -> Iterator[Parameter]:
        """The encoder-decoder's parameters; the VQ-VAE was frozen when they were trained."""
        return self._model.parameters()

    def _memory(self, conditions: Sequence[Condition]) -> Tensor | None:
        weight = self._model.out_layer.weight
        described = [c.description for c in conditions if c.description is not None]
        described_bars = [c.description_bar_ids for c in conditions if c.description_bar_ids is not None]
        latents = [c.latents for c in conditions if c.latents is not None]
        return self._model.encode(
            description=pad_sequence(described, batch_first=True, padding_value=PAD).to(weight.device)
            if described
            else None,
            description_bar_ids=pad_sequence(described_bars, batch_first=True).to(weight.device)
            if described_bars
            else None,
            latents=pad_sequence(latents, batch_first=True).to(weight) if latents else None,
            latent_counts=torch.tensor([len(rows) for rows in latents], device=weight.device) if latents else None,
        )


def _stacked(rows: Sequence[Tensor], length: int) -> Tensor:
    """Rows [batch, length], filled up with 0."""
    stacked = rows[0].new_zeros(len(rows), length)
    for i, row in enumerate(rows):
        stacked[i, : min(length, len(row))] = row[:length]
    return stacked


def _window_starts(piece: Piece, config: FigaroConfig) -> list[int]:
    """Indices of the windows' first inputs."""
    if not len(piece.bar_starts):
        return []
    inputs = len(piece.tokens) - 1
    beyond = np.flatnonzero((piece.bar_ids > config.context_size) | (piece.positions > config.max_positions))
    usable = int(beyond[0]) if len(beyond) else inputs
    starts = [0, *piece.bar_starts[1:].tolist()]
    full = [start for start in starts if start + config.context_size <= usable]
    return full or ([0] if usable == inputs else [])


class _Family:
    """The released Lightning checkpoints, and folders in this project's own layout."""

    name = "figaro"
    description = "FIGARO over MIDI files: the released Lightning checkpoints, or this project's own layout"

    def matches(self, folder: Path) -> bool:
        """Whether config.json says so, or there is a released checkpoint."""
        return read_config(folder).get("model_type") == "figaro" or bool(checkpoints(folder))

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> SymbolicTarget:
        """Load model and, where it reads a learned description, VQ-VAE in evaluation mode."""
        model, vae = load_figaro(folder)
        identity = identify(
            self.name, name, dtype, parts={"model": model, "vae": vae}, folders=[folder],
            settings=[asdict(model.config), None if vae is None else asdict(vae.config)],
        )  # fmt: skip
        precision = getattr(torch, dtype)
        heard = None if vae is None else in_precision(vae, precision).to(device)
        return Figaro(Loaded(in_precision(model, precision).to(device), heard), identity)


FigaroFamily = _Family()
