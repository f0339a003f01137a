"""What every kind of target is prepared with: the plan's parts, and the length of a window."""

from pathlib import Path
from typing import NamedTuple

from earwitness.errors import EarwitnessError
from earwitness.instrument import Instrument
from earwitness.plan import Plan, SetTestPlan, TargetPlan, WindowPlan
from earwitness.readers import AudioReader, Reader, ScoreReader
from earwitness.settings import DEFAULT_SECONDS, VerdictSettings
from earwitness.targets.protocols import AnyTarget, DenoiserTarget, TargetIdentity


class Prepared(NamedTuple):
    """What ``extract`` needs besides the tracks."""

    reader: Reader
    instrument: Instrument
    plan: Plan


def target_plan(identity: TargetIdentity) -> TargetPlan:
    """Which model it is, by content."""
    return TargetPlan(family=identity.family, weights_sha256=identity.weights_sha256, dtype=identity.dtype)


def test_plan(test: VerdictSettings | None) -> SetTestPlan | None:
    """The settings of the test, where they are fixed already."""
    if test is None:
        return None
    return SetTestPlan(method=test.method, alpha=test.alpha, permutations=test.permutations)


def window_plan(reader: Reader) -> WindowPlan:
    """The windows that a reader cuts."""
    if isinstance(reader, AudioReader):
        return WindowPlan(seconds=reader.seconds, per_track=reader.per_track, grid=reader.grid)
    assert isinstance(reader, ScoreReader)
    return WindowPlan(tokens=reader.target.window_tokens, per_track=reader.per_track)


def window_seconds(asked: float | None, limit: float | None) -> float:
    """The length asked for, or 10 s, within what the target takes."""
    if asked is not None and limit is not None and asked > limit:
        raise EarwitnessError(
            f"The target takes windows of at most {limit:g} s, not {asked:g} s; use a smaller --seconds."
        )
    return asked if asked is not None else min(DEFAULT_SECONDS, limit or DEFAULT_SECONDS)


def reference_name(name: str, model: AnyTarget | DenoiserTarget) -> str:
    """What features call a reference model: the end of its name, and its content."""
    return f"{Path(name).name}-{model.identity.weights_sha256[:8]}"


def refuse_itself(name: str, reference: TargetIdentity, target: TargetIdentity) -> None:
    """A model says nothing about itself."""
    if reference.weights_sha256 == target.weights_sha256:
        raise EarwitnessError(f"The reference {name} is the target itself; give a model that cannot have seen it.")
