"""The feature table: round trips, pooling, orientation, and one clear line for every mistake."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.features import FeatureTable, parquet_metadata
from earwitness.spec import Direction, FeatureSpec

NAN = float("nan")
UP = FeatureSpec(name="up", member_is=Direction.HIGHER, unit="nats", source="a paper", headline=True)
DOWN = FeatureSpec(name="down", member_is=Direction.LOWER)


def _frame(**columns: list[object]) -> pl.DataFrame:
    base: dict[str, list[object]] = {
        "track_id": ["a", "b", "c", "d"],
        "role": ["suspect", "suspect", "held_out", "held_out"],
        "group": ["g1", "g1", "g2", "g3"],
        "up": [1.0, 2.0, NAN, 4.0],
        "down": [1.0, 2.0, 3.0, 4.0],
    }
    return pl.DataFrame({**base, **columns})


def _run_folder(folder: Path, *, hashes: tuple[str, str] = ("p", "p")) -> Path:
    (folder / "features").mkdir()
    tracks = _frame().select("track_id", "role", "group").with_columns(path=pl.lit("x.wav"))
    failed = pl.DataFrame({"track_id": ["e"], "role": ["suspect"], "group": ["g4"], "path": ["e.wav"]})
    pl.concat([tracks, failed]).write_parquet(folder / "tracks.parquet")
    for number, (hash_, ids) in enumerate(zip(hashes, (["a", "b"], ["c", "d"]), strict=True)):
        part = pl.DataFrame(
            {"track_id": np.repeat(ids, 2), "window": [0, 1, 0, 1], "up": [1.0, 3.0, NAN, NAN], "blind/x": [0.0] * 4}
        )
        part.write_parquet(
            folder / f"features/part-{number:05d}.parquet", metadata=parquet_metadata([UP], hash_, "target t")
        )
    return folder


def test_written_table_reads_back_unchanged(tmp_path: Path) -> None:
    table = FeatureTable.from_frame(
        _frame(), metadata=parquet_metadata([UP, DOWN], plan_hash="abc", target="musicgen t")
    )
    table.write(tmp_path / "t.parquet")
    again = FeatureTable.read(tmp_path / "t.parquet")
    assert again.frame.equals(table.frame, null_equal=True)
    assert again.specs == {"up": UP, "down": DOWN}
    assert again.headline(["down", "up"]).tolist() == [False, True]
    assert (again.plan_hash, again.target) == ("abc", "musicgen t")
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


def test_run_folder_joins_parts_with_tracks_and_counts_failures(tmp_path: Path) -> None:
    table = FeatureTable.read(_run_folder(tmp_path))
    assert table.frame.columns == ["track_id", "role", "group", "window", "up", "blind/x"]
    assert table.frame.height == 8
    assert table.failures == (1, 0)
    assert (table.plan_hash, table.target) == ("p", "target t")
    pooled = table.pooled().frame
    assert pooled["track_id"].to_list() == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(pooled["up"].to_numpy(), [2.0, NAN, 2.0, NAN])
    assert pooled["group"].to_list() == ["g1", "g1", "g2", "g3"]


def test_pooling_averages_the_windows_that_have_a_value() -> None:
    frame = pl.DataFrame(
        {
            "track_id": ["b", "a", "b", "a", "b"],
            "role": ["suspect", "held_out"] * 2 + ["suspect"],
            "group": ["x", "y"] * 2 + ["x"],
            "window": [0, 0, 1, 1, 2],
            "f": [1.0, NAN, NAN, NAN, 5.0],
        }
    )
    pooled = FeatureTable.from_frame(frame).pooled().frame
    assert pooled["track_id"].to_list() == ["a", "b"]
    np.testing.assert_array_equal(pooled["f"].to_numpy(), [NAN, 3.0])


def test_orientation_turns_lower_and_leaves_blind_and_unknown_out() -> None:
    frame = _frame(odd=[1.0, 2.0, 3.0, 5.0]).with_columns(pl.lit(9.0).alias("blind/loudness"))
    table = FeatureTable.from_frame(frame, metadata=parquet_metadata([UP, DOWN], None, None))
    matrix, names = table.oriented()
    assert names == ["up", "down"]
    np.testing.assert_array_equal(matrix, [[1, -1], [2, -2], [NAN, -3], [4, -4]])
    matrix, names = table.oriented(include_unknown=True)
    assert names == ["up", "down", "odd"]
    np.testing.assert_array_equal(matrix[:, 2], [1, 2, 3, 5])
    blind, names = table.blind()
    assert names == ["blind/loudness"]
    assert blind.shape == (4, 1)
    assert table.is_suspect().tolist() == [True, True, False, False]


def test_globs_win_over_metadata_which_wins_over_registered_signals() -> None:
    frame = _frame(loss=[1.0, 2.0, 3.0, 4.0], mystery=[1.0, 2.0, 3.0, 4.0])
    reversed_loss = FeatureSpec(name="loss", member_is=Direction.HIGHER)
    plain = FeatureTable.from_frame(frame).specs
    assert plain["loss"].member_is is Direction.LOWER
    assert plain["mystery"].member_is is Direction.UNKNOWN
    stored = FeatureTable.from_frame(frame, metadata=parquet_metadata([UP, reversed_loss], None, None)).specs
    assert stored["loss"].member_is is Direction.HIGHER
    globbed = FeatureTable.from_frame(
        frame, metadata=parquet_metadata([UP, reversed_loss], None, None), lower=["l?ss", "up"], higher=["myst*"]
    ).specs
    assert [globbed[name].member_is.sign for name in ("loss", "up", "mystery")] == [-1, -1, 1]
    assert globbed["up"].unit == "nats"


def test_integer_labels_and_counts_become_text_and_floats() -> None:
    table = FeatureTable.from_frame(_frame(track_id=[1, 2, 3, 4], group=[1, 1, 2, 3], up=[1, 2, None, 4]))
    assert table.frame["track_id"].to_list() == ["1", "2", "3", "4"]
    assert table.frame["up"].dtype == pl.Float64
    assert np.isnan(table.frame["up"][2])


def test_track_without_group_stands_alone_and_is_mentioned() -> None:
    table = FeatureTable.from_frame(_frame(group=["g1", None, "g2", None]))
    assert table.frame["group"].to_list() == ["g1", "b", "g2", "d"]
    assert "2 rows had no group" in table.notes[0]


def test_spanning_groups_are_named_and_can_be_left_out() -> None:
    table = FeatureTable.from_frame(_frame(group=["g1", "g2", "g2", "g3"]))
    assert table.spanning_groups() == ["g2"]
    assert table.without_groups(["g2"]).frame["track_id"].to_list() == ["a", "d"]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (_frame().drop("group", "role"), "no column role, group"),
        (_frame().drop("up", "down"), "no feature column"),
        (_frame(up=["x", "y", "z", "w"]), "column up is not numeric"),
        (_frame(up=[1.0, float("inf"), 2.0, 3.0]), "feature up of track b is infinite"),
        (_frame(role=["suspect"] * 4), r"no track with role held_out"),
        (_frame(role=["non_member"] * 4), r"no track with role suspect"),
        (_frame(role=["suspect", "guilty", "held_out", "held_out"]), "role 'guilty' is unknown"),
        (_frame(role=["suspect", None, "held_out", "held_out"]), "role 'None' is unknown"),
        (_frame(role=["suspect", "member", "held_out", "held_out"]), "mixes the roles"),
        (_frame(track_id=["a", "b", "c", "c"], group=["g"] * 4), "track c occurs twice"),
        (_frame(track_id=["a", "b", "c", "c"]), "track c has the groups g2 and g3"),
        (_frame(track_id=["a", "b", "b", "d"]), "track b has the roles suspect and held_out"),
        (_frame(track_id=["a", None, "c", "d"]), "1 rows have no track_id"),
        (_frame(track_id=["a", "a", "c", "d"], window=[3, 3, 0, 0]), "track a, window 3 occurs twice"),
        (_frame().clear(), "no row at all"),
    ],
)
def test_each_mistake_is_one_clear_line(frame: pl.DataFrame, message: str) -> None:
    with pytest.raises(EarwitnessError, match=message) as error:
        FeatureTable.from_frame(frame, source="t.parquet")
    assert "\n" not in str(error.value)


def test_globs_must_match_and_not_contradict() -> None:
    with pytest.raises(EarwitnessError, match="matches 'lose\\*'"):
        FeatureTable.from_frame(_frame(), lower=["lose*"])
    with pytest.raises(EarwitnessError, match="both a higher and a lower"):
        FeatureTable.from_frame(_frame(), lower=["up"], higher=["u*"])


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match="does not exist"):
        FeatureTable.read(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("track_id,role\n")
    with pytest.raises(EarwitnessError, match="cannot be read as parquet"):
        FeatureTable.read(tmp_path / "text.parquet")
    with pytest.raises(EarwitnessError, match="run `earwitness extract`"):
        FeatureTable.read(tmp_path)
    _frame().write_parquet(tmp_path / "specs.parquet", metadata={"earwitness.specs": "[{}]"})
    with pytest.raises(EarwitnessError, match="feature specs this version cannot read"):
        FeatureTable.read(tmp_path / "specs.parquet")


def test_parts_of_two_plans_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanMismatchError, match="another plan"):
        FeatureTable.read(_run_folder(tmp_path, hashes=("p", "q")))


def test_features_of_an_unknown_track_are_refused(tmp_path: Path) -> None:
    folder = _run_folder(tmp_path)
    _frame().select("track_id", "role", "group").head(3).write_parquet(folder / "tracks.parquet")
    with pytest.raises(EarwitnessError, match=r"track d, which tracks\.parquet lacks"):
        FeatureTable.read(folder)


def test_what_indexing_remarked_is_a_note_of_the_table(tmp_path: Path) -> None:
    _run_folder(tmp_path)
    tracks = pl.read_parquet(tmp_path / "tracks.parquet")
    about = {"earwitness.collection": '{"left_out": {}, "warnings": ["An album fell into two groups."]}'}
    tracks.write_parquet(tmp_path / "tracks.parquet", metadata=about)
    assert FeatureTable.read(tmp_path).notes == ("An album fell into two groups.",)


def _audit(**columns: object) -> pl.DataFrame:
    tracks = {
        "track_id": [f"{i:03d}" for i in range(40)],
        "role": ["suspect"] * 20 + ["held_out"] * 20,
        "group": [f"{i:03d}" for i in range(40)],
        "up": np.random.default_rng(0).normal(size=40),
    }
    return pl.DataFrame({**tracks, **columns})


def test_columns_that_describe_tracks_are_no_features_and_are_named() -> None:
    columns = {
        "__index_level_0__": range(40),
        "Unnamed: 0": range(40),
        "label": [1] * 20 + [0] * 20,
        "year": [1990] * 40,
    }
    table = FeatureTable.from_frame(_audit(**columns, title=["t"] * 40), higher=["*"])
    assert table.feature_names == ["up"]
    for name in (*columns, "title"):
        assert name in table.notes[0]
    with pytest.raises(EarwitnessError, match="year describes tracks and is not a feature"):
        FeatureTable.from_frame(_audit(**columns), higher=["year"])


def test_a_column_that_separates_the_roles_without_exception_is_named_and_refused() -> None:
    with pytest.raises(EarwitnessError, match="column rank separates the two roles without one exception"):
        FeatureTable.from_frame(_audit(rank=range(40)), higher=["*"])
    with pytest.raises(EarwitnessError, match=r"column truth separates .*; drop it\.$"):
        FeatureTable.from_frame(_audit(truth=[1.0] * 20 + [0.0] * 20), higher=["truth"])
    score = np.linspace(0, 1, 40)
    with pytest.raises(EarwitnessError, match=r"column score separates .* name it in full \(--higher score\)"):
        FeatureTable.from_frame(_audit(score=score), higher=["*"])
    assert FeatureTable.from_frame(_audit(score=score), higher=["score"]).notes == ()
    noted = FeatureTable.from_frame(_audit(score=score), higher=["up"]).notes
    assert "Column score separates the two sets without one exception" in noted[0]
    # A real score can do so too: one that is named in full, declared by the file, or known.
    assert FeatureTable.from_frame(_audit(rank=range(40)), higher=["rank"]).feature_names == ["up", "rank"]
    assert FeatureTable.from_frame(_audit(loss=range(40))).specs["loss"].member_is is Direction.LOWER
    # With three tracks per side perfect separation is nothing.
    few = _audit(rank=range(40)).filter(pl.col("track_id").is_in(["001", "002", "003", "037", "038", "039"]))
    assert FeatureTable.from_frame(few, higher=["*"]).feature_names == ["up", "rank"]


def test_a_blind_column_that_is_an_index_is_named_and_refused() -> None:
    with pytest.raises(EarwitnessError, match=r"column blind/row separates .*; drop it\.$"):
        FeatureTable.from_frame(_audit(**{"blind/row": range(40)}), higher=["up"])
    # A codec on one side, a bit rate of our own, an uneven loudness: sets that differ, for the gate to see.
    rates = [44_100 + i for i in range(20)] + [22_050] * 20
    blind = {
        "blind/tape": [1] * 20 + [0] * 20,
        "blind/container_sample_rate": rates,
        "blind/loud": np.linspace(0, 1, 40),
    }
    assert len(FeatureTable.from_frame(_audit(**blind), higher=["up"]).blind()[1]) == 3


def test_a_name_with_brackets_is_a_name_before_it_is_a_glob() -> None:
    frame = _audit(**{"score[1]": np.random.default_rng(1).normal(size=40), "score1": [0.0, 1.0] * 20})
    table = FeatureTable.from_frame(frame, higher=["score[1]"])
    assert table.specs["score[1]"].member_is is Direction.HIGHER
    assert table.specs["score1"].member_is is Direction.UNKNOWN


def test_csv_tables_are_read_too(tmp_path: Path) -> None:
    _audit(loss=[None, *range(39)]).write_csv(tmp_path / "t.csv")
    table = FeatureTable.read(tmp_path / "t.csv", higher=["up"])
    assert table.frame["track_id"][0] == "000"
    assert np.isnan(table.frame["loss"][0])
    assert table.frame["loss"][1] == 0
    (tmp_path / "broken.csv").write_bytes(b"a,b\n1,2,3\n")
    with pytest.raises(EarwitnessError, match="cannot be read as CSV"):
        FeatureTable.read(tmp_path / "broken.csv")
    with pytest.raises(EarwitnessError, match="does not exist"):
        FeatureTable.read(tmp_path / "none.csv")
