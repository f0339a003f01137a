"""The rule for near-copies: its bar, its false alarms, and what it does not count."""

import numpy as np
import polars as pl
import pytest

from earwitness.features import FeatureTable
from earwitness.verdict.near_copies import SECONDS_FLOOR, SIMILARITY_FLOOR, bar_factor, near_copies

COLUMNS = ("longest_match", "match_gain", "similarity", "similarity_gain", "token_agreement")


def table(suspect: list[dict[str, float]], held_out: list[dict[str, float]], *, columns: tuple[str, ...] = COLUMNS):
    """One window per track, one track a group; what a row does not state is 0.1, gains included."""
    rows = [
        {"track_id": f"{role}{i}", "role": role, "group": f"{role}{i}", "window": 0}
        | {f"continuation/{name}": values.get(name, 0.1) for name in columns}
        for role, side in (("suspect", suspect), ("held_out", held_out))
        for i, values in enumerate(side)
    ]
    return FeatureTable.from_frame(pl.DataFrame(rows))


def test_the_factor_solves_its_equation() -> None:
    assert bar_factor(1, 1, level=0.01) == pytest.approx(99)  # 1 / (c + 1) = 0.01
    # At c = 2 and c = 3: n · 2 / ((m+1)(m+2)) and n · 6 / ((m+1)(m+2)(m+3)).
    assert bar_factor(10, 20, level=20 / (21 * 22)) == pytest.approx(2)
    assert bar_factor(5, 9, level=30 / (10 * 11 * 12)) == pytest.approx(3)
    assert bar_factor(1, 1000, level=0.05) == 1


def test_a_long_match_far_above_all_held_out_tracks_is_found() -> None:
    held_out = [{"longest_match": 0.2}] * 19 + [{"longest_match": 0.5}]
    bar = 0.5 * bar_factor(3, 20, level=0.005)
    suspect = [{"longest_match": bar + 0.01, "similarity": 0.3}, {"longest_match": bar - 0.01}, {"longest_match": 0.4}]
    found = near_copies(table(suspect, held_out))
    assert found is not None
    assert [copy.track_id for copy in found.found] == ["suspect0"]
    assert found.found[0].seconds == pytest.approx(bar + 0.01)
    assert found.found[0].similarity == 0.3
    assert found.above_seconds == pytest.approx(bar)
    assert (found.suspect_groups, found.held_out_groups, found.level) == (3, 20, 0.01)


def test_similarity_is_compared_on_fishers_scale() -> None:
    bar = np.tanh(bar_factor(2, 20, level=0.01) * np.arctanh(0.5))
    only = ("similarity", "similarity_gain")
    found = near_copies(
        table([{"similarity": bar + 0.001}, {"similarity": bar - 0.001}], [{"similarity": 0.5}] * 20, columns=only)
    )
    assert found is not None
    assert [copy.track_id for copy in found.found] == ["suspect0"]
    assert found.above_similarity == pytest.approx(bar)
    assert found.above_seconds is None
    assert found.found[0].seconds is None


def test_floors_hold_where_the_held_out_set_shows_nothing() -> None:
    nothing = [{"longest_match": 0.0, "similarity": -0.1}] * 20
    found = near_copies(table([{"longest_match": 0.9, "similarity": 0.55}], nothing))
    assert found is not None
    assert (found.above_seconds, found.above_similarity) == (SECONDS_FLOOR, pytest.approx(SIMILARITY_FLOOR))
    assert not found.found
    above = near_copies(table([{"longest_match": 1.1}], nothing))
    assert above is not None
    assert len(above.found) == 1


def test_what_repeating_the_prompt_explains_does_not_count_on_either_side() -> None:
    riff = {"longest_match": 3.0, "match_gain": 0.0, "similarity": 0.99, "similarity_gain": -0.01}
    found = near_copies(table([riff, {"longest_match": 2.0}], [riff] + [{}] * 19))
    assert found is not None
    assert [copy.track_id for copy in found.found] == ["suspect1"]


def test_windows_of_a_track_are_one_entry_and_missing_ones_are_skipped() -> None:
    frame = table([{"longest_match": 2.0}], [{}] * 20).frame
    more = [
        frame[:1].with_columns(pl.lit(window).alias("window"), pl.lit(value).alias("continuation/longest_match"))
        for window, value in ((1, 3.0), (2, np.nan))
    ]
    found = near_copies(FeatureTable.from_frame(pl.concat([frame, *(m.cast(frame.schema) for m in more)])))
    assert found is not None
    assert [copy.seconds for copy in found.found] == [3.0]


def test_without_values_there_is_no_rule() -> None:
    assert near_copies(table([{}], [{}], columns=("token_agreement",))) is None
    silent = dict.fromkeys(COLUMNS, np.nan)
    assert near_copies(table([{}], [silent])) is None


@pytest.mark.parametrize(("suspects", "held_outs"), [(20, 10), (40, 40)])
def test_exchangeable_exponential_values_raise_no_more_false_alarms_than_stated(suspects: int, held_outs: int) -> None:
    rng = np.random.default_rng(0)
    factor, level, runs = bar_factor(suspects, held_outs, level=0.2), 0.2, 4000
    best = rng.exponential(size=(runs, suspects)).max(axis=1)
    alarms = int((best > factor * rng.exponential(size=(runs, held_outs)).max(axis=1)).sum())
    # The sum over suspects bounds the chance of any; 4 standard errors above it would be a defect.
    assert alarms / runs <= level + 4 * np.sqrt(level * (1 - level) / runs)
    assert alarms / runs > level / 3  # the bar is not so high that nothing could pass it
