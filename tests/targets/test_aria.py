"""Aria: tokens and network beside the original's, reading of files by hand, and the contract of a target."""

import json
import shutil
from pathlib import Path

import pytest
import symusic
import torch
from safetensors.torch import save_file

from earwitness.errors import AudioError, TargetError
from earwitness.targets import load_target
from earwitness.targets.aria import Aria
from earwitness.targets.aria import vocabulary as words
from earwitness.targets.aria.reading import read_in_milliseconds
from earwitness.targets.aria.tokens import tokens_of
from earwitness.targets.protocols import ReadsMidi, SymbolicTarget, TellsKinds
from earwitness.testing import check_target
from tests.targets.aria_tiny import LENGTH, save_tiny_aria, tensors
from tests.targets.scores.midi_bytes import lively_file, midi_file, off, on
from tests.targets.test_originals import ORIGINALS

TEMPO = b"\xff\x51\x03"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_aria(tmp_path_factory.mktemp("aria-tiny"))


@pytest.fixture(scope="module")
def target(folder: Path) -> Aria:
    loaded = load_target(str(folder), device="cpu")
    assert isinstance(loaded, Aria)
    return loaded


def test_it_says_what_it_is(target: Aria) -> None:
    assert isinstance(target, SymbolicTarget)
    assert isinstance(target, ReadsMidi)
    assert isinstance(target, TellsKinds)
    assert (target.window_tokens, target.identity.family) == (LENGTH - 12, "aria")
    kinds = target.token_kinds
    assert (len(kinds), words.TOKENS) == (17_727, 17_727)
    assert [kinds[i] for i in (5, 6, 38, 39, 16_678, 16_679, 16_725, 16_726, 17_226, 17_227, 17_726)] == [
        "special", "prefix", "prefix", "note", "note", "drum", "drum", "duration", "duration", "onset", "onset",
    ]  # fmt: skip


def test_it_keeps_the_contract_of_a_target(target: Aria) -> None:
    with torch.no_grad():
        assert len(list(check_target(target))) >= 4


@pytest.mark.parametrize("seed", [0, 1])
def test_tokens_are_the_originals(seed: int) -> None:
    opening, body = ORIGINALS[str(seed)]["aria"]
    assert tokens_of(read_in_milliseconds(lively_file(seed))) == ([*opening, words.BEGIN], body)


def test_logits_are_the_originals(target: Aria) -> None:
    opening, body = ORIGINALS["0"]["aria"]
    before, codes = torch.tensor([*opening, words.BEGIN]), torch.tensor([[body[: LENGTH - len(opening) - 1]]])
    with torch.no_grad():
        found = torch.cat([chunk.condition for chunk in target.logits(codes, [before], null=False)], dim=2)[0, 0]
    golden = ORIGINALS["aria_network"]
    own = found.log_softmax(-1).gather(-1, codes[0].T)[:, 0]
    torch.testing.assert_close(own, torch.tensor(golden["log_probabilities"])[len(opening) :], rtol=0, atol=2e-5)
    # Logits of every sixth of sixty positions, the first five of which stand before the codes.
    every_sixth = found[6 - len(opening) :: 6, ::1500]
    torch.testing.assert_close(every_sixth, torch.tensor(golden["logits"])[1:], rtol=0, atol=2e-5)


def test_a_piece_is_written_as_worked_out_by_hand() -> None:
    # 96 ticks a quarter, 120 quarters a minute: 48 ticks are .25 s. The pedal is down from .25 s to 6 s.
    pedal = [(48, b"\xb0\x40\x7f"), (1152, b"\xb0\x40\x00")]
    notes = [(0, on(60, 1)), (24, off(60)), (24, on(61, 66)), (96, off(61)), (1008, on(62, 127)), (1032, off(62))]
    events = sorted([*pedal, *notes], key=lambda event: event[0])
    strokes = [(1008, on(36, 90, 9)), (1020, off(36, 9)), (1100, on(20, 90, 9)), (1110, off(20, 9))]
    opening, body = tokens_of(read_in_milliseconds(midi_file(events, strokes)))
    note, onset, duration = 39, 17_227, 16_726
    assert opening == [6, 16, 0]  # piano, percussion, begin
    assert body == [
        note + 60 * 13 + 1, onset, duration + 12,  # 125 ms lie between 120 and 130: whichever the search meets first
        note + 61 * 13 + 7, onset + 12, duration + 500,  # held from .5 s to 6 s, and no note lasts over five seconds
        5, note + 62 * 13 + 12, onset + 25, duration + 75,  # 5.25 s: another segment; held until 6 s
        16_679 + 1, onset + 25, 3, onset + 73, 1,  # a stroke, one that has no token, the end
    ]  # fmt: skip


