"""Properties that hold for whatever comes in, tried on many examples, the same ones in every run."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl
import pytest

pytest.importorskip("hypothesis", reason="property tests need hypothesis: pip install 'earwitness[dev]'")

from hypothesis import given, settings
from hypothesis import strategies as st

from earwitness.collection.manifest import read_manifest
from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.stats.labellings import Labellings
from earwitness.text import harmless, printable, storable

Found = TypeVar("Found")
examples = settings(derandomize=True, database=None, max_examples=100, deadline=None)

CELL = st.text(max_size=12) | st.sampled_from(
    ["a.wav", "suspect", "held_out", " Member ", "", "C:\\a.wav", "a.wav/b.wav", 300 * "x", "nan", "1e999"]
)
LINES = st.lists(st.lists(CELL, max_size=5), max_size=5)
HEADS = st.sampled_from(
    ["path,role", "path;role;group", "role\tpath\tpair", "sep=;\npath;role", "track_id,role,group,f"]
)


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """A file that somebody could take for a table: lines under a plausible head, or anything at all."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=60))
    separator = draw(st.sampled_from([",", ";", "\t"]))
    lines = [draw(HEADS), *(separator.join(line) for line in draw(LINES))]
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    return "\n".join(lines).encode(encoding, errors="replace")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("properties")
    (folder / "a.wav").touch()
    return folder


def read_or_refuse(read: Callable[[Path], Found], path: Path) -> Found | None:
    """What was read, or nothing where it was refused in one line; any other error is one of ours."""
    refused = ""
    try:
        return read(path)
    except EarwitnessError as error:
        refused = str(error)
    assert len(refused.splitlines()) == 1
    return None


@examples
@given(content=written())
def test_a_manifest_is_read_or_refused_in_one_line(folder: Path, content: bytes) -> None:
    (folder / "manifest.csv").write_bytes(content)
    found = read_or_refuse(read_manifest, folder / "manifest.csv")
    if found is not None:
        assert {entry.path.name for entry in found.entries} == {"a.wav"}


@examples
@given(content=written())
def test_a_feature_table_is_read_or_refused_in_one_line(folder: Path, content: bytes) -> None:
    (folder / "features.csv").write_bytes(content)
    table = read_or_refuse(FeatureTable.read, folder / "features.csv")
    if table is not None:
        assert set(table.frame["role"]) <= {"suspect", "held_out", "member", "non_member"}
        assert not np.isinf(table.frame.select(table.feature_names).to_numpy()).any()


@examples
@given(data=st.data())
def test_pooling_is_the_mean_of_what_is_defined_in_any_order_of_windows(data: st.DataObject) -> None:
    windows = [data.draw(st.integers(1, 4), label="windows") for _ in range(4)]
    rows = [
        {
            "track_id": f"t{track}",
            "role": "suspect" if track < 2 else "held_out",
            "group": f"g{track}",
            "window": window,
        }
        for track, count in enumerate(windows)
        for window in range(count)
    ]
    value = st.floats(-1e6, 1e6) | st.just(math.nan)
    frame = pl.DataFrame(rows).with_columns(f=pl.Series([data.draw(value) for _ in rows], dtype=pl.Float64))
    order = data.draw(st.permutations(range(len(rows))), label="order")
    pooled = FeatureTable.from_frame(frame).pooled().frame
    assert FeatureTable.from_frame(frame[order]).pooled().frame["f"].to_list() == pytest.approx(
        pooled["f"].to_list(), nan_ok=True, abs=1e-9
    )
    for track, mean in pooled.select("track_id", "f").rows():
        known = [x for x in frame.filter(pl.col("track_id") == track)["f"] if not math.isnan(x)]
        assert mean == pytest.approx(sum(known) / len(known) if known else math.nan, nan_ok=True, abs=1e-9)


@examples
@given(groups=st.lists(st.tuples(st.booleans(), st.integers(0, 2)), min_size=1, max_size=9), size=st.integers(1, 7))
def test_enumerated_labellings_are_all_there_each_once(groups: list[tuple[bool, int]], size: int) -> None:
    observed, strata = (np.array(column) for column in zip(*groups, strict=True))
    found = Labellings(observed=observed, strata=strata, permutations=10_000)
    columns = np.concatenate(list(found.chunks(size, seed=0)), axis=1)
    assert columns.shape[1] == found.possible == len({tuple(column) for column in columns.T})
    assert (columns[:, 0] == observed).all()
    for stratum in np.unique(strata):
        assert (columns[strata == stratum].sum(axis=0) == observed[strata == stratum].sum()).all()


@examples
@given(name=st.text(st.characters()))
def test_a_strangers_text_is_cleaned_once_and_for_all(name: str) -> None:
    for clean in (harmless, printable, storable):
        assert clean(clean(name)) == clean(name)
        assert clean(name).encode("utf-8") or not clean(name)
    assert storable(name).encode("utf-8").decode("utf-8") == storable(name)
    assert printable(name).isprintable()
    assert len(harmless(name).splitlines()) <= 1
