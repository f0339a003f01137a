"""Run an experiment: from its manifest to the paper's tables, into ``OUT/NAME/``.

Goal: the attacks one by one against the truth, and the four methods of dataset inference with their
curves and false-alarm rates, under the published feature set and under the package's own. All
statistics are those of `earwitness.verdict.membership`, `earwitness.verdict.inference` and `earwitness.verdict.curves`.
Conventions: measuring resumes, and a curve that is there for the same features is kept; each finished
experiment has ``attacks.csv``, ``verdicts.csv`` and ``collections.csv``, one row per cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from earwitness import pipeline
from earwitness.bench.paper.check import Checked, silent
from earwitness.bench.paper.commands import Machine, run_folder, write_manifest
from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.files import write_atomically, write_text
from earwitness.settings import MeasureSettings
from earwitness.types import Bar
from earwitness.verdict.admission import METHODS
from earwitness.verdict.curves import SampleCurve, sample_curve
from earwitness.verdict.inference import dataset_inference
from earwitness.verdict.membership import MembershipResult, ScoreEvaluation, membership_evaluation
from earwitness.verdict.result import DatasetInferenceResult

Cell = dict[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much work the statistics do; the defaults are the papers' and the package's own.

    ``curve_draws`` and ``exact_curve_draws`` are draws of each size, for the published methods and for
    ``exact``; ``control_runs`` are splits of the held-out set for a verdict, ``null_runs`` for a curve.
    """

    permutations: int = 9999
    control_runs: int = 200
    curve_draws: int = 1000
    exact_curve_draws: int = 100
    null_runs: int = 500
    bootstrap: int = 1000
    alpha: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What an experiment gave, one row per cell."""

    attacks: pl.DataFrame
    verdicts: pl.DataFrame
    collections: pl.DataFrame


def run_experiment(
    checked: Checked, out: Path, *, machine: Machine, effort: Effort | None = None, progress: Bar = silent
) -> Tables:
    """Run a ready experiment into ``out/NAME/``.

    Parameters
    ----------
    checked
        An experiment that is `ready`.
    machine
        Where the model runs.
    effort
        How much work the statistics do.
    progress
        Shows each piece of long work.

    Raises
    ------
    EarwitnessError
        Where it is not ready, the target cannot be loaded, or ``out/NAME`` holds other tracks' features.
    """
    experiment, target = checked.experiment, checked.target
    if not checked.ready or target is None:
        raise EarwitnessError(f"The experiment {experiment.name} is not ready; mend what its check names first.")
    effort = effort or Effort()
    manifest = write_manifest(checked, out)
    attacks: list[Cell] = []
    verdicts: list[Cell] = []
    collections: list[Cell] = []
    for preset in experiment.presets:
        where: Cell = {"experiment": experiment.name, "preset": preset}
        run = run_folder(experiment, preset, out)
        settings = MeasureSettings(
            target=target, preset=preset, seconds=experiment.seconds, windows_per_track=experiment.windows_per_track,
            seed=experiment.seed, device=machine.device, dtype=machine.dtype, batch_size=machine.batch_size,
        )  # fmt: skip
        table = _measured(manifest, run, settings, f"{experiment.name} {preset}", progress)
        found = membership_evaluation(table, seed=experiment.seed, bootstrap=effort.bootstrap)
        found.write(run / "membership.json")
        attacks += [where | cell for cell in _attack_cells(found)]
        for method in METHODS:
            result = dataset_inference(
                table, alpha=effort.alpha, method=method, permutations=effort.permutations, seed=experiment.seed,
                a_a_runs=effort.control_runs,
                effect_runs=0,
            )  # fmt: skip
            result.write(run / f"result-{method}.json")
            curve = _curve(
                table, method, run, effort, experiment.seed, f"{experiment.name} {preset} {method}", progress
            )
            verdicts.append(where | _verdict_cell(result, curve))
            collections += [where | cell for cell in _curve_cells(method, curve)]
    tables = Tables(attacks=_frame(attacks), verdicts=_frame(verdicts), collections=_frame(collections))
    for name, frame in (
        ("attacks", tables.attacks), ("verdicts", tables.verdicts), ("collections", tables.collections),
    ):  # fmt: skip
        write_atomically(out / experiment.name / f"{name}.csv", frame.write_csv)
    return tables


def _frame(cells: Sequence[Cell]) -> pl.DataFrame:
    return pl.DataFrame(cells, infer_schema_length=None)


def _measured(manifest: Path, run: Path, settings: MeasureSettings, name: str, progress: Bar) -> FeatureTable:
    with progress(f"{name}: reading") as on_progress:
        pipeline.index_stage(run, manifest=manifest, on_progress=on_progress)
    with progress(f"{name}: asking") as on_progress:
        pipeline.extract_stage(run, settings, on_progress=on_progress)
    return FeatureTable.read(run)


def _curve(
    table: FeatureTable, method: str, run: Path, effort: Effort, seed: int, name: str, progress: Bar
) -> SampleCurve:
    """The curve of one method: the one that is there for these features and settings, or a new one."""
    path = run / f"curve-{method}.json"
    draws = effort.exact_curve_draws if method == "exact" else effort.curve_draws
    if path.exists():
        try:
            there = SampleCurve.model_validate_json(path.read_text(encoding="utf-8"))
        except (ValidationError, UnicodeDecodeError):
            there = None  # a curve of another version is made anew
        asked = (table.plan_hash, method, draws, effort.alpha, seed)
        if there and (there.plan_hash, there.method, there.draws, there.alpha, there.seed) == asked:
            return there
    with progress(f"{name}: drawing") as on_progress:
        curve = sample_curve(
            table, method=method, draws=draws, alpha=effort.alpha, seed=seed, null_runs=effort.null_runs,
            on_progress=on_progress,
        )  # fmt: skip
    write_text(path, curve.model_dump_json(indent=2) + "\n")
    return curve


def _attack_cells(result: MembershipResult) -> list[Cell]:
    scores = [*([result.combined] if result.combined else []), *result.features]
    return [_attack_cell(score, result) for score in scores]


def _attack_cell(score: ScoreEvaluation, result: MembershipResult) -> Cell:
    rates: Cell = {}
    for rate in score.true_positive_rates:
        at = f"at_{rate.false_positive_rate:g}_false_positives"
        rates |= {
            f"true_positive_rate_{at}": rate.estimate,
            f"true_positive_rate_low_{at}": rate.low,
            f"true_positive_rate_high_{at}": rate.high,
            f"resolved_{at}": rate.resolved,
        }
    return {
        "feature": score.name,
        "member_is": score.member_is.value,
        "members": result.members,
        "non_members": result.non_members,
        "area_under_curve": score.auc.estimate,
        "area_low": score.auc.low,
        "area_high": score.auc.high,
        **rates,
        "balanced_accuracy": score.balanced_accuracy,
        "missing": score.missing,
    }


def _verdict_cell(result: DatasetInferenceResult, curve: SampleCurve) -> Cell:
    """A method's verdict on all tracks; its false-alarm rate beside it, on splits of the held-out side."""
    control = result.a_a
    return {
        "method": result.method,
        "suspect_tracks": result.n_tracks.suspect,
        "held_out_tracks": result.n_tracks.held_out,
        "suspect_groups": result.n_groups.suspect,
        "held_out_groups": result.n_groups.held_out,
        "verdict": result.verdict,
        "p_value": result.p_value,
        "false_alarm_rate": control.rejection_rate if control else None,
        "low": control.low if control else None,
        "high": control.high if control else None,
        "control_runs": control.runs if control else None,
        "minimum_samples": curve.minimum_samples,
        "largest_size_tried": max(point.n for point in curve.points),
    }


def _curve_cells(method: str, curve: SampleCurve) -> list[Cell]:
    return [
        {
            "method": method,
            "tracks": point.n,
            "draws": curve.draws,
            "mean_p": point.mean_p,
            "low": point.low,
            "high": point.high,
            "share_rejected": point.share_rejected,
        }
        for point in curve.points
    ]
