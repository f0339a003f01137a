"""``earwitness power``: how many tracks are needed, or what so many tracks can show."""

import json
from typing import Annotated

import typer

from earwitness.cli import options


def command(
    auc: Annotated[
        float | None, typer.Option(help="AUC of a used track's score: how many tracks does it take?")
    ] = None,
    tracks: Annotated[int | None, typer.Option(help="Tracks a side: what is the smallest AUC they can show?")] = None,
    alpha: options.Alpha = 0.01,
    power: Annotated[float, typer.Option(help="Chance of finding the effect.")] = 0.8,
    fraction: Annotated[float, typer.Option(help="Share of the suspect set that was used.")] = 1.0,
    group_size: Annotated[float, typer.Option(help="Tracks a group (album, session).")] = 1.0,
    icc: Annotated[float, typer.Option(help="Correlation of two tracks of a group, 0 to 1.")] = 0.0,
    as_json: options.AsJson = False,
) -> None:
    """Plan an audit: tracks for an effect, the smallest effect for so many tracks, or the power of both together.

    Example: earwitness power --auc 0.6 --group-size 10 --icc 0.05
    """
    from earwitness.errors import EarwitnessError
    from earwitness.stats import power as planner

    design = {"group_size": group_size, "icc": icc}
    plan: dict[str, float] = {"alpha": alpha, "power": power, "fraction": fraction, **design}
    if auc is None and tracks is None:
        raise EarwitnessError("Nothing to plan: give --auc 0.6 (tracks needed), --tracks 100 (smallest AUC), or both.")
    if auc is not None and tracks is not None:
        plan["auc"], plan["tracks"] = auc, tracks
        plan["power"] = planner.power_at(auc, tracks, tracks, alpha=alpha, fraction=fraction, **design)
        said = f"{tracks} tracks a side find an AUC of {auc:g} with power {plan['power']:.3g}"
    elif auc is not None:
        plan["auc"] = auc
        plan["tracks"] = planner.tracks_needed(auc, alpha=alpha, power=power, fraction=fraction, **design)
        said = f"{plan['tracks']} tracks a side are needed to find an AUC of {auc:g} with power {power:g}"
    elif tracks is not None:
        plan["tracks"] = tracks
        plan["auc"] = planner.minimum_detectable_auc(
            tracks, tracks, alpha=alpha, power=power, fraction=fraction, **design
        )
        said = f"{tracks} tracks a side find an AUC of {plan['auc']:.3f} or more with power {power:g}"
    plan["groups_needed"] = planner.groups_needed_for_floor(alpha)
    if as_json:
        typer.echo(json.dumps(plan))
        return
    typer.echo(f"{said}, at level {alpha:g}.")
    typer.echo(f"Used: {fraction:.0%} of the suspect set; groups of {group_size:g} tracks, correlation {icc:g}.")
    typer.echo(f"Whatever the effect, fewer than {plan['groups_needed']} groups a side cannot reach this level.")
