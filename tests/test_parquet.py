"""Parquet files: a damaged one raises what callers catch; a disk that is full is said to be."""

from pathlib import Path

import polars as pl
import pytest

from earwitness import parquet
from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable


def test_a_table_comes_back_with_its_notes(tmp_path: Path) -> None:
    frame = pl.DataFrame({"track_id": ["ä"], "loss": [1.5]})
    parquet.write_frame(tmp_path / "a.parquet", frame, {"earwitness.note": "x"})
    assert parquet.read_frame(tmp_path / "a.parquet").equals(frame)
    assert parquet.read_metadata(tmp_path / "a.parquet")["earwitness.note"] == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


class PanicException(BaseException):
    """As the one of polars: outside of every family of errors."""


def test_a_panic_of_the_reader_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(path: Path) -> pl.DataFrame:
        raise PanicException("index out of bounds\nsomewhere")

    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(pl, "read_parquet", panic)
    with pytest.raises(pl.exceptions.PolarsError, match="makes the reader panic"):
        parquet.read_frame(tmp_path / "a.parquet")
    with pytest.raises(EarwitnessError, match="cannot be read as parquet") as caught:
        FeatureTable.read(tmp_path / "a.parquet")
    assert "\n" not in str(caught.value)


def test_ctrl_c_while_reading_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(path: Path) -> pl.DataFrame:
        raise KeyboardInterrupt

    monkeypatch.setattr(pl, "read_parquet", stopped)
    with pytest.raises(KeyboardInterrupt):
        parquet.read_frame(tmp_path / "a.parquet")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_said_to_be_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda path, content: true(Path("/dev/full"), content))
    with pytest.raises(EarwitnessError, match=r"a\.parquet could not be written: the disk is full"):
        parquet.write_frame(tmp_path / "a.parquet", pl.DataFrame({"a": [1]}))
    assert list(tmp_path.iterdir()) == []
