"""The audio that the scenarios draw from, written once for a target.

Goal: one folder with a manifest for all scenarios of a target, so that one run measures every
track once. Conventions: a pool is all tracks of one treatment that were, or were not, trained
on; a track lies in ``TREATMENT/ROLE/NAME.flac``; ``pools.csv`` beside the manifest says of every
path to which pool, group and dance it belongs. The first tunes of a side are in every pool of
that side, so that smaller pools hold tunes of the larger ones.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from earwitness.errors import EarwitnessError
from earwitness.files import write_atomically
from earwitness.ground_truth.card import Card, CardTune
from earwitness.ground_truth.data import ROLES
from earwitness.ground_truth.fiddle.tunes import Tune, read_tunes
from earwitness.ground_truth.performance import SAMPLE_RATE, pcm16
from earwitness.ground_truth.registry import shipped
from earwitness.types import OnMessage, Wave
from earwitness_bench.stress.generated import generated
from earwitness_bench.stress.other_tunes import other_tunes
from earwitness_bench.stress.scenarios import SCENARIOS
from earwitness_bench.stress.treatments import TAKES, TREATMENTS, Play, play_fiddle, unchanged

COLUMNS = ("path", "treatment", "member", "group", "dance")
COLLECTIONS: dict[str, Play] = {"fiddle": play_fiddle, "hum": play_fiddle}
"""The audio targets: how a tune of each sounds."""
_FEWEST_ALBUMS = 15
_SEED = 2512


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTrack:
    """A track before it is written: the tune it is of, and how it sounds."""

    treatment: str
    member: bool
    group: str
    tune: Tune
    wave: Callable[[], Wave]

    @property
    def path(self) -> Path:
        """Where it lies in the folder."""
        return Path(self.treatment) / ROLES[self.member] / f"{self.tune.name}.flac"


def write_pools(target: str, model: Path, folder: Path, tracks: int, *, report: OnMessage) -> Path:
    """Write all pools of a target, ``tracks`` a pool, and return the manifest; what is there is kept.

    Raises
    ------
    EarwitnessError
        If the target does not hear rendered tunes, or its card names too few.
    """
    manifest = folder / "manifest.csv"
    if manifest.exists():
        return manifest
    play = _collection(target)
    report(f"{target}: reading tunes")
    card = shipped(target).read()
    tunes = {tune.name: tune for tune in read_tunes({listed.name for listed in card.tunes})}
    tracks_of = _all_tracks(card, tunes, model, tracks, play=play)
    pools, entries = [], []
    for done, track in enumerate(tracks_of):
        if done % 100 == 0:
            report(f"{target}: {done} tracks written")
        path = folder / track.path
        if not path.exists():
            _write_flac(path, track.wave())
        place, tune = track.path.as_posix(), track.tune
        pools.append((place, track.treatment, int(track.member), track.group, tune.dance))
        entries.append((place, ROLES[track.member], track.group, tune.caption, tune.title))
    _write_csv(folder / "pools.csv", [COLUMNS, *pools])
    _write_csv(manifest, [("path", "role", "group", "prompt", "title"), *entries])
    return manifest


def draw_tunes(card: Card, member: bool, count: int) -> list[CardTune]:
    """Draw tunes of a side, one of each group.

    Raises
    ------
    EarwitnessError
        If there are fewer groups.
    """
    first = {tune.group: tune for tune in reversed(card.tunes) if tune.member is member}
    if len(first) < count:
        raise EarwitnessError(
            f"The target {card.name} has {len(first)} groups of tunes per side, and {count} are needed; "
            "take fewer tracks."
        )
    names = np.random.default_rng([_SEED, member]).permutation(sorted(first))
    return [first[str(name)] for name in names[:count]]


def pool_size(treatment: str, member: bool, tracks: int) -> int:
    """Return how many tracks a pool holds: recordings that were not trained on are needed on both sides."""
    if treatment in TAKES[2:]:
        albums = max(_FEWEST_ALBUMS, tracks // 4)
        return albums if member else 2 * albums
    return 2 * tracks if treatment == "base" and not member else tracks


def _collection(target: str) -> Play:
    if target not in COLLECTIONS:
        raise EarwitnessError(f"The stress scenarios render tunes, which {target} does not hear; use fiddle or hum.")
    return COLLECTIONS[target]


def _all_tracks(card: Card, tunes: dict[str, Tune], model: Path, tracks: int, *, play: Play) -> Iterator[PoolTrack]:
    base = TREATMENTS["base"]
    sides = {member: draw_tunes(card, member, pool_size("base", member, tracks)) for member in (True, False)}
    needed = {
        (treatment, part.member)
        for scenario in SCENARIOS
        for part in (*scenario.suspects, *scenario.held_out)
        for treatment in part.treatments
    }
    for name, treatment in TREATMENTS.items():
        for member, listed in sides.items():
            for chosen in listed[: pool_size(name, member, tracks)] if (name, member) in needed else ():
                tune = tunes[chosen.name]
                sound = partial(treatment.wave, tune, play=play)
                yield PoolTrack(treatment=name, member=member, group=chosen.group, tune=tune, wave=sound)
    for air in other_tunes(tunes.values(), tracks):
        sound = partial(base.wave, air, play=play)
        yield PoolTrack(treatment="airs", member=False, group=air.name, tune=air, wave=sound)
    listed = sides[False][:tracks]
    clips = generated(model, [tunes[chosen.name].caption for chosen in listed], seed=_SEED)
    for chosen, clip in zip(listed, clips, strict=True):
        tune = tunes[chosen.name]
        opening = partial(base.wave, tune, play=play, samples=len(clip))
        yield PoolTrack(treatment="opening", member=False, group=chosen.group, tune=tune, wave=opening)
        yield PoolTrack(
            treatment="generated",
            member=False,
            group=f"generated-{tune.name}",
            tune=tune,
            wave=partial(unchanged, clip),
        )


def _write_flac(path: Path, wave: Wave) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda place: soundfile.write(place, pcm16(wave), SAMPLE_RATE, format="FLAC"))


def _write_csv(path: Path, rows: Iterable[Iterable[object]]) -> None:
    def write(place: Path) -> None:
        with place.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)

    write_atomically(path, write)
