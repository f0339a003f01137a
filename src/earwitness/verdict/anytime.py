"""An audit that may stop, or go on with more tracks, at any time: the e-process and its file.

Goal: bets that were made stay made. The state file holds every pair so far, the groups that
wait, and what each counted group looked like, so that a later and larger table only adds
to it. Conventions: windows are pooled to tracks, features of known direction are oriented
higher = more member-like and kept in order of name; the unit is the group, known by name.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.features import FeatureTable
from earwitness.files import read_record, write_text
from earwitness.spec import Direction
from earwitness.stats.eprocess import EProcess
from earwitness.types import Floats
from earwitness.verdict.admission import one_side_a_group, refuse_pairs, tracks_with_values

# Measured again on another machine a value moves by less than this share; a new score by more.
_SAME = 1e-3


class CountedGroup(BaseModel):
    """A group as it was when it was counted: its side, its tracks in order, its mean per feature."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    is_suspect: bool
    tracks: tuple[str, ...]
    means: tuple[float, ...]

    def same_as(self, other: "CountedGroup") -> bool:
        """Whether side and tracks agree exactly, and values up to rounding."""
        return (self.is_suspect, self.tracks) == (other.is_suspect, other.tracks) and np.allclose(
            self.means, other.means, rtol=_SAME, atol=1e-6, equal_nan=True
        )


