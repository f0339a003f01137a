"""The benchmark from data to tables to plots.

Goal: one call that can be interrupted anywhere. Conventions: every piece of work leaves a CSV under
``work/parts`` and is skipped when that is there; the tables under ``out`` are the pieces put
together; the page and the plots are made from those tables alone.
"""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from earwitness.errors import EarwitnessError
from earwitness.files import write_atomically, write_text
from earwitness.ground_truth.card import read_card
from earwitness.ground_truth.registry import shipped
from earwitness.types import Bar, OnMessage
from earwitness_bench.attacks import attack_table
from earwitness_bench.collections import minimum_tracks, p_against_tracks
from earwitness_bench.feature_sets import default_signals, published_signals
from earwitness_bench.lengths import Length, lengths
from earwitness_bench.measure import Measured, measure
from earwitness_bench.methods import Scores
from earwitness_bench.page import write_page
from earwitness_bench.ranking import ranked
from earwitness_bench.recordings.audits import recordings_table
from earwitness_bench.scale import Scale
from earwitness_bench.stress.table import stress_table


def run_bench(scale: Scale, work: Path, out: Path, *, library: Path | None, report: OnMessage, bar: Bar) -> Path:
    """Run whatever of the benchmark is not done yet; return the page.

    Parameters
    ----------
    scale
        How much of everything.
    work
        Checkpoints, audio, runs and pieces of tables; one folder a scale.
    out
        ``bench.md``, ``bench/*.csv`` and ``bench/*.svg``.
    library
        Folder of recordings by named artists (see `earwitness_bench.recordings.library`); without one
        that part is left out, and the page says so.
    report, bar
        Where progress goes.

    Raises
    ------
    EarwitnessError
        If ``work`` holds a benchmark of another scale.
    """
    _claim(work, scale)
    tables: dict[str, list[pl.DataFrame]] = {"targets": [], "attacks": [], "collections": [], "minimum": []}
    answers: dict[str, list[tuple[Length, Measured]]] = {}
    for length in lengths(scale.epochs, work, report=report):
        with bar(f"{_name(length)}: asking") as on_progress:
            measured = measure(length, scale, work, on_progress=on_progress)
        answers.setdefault(length.kind, []).append((length, measured))
        for name, table in _of_length(length, measured, scale, work, bar).items():
            tables[name].append(table)
    for kind, of_kind in answers.items():
        tables.setdefault("ranking", []).append(_ranking(kind, of_kind, tables["collections"], scale, work, bar))
    for name in scale.stressed:
        card = shipped(name)
        made = stress_table(name, card.read().epochs, card.model, work / "stress", scale, report=report)
        tables.setdefault("stress", []).append(made)
    if library is not None:
        tables["recordings"] = [recordings_table(library, work / "recordings", report=report)]
    for name, found in tables.items():
        write_atomically(out / "bench" / f"{name}.csv", pl.concat(found, how="diagonal_relaxed").write_csv)
    return write_page(out, scale)


def piece(path: Path, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Return the table in the file, made first where the file is not there."""
    if not path.exists():
        write_atomically(path, make().write_csv)
    return pl.read_csv(path, infer_schema_length=None)


def _claim(work: Path, scale: Scale) -> None:
    """Tie the work folder to one scale, whose pieces must not be mixed with another's."""
    there, wanted = work / "scale.txt", f"{scale}\n"
    if there.exists() and there.read_text(encoding="utf-8") != wanted:
        raise EarwitnessError(f"{work} holds a benchmark of another size; choose another --work folder for this one.")
    write_text(there, wanted)


def _name(length: Length) -> str:
    return f"{length.target} after {length.epochs} epochs"


def _of_length(length: Length, measured: Measured, scale: Scale, work: Path, bar: Bar) -> dict[str, pl.DataFrame]:
    """The pieces of one checkpoint, each with its target and epochs in front."""
    stem = work / "parts" / f"{length.target}-{length.epochs:04d}"

    def marked(table: pl.DataFrame, **more: str) -> pl.DataFrame:
        facts = {"target": length.target, "epochs": length.epochs, **more}
        return table.select(*(pl.lit(value).alias(name) for name, value in facts.items()), pl.all())

    curves, least = [], []
    for features, table in (("default", measured.default), ("published", measured.published)):
        with bar(f"{_name(length)}: sets of tracks, {features} features") as on_progress:
            curve = piece(
                Path(f"{stem}-collections-{features}.csv"),
                # Every length has draws of its own, so that adding lengths up explores the pool further.
                lambda table=table, on_progress=on_progress: p_against_tracks(  # type: ignore[misc]
                    Scores.of(table), scale, seed=length.epochs, on_progress=on_progress
                ),
            )
        curves.append(marked(curve, features=features))
        least.append(marked(minimum_tracks(curve), features=features))
    attacks = piece(Path(f"{stem}-attacks.csv"), lambda: attack_table(measured.every))
    return {
        "targets": marked(_facts(length, measured)),
        "attacks": marked(attacks),
        "collections": pl.concat(curves),
        "minimum": pl.concat(least),
    }


def _facts(length: Length, measured: Measured) -> pl.DataFrame:
    card, member = read_card(length.model.parent / "card.json"), measured.every.is_suspect()
    return pl.DataFrame(
        {
            "kind": length.kind,
            "shipped": length.model == shipped(length.target).model,
            "loss_auc": card.loss_auc["estimate"],
            "loss_auc_low": card.loss_auc["low"],
            "loss_auc_high": card.loss_auc["high"],
            "trained_on": sum(tune.member for tune in card.tunes),
            "of": len(card.tunes),
            "members_asked": int(member.sum()),
            "non_members_asked": int((~member).sum()),
            "split_seed": card.split_seed,
        }
    )


def _ranking(
    kind: str, of_kind: list[tuple[Length, Measured]], curves: list[pl.DataFrame], scale: Scale, work: Path, bar: Bar
) -> pl.DataFrame:
    every = pl.concat(curves, how="diagonal_relaxed")
    sizes = [_telling_size(every, length, measured) for length, measured in of_kind]
    named = {"default": default_signals(kind), "published": published_signals(kind)}
    with bar(f"{kind}: ranking the signals") as on_progress:
        table = piece(
            work / "parts" / f"{kind}-ranking.csv",
            lambda: ranked(
                [measured.every for _, measured in of_kind], named,
                sizes=sizes, draws=scale.draws, on_progress=on_progress,
            ),
        )  # fmt: skip
    return table.select(pl.lit(kind).alias("kind"), pl.lit(" ".join(map(str, sizes))).alias("sizes"), pl.all())


def _telling_size(curves: pl.DataFrame, length: Length, measured: Measured) -> int:
    """The size, within half of the groups, at which the exact test finds members nearest to half of the time."""
    groups = measured.every.frame["group"].to_numpy()
    member = measured.every.is_suspect()
    largest = min(len(set(groups[side])) for side in (member, ~member)) // 2
    exact = curves.filter(
        (pl.col("target") == length.target) & (pl.col("epochs") == length.epochs)
        & (pl.col("method") == "exact") & (pl.col("features") == "default")
    )  # fmt: skip
    nearest: int = exact.sort((pl.col("found") - 0.5).abs())["size"][0]
    return min(nearest, largest)
