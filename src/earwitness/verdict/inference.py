"""Dataset inference: from a feature table to a verdict with its reasons.

Goal: one call that answers "does this model know the suspect set better than the held-out
set?" and says how far the answer carries. Conventions: tracks are pooled over windows,
groups are the unit of independence, scores are higher = more member-like. The statistics
are in `earwitness.stats`; here they are put together, judged and put into sentences.
"""

from typing import cast

from earwitness.features import FeatureTable
from earwitness.stats.published import Method
from earwitness.types import OnProgress
from earwitness.verdict.admission import (
    Spanning,
    check_settings,
    design_notes,
    evenly_known,
    group_warnings,
    one_side_a_group,
    tracks_with_values,
    whole_pairs,
)
from earwitness.verdict.descriptive import feature_results
from earwitness.verdict.design import group_counts, sides_of, track_counts
from earwitness.verdict.detectable import DRAWS
from earwitness.verdict.exact import by_exact
from earwitness.verdict.judge import why_untestable
from earwitness.verdict.near_copies import near_copies
from earwitness.verdict.procedure import Procedure
from earwitness.verdict.published import by_published
from earwitness.verdict.result import Counts, DatasetInferenceResult


def dataset_inference(
    table: FeatureTable,
    *,
    alpha: float = 0.01,
    method: str = "exact",
    permutations: int = 9999,
    seed: int = 0,
    a_a_runs: int = 200,
    effect_runs: int = DRAWS,
    spanning: Spanning = "refuse",
    corrected: bool = False,
    comparable: str | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> DatasetInferenceResult:
    """Test whether the suspect tracks are more member-like than the held-out tracks.

    Runs the exact test on features of known direction, less what the blind features say about them
    without a look at labels; its undirected companion on all features; the blind gate; and the A/A
    control on the held-out groups; and draws the verdict:

    * ``cannot_be_tested``: fewer than two groups a side, or so few that no p-value could reach α;
    * ``inconclusive``: the control shows that the test misbehaves on these data, the sets differ
      but not in the direction in which training moves the features, or they differ without the model;
    * ``evidence_of_use``: p ≤ α and the sets are comparable (`earwitness.verdict.judge.judge`);
    * ``no_evidence``: otherwise; ``power`` says what could have been seen.

    Parameters
    ----------
    table
        A checked feature table; ``member`` counts as suspect and ``non_member`` as held-out.
    alpha
        Level of the test, in (0, 1).
    method
        ``exact``, or a published procedure for comparison: ``cdi``, ``iar``, ``llm-di``.
    permutations
        Relabellings to draw where there are more than that.
    seed
        Of relabellings and control splits; same table and seed, same result.
    a_a_runs
        Splits of the A/A control; 0 leaves it out.
    effect_runs
        Repetitions of the audit in which the smallest effect is looked for that it could have found; 0 leaves
        it out, and with it the p-values of parts of the sets.
    spanning
        What to do with a group that has tracks on both sides: ``refuse`` raises,
        ``exclude`` leaves the whole group out and says so.
    corrected
        For a published procedure: its corrected form.
    comparable
        Why the two sets are comparable, in words, where too few blind features were measured to check
        it; recorded, and repeated among the reasons.
    on_progress
        Is told of the exact method's relabellings as (done, total), those of its control and repetitions included.

    Returns
    -------
    DatasetInferenceResult
        ``auc`` and ``tracks`` describe the score of the scorer that did best (out of fold where its
        weights saw labels); since that choice saw the labels, its interval describes and does not test.

    Raises
    ------
    EarwitnessError
        If a setting is out of range, groups span both sides, or no usable feature is left.

    Examples
    --------
    Ten albums of three tracks a side, and one score of another tool, higher where a track was trained on:

    >>> import numpy as np
    >>> import polars as pl
    >>> from earwitness import FeatureTable, dataset_inference
    >>> rng, n = np.random.default_rng(0), 30
    >>> table = FeatureTable.from_frame(
    ...     pl.DataFrame(
    ...         {
    ...             "track_id": [f"{side}-{i}" for side in "sh" for i in range(n)],
    ...             "role": ["suspect"] * n + ["held_out"] * n,
    ...             "group": [f"album {side}{i // 3}" for side in "sh" for i in range(n)],
    ...             "score": np.concatenate([rng.normal(1.5, 1, n), rng.normal(0, 1, n)]),
    ...         }
    ...     ),
    ...     higher=["score"],
    ... )
    >>> result = dataset_inference(
    ...     table, permutations=999, a_a_runs=0, comparable="Out-takes of the same sessions, never published."
    ... )
    >>> result.verdict, result.p_value
    ('evidence_of_use', 0.001)
    >>> result
    <DatasetInferenceResult: evidence_of_use, p 0.001 at level 0.01, 30 suspect v 30 held-out tracks in 10 v 10 groups>
    >>> result.to_frame().columns
    ['track_id', 'role', 'group', 'score', 'p_value']

    Notes
    -----
    Dataset inference after Maini et al. (2406.06443) and Dubiński et al. (2411.12858).
    """
    check_settings(alpha, method, permutations, a_a_runs, effect_runs, comparable)
    notes = design_notes(table)
    table, warnings = one_side_a_group(table, spanning)
    before = len(table.notes)
    table = table.equal_windows()
    tracks, more = tracks_with_values(table.pooled())
    tracks, single = whole_pairs(tracks)
    sides = sides_of(tracks)
    possible, n_groups = sides.possible_labellings, group_counts(sides)
    record = DatasetInferenceResult(
        verdict="cannot_be_tested",
        reasons=[],
        alpha=alpha,
        method=method if method == "exact" or not corrected else f"{method}, corrected",
        permutations=permutations if method == "exact" else None,
        seed=seed,
        comparable=comparable,
        p_value=None,
        p_value_floor=1 / possible,
        n_tracks=track_counts(sides),
        n_groups=n_groups,
        failures=Counts(suspect=table.failures[0], held_out=table.failures[1]),
        near_copies=near_copies(table),
        target=table.target,
        plan_hash=table.plan_hash,
        warnings=[
            *warnings,
            *table.notes[before:],
            *notes,
            *more,
            *single,
            *evenly_known(table, tracks),
            *([] if sides.paired else group_warnings(tracks, n_groups)),
        ],
    )
    if method != "exact":
        return by_published(record, tracks, sides, cast(Method, method), corrected=corrected, runs=a_a_runs)
    if reason := why_untestable(n_groups, alpha, possible=possible, paired=sides.paired):
        return record.model_copy(
            update={"reasons": [reason], "features": feature_results(tracks, sides.is_suspect, {})}
        )
    procedure = Procedure.of(tracks, alpha=alpha, permutations=permutations, comparable=comparable)
    return by_exact(record, tracks, procedure, runs=a_a_runs, planted=effect_runs, on_progress=on_progress)