class AnytimeState(BaseModel):
    """The process so far, and all that a table must agree with to go on with it."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    schema_version: Literal[2] = 2
    features: dict[str, Direction]
    target: str | None
    plan_hash: str | None
    groups: dict[str, CountedGroup]
    process: EProcess

    def write(self, path: Path) -> None:
        """Write the state as JSON, atomically."""
        write_text(path, self.model_dump_json(indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> "AnytimeState | None":
        """Read a state back; ``None`` where there is no file, ``EarwitnessError`` where it is something else."""
        return read_record(path, cls, is_not="is not a state of an anytime audit", cure="give --state another file")


class AnytimeResult(BaseModel):
    """Where the process stands after a table; ``wealth_path`` starts behind the first pair.

    ``reached`` says whether the wealth was 1/α or more at any time, not only now.
    """

    model_config = ConfigDict(frozen=True)

    alpha: float
    pairs: int
    groups_added: int
    waiting_suspect: int
    waiting_held_out: int
    wealth: float
    largest_wealth: float
    p_any: float
    reached: bool
    seed: int
    wealth_path: list[float]
    notes: list[str]

    def text(self) -> str:
        """Plain sentences for the terminal."""
        waiting = self.waiting_suspect + self.waiting_held_out
        side = "suspect" if self.waiting_suspect else "held-out"
        threshold = f"1/alpha = {1 / self.alpha:g}"
        lines = [
            f"{self.pairs} pairs of groups were bet on so far; this table added {self.groups_added} groups.",
            f"{waiting} {side} groups wait for a partner." if waiting else "No group waits for a partner.",
            f"The wealth is {self.wealth:.3g} now, {self.largest_wealth:.3g} at its largest; p_any = {self.p_any:.3g}.",
            f"The wealth has reached {threshold}: between exchangeable sets the chance of that ever is at most "
            f"{self.alpha:g}."
            if self.reached
            else f"The wealth has not reached {threshold}.",
            "You may stop here, or add tracks and run the same again, at any time; neither spoils the result.",
            "Whether the sets differ without the model is not looked at here; `earwitness test` does that.",
        ]
        return "\n".join([*lines, *(f"Note: {note}" for note in self.notes)])


def anytime(
    table: FeatureTable, state: AnytimeState | None = None, *, alpha: float = 0.01, seed: int | None = None
) -> tuple[AnytimeState, AnytimeResult]:
    """Begin an anytime-valid audit, or go on with one: bet on the groups that were not counted yet.

    Parameters
    ----------
    table
        A checked feature table. Groups that ``state`` knows are skipped.
    state
        What an earlier call returned; it is left as it is.
    alpha
        Level for ``reached``; it may differ from call to call, since p_any holds for all.
    seed
        Fixes the order of pairs; 0 unless given. A state keeps the one it began with.

    Returns
    -------
    state, result
        The state to go on with, and where it stands. Higher wealth = more evidence that
        suspects are more member-like.

    Raises
    ------
    EarwitnessError
        If α is outside (0, 1), the table has pairs, groups span both sides, no usable feature is left, or the table
        does not go on with the state: other features, plan, target or seed, or a counted group that changed.

    Notes
    -----
    See `earwitness.stats.eprocess`.
    """
    if not 0 < alpha < 1:
        raise EarwitnessError(f"The level alpha must lie between 0 and 1, not {alpha:g}; 0.01 is usual.")
    refuse_pairs(table, "an anytime audit")
    checked, notes = one_side_a_group(table, "refuse")
    tracks, more = tracks_with_values(checked.pooled())
    values, unsorted = tracks.oriented()
    names = sorted(unsorted)
    values = values[:, [unsorted.index(name) for name in names]]
    directions = {name: tracks.specs[name].member_is for name in names}
    found = _groups(tracks, values)
    if state is None:
        state = AnytimeState(
            features=directions, target=table.target, plan_hash=table.plan_hash, groups={},
            process=EProcess(seed=seed or 0),
        )  # fmt: skip
    else:
        _check_goes_on(state, table, directions, seed)
        notes += _check_counted(state, found)
    new = {name: group for name, group in found.items() if name not in state.groups}
    groups = tracks.frame["group"].to_numpy()
    rows = np.isin(groups, list(new))
    process = state.process
    if new:
        ids = tracks.frame["track_id"].to_numpy()
        process = process.continue_with(values[rows], groups[rows], tracks.is_suspect()[rows], ids[rows])
    state = state.model_copy(
        update={
            "process": process,
            "groups": state.groups | new,
            "target": state.target or table.target,
            "plan_hash": state.plan_hash or table.plan_hash,
        }
    )
    return state, AnytimeResult(
        alpha=alpha,
        pairs=len(process.pairs),
        groups_added=len(new),
        waiting_suspect=len(process.waiting_suspect),
        waiting_held_out=len(process.waiting_held_out),
        wealth=process.e_value,
        largest_wealth=max((1.0, *process.wealth)),
        p_any=process.p_any,
        reached=process.rejects(alpha),
        seed=process.seed,
        wealth_path=list(process.wealth),
        notes=[*notes, *more],
    )


def _groups(tracks: FeatureTable, values: Floats) -> dict[str, CountedGroup]:
    """Describe every group of the table; the tracks come in order of id."""
    groups, suspect = tracks.frame["group"].to_numpy(), tracks.is_suspect()
    ids = tracks.frame["track_id"].to_numpy()
    described = {}
    for name in np.unique(groups).tolist():
        rows = groups == name
        present = (~np.isnan(values[rows])).sum(axis=0)
        means = np.nansum(values[rows], axis=0) / np.where(present > 0, present, np.nan)
        described[name] = CountedGroup(
            is_suspect=bool(suspect[rows][0]), tracks=tuple(ids[rows].tolist()), means=tuple(means.tolist())
        )
    return described


def _check_goes_on(
    state: AnytimeState, table: FeatureTable, directions: dict[str, Direction], seed: int | None
) -> None:
    if state.features != directions:
        settled = set(state.features.items()) ^ set(directions.items())
        name = min(name for name, _ in settled)
        raise EarwitnessError(
            f"The state was begun with {len(state.features)} features and this table has {len(directions)} of known "
            f"direction; they differ in {name!r}, among {len({n for n, _ in settled})}. "
            "Give the same features, or begin a new state."
        )
    for what, before, now in (
        ("plan", state.plan_hash, table.plan_hash),
        ("target", state.target, table.target),
    ):
        if before is not None and now is not None and before != now:
            raise PlanMismatchError(
                f"The state was begun with {what} {before} and this table comes from {what} {now}; "
                "measure the new tracks in the same way, or begin a new state."
            )
    if seed is not None and seed != state.process.seed:
        raise EarwitnessError(
            f"The state was begun with seed {state.process.seed}, now {seed} is asked for; leave --seed out to go on."
        )


def _check_counted(state: AnytimeState, found: dict[str, CountedGroup]) -> list[str]:
    """Refuse a counted group that changed; return a note on counted groups that the table lacks."""
    for name, counted in state.groups.items():
        if name in found and not counted.same_as(found[name]):
            raise EarwitnessError(
                f"Group {name!r} was counted before and its {_what_changed(counted, found[name])} changed since; "
                "bets already made cannot be remade. Restore it, or give the new tracks per group of their own."
            )
    gone = len(state.groups.keys() - found.keys())
    return [f"{gone} groups that were counted before are not in this table; their bets stand."] if gone else []


def _what_changed(before: CountedGroup, now: CountedGroup) -> str:
    if before.is_suspect != now.is_suspect:
        return "role"
    return "tracks" if before.tracks != now.tracks else "values"
