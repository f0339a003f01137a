"""``earwitness power``: how many tracks are needed, or what so many tracks can show."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli import options
from earwitness.errors import EarwitnessError

if TYPE_CHECKING:
    from earwitness.stats.power import SimulatedPower


def command(
    auc: Annotated[
        float | None, typer.Option(help="AUC of a used track's score: how many tracks does it take?")
    ] = None,
    tracks: Annotated[int | None, typer.Option(help="Tracks per side: what is the smallest AUC they can show?")] = None,
    alpha: options.Alpha = 0.01,
    power: Annotated[float, typer.Option(help="Chance of finding the effect.")] = 0.8,
    fraction: Annotated[float, typer.Option(help="Share of the suspect set that was used.")] = 1.0,
    group_size: Annotated[float, typer.Option(help="Tracks per group (album, session).")] = 1.0,
    icc: Annotated[float, typer.Option(help="Correlation of two tracks of a group, 0 to 1.")] = 0.0,
    windows_per_track: options.WindowsPerTrack = None,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="Length of a track, for all windows.")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of a window, for all windows.")] = 10.0,
    window_correlation: Annotated[
        float | None, typer.Option(help="Correlation of two windows of a track that was not used, 0 to 1.")
    ] = None,
    simulate: Annotated[
        Path | None,
        typer.Option(help="Plant the effect into the held-out tracks of this table; no formula."),
    ] = None,
    groups: Annotated[int | None, typer.Option(min=2, help="Groups per side in a simulation; default: half.")] = None,
    runs: Annotated[int, typer.Option(min=20, help="Simulated audits.")] = 200,
    seed: options.TestSeed = 0,
    higher: options.Higher = None,
    lower: options.Lower = None,
    as_json: options.AsJson = False,
) -> None:
    """Plan an audit: tracks for an effect, the smallest effect for so many tracks, or the power of both together.

    An AUC is that of a track's score from six windows, the default; --windows-per-track makes of it what it is from
    that many.
    With --simulate the groups, correlations and noise are those of your own held-out scores.

    Example: earwitness power --auc 0.6 --group-size 10 --icc 0.05

    Example: earwitness power --auc 0.6 --tracks 12 --windows-per-track all --minutes 4
    """
    from earwitness.stats import power as planner

    if simulate is not None:
        found = _simulated(simulate, auc, groups, alpha, fraction, runs, seed, higher or (), lower or ())
        typer.echo(json.dumps(asdict(found)) if as_json else _sentence(found, auc, alpha))
        return
    design = {"group_size": group_size, "icc": icc}
    plan: dict[str, float] = {"alpha": alpha, "power": power, "fraction": fraction, **design}
    if auc is None and tracks is None:
        raise EarwitnessError("Nothing to plan: give --auc 0.6 (tracks needed), --tracks 100 (smallest AUC), or both.")
    windows = _windows(windows_per_track, minutes, seconds)
    if windows is not None:
        plan["windows_per_track"] = windows
        plan["window_correlation"] = planner.WINDOW_CORRELATION if window_correlation is None else window_correlation
        if auc is not None:
            auc = planner.auc_with_windows(auc, windows, correlation=plan["window_correlation"])
    if auc is not None and tracks is not None:
        plan["auc"], plan["tracks"] = auc, tracks
        plan["power"] = planner.power_at(auc, tracks, tracks, alpha=alpha, fraction=fraction, **design)
        said = f"{tracks} tracks per side find an AUC of {auc:.3g} with power {plan['power']:.3g}"
    elif auc is not None:
        plan["auc"] = auc
        plan["tracks"] = planner.tracks_needed(auc, alpha=alpha, power=power, fraction=fraction, **design)
        said = f"{plan['tracks']} tracks per side are needed to find an AUC of {auc:.3g} with power {power:g}"
    elif tracks is not None:
        plan["tracks"] = tracks
        plan["auc"] = planner.minimum_detectable_auc(
            tracks, tracks, alpha=alpha, power=power, fraction=fraction, **design
        )
        said = f"{tracks} tracks per side find an AUC of {plan['auc']:.3f} or more with power {power:g}"
    plan["groups_needed"] = planner.groups_needed_for_floor(alpha)
    if as_json:
        typer.echo(json.dumps(plan))
        return
    typer.echo(f"{said}, at level {alpha:g}.")
    if windows is not None:
        typer.echo(f"Each track is read in {windows} windows, whose correlation is {plan['window_correlation']:g}.")
    typer.echo(f"Used: {fraction:.0%} of the suspect set; groups of {group_size:g} tracks, correlation {icc:g}.")
    typer.echo(f"Whatever the effect, fewer than {plan['groups_needed']} groups per side cannot reach this level.")


def _windows(asked: int | str | None, minutes: float | None, seconds: float) -> int | None:
    """Windows of a track; of all of them as many as cover its minutes."""
    if asked != "all":
        return None if asked is None else int(asked)
    if minutes is None:
        raise EarwitnessError("How many all windows are depends on the length of a track: give --minutes, such as 4.")
    return ceil(60 * minutes / seconds)


def _simulated(
    path: Path,
    auc: float | None,
    groups: int | None,
    alpha: float,
    fraction: float,
    runs: int,
    seed: int,
    higher: Iterable[str],
    lower: Iterable[str],
) -> "SimulatedPower":
    from earwitness.features import FeatureTable
    from earwitness.stats.exact import ExactSettings, exact_test
    from earwitness.stats.power import simulate_power
    from earwitness.stats.sides import Sides

    if auc is None:
        raise EarwitnessError("A simulation needs the effect to plant: give --auc, for instance 0.6.")
    tracks = FeatureTable.read(path, higher=higher, lower=lower).pooled()
    held_out = ~tracks.is_suspect()
    names = tracks.frame["group"].to_numpy()[held_out]
    settings = ExactSettings(permutations=max(499, ceil(5 / alpha) - 1))
    return simulate_power(
        tracks.oriented()[0][held_out], names, shift_auc=auc, n_groups=groups or len(set(names)) // 2, alpha=alpha,
        runs=runs, fraction=fraction, seed=seed,
        test=lambda values, is_suspect, drawn: exact_test(values, Sides(is_suspect, drawn), settings=settings).p_value,
    )  # fmt: skip


def _sentence(found: "SimulatedPower", auc: float | None, alpha: float) -> str:
    return (
        f"An effect of AUC {auc:g} in every feature was found in {found.rate:.1%} of {found.runs} simulated audits "
        f"(95 % interval {found.low:.1%} to {found.high:.1%}) at level {alpha:g}."
    )
