"""What a target must offer, as structural types: a plug-in need not import this package.

Conventions: waveforms are float32 at the target's sample rate, [batch, samples] for a target of
one channel and [batch, 2, samples] for one of two; codes are int64 [batch, K, T]; logits
[batch, K, frames, V] are aligned with the codes, ``logits[:, k, t]`` being the prediction of
``codes[:, k, t]``. Gradients follow the caller's mode: a target neither forbids nor asks for them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter

from earwitness.identity import TargetIdentity as TargetIdentity

if TYPE_CHECKING:
    from symusic import Score


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLaw:
    """Which windows of a track a model was trained on.

    Attributes
    ----------
    seconds
        The length of every clip in training; ``None``: clips of any length.
    place
        ``anywhere`` in the track, or its ``first`` seconds alone: windows elsewhere were never seen.
    filled
        Whether a shorter clip was filled up with silence to that length.
    channel
        What a model of one channel was given of a file of several: their ``mean``, or the ``first``.
    """

    seconds: float | None = None
    place: Literal["anywhere", "first"] = "anywhere"
    filled: bool = False
    channel: Literal["mean", "first"] = "mean"


@runtime_checkable
class Lawful(Protocol):
    """A target that says which windows it was trained on."""

    window_law: WindowLaw


def law_of(target: object) -> WindowLaw:
    """The target's window law; any window will do where it has none."""
    return target.window_law if isinstance(target, Lawful) else WindowLaw()


@runtime_checkable
class Remarking(Protocol):
    """A target of which the reader of a result must know more: whole sentences."""

    remarks: Sequence[str]


def remarks_on(target: object) -> tuple[str, ...]:
    """What a reader must know of a target."""
    return tuple(target.remarks) if isinstance(target, Remarking) else ()


class LogitsChunk(NamedTuple):
    """Logits of consecutive frames, under the condition and, if asked for, without one."""

    condition: Tensor
    null: Tensor | None


@runtime_checkable
class TokenTarget(Protocol):
    """A model over discrete codes that answers with logits.

    ``channels`` is 1 or 2, ``hop_length`` the number of samples a frame of codes stands for,
    ``max_seconds`` the longest window it takes (``None``: no limit).
    """

    identity: TargetIdentity
    sample_rate: int
    channels: int
    hop_length: int
    codebooks: int
    max_seconds: float | None
    has_null_condition: bool

    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Codes [batch, K, T] of waveforms [batch, samples], or [batch, 2, samples] in stereo."""

    def logits(self, codes: Tensor, prompts: Sequence[str], *, null: bool) -> Iterator[LogitsChunk]:
        """Logits for all T frames, in chunks of frames, in order.

        With ``null`` every chunk also holds the logits without a condition.
        """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenWindow:
    """A stretch of a score as a symbolic target sees it.

    Attributes
    ----------
    codes
        int64 [K, T].
    condition
        Whatever the target's ``logits`` needs besides; only the target looks into it.
    start
        How many codes of the piece stand before it.
    """

    codes: Tensor
    condition: object
    start: int = 0


@runtime_checkable
class SymbolicTarget(Protocol):
    """A model over the tokens of scores that answers with logits.

    ``window_tokens`` is the length of a full window.
    """

    identity: TargetIdentity
    codebooks: int
    window_tokens: int
    has_null_condition: bool

    def windows(self, score: "Score") -> Sequence[TokenWindow]:
        """All full windows that begin at a bar, in order; a piece without one gives a single shorter window."""

    def logits(self, codes: Tensor, conditions: Sequence[object], *, null: bool) -> Iterator[LogitsChunk]:
        """Logits of codes [batch, K, T], right-padded with 0 where windows are shorter, in chunks of tokens."""


@runtime_checkable
class TellsKinds(Protocol):
    """A symbolic target whose tokens are of several kinds, which are not equally hard to foretell."""

    @property
    def token_kinds(self) -> Sequence[str]:
        """The kind of every code [V], for instance ``Pitch``, ``Duration`` and ``Position``."""


@runtime_checkable
class ReadsMidi(Protocol):
    """A symbolic target whose training read MIDI files otherwise than symusic does."""

    def read_score(self, data: bytes) -> "Score":
        """The score in a file's bytes, its times in ticks; raises ``AudioError`` where it cannot be one."""


