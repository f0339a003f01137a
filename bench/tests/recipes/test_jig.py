"""The symbolic recipe in small: it runs, it resumes to the same weights, and its card is true."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from earwitness import midi
from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import read_card
from earwitness.ground_truth.fiddle.tunes import group_tunes
from earwitness.ground_truth.groups import draw_sides
from earwitness.targets import load_target
from earwitness_bench.recipes import jig, jig_unheard
from earwitness_bench.recipes.causal_lm import piece_scores, token_losses

pytestmark = pytest.mark.slow

SCHEDULE = replace(jig.SCHEDULE, epochs=2, keep=(1, 2), context=48, width=32, layers=1)
PLAN = replace(jig.PLAN, members=3, heard=(0, 3), files=("0626-0635",), schedule=SCHEDULE)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    assert jig.train_plan(PLAN, folder, report=lambda line: None) == 2
    return folder


def test_an_interrupted_run_goes_on_to_the_same_weights(work: Path, tmp_path: Path) -> None:
    stopped = replace(PLAN, schedule=replace(SCHEDULE, keep=(1,)))
    for plan in (stopped, PLAN):
        jig.train_plan(plan, tmp_path, report=lambda line: None)
    first, second = (GPT2LMHeadModel.from_pretrained(folder / "epoch-002").state_dict() for folder in (work, tmp_path))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_what_is_published_is_an_ordinary_directory_with_a_true_card(work: Path, tmp_path: Path) -> None:
    made = jig.publish_plan(PLAN, work, 2, tmp_path)
    assert read_card(tmp_path / "card.json") == made
    tunes = jig.read(PLAN)
    assert {tune.name: tune.member for tune in made.tunes} == draw_sides(group_tunes(tunes), PLAN.split_seed, 3)
    path = tmp_path / "tune.mid"
    jig.write_midi(next(tune for tune in tunes if tune.name == made.tunes[0].name), path)
    assert midi.decode(path).content_hash == made.tunes[0].content_sha256
    assert load_target(str(tmp_path / "model"), device="cpu").identity.family == "causal-lm"
    with pytest.raises(EarwitnessError, match="no epoch 9; it holds: 001, 002"):
        jig.publish_plan(PLAN, work, 9, tmp_path)


def test_the_comparison_model_hears_neither_side() -> None:
    groups = {f"tune-{i:03d}": f"tune-{i - i % 2:03d}" for i in range(700)}
    sides = draw_sides(groups, jig.PLAN.split_seed, jig.PLAN.members)
    assert set(jig.heard(jig.PLAN, groups)) == {name for name, side in sides.items() if side}
    unheard = jig.heard(jig_unheard.PLAN, groups)
    assert len(unheard) == jig.PLAN.members
    assert not set(unheard) & set(sides)


def test_excess_loss_is_the_loss_over_the_entropy_of_the_prediction() -> None:
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=16, n_embd=8, n_layer=1, n_head=1))
    torch.nn.init.zeros_(model.transformer.wte.weight)  # tied to the head: every token is equally likely
    tokens = torch.arange(12).view(1, 12)
    loss, entropy = token_losses(model, tokens)
    np.testing.assert_allclose(loss.detach(), np.log(50), rtol=1e-5)
    np.testing.assert_allclose(entropy, np.log(50), rtol=1e-5)
    np.testing.assert_allclose(piece_scores(model, [tokens], windows=1), [[np.log(50)], [0]], atol=1e-5)
