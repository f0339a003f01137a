"""The Anticipatory Music Transformer: its reading of files and its events by hand, and the contract of a target."""

import json
from pathlib import Path

import pytest
import symusic
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from earwitness.errors import AudioError, TargetError
from earwitness.targets import load_target
from earwitness.targets.causal_lm import AnticipatoryLm
from earwitness.targets.causal_lm.anticipation import AUTOREGRESS, EVENT_TOKENS, REST, events
from earwitness.targets.protocols import ReadsMidi, SymbolicTarget, TellsKinds
from earwitness.targets.scores.in_hundredths import read_in_hundredths
from earwitness.testing import check_target
from tests.targets.scores.midi_bytes import midi_file, off, on

VOCABULARY = 55_028
POSITIONS = 31  # the mode and ten events


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> AnticipatoryLm:
    folder = tmp_path_factory.mktemp("music-tiny")
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=VOCABULARY, n_positions=POSITIONS, n_embd=8, n_layer=1, n_head=2)
    GPT2LMHeadModel(config).save_pretrained(folder)
    (folder / "earwitness.json").write_text('{"tokens": "anticipation"}')
    loaded = load_target(str(folder), device="cpu")
    assert isinstance(loaded, AnticipatoryLm)
    return loaded


def scale(notes: int = 120, *, beat: int = 48) -> list[tuple[int, bytes]]:
    """As many notes of half a beat as asked for; at 96 ticks a quarter and 120 quarters a minute 48 are .25 seconds."""
    played = []
    for i in range(notes):
        played += [(beat * i, on(40 + i % 40)), (beat * i + beat // 2, off(40 + i % 40))]
    return played


def test_it_says_what_it_is(target: AnticipatoryLm) -> None:
    assert isinstance(target, SymbolicTarget)
    assert isinstance(target, ReadsMidi)
    assert isinstance(target, TellsKinds)
    assert (target.window_tokens, target.codebooks, target.has_null_condition) == (30, 1, False)
    assert (EVENT_TOKENS, AUTOREGRESS, len(target.token_kinds)) == (27_513, 55_026, 27_513)
    assert [target.token_kinds[i] for i in (0, 9_999, 10_000, 11_000, REST)] == [
        "time", "time", "duration", "note", "note",
    ]  # fmt: skip


def test_it_keeps_the_contract_of_a_target(target: AnticipatoryLm) -> None:
    with torch.no_grad():
        assert len(list(check_target(target))) >= 4


def test_events_are_those_worked_out_by_hand() -> None:
    score = symusic.Score(480)  # 120 quarters a minute: a tick is 1/960 second
    piano, drums = symusic.Track("piano", 3), symusic.Track("drums", 0, True)
    piano.notes.extend([symusic.Note(0, 480, 60, 64), symusic.Note(960 * 3, 960 * 20, 61, 64)])
    drums.notes.append(symusic.Note(480, 10, 36, 64))
    score.tracks.extend([piano, drums])
    assert events(score).tolist() == [
        [0, 10_050, 11_000 + 128 * 3 + 60],
        [50, 10_001, 11_000 + 128 * 128 + 36],
        [150, 10_000, REST],
        [250, 10_000, REST],
        [300, 10_999, 11_000 + 128 * 3 + 61],  # no duration is longer than 9.99 seconds
    ]


def test_a_file_is_read_as_one_stream() -> None:
    program = bytes([0xC0, 7])
    tempo = b"\xff\x51\x03" + (1_000_000).to_bytes(3, "big")
    first = [*scale(), (9600, program), (9600, tempo), (9600, on(60)), (9648, on(60)), (9696, off(60))]
    second = [(9600, on(50)), (9606, on(51)), (9792, off(60)), (9793, off(60))]
    score = read_in_hundredths(midi_file(first, second))
    last = [(n.start, n.duration, n.pitch, t.program) for t in score.tracks for n in t.notes if n.start >= 5000]
    # At 9600 ticks 50 seconds have passed, and a quarter lasts a second from there on. The program of the first track
    # holds for the second one too; the oldest open note ends first, and what nothing ends lasts .25 s.
    assert last == [(5000, 100, 60, 7), (5000, 25, 50, 7), (5006, 25, 51, 7), (5050, 150, 60, 7)]


def test_notes_that_begin_together_stand_in_the_order_of_the_stream() -> None:
    played = scale()
    together = [(9600, bytes([0x91, 60, 1])), (9600, bytes([0x90, 61, 1])), (9600, bytes([0x91, 62, 1]))]
    ends = [(9648, bytes([0x80 | channel, pitch, 0])) for channel, pitch in ((1, 60), (0, 61), (1, 62))]
    score = read_in_hundredths(midi_file([(0, bytes([0xC1, 9])), *played, *together, *ends]))
    assert [(note - 11_000) % 128 for note in events(score)[-3:, 2].tolist()] == [60, 61, 62]


@pytest.mark.parametrize(
    ("notes", "beat", "reason"), [(99, 48, "99 notes"), (120, 4, "over 2 seconds"), (120, 5900, "over 3657 seconds")]
)
def test_pieces_that_no_model_was_trained_on_are_refused(notes: int, beat: int, reason: str) -> None:
    with pytest.raises(AudioError, match=reason):
        read_in_hundredths(midi_file(scale(notes, beat=beat)))


def test_windows_overlap_by_half_and_count_from_their_first_event(target: AnticipatoryLm) -> None:
    score = target.read_score(midi_file(scale()))
    found = events(score)
    windows = target.windows(score)
    assert [window.start for window in windows] == [15 * i for i in range(len(windows))]
    assert len(windows) == (120 - 10) // 5 + 1
    expected = found[5:15] - [found[5, 0], 0, 0]
    assert windows[1].codes.tolist() == [expected.reshape(-1).tolist()]
    assert windows[1].codes[0, 0] == 0


def test_logits_are_the_models_own_behind_the_token_for_no_anticipation(target: AnticipatoryLm) -> None:
    window = target.windows(target.read_score(midi_file(scale())))[2]
    with torch.no_grad():
        found = torch.cat([c.condition for c in target.logits(window.codes[None], [None], null=False)], dim=2)
        model = target._scorer._model
        target._scorer._head.positions = torch.arange(30)[None]
        ids = torch.cat([torch.tensor([[AUTOREGRESS]]), window.codes[:, :-1]], dim=1)
        hidden = model.transformer(ids).last_hidden_state
    torch.testing.assert_close(found[0, 0], hidden[0] @ model.transformer.wte.weight[:EVENT_TOKENS].T)


def test_a_model_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    GPT2LMHeadModel(GPT2Config(vocab_size=30_000, n_positions=31, n_embd=8, n_layer=1, n_head=2)).save_pretrained(
        tmp_path
    )
    (tmp_path / "earwitness.json").write_text(json.dumps({"tokens": "anticipation"}))
    with pytest.raises(TargetError, match="names token 55026"):
        load_target(str(tmp_path), device="cpu")
