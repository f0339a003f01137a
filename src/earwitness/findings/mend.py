"""Mend: what to do about a collection, the most urgent first.

Goal: a reader who knows nothing of permutations learns what to change, and with which command. Order: what stops an
audit; what would make its p-value wrong; what would leave its verdict undecided; what costs power.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from earwitness.collection.both_sets import IN_BOTH
from earwitness.collection.remarks import named
from earwitness.collection.tracks import Collection, Failure
from earwitness.collection.walk import UNSUPPORTED
from earwitness.findings.prospects import Outlook
from earwitness.findings.record import Mend, Property, Side
from earwitness.text import STATED_MACHINE_MADE, counted

_MANIFEST = "earwitness inspect … --write-manifest tracks.csv"
_HARMONISE = "earwitness audit … --harmonise full"
_LEVELS = ("rms", "peak", "noise floor", "crest", "at peak share")
_ENCODER_TRACES = (
    "highest frequency", "cutoff frequency", "cutoff drop", "upper half", "shelf 16 khz", "hole share", "codec is",
    "bitrate", "bits per sample", "grid 16 bit share", "grid 8 bit share", "sample rate",
)  # fmt: skip
_SHORT_SECONDS = 10.0
_WANTED_POWER = 0.8


def what_to_mend(
    collection: Collection,
    sides: tuple[Side, Side],
    spanning: Sequence[str],
    outlook: Outlook,
    properties: Sequence[Property],
    *,
    harmonised: bool = False,
) -> tuple[Mend, ...]:
    """List what to mend, the most urgent first; ``harmonised``: the audit brings both sets through one chain."""
    found = (
        *_stops(collection, spanning, outlook),
        *_groups(collection, sides),
        *_made(collection.warnings),
        *_alike(sides, outlook, properties),
        *_files(sides, list(collection.failures.iter_rows(named=True)), collection.warnings),
        *_power(sides, outlook),
    )
    return tuple(item for item in found if not (harmonised and item.command == _HARMONISE))


def _stops(collection: Collection, spanning: Sequence[str], outlook: Outlook) -> Iterator[Mend]:
    if collection.refusal is not None:
        twins = int((collection.failures["error"] == IN_BOTH).sum())
        yield Mend(
            found=f"{collection.refusal.partition(', which')[0]}: {counted(twins, 'file')}.",
            do="Remove each from one of the sets, or, where two takes of a work are meant to be compared, give both "
            "one value in the manifest's pair column.",
            command=_MANIFEST,
            stops=True,
        )
    if spanning:
        yield Mend(
            found=f"{counted(len(spanning), 'group')} with tracks in both sets: {named(spanning)}.",
            do="Move their tracks to one set, correct the groups in a manifest, or leave them out.",
            command="earwitness audit … --exclude-spanning",
            stops=True,
        )
    if outlook.prospects.why_not is not None:
        yield Mend(
            found=outlook.prospects.why_not,
            do=f"Add works of other albums or sessions, until each set has {outlook.prospects.groups_needed} groups.",
            stops=True,
        )


def _groups(collection: Collection, sides: tuple[Side, Side]) -> Iterator[Mend]:
    for text in collection.warnings:
        if "split into several groups" in text or "single track among groups" in text:
            found, _, _ = text.partition(" If tracks were made together")
            yield Mend(
                found=found,
                do="If they were made together, give them one value in the manifest's group column: otherwise p comes "
                "out too small.",
                command=_MANIFEST,
            )
    for side in sides:
        if side.groups == side.tracks > 1:
            yield Mend(
                found=f"Every {side.role} track is a group of its own.",
                do="If some share an album or a session, say so in the manifest's group column: otherwise p comes out "
                "too small.",
                command=_MANIFEST,
            )
    within = [str(couple) for couple in collection.couples if not couple.across]
    if within:
        yield Mend(
            found=f"{counted(len(within), 'pair')} of files in one set are the same recording: {named(within)}.",
            do="Leave out the copies: they add no evidence, and join the albums that they are on.",
        )


def _alike(sides: tuple[Side, Side], outlook: Outlook, properties: Sequence[Property]) -> Iterator[Mend]:
    differing = [p for p in properties if p.differs]
    gate = outlook.gate
    unlike = gate is not None and gate.state == "fail"
    for what, kinds in (("formats", "formats"), ("sample rates", "sample_rates")):
        suspect, held_out = getattr(sides[0], kinds), getattr(sides[1], kinds)
        if suspect and held_out and set(suspect) != set(held_out) and _share_alike(suspect, held_out) < 0.5:
            yield Mend(
                found=f"The sets have different {what}: {_listed(suspect)} against {_listed(held_out)}.",
                do="Take both from the same masters, or bring both through one chain before the model hears them.",
                command=_HARMONISE,
            )
    if unlike and any(p.name.startswith(_LEVELS) for p in differing):
        yield Mend(
            found="The sets differ in level or dynamics.",
            do="Bring both through one chain, to one loudness, before the model hears them.",
            command=_HARMONISE,
        )
    others = [p.name for p in differing if not p.name.startswith((*_LEVELS, *_ENCODER_TRACES))]
    if unlike:
        assert gate is not None
        yield Mend(
            found=f"The sets can be told apart without any model (p = {gate.p_value:.4g}, AUC {gate.auc:.2f})"
            + (f"; apart from level and format by {named(others)}." if others else "."),
            do="Choose a held-out set of the same artist, time and production; otherwise evidence needs a difference "
            "that remains when all this is accounted for, and few audits find one.",
        )
    elif gate is not None and gate.state == "undecided":
        yield Mend(
            found=f"Whether the sets are alike without the model is undecided with {sides[0].groups} and "
            f"{sides[1].groups} groups (AUC {gate.auc:.2f}, 95 % interval {gate.low:.2f} to {gate.high:.2f}; "
            f"{gate.harmful_auc:.2f} would matter).",
            do="More groups would settle it; until then evidence needs half of the difference to remain when the "
            "files' properties are accounted for.",
        )
    artists = set(sides[0].artists), set(sides[1].artists)
    if all(artists) and not artists[0] & artists[1]:
        yield Mend(
            found=f"The sets have no artist in common: {named(sides[0].artists)} against {named(sides[1].artists)}.",
            do="A held-out set should be by the same artists; if the tags are wrong, this does not matter.",
        )


def _made(warnings: Sequence[str]) -> Iterator[Mend]:
    """Tracks that a machine made, by their own account or by a hint."""
    for text in warnings:
        if STATED_MACHINE_MADE in text:
            found, _, _ = text.partition(" A model finds")
            yield Mend(
                found=found,
                do="Leave them out, or show that people made them: a model finds its own output, and that of its "
                "relatives, familiar without having been trained on it, and no evidence can rest on such suspects.",
            )
        elif "music generator" in text:
            found, _, do = text.partition(". ")
            yield Mend(found=f"{found}.", do=do)


def _files(sides: tuple[Side, Side], failures: Sequence[dict[str, str]], warnings: Sequence[str]) -> Iterator[Mend]:
    for text in warnings:
        if UNSUPPORTED in text:
            found, _, do = text.partition("; ")
            yield Mend(found=f"{found}.", do=f"{do[:1].upper()}{do[1:]}")
    kinds = Counter(Failure(**row).error for row in failures)
    unusable = sum(count for kind, count in kinds.items() if kind not in ("duplicate", IN_BOTH))
    if unusable:
        examples = [row["message"] for row in failures if row["error"] not in ("duplicate", IN_BOTH)]
        yield Mend(
            found=f"{counted(unusable, 'file')} could not be used; the first: {examples[0]}",
            do="Replace them; where one set lacks more than the other, the sets may no longer be comparable.",
        )
    short = [side for side in sides if side.sample_rates and side.seconds.least < _SHORT_SECONDS]
    if short:
        least = min(side.seconds.least for side in short)
        yield Mend(
            found=f"Some {' and some '.join(side.role for side in short)} tracks are shorter than the usual window of "
            f"{_SHORT_SECONDS:g} s (the shortest has {least:.1f} s).",
            do="An audit leaves out what is shorter than a window; leave these out, or give a shorter window for all.",
            command=f"earwitness audit … --seconds {max(0.1, int(10 * least) / 10):g}",
        )
    for side in sides:
        if side.mostly_silent:
            yield Mend(
                found=f"{side.mostly_silent} {side.role} tracks are silent for more than a fifth of their length.",
                do="Trim them, or leave them out.",
            )


def _power(sides: tuple[Side, Side], outlook: Outlook) -> Iterator[Mend]:
    prospects = outlook.prospects
    chance = next((c for c in prospects.chances if c.auc == 0.6), None)
    if chance is None:
        return
    power = chance.formula if chance.verdict is None else chance.verdict
    if power >= _WANTED_POWER:
        return
    smaller = min(sides, key=lambda side: side.tracks)
    unlike = outlook.gate is not None and outlook.gate.state == "fail"
    yield Mend(
        found=f"A leak of AUC 0.6 per track would be found in {100 * power:.0f} of 100 audits like this one.",
        do=("What differs between the sets without the model is part of the reason. " if unlike else "")
        + f"About {prospects.tracks_needed} tracks per side find it in four of five, if the sets are alike; "
        f"{smaller.role} has {smaller.tracks}. Reading more of each track helps where tracks are long.",
        command="earwitness audit … --windows-per-track all",
    )


def _share_alike(first: dict[str, int], second: dict[str, int]) -> float:
    """How far two distributions overlap, 0 to 1."""
    totals = sum(first.values()), sum(second.values())
    return sum(min(first.get(k, 0) / totals[0], second.get(k, 0) / totals[1]) for k in {*first, *second})


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} × {kind}" for kind, count in list(counts.items())[:3])
