"""The demonstration of keyed twins: the shipped target prefers what it was trained on, and nothing else."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from earwitness.cli.app import app
from earwitness.ground_truth.registry import shipped
from earwitness.ground_truth.twins import works
from earwitness.ground_truth.twins.works import CELLS, draw_works, public_key
from earwitness.twins import demo


def test_the_card_names_the_works_that_are_drawn_and_the_key() -> None:
    card = shipped("twins").read()
    drawn = draw_works()
    names = [name for each in drawn.values() for name in each]
    assert len(names) == len(set(names)) == 72
    assert {tune.name: tune.member for tune in card.tunes} == {
        name: trained for (_, trained), each in drawn.items() for name in each
    }
    assert card.recipe["key"] == public_key(works.KEY_NAME).hex()
    assert card.recipe["strengths"] == [cell.strength for cell in CELLS]
    assert card.losses["member"] < card.losses["non_member"]


@pytest.mark.slow
def test_published_copies_are_preferred_where_they_were_heard_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("music21", reason="needs pip install 'earwitness[demo]'")
    monkeypatch.setattr(demo, "WORKS", 5)  # enough for the level
    told = CliRunner().invoke(app, ["demo", "--twins", "--out", str(tmp_path)])
    assert told.exit_code == 0, told.output
    first, second = told.output.split("Twins 2:")
    assert "evidence of use" in first.splitlines()[1:4]
    assert "no evidence" in second.splitlines()[1:4]
    for name in ("trained-on", "not-trained-on"):
        assert "Keyed twins" in (tmp_path / name / "run" / "twins.html").read_text()
