"""Measure a target's pools, once, in the feature sets that the methods use.

Goal: ``exact`` hears the default preset and the published procedures their own, as each would be
used: on a token target ``iar`` on the contrast, on a diffusion target ``cdi``.
"""

from dataclasses import replace
from pathlib import Path

from earwitness.features import FeatureTable
from earwitness.settings import MeasureSettings
from earwitness.types import OnMessage
from earwitness_bench.feature_sets import default_signals, of_signals, published_signals
from earwitness_bench.measure import measured
from earwitness_bench.stress.answers import Asked
from earwitness_bench.stress.sets import Pools

_BETWEEN_REPORTS = 100


def ask(target: str, model: Path, folder: Path, runs: Path, *, report: OnMessage) -> tuple[Asked, Pools]:
    """Measure the tracks of the folder's manifest, or read what was measured of them.

    Returns
    -------
    asked, pools
        With the same tracks in the same order.
    """
    measure = _token if target == "fiddle" else _diffusion
    exact, published = measure(str(model), folder / "manifest.csv", runs, report)
    some_run = next(path for path in runs.iterdir() if (path / "tracks.parquet").exists())
    pools = Pools.read(folder / "pools.csv", some_run / "tracks.parquet", exact.frame["track_id"])
    return Asked(exact, published), pools


def _token(model: str, manifest: Path, runs: Path, report: OnMessage) -> tuple[FeatureTable, FeatureTable]:
    settings = MeasureSettings(target=model, windows_per_track=1)
    published = replace(settings, preset="iar", contrast="on")
    return _measure(manifest, runs, settings, report), _measure(manifest, runs, published, report)


def _diffusion(model: str, manifest: Path, runs: Path, report: OnMessage) -> tuple[FeatureTable, FeatureTable]:
    settings = MeasureSettings(target=model, preset="cdi", further=("sima",), windows_per_track=1)
    both = _measure(manifest, runs, settings, report)
    return of_signals(both, default_signals("diffusion")), of_signals(both, published_signals("diffusion"))


def _measure(manifest: Path, runs: Path, settings: MeasureSettings, report: OnMessage) -> FeatureTable:
    reported = 0

    def on_progress(done: int, total: int) -> None:
        nonlocal reported
        if done // _BETWEEN_REPORTS > reported:
            reported = done // _BETWEEN_REPORTS
            report(f"{settings.preset}: {done} of {total} tracks measured")

    return measured(manifest, runs / settings.preset, settings, on_progress=on_progress)
