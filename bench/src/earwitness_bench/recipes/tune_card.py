"""What recipes over tunes share: other takes to fit a codec to, the windows that a denoiser is asked about, the card.

Conventions: a window begins at any sample of a tune, drawn from a generator of the tune's own length.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from earwitness.ground_truth.card import Card, CardTune
from earwitness.ground_truth.fiddle.tunes import Tune, file_content_sha256
from earwitness.ground_truth.performance import perform, sound
from earwitness.stats.roc import Auc, auc_delong
from earwitness.types import Wave

WINDOWS = 2
LICENCE = "Apache-2.0 for the weights; the tunes and the soundfont are not part of them and keep their own"


def other_takes(tunes: Sequence[Tune], programs: Sequence[int], *, every: int) -> list[Wave]:
    """Other takes of some tunes of both sides, in all timbres: what is fitted to them tells nothing of the split."""
    return [
        sound(perform(tune.name, tune.notes, tune.quarters_per_minute, [programs[i % len(programs)]], take=1))
        for i, tune in enumerate(tunes[::every])
    ]


def latents_of(
    tunes: Sequence[Tune],
    encode: Callable[[NDArray[np.float32]], Tensor],
    *,
    samples: int,
    play: Callable[[Tune], Wave],
) -> NDArray[np.float32]:
    """Latents [tunes, ``WINDOWS``, …] of windows at any offset."""
    latents = []
    for tune in tunes:
        wave = play(tune)
        starts = np.random.default_rng(len(wave)).integers(len(wave) - samples + 1, size=WINDOWS)
        latents.append(encode(np.stack([wave[start : start + samples] for start in starts])).numpy())
    return np.stack(latents)


def member_auc(
    tunes: Sequence[Tune], groups: Mapping[str, str], is_member: Mapping[str, bool], losses: NDArray[np.float64]
) -> Auc:
    """The chance that a member's loss [tunes] lies below another tune's, with the interval by group."""
    member = np.array([is_member[tune.name] for tune in tunes])
    names = np.array([groups[tune.name] for tune in tunes])
    return auc_delong(-losses[member], -losses[~member], positive_groups=names[member], negative_groups=names[~member])


def tune_card(
    tunes: Sequence[Tune],
    groups: Mapping[str, str],
    is_member: Mapping[str, bool],
    scores: Mapping[str, NDArray[np.float64]],
    *,
    loss: str,
    programs: Sequence[int],
    **facts: Any,
) -> Card:
    """The card of a target that was asked about ``tunes``: ``scores`` [tunes] by signal, of which ``loss`` counts."""
    member = np.array([is_member[tune.name] for tune in tunes])
    auc = member_auc(tunes, groups, is_member, scores[loss])
    return Card(
        licence=LICENCE,
        losses={"member": float(scores[loss][member].mean()), "non_member": float(scores[loss][~member].mean())},
        loss_auc={"estimate": auc.estimate, "low": auc.low, "high": auc.high},
        tunes=tuple(
            CardTune(
                name=tune.name, group=groups[tune.name], member=is_member[tune.name],
                content_sha256=file_content_sha256(tune, programs),
            )
            for tune in tunes
        ),
        **facts,
    )  # fmt: skip


def forget_origin(model: Path) -> None:
    """Take the paths of the work folder out of the configurations."""
    for path in model.rglob("config.json"):
        config = json.loads(path.read_text(encoding="utf-8"))
        config.pop("_name_or_path", None)
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
