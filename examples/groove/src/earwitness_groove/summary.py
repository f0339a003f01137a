"""A table of what was measured: what each model leaks, feature by feature, and what the verdict says."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from earwitness.features import FeatureTable
from earwitness.stats.roc import auc_delong
from earwitness.verdict.inference import dataset_inference

_FEATURES = {"hit cross-entropy": "loss/codebook=all", "excess loss": "excess_loss/codebook=all"}


def summary(tables: Sequence[Path]) -> Iterator[str]:
    """Lines of a Markdown table, a feature table each; AUCs with 95 % intervals that know the sessions."""
    head = ["table", "performances", "sessions", *(f"AUC of {name}" for name in _FEATURES), "blind AUC", "p", "verdict"]
    yield _line(head)
    yield _line(["---"] * len(head))
    for path in tables:
        yield _line(_cells(path))


def _cells(path: Path) -> list[str]:
    table = FeatureTable.read(path).pooled()
    result = dataset_inference(table, a_a_runs=0, effect_runs=0)
    tracks, groups, blind = result.n_tracks, result.n_groups, result.blind
    return [
        path.stem,
        f"{tracks.suspect} / {tracks.held_out}",
        f"{groups.suspect} / {groups.held_out}",
        *(_auc(table, column) for column in _FEATURES.values()),
        "–" if blind is None else f"{blind.auc:.2f} ({blind.state})",
        "–" if result.p_value is None else f"{result.p_value:.4f}",
        result.verdict,
    ]


def _auc(table: FeatureTable, column: str) -> str:
    """How often a suspect performance has the lower value."""
    values, suspect = -table.frame[column].to_numpy(), table.is_suspect()
    groups = np.asarray(table.frame["group"].to_list())
    found = auc_delong(
        values[suspect], values[~suspect], positive_groups=groups[suspect], negative_groups=groups[~suspect]
    )
    return f"{found.estimate:.2f} ({found.low:.2f}–{found.high:.2f})"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
