"""Why a method was wrong where another was right, as far as the draws tell.

Goal: for each disagreement the sentences of ``explanations.toml`` that what was measured chooses, not what was
expected. Where nothing that was measured explains a false alarm, the sentence says so.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any

from earwitness_bench.scale import ALPHA
from earwitness_bench.stress.cells import Cell
from earwitness_bench.stress.outcome import FAILED, SUCCEEDED
from earwitness_bench.stress.scenarios import SCENARIOS

ByMethod = Mapping[str, Cell]
_UNUSED = {(scenario.name, scenario.setting): scenario.unused for scenario in SCENARIOS}
# Where nothing is there, half of the draws score less member-like, and groups agree by chance.
_AGREEING, _MOSTLY, _NEARLY_ALL = 0.1, 0.5, 0.8


def reasons(cells: Sequence[Cell]) -> list[str | None]:
    """Return for every cell why its method and ``exact`` disagree, and nothing where they do not.

    For a cell of ``exact`` itself: why it failed where a published method succeeded.
    """
    table: dict[tuple[str, str], dict[str, Cell]] = {}
    for cell in cells:
        table.setdefault((cell.scenario, cell.setting), {})[cell.method] = cell
    return [_reason(cell, table) for cell in cells]


def to_explain(cell: Cell, beside: ByMethod) -> Cell | None:
    """Return the cell that failed where the other succeeded: this one or that of ``exact``; or nothing."""
    exact = beside["exact"]
    if cell.method == "exact":
        others = {other.outcome for name, other in beside.items() if name != "exact"}
        return exact if exact.outcome in FAILED and others & SUCCEEDED else None
    if cell.outcome in FAILED and exact.outcome in SUCCEEDED:
        return cell
    return exact if exact.outcome in FAILED and cell.outcome in SUCCEEDED else None


def cases(failed: Cell, beside: ByMethod, without_use: Mapping[str, float]) -> list[str]:
    """The sentences that what was measured chooses for a cell that failed, by their key.

    ``without_use``: in which share of draws the methods that find use here find it where there is none.
    """
    if failed.method == "exact":
        return _exact_false_alarm(failed) if failed.outcome == "false alarm" else _exact_missed(failed, without_use)
    exact = beside["exact"]
    return _false_alarm(failed, exact) if failed.outcome == "false alarm" else _missed(failed, exact)


@cache
def sentences() -> Mapping[str, str]:
    """The sentences of ``explanations.toml``, ``table.key`` → text."""
    return _flat(tomllib.loads((files(__package__) / "explanations.toml").read_text(encoding="utf-8")))


def _reason(cell: Cell, table: Mapping[tuple[str, str], ByMethod]) -> str | None:
    beside = table[cell.scenario, cell.setting]
    failed = to_explain(cell, beside)
    if failed is None:
        return None
    unused = table.get(_UNUSED.get((failed.scenario, failed.setting)) or ("", ""), {})
    without_use = {
        name: unused[name].says_used for name, other in beside.items() if other.outcome in SUCCEEDED and name in unused
    }
    figures = {
        **{f"exact_{name}": value for name, value in asdict(beside["exact"]).items()},
        **asdict(failed),
        "gate_fails": failed.gate_fails or 0.0,
        "alpha": ALPHA,
        "found_without_use": ", ".join(f"{name} in {share:.0%}" for name, share in without_use.items()),
    }
    said = [sentences()[case].format(**figures) for case in cases(failed, beside, without_use)]
    return " ".join([*said, f"{failed.method} says used in {failed.says_used:.0%} of {failed.draws} draws."])


def _false_alarm(cell: Cell, exact: Cell) -> list[str]:
    found = []
    if (cell.intraclass_correlation or 0.0) >= _AGREEING:
        found.append("false_alarm.groups")
    if (cell.less_member_like or 0.0) >= _NEARLY_ALL:
        found.append(f"false_alarm.away.{cell.method}")
    if (exact.gate_fails or 0.0) >= _MOSTLY:
        asked_again = (exact.adjusted or 0.0) >= _MOSTLY
        found.append(f"false_alarm.gate_then_{'adjusted' if asked_again else 'direction'}")
    return found or [f"false_alarm.unexplained.{cell.method}"]


def _missed(cell: Cell, exact: Cell) -> list[str]:
    less = cell.median_auc is not None and exact.median_auc is not None and cell.median_auc < exact.median_auc
    return [*(["missed.features"] if less else []), f"missed.method.{cell.method}"]


def _exact_false_alarm(cell: Cell) -> list[str]:
    saw = bool(cell.adjusted) and cell.median_adjusted_p is not None and cell.median_adjusted_p <= ALPHA
    return ["exact_false_alarm.gate_saw_it" if saw else "exact_false_alarm.gate_missed_it"]


def _exact_missed(cell: Cell, without_use: Mapping[str, float]) -> list[str]:
    shares = {name: getattr(cell, name) or 0.0 for name in ("says_no", "inconclusive", "cannot_be_tested")}
    most = max(shares, key=lambda name: shares[name])
    if most == "cannot_be_tested":
        cause = "groups"
    elif most == "says_no":
        cause = "power"
    elif cell.median_adjusted_p is not None and (cell.adjusted or 0.0) >= shares[most] / 2:
        cause = "shift"
    else:
        cause = "direction"
    return [f"exact_missed.{cause}", *(["exact_missed.price"] if without_use else [])]


def _flat(table: Mapping[str, Any], before: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return flat
