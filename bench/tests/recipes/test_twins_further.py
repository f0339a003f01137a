"""The further recipes of keyed twins in small: each hears what would be published, and its card is true."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.ground_truth.card import read_card
from earwitness.ground_truth.fiddle.tunes import read_tunes
from earwitness.ground_truth.twins.works import CELLS, Cell, draw_works, public_key
from earwitness.targets import load_target
from earwitness.twins.mark import mark_folder
from earwitness_bench.recipes import twins_encoded, twins_hum, twins_scores
from earwitness_bench.recipes.causal_lm import Schedule
from earwitness_bench.recipes.denoiser import Training
from earwitness_bench.recipes.marked_works import Works

pytestmark = pytest.mark.slow


def test_a_diffusion_target_is_an_ordinary_directory_with_a_true_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = read_tunes([name for names in draw_works(CELLS[:1], 10).values() for name in names])
    monkeypatch.setattr(twins_hum, "collection", lambda: some)
    monkeypatch.setattr(twins_hum.hum, "FITTED_EVERY", 2)
    works = Works(cells=CELLS[:1], works=2)
    small = twins_hum.Settings(works=works, training=Training(keep=(1,), batch=2, store=2))
    assert twins_hum.train(tmp_path, report=lambda line: None, settings=small) == 1
    made = twins_hum.publish(tmp_path, 1, tmp_path / "out", settings=small)
    assert read_card(tmp_path / "out" / "card.json") == made
    drawn = draw_works(CELLS[:1], 2)
    assert {tune.name: tune.member for tune in made.tunes} == {
        name: trained for (_, trained), names in drawn.items() for name in names
    }
    assert made.recipe["cells"] == [CELLS[0].name]
    assert load_target(str(tmp_path / "out" / "model"), device="cpu").identity.family == "audioldm"


def test_a_symbolic_target_heard_what_marking_publishes(tmp_path: Path) -> None:
    cell = Cell(marks=("velocity", "onset", "order"), strength=1.0)
    schedule = Schedule(epochs=1, keep=(1,), context=48, width=32, layers=1)
    small = twins_scores.Settings(cells=(cell,), works=2, schedule=schedule)
    assert twins_scores.train(tmp_path, report=lambda line: None, settings=small) == 1
    made = twins_scores.publish(tmp_path, 1, tmp_path / "out", settings=small)
    assert read_card(tmp_path / "out" / "card.json") == made
    assert [tune.member for tune in made.tunes] == [True, True, False, False]
    mark_folder(
        tmp_path / cell.name / "masters", tmp_path / "sealed", public_key("A"), copies=8, kinds=cell.marks, strength=1
    )
    for path in (tmp_path / cell.name / "drawn").iterdir():
        assert path.read_bytes() == (tmp_path / "sealed" / "published" / path.name).read_bytes()
    assert load_target(str(tmp_path / "out" / "model"), device="cpu").identity.family == "causal-lm"


def test_a_cell_that_went_through_an_encoder_was_heard_through_it(tmp_path: Path) -> None:
    cells = twins_encoded.SETTINGS.works.cells
    works = Works(cells=cells, works=1)
    tunes = works.tunes()
    for cell in cells:
        (tune,) = tunes[cell, True]
        heard = works.heard(tmp_path, tune, cell)
        published, _ = soundfile.read(tmp_path / cell.name / "drawn" / f"{tune.name}.flac", dtype="float32")
        assert heard.shape == published.shape
        assert np.array_equal(heard, published) is (cell.through == "")
        assert abs(heard - published).std() < 0.2 * published.std()
