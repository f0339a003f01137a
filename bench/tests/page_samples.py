"""Small tables of a benchmark, as it would leave them behind."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from earwitness_bench.page.tables import NEEDED

Row = dict[str, str | int | float | bool | None]


def target(epochs: int, auc: float, *, shipped: bool = False) -> Row:
    return {
        "target": "fiddle", "epochs": epochs, "kind": "token", "shipped": shipped, "loss_auc": auc,
        "loss_auc_low": auc - 0.04, "loss_auc_high": auc + 0.04, "trained_on": 520, "of": 1041, "members_asked": 240,
        "non_members_asked": 230, "split_seed": 2512,
    }  # fmt: skip


def attack(epochs: int, signal: str, auc: float, *, direction: str = "lower", half_width: float = 0.05) -> Row:
    return {
        "target": "fiddle", "epochs": epochs, "signal": signal, "variant": f"{signal}/k=0.1", "variants": 25,
        "direction": direction, "auc": auc, "auc_low": auc - half_width, "auc_high": auc + half_width,
        "tpr": auc / 10, "tpr_low": 0.01, "tpr_high": 0.2, "members": 120, "non_members": 115, "undefined": 3,
    }  # fmt: skip


def point(epochs: int, features: str, method: str, size: int, found: float, false_alarms: float | None) -> Row:
    """Of 50 draws and 100 null draws; the limits are made up, since nothing computes with them."""
    return {
        "target": "fiddle", "epochs": epochs, "features": features, "method": method, "size": size, "draws": 50,
        "mean_p": 0.1, "median_p": 0.05, "found": found, "found_low": max(0.0, found - 0.1),
        "found_high": min(1.0, found + 0.1), "null_draws": 100 if false_alarms is not None else 0,
        "false_alarms": false_alarms, "false_alarms_low": None if false_alarms is None else false_alarms / 2,
        "false_alarms_high": None if false_alarms is None else false_alarms * 2 + 0.01,
    }  # fmt: skip


def minimum(epochs: int, features: str, method: str, by_mean_p: int | None, by_power: int | None, worst: float) -> Row:
    return {
        "target": "fiddle", "epochs": epochs, "features": features, "method": method, "by_mean_p": by_mean_p,
        "by_power": by_power, "worst_false_alarms": worst, "worst_low": worst / 2, "worst_high": worst * 2,
        "worst_size": 16, "null_draws": 100,
    }  # fmt: skip


def ranked(name: str, signals: str, power: float) -> Row:
    return {
        "kind": "token", "sizes": "30 16", "set": name, "signals": signals, "median_p": 0.0035, "mean_log10_p": -2.5,
        "power": power, "power_low": power - 0.08, "power_high": power + 0.08, "draws": 120,
    }  # fmt: skip


def stressed(setting: str, truth: str, method: str, says_used: float, outcome: str, *, why: str | None = None) -> Row:
    exact = method == "exact"
    return {
        "target": "fiddle", "epochs": 6, "scenario": "shift", "setting": setting, "truth": truth, "method": method,
        "tracks": 60, "draws": 50, "says_used": says_used, "low": says_used / 2, "high": min(1.0, says_used + 0.1),
        "says_no": 1 - says_used, "inconclusive": 0.25 if exact else None, "cannot_be_tested": 0.0 if exact else None,
        "median_p": 0.0312, "outcome": outcome, "why": why,
    }  # fmt: skip


def audited(epochs: int, artist: str, truth: str, method: str, verdict: str, outcome: str, p: float | None) -> Row:
    return {
        "epochs": epochs, "artist": artist, "package": "singularity-music", "truth": truth, "suspect_tracks": 12,
        "held_out_tracks": 11, "suspect_pieces": 10, "held_out_pieces": 9, "method": method, "verdict": verdict,
        "p_value": p, "p_value_floor": 0.001, "adjusted_p_value": None,
        "holm_p_value": p * 2 if p is not None and method == "exact" and not artist.startswith("all ") else None,
        "outcome": outcome, "right": outcome in ("found", "quiet"), "remark": None,
    }  # fmt: skip


METHODS = ("exact", "cdi", "iar", "llm-di")
FALSE_ALARMS = {"exact": 0.01, "cdi": 0.07, "iar": 0.02, "llm-di": 0.0}
BY_POWER = {"exact": 30, "cdi": 16, "iar": 30, "llm-di": None}
STRANGER = "Rob <b>|</b> *K*"

TABLES: Mapping[str, list[Row]] = {
    "targets": [target(1, 0.52), target(6, 0.585, shipped=True)],
    "attacks": [
        attack(1, "loss", 0.52), attack(6, "loss", 0.58),
        attack(1, "min_k", 0.56), attack(6, "min_k", 0.72),
        attack(1, "zlib", 0.51), attack(6, "zlib", 0.57),
        attack(1, "camia", 0.48, direction="learned"), attack(6, "camia", 0.54, direction="learned"),
        attack(1, "recall", 0.47), attack(6, "recall", 0.49),
    ],
    "collections": [
        point(epochs, features, method, size, 0.4 + size / 100, FALSE_ALARMS[method] if size < 30 else None)
        for epochs in (1, 6) for features in ("default", "published") for method in METHODS for size in (8, 16, 30)
    ],
    "minimum": [
        minimum(epochs, features, method, None, BY_POWER[method] if epochs == 6 else None, FALSE_ALARMS[method])
        for epochs in (1, 6) for features in ("default", "published") for method in METHODS
    ],
    "ranking": [
        ranked("grown", "min_k + neighbour_noise", 0.75), ranked("default", "loss + min_k", 0.72),
        ranked("published", "hinge + zlib", 0.4), ranked("loss alone", "loss", 0.2),
    ],
    "stress": [
        stressed("MP3, not used", "not used", "exact", 0.0, "right"),
        stressed("MP3, not used", "not used", "cdi", 0.64, "false alarm", why="No look at the sets without the model."),
        stressed("MP3, not used", "not used", "iar", 0.5, "false alarm", why="No look at the sets without the model."),
        stressed("MP3, not used", "not used", "llm-di", 0.02, "right"),
        stressed("MP3, used", "used", "exact", 0.36, "partly found"),
        stressed("MP3, used", "used", "cdi", 0.92, "found", why="The gate could not tell | shift from use."),
        stressed("MP3, used", "used", "iar", 0.1, "missed"),
        stressed("MP3, used", "used", "llm-di", 0.3, "partly found"),
        stressed("another take", "the tune, not the recording", "exact", 0.44, "open"),
        stressed("another take", "the tune, not the recording", "cdi", 0.58, "open"),
    ],
    "recordings": [
        row
        for epochs, p in ((5, 0.2), (20, 0.002))
        for row in (
            audited(epochs, STRANGER, "used", "exact", "evidence_of_use" if p < 0.01 else "no_evidence",
                    "found" if p < 0.01 else "missed", p),
            audited(epochs, STRANGER, "used", "cdi", "no_evidence", "missed", 0.4),
            audited(epochs, "Few", "not used", "exact", "cannot_be_tested", "cannot be tested", None),
            audited(epochs, "Few", "not used", "cdi", "evidence_of_use", "false alarm", 0.0001),
            audited(epochs, "all used artists", "used", "exact", "evidence_of_use", "found", 0.001),
        )
    ],
}  # fmt: skip


def write_tables(out: Path, *, without: tuple[str, ...] = ()) -> Path:
    """Write them to ``out/bench`` as the benchmark does; return ``out``."""
    (out / "bench").mkdir(parents=True)
    for name, rows in TABLES.items():
        if name not in without:
            frame(name).write_csv(out / "bench" / f"{name}.csv")
            assert set(NEEDED[name]) <= set(rows[0])
    return out


def frame(name: str) -> pl.DataFrame:
    return pl.DataFrame(TABLES[name], infer_schema_length=None)
