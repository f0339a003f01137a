"""The chorale target: its scores, its recipe in small, and that what is shipped is what its card says."""

import csv
from collections import defaultdict
from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from earwitness import midi
from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import read_card
from earwitness.ground_truth.chorale.scores import Work, as_score, group_works, read_works, without_copies, write_midi
from earwitness.ground_truth.groups import draw_members
from earwitness.ground_truth.registry import Shipped, shipped
from earwitness.targets.figaro.target import FigaroFamily
from earwitness.targets.figaro.vocabulary import REMI
from earwitness_bench.recipes import chorale as recipe
from earwitness_bench.recipes.figaro import Schedule, as_target, piece_losses, small_figaro, window_losses

pytestmark = pytest.mark.slow

NAMES = ("bwv253", "bwv254", "bwv255", "bwv256", "bwv257", "bwv258", "bwv66.6", "bwv274")
SMALL = Schedule(epochs=2, keep=(1, 2), batch=16)
CONTEXT = 64


@pytest.fixture(scope="module")
def works() -> list[Work]:
    return read_works(NAMES)


@pytest.fixture(scope="module")
def work(works: list[Work], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    assert recipe.train(folder, report=lambda line: None, works=works, schedule=SMALL, context=CONTEXT) == 2
    return folder


def named(works: list[Work], name: str) -> Work:
    return next(one for one in works if one.name == name)


def transposed(one: Work, name: str, steps: int) -> Work:
    return replace(one, name=name, voices=tuple(np.add(voice, [0.0, 0.0, steps]) for voice in one.voices))


def test_a_known_score_is_read_as_it_is_printed(works: list[Work]) -> None:
    """BWV 66.6 in F sharp minor begins with an upbeat of two quavers over four voices."""
    one = named(works, "bwv66.6")
    assert (one.title, one.caption) == ("BWV 66.6", "a four-part chorale in F sharp minor")
    assert one.metres == ((0.0, 4, 4),)
    assert one.voices[0][:3].tolist() == [[3.0, 0.5, 73.0], [3.5, 0.5, 71.0], [4.0, 1.0, 69.0]]
    assert [voice[0].tolist() for voice in one.voices[1:]] == [[3.0, 1.0, 64.0], [3.0, 0.5, 57.0], [3.0, 0.5, 57.0]]
    assert named(works, "bwv253").title.startswith("BWV 253 ")


def test_the_same_work_gives_the_same_bytes_and_the_same_hash(works: list[Work], tmp_path: Path) -> None:
    for name in ("one.mid", "two.mid"):
        write_midi(works[0], tmp_path / name)
    assert (tmp_path / "one.mid").read_bytes() == (tmp_path / "two.mid").read_bytes()
    read = midi.decode(tmp_path / "one.mid")
    assert read.content_hash == midi.content_sha256(as_score(works[0]))
    assert (read.tracks, read.notes) == (4, sum(len(voice) for voice in works[0].voices))


def test_a_setting_in_another_key_is_a_copy_and_one_of_the_same_tune_is_not(works: list[Work]) -> None:
    copy = transposed(named(works, "bwv253"), "zz", 3)
    lower = [named(works, name).voices[i] for i, name in enumerate(("bwv254", "bwv255", "bwv256"), start=1)]
    reset = replace(copy, name="zzz", voices=(copy.voices[0], *lower))
    kept = without_copies([*works, copy, reset])
    assert {found.name for found in kept} == {*NAMES, "zzz"}
    groups = group_works(kept)
    assert groups["zzz"] == groups["bwv253"] == "bwv253"
    # BWV 256, 257 and 258 have other words, but set one tune (Zahn 4441).
    assert groups["bwv256"] == groups["bwv257"] == groups["bwv258"]
    assert len(set(groups.values())) == len(NAMES) - 2


def test_of_two_works_with_the_same_music_the_first_is_read() -> None:
    assert [one.name for one in read_works(["bwv62.6", "bwv274", "bwv277"])] == ["bwv274", "bwv277"]


def test_an_untrained_model_knows_nothing(works: list[Work]) -> None:
    model = small_figaro(seed=0, context_size=CONTEXT)
    pieces = [as_target(model).windows(as_score(one)) for one in works[:3]]
    losses = piece_losses(model, pieces, windows=3)
    assert losses == pytest.approx([log(len(REMI))] * 3, abs=0.3)


def test_losses_are_means_over_evenly_spaced_windows(works: list[Work]) -> None:
    model = small_figaro(seed=0, context_size=CONTEXT).eval()
    piece = as_target(model).windows(as_score(works[0]))
    assert len(piece) > 4
    with torch.no_grad():
        single = [
            window_losses(as_target(model), [piece[i]]).item() for i in (0, (len(piece) - 1) // 2, len(piece) - 1)
        ]
        window = piece[0]
        chunk = next(as_target(model).logits(window.codes[None], [window.condition], null=False)).condition[0, 0]
    by_hand = -chunk.log_softmax(-1)[torch.arange(CONTEXT), window.codes[0]].mean().item()
    assert single[0] == pytest.approx(by_hand, abs=1e-5)
    assert piece_losses(model, [piece], windows=3)[0] == pytest.approx(np.mean(single), abs=1e-5)


def test_an_interrupted_run_goes_on_to_the_same_weights(work: Path, works: list[Work], tmp_path: Path) -> None:
    for keep in ((1,), (1, 2)):
        recipe.train(
            tmp_path, report=lambda line: None, works=works, schedule=replace(SMALL, keep=keep), context=CONTEXT
        )
    first, second = (load_file(folder / "epoch-002" / "model.safetensors") for folder in (work, tmp_path))
    assert all(torch.equal(first[name], second[name]) for name in first)
    before = load_file(work / "epoch-001" / "model.safetensors")
    assert not all(torch.equal(first[name], before[name]) for name in first)


def test_what_is_published_is_an_ordinary_directory_with_a_true_card(
    work: Path, works: list[Work], tmp_path: Path
) -> None:
    made = recipe.publish(work, 2, tmp_path, works=works, schedule=SMALL)
    assert read_card(tmp_path / "card.json") == made
    assert made.recipe["context"] == CONTEXT
    assert {tune.name: tune.member for tune in made.tunes} == draw_members(group_works(works), recipe.SPLIT_SEED)
    assert made.tunes[0].content_sha256 == midi.content_sha256(as_score(works[0]))
    assert made.losses["member"] < log(len(REMI)) - 0.3
    assert "per-track loss AUC" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert FigaroFamily.load(tmp_path / "model", name="", device="cpu", dtype="float32").window_tokens == CONTEXT
    weights = load_file(tmp_path / "model" / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float16}


def test_an_epoch_that_was_not_kept_is_named(work: Path, tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match="no epoch 7; it holds: 001, 002"):
        recipe.publish(work, 7, tmp_path)


def test_the_shipped_split_is_half_of_the_groups_each_whole() -> None:
    on_card = shipped("chorale").read()
    sides = defaultdict(set)
    for tune in on_card.tunes:
        sides[tune.group].add(tune.member)
    assert all(len(side) == 1 for side in sides.values())
    assert sum(True in side for side in sides.values()) == len(sides) // 2
    assert len({tune.content_sha256 for tune in on_card.tunes}) == len(on_card.tunes)
    groups = {tune.name: tune.group for tune in on_card.tunes}
    assert {tune.name: tune.member for tune in on_card.tunes} == draw_members(groups, on_card.split_seed)


def test_the_shipped_model_loads_and_is_small() -> None:
    assert FigaroFamily.matches(shipped("chorale").model)
    assert (
        FigaroFamily.load(shipped("chorale").model, name="", device="cpu", dtype="float32").window_tokens
        == recipe.CONTEXT
    )
    assert sum(path.stat().st_size for path in shipped("chorale").model.iterdir()) <= 10_000_000


def test_the_written_collection_is_that_of_the_card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from earwitness.ground_truth.data import write_data

    on_card = shipped("chorale").read()
    few = replace(on_card, tunes=(on_card.tunes[0], replace(on_card.tunes[-1], content_sha256="other")))
    monkeypatch.setattr(Shipped, "read", lambda self: few)
    written = write_data("chorale", tmp_path, on_progress=lambda done, total: None)
    assert (written.tracks, written.differing) == (2, (few.tunes[1].name,))
    with written.manifest.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, tune in zip(rows, few.tunes, strict=True):
        assert row["role"] == ("member" if tune.member else "non_member")
        assert (row["path"], row["group"]) == (f"{row['role']}/{tune.name}.mid", tune.group)
        assert row["prompt"].startswith("a four-part chorale in ")
        assert row["title"].startswith("BWV ")
    assert midi.decode(tmp_path / rows[0]["path"]).content_hash == few.tunes[0].content_sha256
