"""The tables and sentences of an inspection as plain text, for the terminal and for the page alike.

Conventions: cells are unescaped strings, strangers' text among them; an em dash is *not known*.
"""

from collections.abc import Mapping

from earwitness.findings.record import Findings, Property, Side, Spread
from earwitness.report.tables import GROUP_RULES, CellTable
from earwitness.report.wording import ROLE_NAMES
from earwitness.verdict.numbers import ABSENT, count, decimal, minutes_seconds, percent
from earwitness.verdict.wording import GATE

_MOST_KINDS = 4
_PROPERTIES_SHOWN = 12
_REASONS = {"AudioError": "cannot be used"}


def sides_table(findings: Findings) -> CellTable:
    """What the two sets are, a row per quantity and a column per set."""
    rows = [
        ("Tracks", *(count(side.tracks) for side in findings.sides)),
        ("Groups", *(_groups(side) for side in findings.sides)),
        ("Groups found", *(_kinds(_by_rule(side)) for side in findings.sides)),
        ("Length, all", *(f"{decimal(side.minutes, 1)} min" for side in findings.sides)),
        ("Length of a track", *(_lengths(side.seconds) for side in findings.sides)),
        ("Format", *(_kinds(side.formats) for side in findings.sides)),
        ("Sample rate", *(_kinds(side.sample_rates) for side in findings.sides)),
        ("Channels", *(_kinds(side.channels) for side in findings.sides)),
        ("Loudness (RMS)", *(_levels(side.loudness_dbfs) for side in findings.sides)),
        ("Peak", *(_levels(side.peak_dbfs) for side in findings.sides)),
        ("Clipped", *(f"{count(side.clipped)} tracks" for side in findings.sides)),
        ("A fifth silent or more", *(f"{count(side.mostly_silent)} tracks" for side in findings.sides)),
        ("Title, artist, album known", *(_tagged(side) for side in findings.sides)),
        ("Artists", *(_kinds(side.artists) for side in findings.sides)),
        ("Read by", *(_kinds(side.decoders) for side in findings.sides)),
        ("Files left out", *(_left_out(side) for side in findings.sides)),
    ]
    sound = findings.sides[0].sample_rates or findings.sides[1].sample_rates
    of_sound = {"Sample rate", "Channels", "Loudness (RMS)", "Peak", "Clipped", "A fifth silent or more"}
    return CellTable(
        columns=("", *(ROLE_NAMES[side.role] for side in findings.sides)),
        rows=tuple(row for row in rows if sound or row[0] not in of_sound),
    )


def chance_table(findings: Findings) -> CellTable:
    """With what chance leaks of several sizes are found."""
    simulated = any(chance.audits for chance in findings.prospects.chances)
    rows = []
    for chance in findings.prospects.chances:
        cells = [decimal(chance.auc), percent(chance.formula)]
        if simulated:
            limits = f"({percent(chance.low)} to {percent(chance.high)})"
            cells += [percent(chance.test), f"{percent(chance.verdict)} {limits}", count(chance.audits)]
        rows.append(tuple(cells))
    heads = ("p at the level, simulated", "verdict “evidence of use”, simulated", "Audits") if simulated else ()
    columns = ("AUC of a used track", "p at the level, by formula", *heads)
    return CellTable(columns=columns, rows=tuple(rows), numeric=frozenset(range(len(columns))))


def property_table(findings: Findings, *, most: int | None = _PROPERTIES_SHOWN) -> CellTable:
    """The properties that differ most between the sets."""
    shown = [found for found in findings.properties if found.differs][:most]
    return CellTable(
        columns=("Property", "Median, suspect", "Median, held-out", "AUC (1: suspect has more)", "95 % interval"),
        rows=tuple(_property(found) for found in shown),
        numeric=frozenset({1, 2, 3}),
    )


def couple_table(findings: Findings) -> CellTable:
    """Files that are the same recording."""
    return CellTable(
        columns=("File", "File", "Marks that agree", "What was done"),
        rows=tuple(
            (couple.first, couple.second, percent(couple.share), _done(couple.across, couple.declared))
            for couple in findings.couples
        ),
        numeric=frozenset({2}),
    )


