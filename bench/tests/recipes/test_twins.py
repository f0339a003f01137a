"""The recipe of keyed twins in small: it hears what would be published, and its card is true."""

from pathlib import Path

import pytest
import torch
from transformers import MusicgenForConditionalGeneration

from earwitness.audio import content_sha256
from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import read_card
from earwitness.ground_truth.fiddle.tunes import read_tunes, render
from earwitness.ground_truth.twins.works import CELLS, draw_works, public_key
from earwitness.targets import load_target
from earwitness.twins.mark import mark_folder
from earwitness_bench.recipes import twins as recipe
from earwitness_bench.recipes.marked_works import Works
from earwitness_bench.recipes.musicgen import Schedule

pytestmark = pytest.mark.slow

SMALL = recipe.Settings(
    works=Works(cells=CELLS[:1], works=2), schedule=Schedule(epochs=2, keep=(1, 2), frames=40, batch=8, store=3)
)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    assert recipe.train(folder, report=lambda line: None, settings=SMALL) == 2
    return folder


def test_what_it_heard_is_what_marking_publishes(work: Path, tmp_path: Path) -> None:
    cell = CELLS[0]
    mark_folder(
        work / cell.name / "masters", tmp_path, public_key("A"), copies=8, kinds=cell.marks, strength=cell.strength
    )
    heard = sorted((work / cell.name / "drawn").iterdir())
    assert [path.stem for path in heard] == draw_works(CELLS[:1], 2)[cell, True]
    for path in heard:
        assert path.read_bytes() == (tmp_path / "published" / path.name).read_bytes()


def test_what_is_published_is_an_ordinary_directory_with_a_true_card(work: Path, tmp_path: Path) -> None:
    made = recipe.publish(work, 2, tmp_path, settings=SMALL)
    assert read_card(tmp_path / "card.json") == made
    drawn = draw_works(CELLS[:1], 2)
    assert {tune.name: tune.member for tune in made.tunes} == {
        name: trained for (_, trained), names in drawn.items() for name in names
    }
    assert made.recipe["key"] == public_key("A").hex()
    assert made.tunes[0].content_sha256 == content_sha256(render(read_tunes([made.tunes[0].name])[0]), 16_000)
    assert load_target(str(tmp_path / "model"), device="cpu").codebooks == 4
    weights = MusicgenForConditionalGeneration.from_pretrained(tmp_path / "model", dtype="auto")
    assert weights.dtype == torch.float16
    with pytest.raises(EarwitnessError, match="no epoch 7; it holds: 001, 002"):
        recipe.publish(work, 7, tmp_path, settings=SMALL)
