"""Ask a target about its collection: every signal once, and the published feature set as published.

Goal: measurements that stay. A run folder that is there is continued, and asked nothing twice.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earwitness import pipeline
from earwitness.features import FeatureTable
from earwitness.ground_truth.card import CardTune
from earwitness.ground_truth.data import write_data
from earwitness.ground_truth.registry import shipped
from earwitness.settings import MeasureSettings
from earwitness.types import OnProgress
from earwitness_bench.feature_sets import default_signals, of_signals, published_signals
from earwitness_bench.lengths import Length
from earwitness_bench.scale import Scale

_TOKEN_SIGNALS = ("renyi", "neighbour", "grad_norm")
_DENOISING_SIGNALS = ("clid", "sima")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one checkpoint answered, one row per track.

    ``every`` holds all signals, ``default`` those of the default preset, and ``published`` the
    feature set of the publications (``iar`` for tokens, ``cdi`` for diffusion).
    """

    every: FeatureTable
    default: FeatureTable
    published: FeatureTable


def measure(length: Length, scale: Scale, work: Path, *, on_progress: OnProgress) -> Measured:
    """Write the collection's tracks where they are not there yet, and ask the checkpoint about them."""
    manifest = collection(length.target, scale, work)
    run = work / "runs" / f"{length.target}-{length.epochs:04d}"
    model = str(length.model)
    if length.kind == "diffusion":
        settings = MeasureSettings(target=model, preset="cdi", further=_DENOISING_SIGNALS, windows_per_track=1)
        every = measured(manifest, run / "every", settings, on_progress=on_progress)
        published = of_signals(every, published_signals("diffusion"))
    else:
        windows = scale.windows * (2 if length.kind == "symbolic" else 1)
        settings = MeasureSettings(target=model, preset="full", further=_TOKEN_SIGNALS, windows_per_track=windows)
        every = measured(manifest, run / "every", settings, on_progress=on_progress)
        settings = MeasureSettings(target=model, preset="iar", windows_per_track=windows)
        published = measured(manifest, run / "published", settings, on_progress=on_progress)
    return Measured(every=every, default=of_signals(every, default_signals(length.kind)), published=published)


def measured(manifest: Path, run: Path, settings: MeasureSettings, *, on_progress: OnProgress) -> FeatureTable:
    """Index the manifest's tracks and measure them in the run folder; one row per track, the mean of its windows."""
    if not (run / "tracks.parquet").exists():
        pipeline.index_stage(run, manifest=manifest)
    pipeline.extract_stage(run, settings, on_progress=on_progress)
    return FeatureTable.read(run).pooled()


def collection(target: str, scale: Scale, work: Path) -> Path:
    """Write the drawn tracks of a target's collection, once; return their manifest."""
    folder = work / "data" / target
    manifest = folder / "manifest.csv"
    if not manifest.exists():
        write_data(target, folder, tunes=drawn_tunes(target, scale.tracks), on_progress=lambda done, total: None)
    return manifest


def drawn_tunes(target: str, a_side: int, *, seed: int = 0) -> list[CardTune]:
    """Draw that many tunes of each side of the card (or all there are), one per group."""
    rng = np.random.default_rng(seed)
    drawn = []
    for member in (True, False):
        side = [tune for tune in shipped(target).read().tunes if tune.member is member]
        firsts = list({tune.group: tune for tune in reversed(side)}.values())
        order = rng.permutation(len(firsts))[:a_side]
        drawn += [firsts[i] for i in sorted(order)]
    return drawn
