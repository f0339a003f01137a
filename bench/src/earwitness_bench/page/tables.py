"""The tables a benchmark leaves behind, read back and checked once.

Goal: the page knows nothing but these files. Conventions: an empty cell is null, and so is NaN;
a table that a benchmark may lack is ``None``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import polars as pl

from earwitness.errors import EarwitnessError

Columns = Mapping[str, type[pl.DataType]]
_T, _I, _F = pl.String, pl.Int64, pl.Float64
_CHECKPOINT: dict[str, type[pl.DataType]] = {"target": _T, "epochs": _I}
_SHARES = ("found", "found_low", "found_high", "false_alarms", "false_alarms_low", "false_alarms_high")

NEEDED: Mapping[str, Columns] = MappingProxyType(
    {
        "targets": {
            **_CHECKPOINT,
            "kind": _T,
            "shipped": pl.Boolean,
            **dict.fromkeys(("loss_auc", "loss_auc_low", "loss_auc_high"), _F),
            **dict.fromkeys(("trained_on", "of", "members_asked", "non_members_asked", "split_seed"), _I),
        },
        "attacks": {
            **_CHECKPOINT,
            **dict.fromkeys(("signal", "variant", "direction"), _T),
            **dict.fromkeys(("auc", "auc_low", "auc_high", "tpr", "tpr_low", "tpr_high"), _F),
            **dict.fromkeys(("variants", "members", "non_members", "undefined"), _I),
        },
        "collections": {
            **_CHECKPOINT,
            **dict.fromkeys(("features", "method"), _T),
            **dict.fromkeys(("size", "draws", "null_draws"), _I),
            **dict.fromkeys(("mean_p", "median_p", *_SHARES), _F),
        },
        "minimum": {
            **_CHECKPOINT,
            **dict.fromkeys(("features", "method"), _T),
            **dict.fromkeys(("by_mean_p", "by_power", "worst_size", "null_draws"), _I),
            **dict.fromkeys(("worst_false_alarms", "worst_low", "worst_high"), _F),
        },
        "ranking": {
            **dict.fromkeys(("kind", "sizes", "set", "signals"), _T),
            **dict.fromkeys(("median_p", "mean_log10_p", "power", "power_low", "power_high"), _F),
            "draws": _I,
        },
        "stress": {
            **_CHECKPOINT,
            **dict.fromkeys(("scenario", "setting", "truth", "method", "outcome", "why"), _T),
            **dict.fromkeys(("tracks", "draws"), _I),
            **dict.fromkeys(
                ("says_used", "low", "high", "says_no", "inconclusive", "cannot_be_tested", "median_p"), _F
            ),
        },
        "recordings": {
            "epochs": _I,
            **dict.fromkeys(("artist", "package", "truth", "method", "verdict", "outcome"), _T),
            **dict.fromkeys(("suspect_tracks", "held_out_tracks", "suspect_pieces", "held_out_pieces"), _I),
            **dict.fromkeys(("p_value", "p_value_floor", "adjusted_p_value", "holm_p_value"), _F),
            "remark": _T,
        },
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """The tables by name; the last three may not be there."""

    targets: pl.DataFrame
    attacks: pl.DataFrame
    collections: pl.DataFrame
    minimum: pl.DataFrame
    ranking: pl.DataFrame | None
    stress: pl.DataFrame | None
    recordings: pl.DataFrame | None

    @classmethod
    def read(cls, folder: Path) -> "Tables":
        """Read ``folder/NAME.csv``.

        Raises
        ------
        EarwitnessError
            If a table is not there, cannot be read, is empty, or lacks a column.
        """
        return cls(
            targets=_required(folder, "targets"),
            attacks=_required(folder, "attacks"),
            collections=_required(folder, "collections"),
            minimum=_required(folder, "minimum"),
            ranking=_optional(folder, "ranking"),
            stress=_optional(folder, "stress"),
            recordings=_optional(folder, "recordings"),
        )


def _required(folder: Path, name: str) -> pl.DataFrame:
    table = _optional(folder, name)
    if table is None:
        raise EarwitnessError(f"{folder / name}.csv is not there; run `earwitness bench` to its end first.")
    return table


def _optional(folder: Path, name: str) -> pl.DataFrame | None:
    path, needed = folder / f"{name}.csv", NEEDED[name]
    if not path.exists():
        return None
    try:
        table = pl.read_csv(path, infer_schema_length=None)
        lacking = [column for column in needed if column not in table.columns]
        if lacking or not len(table):
            raise EarwitnessError(
                f"{path} {'lacks the columns ' + ', '.join(lacking) if lacking else 'has no row'}; "
                "remove it and run `earwitness bench` again."
            )
        return table.with_columns(pl.col(column).cast(kind) for column, kind in needed.items()).fill_nan(None)
    except pl.exceptions.PolarsError as error:
        raise EarwitnessError(
            f"{path} is not a table of the benchmark ({str(error).splitlines()[0]}); "
            "remove it and run `earwitness bench` again."
        ) from None
