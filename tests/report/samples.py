"""Results and contexts for the report's tests: realistic, hostile, and almost empty ones."""

from dataclasses import fields
from typing import get_args

import numpy as np
from scipy import stats

from earwitness.collection.tracks import Failure
from earwitness.identity import TargetIdentity
from earwitness.report.context import ReportContext, TrackRow, set_summaries
from earwitness.spec import Direction
from earwitness.stats.aa import AAControl
from earwitness.stats.fraction import UsedFraction
from earwitness.verdict.result import (
    Blind,
    Counts,
    DatasetInferenceResult,
    FeatureResult,
    GrowthPoint,
    Interval,
    Power,
    TrackResult,
    Verdict,
)

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
_SIGNALS = [
    ("loss", [""], Direction.LOWER),
    ("zlib", [""], Direction.LOWER),
    ("hinge", [""], Direction.HIGHER),
    ("min_k", [f"/k={k / 10}" for k in range(1, 6)], Direction.HIGHER),
    ("min_k_pp", ["/k=0.1", "/k=0.2", "/k=0.4"], Direction.HIGHER),
    ("camia", ["/below_mean"], Direction.UNKNOWN),
]
_WORDS = ["amber", "drift", "harbour", "late", "light", "mill", "north", "orchard", "paper", "quiet", "river", "tide"]


