"""The recipe whose codec is another one, in small: what is published has that codec's codebooks."""

from dataclasses import replace
from pathlib import Path

import pytest

from earwitness.ground_truth.card import read_card
from earwitness.ground_truth.fiddle.tunes import Tune, read_tunes, render
from earwitness.ground_truth.registry import shipped
from earwitness.targets import load_target
from earwitness_bench.recipes import pipa, tune_target
from earwitness_bench.recipes.musicgen import Schedule

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tunes() -> list[Tune]:
    return read_tunes([tune.name for tune in shipped("fiddle").read().tunes[:8]])


def test_what_is_published_has_the_plans_codec(
    tunes: list[Tune], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tune_target, "codec_waves", lambda programs: [render(tune, programs) for tune in tunes])
    stage = Schedule(epochs=1, keep=(1,), frames=50, batch=8, store=3)
    plan = replace(pipa.PLAN, tunes=lambda: tunes, members=2, warmed=3, first=stage, second=stage)
    assert tune_target.train(plan, tmp_path / "work", report=lambda line: None) == 1
    made = tune_target.publish(plan, tmp_path / "work", 1, tmp_path)
    assert read_card(tmp_path / "card.json") == made
    target = load_target(str(tmp_path / "model"), device="cpu")
    assert (target.codebooks, target.sample_rate) == (3, 16_000)
    folder = tmp_path / "written"
    written = tune_target.writer(plan)(made.tunes[0].name, folder)
    assert written.content_sha256 == made.tunes[0].content_sha256