def test_a_channel_that_is_ever_set_to_what_has_no_tokens_is_left_out() -> None:
    played = [(0, bytes([0xC0, 88])), (1, bytes([0xC0, 0])), (2, bytes([0xC2, 40])), (10, on(60)), (20, off(60))]
    with pytest.raises(AudioError, match="no note of an instrument"):
        read_in_milliseconds(midi_file(played))
    other = [(10, on(64, 64, 1)), (20, off(64, 1))]
    score = read_in_milliseconds(midi_file(played, other))
    assert [(track.program, len(track.notes)) for track in score.tracks] == [(0, 1), (40, 0)]
    assert tokens_of(score).opening == [6, 10, 0]  # strings are announced and silent


def test_times_before_the_begin_stay_where_the_program_puts_them() -> None:
    tempi = [(0, TEMPO + (1_000_000).to_bytes(3, "big")), (0, TEMPO + (500_000).to_bytes(3, "big"))]
    score = read_in_milliseconds(midi_file(tempi, [(96, on(60)), (144, off(60))]))
    # One quarter back at the first tempo, one on at the second.
    assert [note.start for note in score.tracks[0].notes] == [-500]
    assert tokens_of(score).body[1] == 17_227 + 450


def test_the_end_is_announced_before_a_whole_note() -> None:
    score = symusic.Score(500)
    score.tempos.append(symusic.Tempo(0, 120))
    piano = symusic.Track("piano", 0)
    piano.notes.extend([symusic.Note(10 * i, 100, 60, 64) for i in range(70)])
    score.tracks.append(piano)
    body = tokens_of(score).body
    assert len(body) == 212
    # A hundred tokens before the end of 210 stands a duration; its note begins two tokens earlier.
    assert body.index(words.NEARLY_OVER) == 108


def test_windows_overlap_by_half_and_only_the_first_has_the_opening(target: Aria) -> None:
    score = read_in_milliseconds(lively_file(0))
    opening, body = tokens_of(score)
    windows = target.windows(score)
    assert [window.start for window in windows] == list(range(0, len(body) - 47, 24))
    assert windows[0].condition.tolist() == opening
    assert windows[2].condition.tolist() == [body[47]]
    assert windows[2].codes.tolist() == [body[48:96]]
    assert target.windows(symusic.Score(500)) == []


def test_the_same_weights_in_a_pickle_have_the_same_name(folder: Path, target: Aria, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "model.safetensors").unlink()
    torch.save(tensors(), copy / "pytorch_model.bin")
    assert load_target(str(copy), device="cpu").identity.weights_sha256 == target.identity.weights_sha256


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"vocab_size": 17_729}, "17729 tokens; only the published 17727"),
        ({"hidden_size": 16}, "has shape .* its settings ask for"),
        ({"num_hidden_layers": 3}, "lacks 9 tensors"),
        ({"num_attention_heads": None}, "num_attention_heads: None, a whole number"),
        ({"max_seq_len": 12}, "max_seq_len 12; pieces do not fit"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(tmp_path: Path, changed: dict[str, object], reason: str) -> None:
    with pytest.raises(TargetError, match=reason) as caught:
        load_target(str(save_tiny_aria(tmp_path, **changed)), device="cpu")
    assert "\n" not in str(caught.value)


def test_the_one_that_embeds_is_refused(tmp_path: Path) -> None:
    save_tiny_aria(tmp_path)
    found = tensors()
    found["emb_head.weight"] = found.pop("lm_head.weight")
    save_file(found, tmp_path / "model.safetensors")
    with pytest.raises(TargetError, match="no output head over its tokens"):
        load_target(str(tmp_path), device="cpu")


def test_weights_alone_say_what_is_missing(tmp_path: Path) -> None:
    save_tiny_aria(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(TargetError, match=r"Aria's weights alone, which is not supported: its config\.json says"):
        load_target(str(tmp_path), device="cpu")


def test_the_model_of_pictures_is_another(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "aria", "text_config": {}}))
    with pytest.raises(TargetError, match="no model of a known family"):
        load_target(str(tmp_path), device="cpu")