def group_table(findings: Findings) -> CellTable:
    """Every group, the largest first."""
    ordered = sorted(findings.groups, key=lambda row: (row[0] != findings.sides[0].role, -row[3], row[1]))
    return CellTable(
        columns=("Set", "Group", "How it was found", "Tracks"),
        rows=tuple(
            (ROLE_NAMES[role], group, GROUP_RULES.get(rule, rule), count(tracks))
            for role, group, rule, tracks in ordered
        ),
        numeric=frozenset({3}),
    )


def left_out_table(findings: Findings) -> CellTable:
    """The files that were left out, with the reason."""
    return CellTable(
        columns=("File", "Reason", "Message"),
        rows=tuple(
            (failure.path, _REASONS.get(failure.error, failure.error), failure.message) for failure in findings.left_out
        ),
    )


def prospect_sentences(findings: Findings) -> list[str]:
    """What a test of these sets can show, in words."""
    prospects = findings.prospects
    if prospects.why_not is not None:
        return [f"No test is possible yet. {prospects.why_not}"]
    sentences = []
    if prospects.p_value_floor is not None and prospects.labellings is not None:
        units = f"the {findings.pairs} pairs" if findings.pairs else "the groups"
        ways = f"{prospects.labellings:,}" if prospects.labellings < 10**9 else "more than 10^9"
        sentences.append(
            f"In {ways} ways {units} could be labelled, so p cannot be below {_small(prospects.p_value_floor)}; "
            f"the level is {prospects.alpha:g}."
        )
    if prospects.detectable_auc is not None:
        sentences.append(
            f"The smallest leak that is found in four of five audits has an AUC of {decimal(prospects.detectable_auc)} "
            f"a track, if two tracks of a group correlate by {prospects.icc:g}. For an AUC of 0.60 about "
            f"{count(prospects.tracks_needed)} tracks per side are needed."
        )
    return sentences


def gate_sentence(findings: Findings) -> str:
    """What the blind gate says, in words."""
    gate = findings.gate
    if gate is None:
        return findings.not_compared or "The sets were not compared."
    differing = sum(found.differs for found in findings.properties)
    return (
        f"Gate {GATE[gate.state]}: by all {len(findings.properties)} properties of the files together the sets are "
        f"told apart with an AUC of {decimal(gate.auc)} (95 % interval {decimal(gate.low)} to {decimal(gate.high)}; "
        f"{decimal(gate.harmful_auc)} would matter), p = {gate.p_value:.2g}. One by one {differing} differ; "
        f"about {round(len(findings.properties) / 20)} would by chance."
    )


def _property(found: Property) -> tuple[str, ...]:
    unit = f" {found.unit}" if found.unit not in ("", "0/1", "share") else ""
    low, high = decimal(found.low), decimal(found.high)
    return (
        found.name, f"{_figure(found.suspect)}{unit}", f"{_figure(found.held_out)}{unit}", decimal(found.auc),
        f"{low} to {high}",
    )  # fmt: skip


def _figure(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _small(value: float) -> str:
    return f"{value:.2g}"


def _groups(side: Side) -> str:
    return f"{count(side.groups)} (the largest has {count(side.largest_group)} tracks)"


def _by_rule(side: Side) -> dict[str, int]:
    return {GROUP_RULES.get(rule, rule): tracks for rule, tracks in side.groups_from.items()}


def _kinds(counts: Mapping[str, int]) -> str:
    if not counts:
        return ABSENT
    shown = list(counts.items())[:_MOST_KINDS]
    more = f", {len(counts) - len(shown)} more" if len(counts) > len(shown) else ""
    return ", ".join(f"{count(number)} × {kind}" for kind, number in shown) + more


def _lengths(seconds: Spread) -> str:
    return (
        f"{minutes_seconds(seconds.median)} ({minutes_seconds(seconds.least)} to {minutes_seconds(seconds.greatest)})"
    )


def _levels(level: Spread | None) -> str:
    if level is None:
        return ABSENT
    return f"{decimal(level.median, 1)} dBFS ({decimal(level.least, 1)} to {decimal(level.greatest, 1)})"


def _tagged(side: Side) -> str:
    return ", ".join(f"{count(side.tagged[name])}" for name in ("title", "artist", "album")) + f" of {side.tracks}"


def _left_out(side: Side) -> str:
    return f"{count(side.failed)} unusable or in both sets, {count(side.duplicates)} duplicates"


def _done(across: bool, declared: bool) -> str:
    if declared:
        return "kept: a declared pair"
    return "left out of both sets" if across else "made one group"
