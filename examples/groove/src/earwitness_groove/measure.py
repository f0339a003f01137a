"""Every model asked about every performance, once; a feature table for each model and comparison.

Goal: six models and four comparisons in one pass over the performances, for a page. An audit of one model is
``earwitness audit`` and needs none of this. Two numbers are asked of a performance, over the windows that cover it.
"""

import csv
from collections.abc import Callable
from pathlib import Path

import polars as pl
import torch
from torch import Tensor

from earwitness import midi
from earwitness.errors import AudioError, EarwitnessError
from earwitness.features import FeatureTable
from earwitness.signals.blind import score_features
from earwitness_groove.grid import WINDOW, Groove, windows
from earwitness_groove.prepare import COMPARISONS
from earwitness_groove.repository import MODELS
from earwitness_groove.target import GrooveFamily, GrooveTarget


def measure(folder: Path, *, report: Callable[[str], None]) -> list[Path]:
    """Ask the prepared models and write ``features/MODEL-COMPARISON.parquet``; returns the files."""
    targets = {name: _load(folder / "models" / name) for name in MODELS}
    manifests = {name: _read(folder / f"{name}.csv") for name in COMPARISONS}
    paths = sorted({line["path"] for lines in manifests.values() for line in lines})
    rows: dict[str, dict[str, dict[str, float]]] = {name: {} for name in targets}
    for done, path in enumerate(paths, start=1):
        try:
            found = _performance(folder / path, targets)
        except AudioError as error:
            report(f"left out: {error}")
            continue
        for name, features in found.items():
            rows[name][path] = features
        if done % 50 == 0:
            report(f"{done} of {len(paths)} performances")
    written = []
    (folder / "features").mkdir(exist_ok=True)
    for comparison, lines in manifests.items():
        for name, own in rows.items():
            frame = pl.DataFrame([
                {"track_id": line["path"], "role": line["role"], "group": line["group"], **own[line["path"]]}
                for line in lines
                if line["path"] in own
            ])  # fmt: skip
            written.append(folder / "features" / f"{name}-{comparison}.parquet")
            FeatureTable.from_frame(frame).write(written[-1])
    return written


def _performance(path: Path, targets: dict[str, GrooveTarget]) -> dict[str, dict[str, float]]:
    """The features of a performance under each model, with what is known of it without one."""
    score = midi.decode(path).score
    covering = _covering(windows(score))
    blind = score_features(score)
    found = {}
    for name, target in targets.items():
        asked = [target.window(groove) for groove in covering]
        codes = torch.stack([window.codes for window in asked])
        with torch.inference_mode():
            (chunk,) = target.logits(codes, [window.condition for window in asked], null=False)
        found[name] = _features(chunk.condition, codes) | blind
    return found


def _covering(found: list[Groove]) -> list[Groove]:
    """One window after the other, and the last of all, as an audit of all windows takes them."""
    chosen = found[:1]
    for groove in found:
        if groove.start >= chosen[-1].start + WINDOW:
            chosen.append(groove)
    return chosen if chosen[-1] is found[-1] else [*chosen, found[-1]]


def _features(logits: Tensor, codes: Tensor) -> dict[str, float]:
    """Hit cross-entropy and excess loss over all places of a performance, in nats a place, as an audit names them."""
    log_prob = logits.double().log_softmax(dim=-1)
    loss = -log_prob.gather(-1, codes[..., None])[..., 0]
    entropy = -(log_prob.exp() * log_prob).sum(dim=-1)
    return {"loss/codebook=all": float(loss.mean()), "excess_loss/codebook=all": float((loss - entropy).mean())}


def _load(folder: Path) -> GrooveTarget:
    return GrooveFamily.load(folder, name=str(folder), device="cpu", dtype="float32")


def _read(manifest: Path) -> list[dict[str, str]]:
    if not manifest.is_file():
        raise EarwitnessError(f"{manifest} is not there; make it with earwitness-groove prepare.")
    with manifest.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