@runtime_checkable
class DenoiserTarget(Protocol):
    """A diffusion or flow model over latents that answers with the noise, whatever it predicts itself.

    Noise is always added as z_t = √ᾱ_t z + √(1 − ᾱ_t) ε with ᾱ_t = ``alphas_cumprod[t]``, float64 [T],
    falling from nearly 1 (t = 0, hardly any noise) to nearly 0. An adapter of a model with another
    parametrisation (velocity, v, EDM's σ) translates both the input and the answer.

    ``hop_length`` is the number of samples a frame of the latent stands for, ``max_seconds`` the longest
    window. A target that is ``Lawful`` also says which windows it was trained on, and one that
    ``HearsWindows`` is told more than a prompt.
    """

    identity: TargetIdentity
    sample_rate: int
    channels: int
    hop_length: int
    max_seconds: float | None
    has_null_condition: bool
    alphas_cumprod: Tensor

    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Latents [batch, …], scaled as the denoiser was trained on them, of waveforms; the posterior's mean."""

    def predict_noise(self, noisy: Tensor, timesteps: Tensor, prompts: Sequence[str]) -> Tensor:
        """ε [batch, …] in z_t [batch, …] at timesteps int64 [batch] under one prompt a row, without guidance.

        An empty prompt is the null condition. Gradients flow to ``noisy`` where the caller's mode allows.
        """


@runtime_checkable
class Flows(Protocol):
    """A denoiser that learned velocities along straight paths, at times that its training did not draw evenly."""

    def drawn_at(self, share: float) -> float:
        """The time on the path (0 data, 1 noise), and share of the timesteps, below which this share of draws lay."""


class Place(NamedTuple):
    """Where a window begins in its track, and how long the track is."""

    start_seconds: float
    track_seconds: float


class Told(NamedTuple):
    """What a denoiser is told about windows, one entry each; only the target looks into the first two.

    ``null`` is the same without the condition (``None``: the model has no null condition), ``informed`` says
    which windows have a condition at all.
    """

    conditions: Sequence[Any]
    null: Sequence[Any] | None
    informed: Sequence[bool]


@runtime_checkable
class HearsWindows(Protocol):
    """A denoiser that is told more about a window than its prompt.

    Its ``predict_noise`` takes these conditions wherever it takes prompts.
    """

    def tell(self, waves: NDArray[np.float32], prompts: Sequence[str], places: Sequence[Place | None]) -> Told:
        """Conditions of windows, given with their waveforms, prompts and places (``None``: unknown)."""


AnyTarget = TokenTarget | SymbolicTarget
"""A target that answers with logits."""


@runtime_checkable
class WhiteBox(Protocol):
    """A target whose parameters can be reached."""

    def parameters(self) -> Iterator[Parameter]:
        """The parameters that were trained, without those of a frozen codec or text encoder."""


@runtime_checkable
class Continuing(Protocol):
    """A token target that also goes on by itself, and turns codes into sound."""

    def continue_codes(self, codes: Tensor, prompts: Sequence[str], frames: int) -> Tensor:
        """The most likely codes [batch, K, frames] after codes [batch, K, P], each given all before it."""

    def decode(self, codes: Tensor) -> NDArray[np.float32]:
        """Waveforms of codes [batch, K, T], ``hop_length`` samples per frame."""


@runtime_checkable
class GeneratorTarget(Protocol):
    """A model that only goes on: neither codes nor logits can be had of it."""

    identity: TargetIdentity
    sample_rate: int
    channels: int
    max_seconds: float | None

    def continue_audio(self, waves: NDArray[np.float32], seconds: float, prompts: Sequence[str]) -> NDArray[np.float32]:
        """What follows waveforms [batch, samples] or [batch, 2, samples], without them.

        ``seconds`` long or less; a row of NaN where there is no continuation.
        """


Target = AnyTarget | DenoiserTarget | GeneratorTarget
"""Whatever can be loaded and asked."""


class TargetFamily(Protocol):
    """What an entry point of the group ``earwitness.targets`` names.

    ``description`` says in one line what it loads.
    """

    name: str
    description: str

    def matches(self, folder: Path) -> bool:
        """Whether the folder holds a checkpoint of this family (looks at configuration files only)."""

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> Target:
        """Load it; raises ``TargetError`` with one line where that cannot be done safely."""
