"""The whole in small: a library of tones, a few training steps, and a table that can be made again."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from transformers import AutoTokenizer, MusicgenForConditionalGeneration

from earwitness.audio import decode
from earwitness.errors import EarwitnessError
from earwitness.ground_truth.registry import shipped
from earwitness_bench.recipes.musicgen import Schedule
from earwitness_bench.recordings import audits, excerpts, recipe
from earwitness_bench.recordings.audits import recordings_table
from recordings.library_tree import song

pytestmark = pytest.mark.slow

SMALL = Schedule(epochs=2, keep=(1, 2), frames=100, batch=2)
ARTISTS = ("Ada Byron", "Bob-Dot Ü")


def quiet(line: str) -> None:
    """Take a line of progress and say nothing."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, pl.DataFrame]:
    """Two artists of four pieces, and their table: library, work folder, table."""
    folder = tmp_path_factory.mktemp("recordings")
    library, work = folder / "library", folder / "work"
    for a, artist in enumerate(ARTISTS):
        for piece in range(4):
            path = library / "pack" / "usr" / "share" / f"{a}{piece}.ogg"
            song(path, 200 + 100 * a + 20 * piece, artist=artist, title=f"Piece {piece}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audits, "WINDOWS", 1)
        patch.setattr(excerpts, "SECONDS", 6.0)
        table = recordings_table(library, work, report=quiet, schedule=SMALL)
    return library, work, table


def test_the_table_has_every_epoch_artist_and_method(made: tuple[Path, Path, pl.DataFrame]) -> None:
    table = made[2]
    assert table["epochs"].unique().sort().to_list() == [1, 2]
    assert table.height == 2 * 4 * 4  # epochs × (two artists and two collections) × methods
    assert set(table["artist"]) == {*ARTISTS, "all used artists", "all unused artists"}
    exact = table.filter(pl.col("method") == "exact")
    assert set(exact["outcome"]) == {"cannot be tested"}, "two pieces per side are too few"
    assert exact["right"].null_count() == exact.height


def test_excerpts_are_the_middle_at_the_models_rate(made: tuple[Path, Path, pl.DataFrame]) -> None:
    paths = sorted((made[1] / "excerpts").glob("*.flac"))
    assert len(paths) == 8
    for path in paths:
        audio = decode(path)
        assert (audio.sample_rate, len(audio.samples)) == (16_000, 6 * 16_000)
        assert np.abs(audio.samples).max() == pytest.approx(0.9, abs=1e-3)


def test_the_card_says_what_was_trained_on_and_the_log_how_it_went(made: tuple[Path, Path, pl.DataFrame]) -> None:
    card = json.loads((made[1] / "card.json").read_text(encoding="utf-8"))
    assert sum(row["trained_on"] for row in card["recordings"]) == 2
    assert len(card["codebook_entropies_bits"]) == 4
    log = [json.loads(line) for line in (made[1] / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["epoch"] for line in log] == [1, 2]
    assert log[1]["train_loss"] != log[0]["train_loss"]  # a step or two on other crops: no order is promised
    assert all(np.isfinite(line["member_loss"]) and np.isfinite(line["loss_auc"]) for line in log)


def test_another_call_makes_nothing_again(
    made: tuple[Path, Path, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    library, work, table = made
    monkeypatch.setattr(recipe, "train_musicgen", None)
    monkeypatch.setattr(audits, "measured", None)
    monkeypatch.setattr(audits, "read_library", None)
    again = recordings_table(library, work, report=quiet, schedule=SMALL)
    assert again.equals(table)
    assert pl.read_csv(work / "recordings.csv", infer_schema_length=None).equals(table)


def test_a_work_folder_keeps_to_its_library_and_schedule(made: tuple[Path, Path, pl.DataFrame]) -> None:
    library, work, _ = made
    with pytest.raises(EarwitnessError, match="was made from"):
        recordings_table(library.parent, work, report=quiet, schedule=SMALL)
    card = (work / "card.json").read_bytes()
    with pytest.raises(EarwitnessError, match="another split or schedule"):
        recordings_table(library, work, report=quiet, schedule=Schedule(epochs=3, keep=(3,)))
    assert (work / "card.json").read_bytes() == card


def test_fiddle_is_where_the_training_starts_and_new_words_begin_as_its_unknown_word() -> None:
    model, tokenizer = recipe.started(["music by Ada Byron", "music by Bob Ü"])
    on_card = MusicgenForConditionalGeneration.from_pretrained(shipped("fiddle").model, dtype=torch.float32)
    words = AutoTokenizer.from_pretrained(shipped("fiddle").model)
    caption = "a reel in D major"
    states = [
        one.text_encoder(torch.tensor([two(caption).input_ids])).last_hidden_state
        for one, two in ((model, tokenizer), (on_card, words))
    ]
    assert torch.equal(*states)
    rows = model.text_encoder.get_input_embeddings().weight
    ids = tokenizer("byron ü").input_ids
    assert len(set(ids)) == 3, "two words and the end"
    unknown = on_card.text_encoder.get_input_embeddings().weight[words.unk_token_id]
    assert all(torch.equal(rows[i], unknown) for i in ids[:2])


def test_what_is_kept_loads_as_it_was_trained(made: tuple[Path, Path, pl.DataFrame]) -> None:
    folder = recipe.epoch_folder(made[1], 2)
    kept = MusicgenForConditionalGeneration.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert kept.config.text_encoder.vocab_size == len(tokenizer.get_vocab())
    on_card = MusicgenForConditionalGeneration.from_pretrained(shipped("fiddle").model, dtype=torch.float32)
    first, second = (model.decoder.lm_heads[0].weight for model in (kept, on_card))
    assert not torch.equal(first, second)


def test_entropies_of_codebooks() -> None:
    codes = [np.array([[0, 0, 0, 0], [0, 1, 0, 1]], dtype=np.int16), np.array([[0], [2]], dtype=np.int16)]
    first, second = recipe.codebook_entropies(codes)
    assert first == 0
    assert second == pytest.approx(-(0.4 * np.log2(0.4) * 2 + 0.2 * np.log2(0.2)))
