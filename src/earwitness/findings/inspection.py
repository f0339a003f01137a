"""Inspection: from an indexed collection to everything that can be said before a model is asked."""

from collections import Counter

from earwitness.collection.tracks import Collection, Failure
from earwitness.findings.comparison import blind_columns, properties
from earwitness.findings.mend import what_to_mend
from earwitness.findings.prospects import ICC, outlook
from earwitness.findings.record import Findings
from earwitness.findings.sides import side
from earwitness.types import OnProgress


def inspection(
    collection: Collection,
    *,
    alpha: float = 0.01,
    icc: float = ICC,
    audits: int = 0,
    seed: int = 0,
    harmonised: bool = False,
    on_progress: OnProgress = lambda done, total: None,
) -> Findings:
    """Inspect a collection.

    Parameters
    ----------
    collection
        Indexed with `earwitness.findings.describe.describe`, or without: then nothing of the sound is compared.
    alpha, icc
        Level of the test to come; assumed correlation of two tracks of a group.
    audits, seed
        Simulated audits for each size of a leak (0 leaves them out), and of their random numbers.
    harmonised
        Whether the audit to come brings both sets through one chain anyway.
    on_progress
        Called with (simulated audits done, in all).

    Raises
    ------
    EarwitnessError
        If a setting is out of range.
    """
    tracks = collection.tracks
    first, second = (side(collection, role) for role in collection.roots)
    blind = blind_columns(collection)
    compared = properties(collection, blind)
    found = outlook(collection, blind, alpha=alpha, icc=icc, audits=audits, seed=seed, on_progress=on_progress)
    counted = Counter(tracks.select("role", "group").iter_rows())
    rules = {(role, group): rule for role, group, rule in tracks.select("role", "group", "group_from").iter_rows()}
    roles = Counter(group for _, group in counted)
    spanning = () if tracks["pair"].count() else tuple(sorted(group for group, count in roles.items() if count > 1))
    return Findings(
        sides=(first, second),
        groups=tuple((role, group, rules[role, group], count) for (role, group), count in counted.items()),
        pairs=tracks["pair"].drop_nulls().n_unique(),
        strata=tracks["stratum"].drop_nulls().n_unique(),
        couples=collection.couples,
        spanning=spanning,
        left_out=tuple(Failure(**row) for row in collection.failures.iter_rows(named=True)),
        ignored=collection.ignored,
        symlinks=collection.symlinks,
        gate=found.gate,
        not_compared=found.not_compared,
        properties=compared,
        prospects=found.prospects,
        refusal=collection.refusal,
        warnings=collection.warnings,
        mend=what_to_mend(collection, (first, second), spanning, found, compared, harmonised=harmonised),
    )