def full_result(
    *, tracks: int = 80, shift: float = 0.6, verdict: Verdict = "evidence_of_use"
) -> DatasetInferenceResult:
    """Every field filled: `tracks` a side, 60 features on five codebooks, 200 control runs."""
    rng = np.random.default_rng(7)
    scores = {"suspect": rng.normal(shift, 1, tracks), "held_out": rng.normal(0, 1, tracks)}
    auc = float(stats.norm.cdf(shift / np.sqrt(2)))
    features = [
        FeatureResult(
            name=f"{signal}{setting}/codebook={codebook}",
            member_is=direction,
            auc=float(np.clip(rng.normal(0.5 + (auc - 0.5) * (0.6 if codebook in "01" else 0.95), 0.02), 0, 1)),
            weight=None if direction is Direction.UNKNOWN else float(max(rng.normal(0.02, 0.014), 0)),
            missing=int(rng.integers(0, 3)),
        )
        for signal, settings, direction in _SIGNALS
        for setting in settings
        for codebook in ("0", "1", "2", "3", "all")
    ]
    control = [float(p) for p in np.ceil(rng.uniform(size=200) * 500) / 500]
    rejected = sum(p <= 0.01 for p in control)
    limits = stats.binomtest(rejected, 200).proportion_ci(0.95, "exact")
    return DatasetInferenceResult(
        verdict=verdict,
        reasons=["The difference reaches the threshold in the direction that training causes.", "The gate passed."],
        alpha=0.01,
        method="exact",
        permutations=9999,
        seed=0,
        p_value=0.0004 if verdict == "evidence_of_use" else 0.3412,
        p_value_floor=0.0001,
        scorer_p_values={"equal": 0.0011, "marginal": 0.0003, "ridge": 0.0002},
        n_tracks=Counts(suspect=tracks, held_out=tracks),
        n_groups=Counts(suspect=max(tracks // 5, 8), held_out=max(tracks // 4, 8)),
        auc=Interval(estimate=auc, low=auc - 0.0823, high=auc + 0.0817),
        unconstrained_p_value=0.0123,
        blind=Blind(
            auc=0.517,
            low=0.43,
            high=0.548,
            p_value=0.3123,
            passes=True,
            harmful_auc=0.603,
            state="pass",
            informative=52,
        ),
        a_a=AAControl(
            runs=200,
            alpha=0.01,
            rejection_rate=rejected / 200,
            low=limits.low,
            high=limits.high,
            p_values=tuple(control),
        ),
        e_value=212.4,
        wealth=[*np.exp(np.linspace(0, np.log(212.4), 16)).round(2).tolist()],
        growth=[
            GrowthPoint(suspects=tracks // 2, p_value=0.022, lowest=0.002, highest=0.31),
            GrowthPoint(suspects=tracks, p_value=0.0004, lowest=0.0004, highest=0.0004),
        ],
        fraction=UsedFraction(lower=0.1834, estimate=0.412),
        power=Power(minimum_detectable_auc=0.6149, tracks_needed=66),
        features=features,
        tracks=[
            TrackResult(
                track_id=f"{role[0]}{i:04d}",
                role=role,
                group=f"{role}/album {i // 5}",
                score=float(score),
                p_value=float(0.01 + 0.99 * rng.uniform()) if role == "suspect" else None,
            )
            for role, values in scores.items()
            for i, score in enumerate(values)
        ],
        failures=Counts(suspect=1, held_out=2),
        warnings=["Sixteen suspect groups are few; adding groups raises the power more than adding tracks to them."],
        target="models/fiddle-musicgen",
        plan_hash="9f" * 32,
    )


def bare_result(verdict: Verdict, *, p_value: float | None = None) -> DatasetInferenceResult:
    """Only what the record cannot do without."""
    return DatasetInferenceResult(
        verdict=verdict,
        reasons=[],
        alpha=0.01,
        method="exact",
        p_value=p_value,
        p_value_floor=None,
        n_tracks=Counts(suspect=4, held_out=4),
        n_groups=Counts(suspect=4, held_out=4),
    )


def full_context(*, tracks: int = 80) -> ReportContext:
    """A collection of invented albums, with failures, plan, environment and file hashes."""
    rng = np.random.default_rng(3)
    rows = tuple(
        TrackRow(
            track_id=f"{role[0]}{i:04d}",
            role=role,
            group=f"{role}/album {i // 5}",
            title=" ".join(rng.choice(_WORDS, 2)).title(),
            artist="The Example Ensemble",
            album=f"Sessions {i // 5 + 1}",
            seconds=float(rng.uniform(92, 341)),
            sha256=rng.bytes(32).hex(),
            group_from="album" if i % 10 else "folder",
        )
        for role in ("suspect", "held_out")
        for i in range(tracks)
    )
    return ReportContext(
        title="Audit of fiddle-musicgen for the Example Ensemble",
        created="2025-11-24",
        sets=set_summaries(rows),
        tracks=rows,
        failures=(
            Failure(
                track_id="", path="suspect/17 Low Tide.mp3", stage="index", error="AudioError", message="It ends early."
            ),
            Failure(
                track_id="",
                path="held/demo.wav",
                stage="index",
                error="duplicate",
                message="Same audio as demo 2.flac.",
            ),
        ),
        plan={
            "schema_version": 1,
            "target": {"family": "musicgen", "weights_sha256": "ab" * 32, "dtype": "float32"},
            "preset": "default",
            "signals": ["loss", "zlib", "hinge", "min_k", "min_k_pp", "camia"],
            "windows": {"seconds": 8.0, "per_track": 3},
            "audio": {"sample_rate": 16000, "mixdown": "mean of channels", "resampler": "soxr HQ"},
            "seed": 0,
        },
        target=TargetIdentity(
            name="models/fiddle-musicgen", family="musicgen", weights_sha256="ab" * 32, dtype="float32"
        ),
        environment={"python": "3.12.3", "packages": {"torch": "2.13.0", "transformers": "5.0.0"}, "device": "cpu"},
        timings={"index": 3.21, "extract": 214.8, "test": 2.9},
        files={"plan.json": "cd" * 32, "result.json": "ef" * 32},
    )


def hostile(text: str) -> tuple[DatasetInferenceResult, ReportContext]:
    """A full result and context in which every free string is `text` with its field's name behind it."""
    result, context = full_result(tracks=30), full_context(tracks=30)
    dirty_result = result.model_copy(
        update={
            "reasons": [f"{text}reason"],
            "method": f"{text}method",
            "scorer_p_values": {f"{text}scorer": 0.5},
            "features": [
                f.model_copy(update={"name": f"{text}signal/{text}setting=1/codebook={text}"}) for f in result.features
            ],
            "tracks": [t.model_copy(update={"group": f"{text}group"}) for t in result.tracks],
            "warnings": [f"{text}warning"],
            "target": f"{text}target",
            "plan_hash": f"{text}hash",
        }
    )
    row = {f.name: f"{text}{f.name}" for f in fields(Failure)}
    tracks = tuple(
        TrackRow(
            **{f.name: f"{text}{f.name}" for f in fields(TrackRow) if f.name not in ("role", "seconds", "track_id")},
            track_id=track.track_id,
            role=track.role,
            seconds=track.seconds,
        )
        for track in context.tracks
    )
    dirty_context = ReportContext(
        title=f"{text}title",
        created=f"{text}created",
        sets=set_summaries(tracks),
        tracks=(*tracks, TrackRow(track_id=f"{text}id", role=f"{text}role", group="g")),
        failures=(Failure(**row),),
        plan={f"{text}key": {f"{text}inner": [f"{text}item"]}, "windows": f"{text}windows"},
        target=TargetIdentity(
            name=f"{text}name", family=f"{text}family", weights_sha256=f"{text}sha", dtype=f"{text}dtype"
        ),
        environment={f"{text}package": f"{text}version"},
        timings={f"{text}stage": 1.0},
        files={f"{text}path": f"{text}digest"},
    )
    return dirty_result, dirty_context
