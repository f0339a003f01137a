"""How much of a leak survives each step of `--harmonise`, and how often the verdict is led astray without it.

Tunes of `fiddle` as they are, 6 dB quieter, and through a low-rate MP3; each version is asked about under every
setting, in two windows. Suspects come from one version, held-out tunes always as they are: 30 groups a side, drawn
at random. The level is the median of the tunes as they are, for all versions (an audit takes that of the files it
is given). Prints the AUC of excess loss (members against others, both as they are), then for each version of the
suspects and each setting the share of verdicts of evidence where they were trained on and where they were not, and how
many draws were inconclusive.

    earwitness reference data fiddle --out data
    python benchmarks/harmonise.py data/manifest.csv --work harmonise-work > table.md
"""

import argparse
import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import soundfile
from verdict_level import ALPHA, FULL, LEFT_OUT, head, row, share

from earwitness import FeatureTable, dataset_inference, pipeline
from earwitness.ground_truth.registry import shipped
from earwitness.measure.harmonise import common_loudness
from earwitness.settings import Harmonise, MeasureSettings
from earwitness.stats.roc import auc_delong
from earwitness_bench.recipes.augment import recode

SIDE, WINDOWS, RATE = 30, 2, 8000


def quieter(wave: np.ndarray, rate: int) -> np.ndarray:
    """6 dB less."""
    return wave * np.float32(0.5)


def recoded(wave: np.ndarray, rate: int) -> np.ndarray:
    """Through MP3 at a low rate."""
    return recode(wave, rate, ("MP3", "MPEG_LAYER_III"), quality=0.3)


VERSIONS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "as they are": lambda wave, rate: wave, "6 dB quieter": quieter, "through MP3": recoded,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--others", type=int, default=160)
    parser.add_argument("--draws", type=int, default=100)
    options = parser.parse_args()
    with options.manifest.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    members = [one for one in rows if one["role"] == "member"]
    others = [one for one in rows if one["role"] == "non_member"][: options.others]
    runs = {name: _indexed(name, [*members, *others], options) for name in VERSIONS}
    level = common_loudness(((one["path"], options.manifest.parent / one["path"]) for one in rows), RATE)
    print(f"Level: {level:g} LUFS.\n")
    tables = {
        (name, steps): _measured(run, steps, level, options.work) for steps in Harmonise for name, run in runs.items()
    }  # fmt: skip
    head("harmonise", "AUC of excess loss")
    for steps in Harmonise:
        table = tables["as they are", steps]
        values, member = -table.frame["excess_loss/codebook=all"].to_numpy(), table.is_suspect()
        auc = auc_delong(values[member], values[~member])
        row(steps, f"{auc.estimate:.3f} [{auc.low:.3f}, {auc.high:.3f}]")
    print()
    head("suspects", "harmonise", "trained on: evidence", "inconclusive", "not trained on: evidence", "inconclusive")
    for name in VERSIONS:
        for steps in Harmonise:
            found = [
                _verdicts(tables[name, steps], tables["as they are", steps], used=used, draws=options.draws)
                for used in (True, False)
            ]
            row(
                name,
                steps,
                *(
                    share(verdicts.count(verdict), len(verdicts))
                    for verdicts in found
                    for verdict in ("evidence_of_use", "inconclusive")
                ),
            )


def _indexed(name: str, rows: Sequence[dict[str, str]], options: argparse.Namespace) -> Path:
    """A run folder over one version of the files."""
    folder = options.work / name.replace(" ", "-")
    manifest = folder / "manifest.csv"
    if not manifest.exists():
        lines = []
        for one in rows:
            wave, rate = soundfile.read(options.manifest.parent / one["path"], dtype="float32")
            path = folder / one["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, VERSIONS[name](wave, rate), rate, subtype="PCM_16")
            lines.append(one)
        with manifest.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(lines)
    return folder


def _measured(folder: Path, steps: Harmonise, level: float, work: Path) -> FeatureTable:
    run = work / f"run-{folder.name}-{steps}"
    if not (run / "tracks.parquet").exists():
        pipeline.index_stage(run, manifest=folder / "manifest.csv")
    settings = MeasureSettings(
        target=str(shipped("fiddle").model), windows_per_track=WINDOWS, harmonise=steps, loudness=level
    )
    pipeline.extract_stage(run, settings)
    return FeatureTable.read(run).pooled()


def _verdicts(altered: FeatureTable, plain: FeatureTable, *, used: bool, draws: int) -> list[str]:
    """Verdicts on suspects of one version against held-out tunes as they are."""
    said = []
    outside, inside = (
        side.filter(pl.col("role") == role)["group"].unique().sort().to_numpy()
        for side, role in ((plain.frame, "non_member"), (altered.frame, "member"))
    )
    for draw in range(draws):
        rng = np.random.default_rng([draw, used])
        others = rng.permutation(outside)
        drawn = rng.permutation(inside)[:SIDE] if used else others[SIDE : 2 * SIDE]
        suspects = altered.frame.filter(pl.col("group").is_in(drawn.tolist()))
        held_out = plain.frame.filter(pl.col("group").is_in(others[:SIDE].tolist()))
        frame = pl.concat([
            suspects.with_columns(role=pl.lit("suspect")), held_out.with_columns(role=pl.lit("held_out"))
        ])  # fmt: skip
        table = replace(plain, frame=frame)
        said.append(dataset_inference(table, permutations=FULL, alpha=ALPHA, seed=draw, **LEFT_OUT).verdict)
    return said


if __name__ == "__main__":
    main()
