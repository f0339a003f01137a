"""Why a method was wrong where another was right, as far as the draws tell.

Goal: one sentence a disagreement, with a measured figure, chosen by what was measured and not by
what was expected. Where nothing that was measured explains a false alarm, the sentence says so.
"""

from collections.abc import Callable, Mapping, Sequence

from earwitness_bench.scale import ALPHA
from earwitness_bench.stress.cells import Cell
from earwitness_bench.stress.outcome import FAILED, SUCCEEDED
from earwitness_bench.stress.scenarios import SCENARIOS

ByMethod = Mapping[str, Cell]
_UNUSED = {(scenario.name, scenario.setting): scenario.unused for scenario in SCENARIOS}
# Where nothing is there, half of the draws score less member-like, and groups agree by chance.
_AGREEING, _MOSTLY, _NEARLY_ALL = 0.1, 0.5, 0.8
_WITHOUT_DIRECTION = {
    "cdi": "its signs are learned from the tested sets and its test is two-sided",
    "iar": "its test is two-sided",
    "llm-di": "its signs are learned from the tested sets",
}
_WITHOUT_CAUSE = {
    "cdi": "it pools the scores of five models that share training tracks and tests them as if they were independent",
    "iar": "nothing that was measured explains it: the draws come from the same tracks, so a chance difference repeats",
    "llm-di": "a linear layer without a penalty, fitted to half of the sets, takes any difference between them for use",
}
_WEAKNESSES = {
    "cdi": "its weights are learned from few tracks and its test is two-sided",
    "iar": "its features count alike, whatever they tell, and its test is two-sided",
    "llm-di": "it learns from one half of the tracks without a penalty and tests the other half",
}


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


def _reason(cell: Cell, table: Mapping[tuple[str, str], ByMethod]) -> str | None:
    beside = table[cell.scenario, cell.setting]
    failed = to_explain(cell, beside)
    if failed is None:
        return None
    explain: Callable[[Cell, ByMethod, ByMethod], str]
    if failed.method == "exact":
        explain = _exact_false_alarm if failed.outcome == "false alarm" else _exact_missed
    else:
        explain = _published_false_alarm if failed.outcome == "false alarm" else _published_missed
    unused = _UNUSED.get((failed.scenario, failed.setting))
    return explain(failed, beside, table.get(unused, {}) if unused else {})


def _published_false_alarm(cell: Cell, beside: ByMethod, _: ByMethod) -> str:
    exact, causes = beside["exact"], []
    if (agreement := cell.intraclass_correlation) is not None and agreement >= _AGREEING:
        causes.append(
            f"it takes {cell.tracks} tracks per side for independent, while those of one of the {cell.groups} groups "
            f"agree (intraclass correlation {agreement:.2f})"
        )
    if (away := cell.less_member_like) is not None and away >= _NEARLY_ALL:
        causes.append(
            f"the suspects score less member-like in {away:.0%} of the draws, and {_WITHOUT_DIRECTION[cell.method]}"
        )
    if (fails := exact.gate_fails) is not None and fails >= _MOSTLY:
        asked_again = exact.adjusted is not None and exact.adjusted >= _MOSTLY
        held = (
            f"exact accounts for that and withholds its verdict (median p {exact.median_adjusted_p:.2g})"
            if asked_again
            else f"exact finds nothing in the direction of membership (median p {exact.median_p:.2g})"
        )
        causes.append(
            "it does not look at the sets without the model, though they are told apart that way with an AUC of "
            f"{exact.median_blind_auc:.2f}; {held}"
        )
    return _sentence("; ".join(causes or [_WITHOUT_CAUSE[cell.method]]) + f": {_said(cell)}")


def _published_missed(cell: Cell, beside: ByMethod, _: ByMethod) -> str:
    exact = beside["exact"]
    causes = [_WEAKNESSES[cell.method]]
    if cell.median_auc is not None and exact.median_auc is not None and cell.median_auc < exact.median_auc:
        causes.insert(
            0,
            f"its features, summed, tell the sets apart with a median AUC of {cell.median_auc:.2f}, those of exact "
            f"with {exact.median_auc:.2f}",
        )
    return _sentence(f"power: {', and '.join(causes)}: {_said(cell)}")


def _exact_false_alarm(cell: Cell, _: ByMethod, __: ByMethod) -> str:
    if cell.adjusted and cell.median_adjusted_p is not None and cell.median_adjusted_p <= ALPHA:
        return _sentence(
            f"without the model the sets are told apart with an AUC of {cell.median_blind_auc:.2f}, and a difference "
            f"is left when that is accounted for (median p {cell.median_adjusted_p:.2g}), so the blind features do not "
            f"describe all that differs: {_said(cell)}"
        )
    return _sentence(
        f"the sets look alike without the model (median AUC {cell.median_blind_auc:.2f}, the gate fails in "
        f"{cell.gate_fails or 0:.0%} of the draws), so nothing holds the plain test back: {_said(cell)}"
    )


def _exact_missed(cell: Cell, beside: ByMethod, unused: ByMethod) -> str:
    shares = {name: getattr(cell, name) or 0.0 for name in ("says_no", "inconclusive", "cannot_be_tested")}
    most = max(shares, key=lambda name: shares[name])
    if most == "cannot_be_tested":
        cause = f"{cell.groups} groups per side are too few for any p-value to reach {ALPHA:g}"
    elif most == "says_no":
        cause = (
            f"power: with these tracks an AUC of {cell.smallest_auc_found:.2f} is found in four of five audits, "
            f"and the median here is {cell.median_auc:.2f}"
        )
    elif cell.median_adjusted_p is not None and (cell.adjusted or 0.0) >= shares[most] / 2:
        cause = (
            f"the sets are told apart without the model too (median AUC {cell.median_blind_auc:.2f}), and its verdict "
            f"is withheld in {shares[most]:.0%} of the draws because shift and use cannot be told apart "
            f"(median p {cell.median_adjusted_p:.2g} with the shift accounted for)"
        )
    else:
        cause = (
            "the model's answers to the sets differ, but not in the direction of membership "
            f"(median p {cell.median_p:.2g}), and its verdict is withheld in {shares[most]:.0%} of the draws"
        )
    price = [
        f"{name} in {unused[name].says_used:.0%}"
        for name, other in beside.items()
        if other.outcome in SUCCEEDED and name in unused
    ]
    if price:
        cause += f"; who finds use here finds it without use too ({', '.join(price)} of the draws)"
    return _sentence(f"{cause}: {_said(cell)}")


def _said(cell: Cell) -> str:
    return f"{cell.method} says used in {cell.says_used:.0%} of {cell.draws} draws"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
