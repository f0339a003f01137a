"""The paper's own experiments, one row each.

Goal: which model is asked about which data, and how: one table, no code per model. Source: the
models and data sets of arXiv 2512.09654, with MusicGen and Stable Audio Open beside them; what
was found about each, and what is assumed, is in docs/design/paper-experiments.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from earwitness.collection.tracks import Role
from earwitness.errors import EarwitnessError

_TOKENS = ("iar", "default")
_DENOISING = ("cdi", "default")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One model, one data set, and what is asked.

    Attributes
    ----------
    name
        What ``--only`` and ``--target`` call it.
    target
        The checkpoint's hub id; ``None`` where it is published elsewhere and a folder must be given.
    families
        The target families that such a checkpoint may be read by.
    dataset
        A name in `earwitness.bench.paper.datasets.DATASETS`.
    presets
        The published feature set, and the package's own beside it.
    trained_on
        Whether the model was trained on the data set's training split. Where it was not, nothing
        is to be found: any evidence is a false alarm.
    seconds
        Length of a window of audio; ``None`` for scores, whose window is the model's context.
    windows_per_track
        Windows of a clip or contexts of a file.
    tracks_a_side, tracks_a_group
        How many tracks of each side are drawn, and at most how many of one group.
    seed
        Fixes the draw, the windows and the tests.
    """

    name: str
    target: str | None
    families: tuple[str, ...]
    dataset: str
    presets: tuple[str, ...]
    trained_on: bool = True
    seconds: float | None = None
    windows_per_track: int = 1
    tracks_a_side: int = 1000
    tracks_a_group: int = 1
    seed: int = 0

    @property
    def roles(self) -> tuple[Role, Role]:
        """What the training side and the other side are called."""
        return (Role.MEMBER, Role.NON_MEMBER) if self.trained_on else (Role.SUSPECT, Role.HELD_OUT)


def _on_audiocaps(
    name: str, target: str, families: tuple[str, ...], presets: tuple[str, ...], *, trained_on: bool = True
) -> Experiment:
    # Clips are cut to 10 s, but encoders leave many of them a few frames short. 9.6 s are 240 latent frames of the
    # diffusion models, which their U-Nets halve four times over.
    return Experiment(
        name=name, target=target, families=families, dataset="audiocaps", presets=presets, trained_on=trained_on,
        seconds=9.6,
    )  # fmt: skip


def _on_attributions(source: str) -> Experiment:
    return Experiment(
        name=f"stable-audio-open-{source}", target="stabilityai/stable-audio-open-1.0", families=("stable-audio",),
        dataset=source, presets=_DENOISING, seconds=10.0, tracks_a_group=10,
    )  # fmt: skip


EXPERIMENTS: tuple[Experiment, ...] = (
    _on_audiocaps("audiogen", "facebook/audiogen-medium", ("audiogen",), _TOKENS),
    _on_audiocaps(
        "musicgen", "facebook/musicgen-small", ("musicgen", "musicgen-audiocraft"), _TOKENS, trained_on=False
    ),
    _on_audiocaps("audioldm", "cvssp/audioldm-s-full-v2", ("audioldm",), _DENOISING),
    _on_audiocaps("audioldm2", "cvssp/audioldm2", ("audioldm2",), _DENOISING),
    _on_audiocaps("tango", "declare-lab/tango", ("tango",), _DENOISING),
    _on_audiocaps("tango2", "declare-lab/tango2", ("tango",), _DENOISING),
    Experiment(name="figaro", target=None, families=("figaro",), dataset="lakh", presets=_TOKENS),
    _on_attributions("freesound"),
    _on_attributions("fma"),
)


def experiments_named(names: Iterable[str]) -> tuple[Experiment, ...]:
    """The experiments of these names in the table's order, or all where none is named.

    Raises
    ------
    EarwitnessError
        Where a name is not in the table.
    """
    wanted, known = set(names), [experiment.name for experiment in EXPERIMENTS]
    if strangers := sorted(wanted - set(known)):
        raise EarwitnessError(f"There is no experiment {strangers[0]!r}; there are {', '.join(known)}.")
    return tuple(experiment for experiment in EXPERIMENTS if not wanted or experiment.name in wanted)
