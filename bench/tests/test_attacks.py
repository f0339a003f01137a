from dataclasses import replace

import numpy as np
import polars as pl
from synthetic import known_table

from earwitness_bench.attacks import attack_table, halves

EFFECTS = {
    "loss": -1.0, "min_k/k=0.1": 0.0, "min_k/k=0.2": 2.0, "min_k/k=0.3": 0.0, "camia/slope": -1.5, "blind/rms": 0.0
}  # fmt: skip


def test_halves_share_no_group_and_lose_none() -> None:
    table = known_table(tracks=21, effects=EFFECTS, group_size=2)
    first, second = halves(table, seed=1)
    groups = [set(half.frame["group"]) for half in (first, second)]
    assert not groups[0] & groups[1]
    assert groups[0] | groups[1] == set(table.frame["group"])
    members = [len(set(half.frame["group"].to_numpy()[half.is_suspect()])) for half in (first, second)]
    assert members == [5, 6]


def test_the_best_variant_is_chosen_on_one_half_and_reported_on_the_other() -> None:
    table = known_table(tracks=200, effects=EFFECTS)
    found = {row["signal"]: row for row in attack_table(table).iter_rows(named=True)}
    assert found["min_k"]["variant"] == "min_k/k=0.2"
    assert found["min_k"]["variants"] == 3
    # Φ(2/√2) = .921 for two deviations, Φ(1/√2) = .760 for one.
    for signal, expected in (("min_k", 0.921), ("loss", 0.760)):
        assert found[signal]["auc_low"] < expected < found[signal]["auc_high"]
    assert found["loss"]["members"] == found["loss"]["non_members"] == 100
    assert "blind" not in found


def test_an_undeclared_direction_is_learned_and_named() -> None:
    found = {r["signal"]: r for r in attack_table(known_table(tracks=200, effects=EFFECTS)).iter_rows(named=True)}
    assert found["camia"]["direction"] == "learned"
    assert found["camia"]["auc"] > 0.8  # Φ(1.5/√2) = .856, turned the right way
    assert found["loss"]["direction"] == "lower"


def test_a_variant_that_is_undefined_for_most_tracks_is_not_chosen() -> None:
    table = known_table(tracks=100, effects={"surp/k=0.2": 3.0, "surp/k=0.4": 1.0})
    mostly_missing = pl.when(pl.int_range(pl.len()) % 4 == 0).then(pl.col("surp/k=0.2")).otherwise(float("nan"))
    table = replace(table, frame=table.frame.with_columns(mostly_missing.alias("surp/k=0.2")))
    assert attack_table(table)["variant"].to_list() == ["surp/k=0.4"]


def test_rows_come_by_falling_auc() -> None:
    aucs = attack_table(known_table(tracks=100, effects=EFFECTS))["auc"].to_list()
    assert aucs == sorted(aucs, reverse=True)


def test_a_variant_that_is_best_by_luck_gains_nothing_from_it() -> None:
    """Of 40 null variants the best on the choosing half has an AUC of ½ on the other."""
    table = known_table(tracks=120, effects={f"min_k/k={k}": 0.0 for k in range(40)}, seed=5)
    aucs = [float(attack_table(table, seed=seed)["auc"][0]) for seed in range(10)]
    assert abs(np.mean(aucs) - 0.5) < 0.04
    assert pl.Series(aucs).max() < 0.65
