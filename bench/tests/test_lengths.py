from pathlib import Path

import pytest

from earwitness.ground_truth.registry import shipped
from earwitness_bench import lengths as module
from earwitness_bench.lengths import Length, lengths


class FakeRecipe:
    """Keeps epochs 1 and 4, and records what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def train(self, work: Path, *, report: object) -> int:
        self.asked.append("train")
        for epoch in (1, 4):
            (work / f"epoch-{epoch:03d}").mkdir(parents=True)
        return 4

    def publish(self, work: Path, epoch: int, out: Path) -> None:
        self.asked.append(f"publish {epoch}")
        (out / "model").mkdir(parents=True)
        (out / "card.json").write_text("{}")


@pytest.fixture
def made_by(monkeypatch: pytest.MonkeyPatch) -> FakeRecipe:
    fake = FakeRecipe()
    monkeypatch.setattr(module, "recipe", lambda name: fake)
    return fake


def found(epochs: dict[str, tuple[int, ...]], work: Path) -> list[Length]:
    return list(lengths(epochs, work, report=lambda line: None))


def test_without_lengths_the_shipped_checkpoints_are_taken(made_by: FakeRecipe, tmp_path: Path) -> None:
    taken = found({"fiddle": (), "hum": ()}, tmp_path)
    assert [(one.target, one.epochs, one.model) for one in taken] == [
        (name, shipped(name).read().epochs, shipped(name).model) for name in ("fiddle", "hum")
    ]
    assert [one.kind for one in taken] == ["token", "diffusion"]
    assert made_by.asked == []


def test_other_lengths_are_trained_once_and_published_once(made_by: FakeRecipe, tmp_path: Path) -> None:
    at_hand = shipped("fiddle").read().epochs
    wanted = {"fiddle": (1, 4, at_hand)}
    taken = found(wanted, tmp_path)
    assert [one.epochs for one in taken] == [1, 4, at_hand]
    assert taken[1].model == tmp_path / "models" / "fiddle-0004" / "model"
    assert taken[2].model == shipped("fiddle").model
    assert made_by.asked == ["train", "publish 1", "publish 4"]
    assert found(wanted, tmp_path) == taken
    assert made_by.asked == ["train", "publish 1", "publish 4"]


def test_full_lengths_are_kept_by_the_recipes() -> None:
    from earwitness_bench.recipes import chorale, fiddle, hum
    from earwitness_bench.scale import FULL

    kept = {"fiddle": fiddle.PLAN.second.keep, "chorale": chorale.SCHEDULE.keep, "hum": hum.TRAINING.keep}
    assert {name: set(epochs) - set(kept[name]) for name, epochs in FULL.epochs.items()} == {
        "fiddle": set(), "chorale": set(), "hum": set()
    }  # fmt: skip
