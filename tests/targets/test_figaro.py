"""FIGARO: tokens and descriptions worked out by hand, alignment, batching, checkpoints, refusals."""

import json
import os
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import symusic
import torch
from torch import Tensor

from earwitness.errors import AudioError, TargetError
from earwitness.targets.figaro import (
    BarEncoder,
    Description,
    Figaro,
    FigaroConfig,
    FigaroFamily,
    FigaroModel,
    Piece,
    VaeConfig,
    load_figaro,
    save_figaro,
)
from earwitness.targets.figaro.bert import _Attention
from earwitness.targets.figaro.chords import _name
from earwitness.targets.figaro.chroma import chroma
from earwitness.targets.figaro.config import Flavor
from earwitness.targets.figaro.description import Parts
from earwitness.targets.figaro.target import Condition
from earwitness.targets.figaro.timeline import Timeline
from earwitness.targets.figaro.vocabulary import DESCRIPTION, REMI, UNKNOWN
from earwitness.targets.protocols import SymbolicTarget, TokenWindow, WhiteBox
from tests.targets.scores.midi_bytes import COMMON_TIME, midi_file, off, on

SIZES = FigaroConfig(
    d_model=16, num_attention_heads=2, intermediate_size=24, encoder_layers=1, decoder_layers=2, context_size=32,
    d_latent=8, max_position_embeddings=40, max_positions=60,
)  # fmt: skip
VAE_SIZES = VaeConfig(
    d_model=16, num_attention_heads=8, encoder_ffn_dim=24, encoder_layers=1, context_size=32, n_codes=64, n_groups=2,
    d_latent=8, max_position_embeddings=40,
)  # fmt: skip
FLAVORS = ("description", "latent", "both", "none")


def note(start: int, duration: int, pitch: int, velocity: int = 64) -> symusic.Note:
    return symusic.Note(start, duration, pitch, velocity)


def small_score() -> symusic.Score:
    """A bar of C major and half a bar of F major, begun a little late, over a drum stroke."""
    score = symusic.Score(480)
    score.tempos.append(symusic.Tempo(0, 120))
    score.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    piano, drums = symusic.Track("piano", 0), symusic.Track("drums", 0, True)
    piano.notes.extend([note(0, 1920, pitch) for pitch in (60, 64, 67)])
    piano.notes.extend([note(1925, 720, pitch) for pitch in (65, 69, 72)])
    drums.notes.append(note(1920, 40, 36, 100))
    score.tracks.extend([piano, drums])
    return score


def long_score(bars: int = 9, seed: int = 0) -> symusic.Score:
    """Bars of four random quarters each."""
    rng = np.random.default_rng(seed)
    score = symusic.Score(480)
    score.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    track = symusic.Track("strings", 48)
    track.notes.extend([note(480 * i, 480, int(rng.integers(50, 80))) for i in range(4 * bars)])
    score.tracks.append(track)
    return score


def test_tokens_are_those_worked_out_by_hand() -> None:
    def sounding(instrument: str, pitch: str, velocity: int, duration: int) -> list[str]:
        return ["Position_0", instrument, pitch, f"Velocity_{velocity}", f"Duration_{duration}"]

    piece = Piece.from_score(small_score())
    expected = [
        "<bos>", "Bar_1", "Time Signature_4/4", "Position_0", "Chord_C:maj", "Position_0", "Tempo_16",
        *sounding("Instrument_0", "Pitch_60", 16, 21),  # 48 positions are the bin of number 21
        *sounding("Instrument_0", "Pitch_64", 16, 21),
        *sounding("Instrument_0", "Pitch_67", 16, 21),
        # The chord and the tempo that hold are repeated; percussion precedes other instruments.
        "Bar_2", "Time Signature_4/4", "Position_0", "Chord_C:maj", "Position_0", "Tempo_16",
        "Position_0", "Chord_F:maj",
        *sounding("Instrument_drum", "Pitch_drum_36", 25, 0),
        *sounding("Instrument_0", "Pitch_65", 16, 14),
        *sounding("Instrument_0", "Pitch_69", 16, 14),
        *sounding("Instrument_0", "Pitch_72", 16, 14),
        "Position_12", "Chord_N:N", "<eos>",
    ]  # fmt: skip
    assert REMI.decode(piece.tokens) == expected
    assert piece.bar_ids.tolist() == [0] + [1] * 21 + [2] * 30 + [0]
    assert piece.positions.tolist() == [0] * 50 + [12, 12] + [0]
    assert piece.bar_starts.tolist() == [1, 22]
    assert REMI.decode(piece.bar_tokens(1)) == expected[22:-1]


def test_descriptions_are_those_worked_out_by_hand() -> None:
    piece = Piece.from_score(small_score())
    described = Description.of(piece.bars)
    first = ["Bar_1", "Time Signature_4/4", "Note Density_0", "Mean Velocity_16", "Mean Pitch_16", "Mean Duration_32",
             "Instrument_0", "Chord_C:maj"]  # fmt: skip
    second = ["Bar_2", "Time Signature_4/4", "Note Density_0", "Mean Velocity_18", "Mean Pitch_15", "Mean Duration_32",
              "Instrument_0", "Instrument_drum", "Chord_F:maj", "Chord_N:N"]  # fmt: skip
    assert DESCRIPTION.decode(described.tokens) == ["<bos>", *first, *second, "<eos>"]
    assert described.bar_ids.tolist() == [0] + [1] * 8 + [2] * 10 + [0]
    tokens, bar_ids = described.from_bar(2, 3, 2)
    assert DESCRIPTION.decode(tokens) == second[:3]
    assert bar_ids.tolist() == [2, 2, 2]
    only_chords = Description.of(piece.bars, Parts(instruments=False, meta=False))
    assert DESCRIPTION.decode(only_chords.tokens)[1:3] == ["Bar_1", "Chord_C:maj"]


def test_ids_are_those_of_the_released_vocabularies() -> None:
    assert (len(REMI), len(DESCRIPTION)) == (1357, 965)
    known = {
        "<pad>": 0, "<mask>": 4, "Time Signature_1/2": 5, "Time Signature_4/4": 14, "Tempo_0": 95, "Instrument_0": 128,
        "Instrument_drum": 256, "Pitch_0": 257, "Pitch_drum_0": 385, "Velocity_0": 513, "Duration_0": 546,
        "Bar_0": 604, "Position_0": 1116, "Chord_C:maj": 1260, "Chord_N:N": 1356, "Bar_512": UNKNOWN,
    }  # fmt: skip
    assert REMI.encode(list(known)).tolist() == list(known.values())
    assert DESCRIPTION.encode(["Bar_511", "Mean Duration_32", "Chord_N:N"]).tolist() == [964, 452, 320]


@pytest.mark.parametrize(
    ("sounding", "name", "score"),
    [
        ((0, 4, 7), "C:maj", 10),
        ((2, 5, 9), "D:min", 10),
        ((2, 5, 7, 11), "G:dom7", 10),
        ((0, 4, 7, 9), "A:min7", 10),  # C:maj with a sixth has 9
        ((2, 5, 11), "B:dim", 0),
        ((0, 4, 8), "C:aug", 0),
        ((0, 7), "C:None", -100),
        ((), "N:N", 10),
    ],
)
def test_chords_are_named_by_the_best_template(sounding: tuple[int, ...], name: str, score: int) -> None:
    found = _name(sounding)
    assert (found.chord, found.score) == (name, score)


@pytest.mark.parametrize(
    "metres", [[(0, 4, 4)], [(0, 6, 8)], [(0, 3, 4), (3000, 4, 4)], [(0, 5, 8), (960, 12, 8), (960 + 2160, 2, 2)],
               [(960, 3, 4)], []],
)  # fmt: skip
def test_beats_and_bars_are_those_of_pretty_midi(tmp_path: Path, metres: list[tuple[int, int, int]]) -> None:
    pretty_midi = pytest.importorskip("pretty_midi", reason="needs pip install 'earwitness[demo]'")
    score = long_score()
    score.time_signatures.clear()
    score.time_signatures.extend([symusic.TimeSignature(*metre) for metre in metres])
    score.tempos.extend([symusic.Tempo(0, 97), symusic.Tempo(1000, 120), symusic.Tempo(5000, 71.5)])
    score.dump_midi(tmp_path / "a.mid")
    theirs = pretty_midi.PrettyMIDI(str(tmp_path / "a.mid"))
    ours = Timeline.of(symusic.Score(tmp_path / "a.mid"))
    assert ours.beats.tolist() == [theirs.time_to_tick(time) for time in theirs.get_beats()]
    assert ours.downbeats.tolist() == [theirs.time_to_tick(time) for time in theirs.get_downbeats()]
    ticks = np.array([0, 999, 1000, 4000, 9000])
    np.testing.assert_allclose(ours.clock.seconds(ticks), [theirs.tick_to_time(int(tick)) for tick in ticks])


def test_chroma_is_that_of_pretty_midi(tmp_path: Path) -> None:
    pretty_midi = pytest.importorskip("pretty_midi", reason="needs pip install 'earwitness[demo]'")
    score = long_score()
    score.tempos.append(symusic.Tempo(0, 97))
    track = score.tracks[0]
    track.notes.extend([note(100, 5000, 60, 90), note(7000, 700, 127), note(7000, 700, 0)])
    track.controls.extend(
        [symusic.ControlChange(tick, 64, value) for tick, value in [(500, 127), (3000, 0), (9000, 64)]]
    )
    bends = [(700, 300), (900, 4096), (1500, 6000), (1900, 0), (2500, -5000), (6900, 5000), (7200, -5000)]
    track.pitch_bends.extend([symusic.PitchBend(tick, value) for tick, value in bends])
    drums = symusic.Track("drums", 0, True)
    drums.notes.append(note(0, 9000, 36))
    score.tracks.append(drums)
    score.dump_midi(tmp_path / "a.mid")
    theirs = pretty_midi.PrettyMIDI(str(tmp_path / "a.mid"))
    read = symusic.Score(tmp_path / "a.mid")
    expected = theirs.get_chroma(times=theirs.get_beats())
    np.testing.assert_allclose(chroma(read, Timeline.of(read)), expected, atol=1e-9)


def test_the_sustain_pedal_lengthens_notes() -> None:
    score = small_score()
    score.tracks[0].controls.extend([symusic.ControlChange(1800, 64, 100), symusic.ControlChange(2400, 64, 0)])
    tokens = REMI.decode(Piece.from_score(score).tokens)
    assert tokens.count("Duration_22") == 3  # 2400 ticks: 60 positions are the bin of number 22
    assert tokens.count("Duration_21") == 0


def test_empty_bars_stand_between_notes_and_not_around_them() -> None:
    score = long_score(1)
    score.tracks[0].notes.extend([note(1920 * 3, 480, 60)])
    score.tracks[0].shift_time(1920 * 2, inplace=True)
    piece = Piece.from_score(score)
    assert len(piece.bars) == 4
    assert [len(bar.notes) for bar in piece.bars] == [4, 0, 0, 1]
    described = DESCRIPTION.decode(Description.of(piece.bars).tokens)
    at = described.index("Bar_2")
    assert described[at + 2 : at + 6] == ["Note Density_0", "Mean Velocity_0", "Mean Pitch_0", "Mean Duration_0"]
    # Tempo is only ever read at tick 0, and the bar there has no notes.
    assert not any(token.startswith("Tempo") for token in REMI.decode(piece.tokens))


def test_bach_keeps_its_notes_and_bars(tmp_path: Path) -> None:
    corpus = pytest.importorskip("music21.corpus")
    corpus.parse("bwv66.6").write("midi", tmp_path / "bach.mid")
    score = symusic.Score(tmp_path / "bach.mid")
    piece = Piece.from_score(score)
    tokens = REMI.decode(piece.tokens)
    pitches = sorted(int(token.split("_")[1]) for token in tokens if token.startswith("Pitch_"))
    assert pitches == sorted(n.pitch for track in score.tracks for n in track.notes)
    assert len(piece.bars) == 9  # the 36 quarters, counted from the upbeat on
    assert "Chord_F#:min" in tokens
    assert UNKNOWN not in piece.tokens


def test_attention_is_its_formula() -> None:
    torch.manual_seed(0)
    attention = _Attention(6, 2, 5, 0.0)
    hidden, source = torch.randn(1, 3, 6), torch.randn(1, 4, 6)
    q, k, v = attention.query(hidden)[0], attention.key(source)[0], attention.value(source)[0]
    assert attention.distance_embedding is not None
    distances = attention.distance_embedding.weight
    expected = torch.empty(3, 6)
    for head in range(2):
        part = slice(3 * head, 3 * head + 3)
        for left in range(3):
            scores = torch.stack(
                [
                    (q[left, part] @ k[right, part] + (q[left, part] + k[right, part]) @ distances[left - right + 4])
                    / 3**0.5
                    for right in range(4)
                ]
            )
            expected[left, part] = scores.softmax(0) @ v[:, part]
    torch.testing.assert_close(attention(hidden, source, None)[0], expected)


def lively(model: torch.nn.Module, *, std: float = 0.4) -> None:
    """Weights under which what goes in shows in what comes out."""
    torch.manual_seed(1)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=std)


def tiny(flavor: Flavor = "description", *, relative: bool = True) -> tuple[FigaroModel, BarEncoder]:
    config = replace(SIZES, description_flavor=flavor, relative_cross_attention=relative)
    model, vae = FigaroModel(config).eval(), BarEncoder(VAE_SIZES).eval()
    lively(model)
    lively(vae, std=0.8)
    return model, vae


@contextmanager
def lightning_class(name: str) -> Iterator[type]:
    """A class that pickles as one of pytorch_lightning, which is not installed here and need not be."""
    module = ModuleType("pytorch_lightning")
    made = type(name, (), {"__module__": module.__name__})
    setattr(module, name, made)
    sys.modules[module.__name__] = module
    try:
        yield made
    finally:
        del sys.modules[module.__name__]


def save_lightning(folder: Path, flavor: Flavor, *, relative: bool = True, vae: bool = True) -> Path:
    """Save what training FIGARO saves: all modules' weights, plain hyper-parameters, the trainer's bookkeeping."""
    folder.mkdir(exist_ok=True)
    model, encoder = tiny(flavor, relative=relative)
    unused = {
        "transformer.encoder.embeddings.word_embeddings.weight": torch.zeros(1, 16),
        "transformer.encoder.embeddings.position_embeddings.weight": torch.zeros(40, 16),
        "transformer.encoder.embeddings.position_ids": torch.arange(40)[None],
        "transformer.encoder.pooler.dense.weight": torch.zeros(16, 16),
        "transformer.decoder.bert.embeddings.word_embeddings.weight": torch.zeros(1, 16),
        "transformer.decoder.cls.predictions.bias": torch.zeros(1),
    }
    settings = {
        "d_model": 16, "d_latent": 8, "n_codes": 64, "n_groups": 2, "context_size": 32, "lr": 1e-4,
        "lr_schedule": "sqrt_decay", "warmup_steps": 4000, "max_steps": None, "encoder_layers": 1, "decoder_layers": 2,
        "intermediate_size": 24, "num_attention_heads": 2, "description_flavor": flavor, "description_options": None,
        "use_pretrained_latent_embeddings": True,
    }  # fmt: skip
    with lightning_class("ModelCheckpoint") as callback:
        torch.save(
            {
                "epoch": 3, "state_dict": model.state_dict() | unused, "hyper_parameters": settings,
                "callbacks": {callback: {"best_model_score": torch.tensor(1.0)}}, "loops": callback(),
            },
            folder / "figaro-test.ckpt",
        )  # fmt: skip
    if vae:
        shared = {name.removeprefix("transformer."): value for name, value in encoder.state_dict().items()}
        aliases = {name: value for name, value in shared.items() if name.startswith("encoder.")}
        others = {"vq_embed.cluster_size": torch.ones(64), "out_layer.weight": torch.zeros(1357, 16)}
        torch.save(
            {
                "state_dict": encoder.state_dict() | aliases | others,
                "hyper_parameters": {
                    "d_model": 16, "context_size": 32, "n_codes": 64, "n_groups": 2, "d_latent": 8, "lr": 1e-4,
                    "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
                    "disable_vq": False,
                },
            },
            folder / "vq-vae.ckpt",
        )  # fmt: skip
    return folder


def load(folder: Path, dtype: str = "float32") -> Figaro:
    target = FigaroFamily.load(folder, name="tiny", device="cpu", dtype=dtype)
    assert isinstance(target, Figaro)
    return target


def logits(target: SymbolicTarget, windows: list[TokenWindow], codes: Tensor | None = None) -> Tensor:
    """Logits of windows as one batch, or of other codes under their conditions."""
    if codes is None:
        codes = torch.zeros(len(windows), 1, max(window.codes.shape[1] for window in windows), dtype=torch.int64)
        for i, window in enumerate(windows):
            codes[i, :, : window.codes.shape[1]] = window.codes
    with torch.no_grad():
        chunks = list(target.logits(codes, [window.condition for window in windows], null=False))
    return torch.cat([chunk.condition for chunk in chunks], dim=2)


@pytest.fixture(scope="module", params=FLAVORS)
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Figaro:
    return load(save_lightning(tmp_path_factory.mktemp("lightning"), request.param))


def test_it_says_what_it_is(target: Figaro) -> None:
    assert isinstance(target, SymbolicTarget)
    assert isinstance(target, WhiteBox)
    assert (target.codebooks, target.window_tokens, target.has_null_condition) == (1, 32, False)
    assert target.identity.family == "figaro"


def test_windows_begin_at_bars_and_are_full(target: Figaro) -> None:
    piece = Piece.from_score(long_score())
    windows = target.windows(long_score())
    assert len(windows) == sum(start + 32 < len(piece.tokens) for start in piece.bar_starts)
    assert torch.equal(windows[0].codes, torch.from_numpy(piece.tokens[1:33])[None])
    start = int(piece.bar_starts[3])
    assert windows[3].start == start
    assert torch.equal(windows[3].codes, torch.from_numpy(piece.tokens[start + 1 : start + 33])[None])
    assert all(window.codes.shape == (1, 32) for window in windows)
    assert len(windows[2:4]) == 2
    kinds = [target.token_kinds[code] for code in windows[0].codes[0]]
    assert kinds == [token.split("_")[0] for token in REMI.decode(windows[0].codes[0])]


def test_a_short_piece_gives_one_shorter_window_and_silence_none(target: Figaro) -> None:
    score = symusic.Score(480)
    score.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    score.tracks.append(symusic.Track("piano", 0))
    assert len(target.windows(score)) == 0
    score.tracks[0].notes.append(note(0, 480, 60))
    (window,) = target.windows(score)
    assert REMI.decode(window.codes[0])[-1] == "<eos>"
    assert window.codes.shape[1] < 32


def test_no_token_sees_itself_or_what_follows(target: Figaro) -> None:
    window = target.windows(long_score())[2]
    changed = window.codes.clone()[None]
    changed[0, 0, 11] = (changed[0, 0, 11] + 1) % len(REMI)
    moved = (logits(target, [window]) - logits(target, [window], changed)).abs().amax(-1)[0, 0] > 1e-5
    assert not moved[:12].any()
    assert moved[12:].all()


def test_batch_mates_and_padding_change_nothing(target: Figaro) -> None:
    windows = [target.windows(long_score())[1], target.windows(small_score())[0], target.windows(long_score(3, 1))[0]]
    short = symusic.Score(480)
    short.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    short.tracks.append(symusic.Track("piano", 0))
    short.tracks[0].notes.append(note(0, 480, 60))
    windows.append(target.windows(short)[0])
    together = logits(target, windows)
    for i, window in enumerate(windows):
        alone = logits(target, [window])
        torch.testing.assert_close(alone[0], together[i, :, : alone.shape[2]], rtol=1e-4, atol=1e-4)


def test_logits_are_the_models_own_prediction_of_the_next_token(target: Figaro) -> None:
    piece = Piece.from_score(long_score())
    config = target._loaded.model.config
    tokens, bar_ids, positions = (
        torch.from_numpy(a[:33])[None] for a in (piece.tokens, piece.bar_ids, piece.positions)
    )
    extra: dict[str, Tensor] = {}
    if config.reads_description:
        described = Description.of(piece.bars)
        extra["description"] = torch.from_numpy(described.tokens[:32])[None]
        extra["description_bar_ids"] = torch.from_numpy(described.bar_ids[:32])[None]
    if config.reads_latents:
        assert target._loaded.vae is not None
        extra["latents"] = target._loaded.vae.latents([piece.bar_tokens(i) for i in range(9)])[None]
        extra["latent_counts"] = torch.tensor([9])
    with torch.no_grad():
        expected = target._loaded.model(tokens[:, :32], bar_ids[:, :32], positions[:, :32], **extra)
    window = target.windows(long_score())[0]
    torch.testing.assert_close(logits(target, [window])[0, 0], expected[0])
    assert torch.equal(window.codes[0], tokens[0, 1:])


def test_the_description_matters(tmp_path: Path) -> None:
    target = load(save_lightning(tmp_path, "description"))
    windows = target.windows(long_score())
    own, others = windows[1].condition, windows[4].condition
    assert isinstance(own, Condition)
    assert isinstance(others, Condition)
    swapped = replace(windows[1], condition=replace(own, description=others.description))
    assert (logits(target, [windows[1]]) - logits(target, [swapped])).abs().max() > 0.01


def test_a_piece_longer_than_the_context_is_cut_where_training_skipped_it(tmp_path: Path) -> None:
    target = load(save_lightning(tmp_path, "description"))
    score = long_score(60)  # the model knows 32 bars
    windows = target.windows(score)
    starts = [int(window.condition.bar_ids[-1]) for window in windows]
    assert max(starts) <= 32
    assert len(windows) == sum(
        start + 32 <= int(np.flatnonzero(Piece.from_score(score).bar_ids == 33)[0])
        for start in Piece.from_score(score).bar_starts
    )
    last = windows[-1].condition
    assert isinstance(last, Condition)
    assert last.description_bar_ids is not None
    assert int(last.description_bar_ids.max()) == 32
    assert bool(torch.isfinite(logits(target, list(windows))).all())


def test_a_piece_without_a_time_signature_is_refused(target: Figaro) -> None:
    score = long_score()
    score.time_signatures.clear()
    with pytest.raises(AudioError, match=r"no time signature .* trained on none"):
        target.windows(score)


def test_notes_are_those_that_pretty_midi_pairs(target: Figaro) -> None:
    data = midi_file([(0, COMMON_TIME), (0, on(60)), (48, on(60)), (96, off(60)), (192, off(60))])
    (window,) = target.windows(target.read_score(data))
    durations = [token for token in REMI.decode(window.codes[0]) if token.startswith("Duration")]
    assert durations == ["Duration_11", "Duration_5"]  # twelve positions and six, where symusic has 12 and 18


def test_a_tempo_is_looked_up_every_480_seconds() -> None:
    score = long_score(1)
    score.tracks[0].shift_time(1920, inplace=True)  # an empty bar, so that no tempo is written at the start
    score.tempos.extend([symusic.Tempo(0, 60), symusic.Tempo(480 * 480, 100)])  # 480 seconds at a quarter a second
    score.tracks[0].notes.append(note(480 * 484, 480, 60))
    tokens = REMI.decode(Piece.from_score(score).tokens)
    assert (
        tokens.count("Tempo_13") == 2
    )  # 97 quarters per minute are the nearest bin: at 480 seconds, and as what holds
    score.tempos[1].time += 1  # not at that very moment: the first one is repeated
    assert "Tempo_8" in REMI.decode(Piece.from_score(score).tokens)


def test_the_null_condition_is_refused(target: Figaro) -> None:
    window = target.windows(small_score())[0]
    with pytest.raises(TargetError, match="no null condition"):
        next(target.logits(window.codes[None], [window.condition], null=True))


def test_gradients_reach_the_parameters(target: Figaro) -> None:
    window = target.windows(small_score())[0]
    chunk = next(target.logits(window.codes[None], [window.condition], null=False))
    gradients = torch.autograd.grad(chunk.condition.sum(), [*target.parameters()], allow_unused=True)
    assert any(gradient is not None and bool(gradient.abs().sum() > 0) for gradient in gradients)


def test_codes_of_a_bar_do_not_depend_on_other_bars() -> None:
    _, vae = tiny()
    piece = Piece.from_score(long_score())
    bars = [piece.bar_tokens(i) for i in range(9)] + [Piece.from_score(small_score()).bar_tokens(1)]
    with torch.no_grad():
        together = vae.codes(bars)
        assert together.shape == (10, 2)
        assert len({tuple(codes) for codes in together.tolist()}) > 2
        assert torch.equal(together, torch.cat([vae.codes([bar]) for bar in bars]))
        latents = vae.latents(bars)
    assert torch.equal(latents[3, 4:], vae.vq_embed.embedding[together[3, 1]])


def test_a_codes_nearest_vector_is_taken() -> None:
    _, vae = tiny()
    bar = Piece.from_score(small_score()).bar_tokens(0)
    with torch.no_grad():
        encoder = vae.transformer.encoder
        tokens = torch.tensor([[2, *bar.tolist(), 3]])
        assert encoder.pooler is not None
        pooled = vae.pooling(encoder.pooler(encoder(vae.in_layer(tokens)))).view(2, 4)
        assert vae.codes([bar])[0].tolist() == torch.cdist(pooled, vae.vq_embed.embedding).argmin(1).tolist()


def test_precomputed_codes_see_padding_and_lose_the_longest_bars_end(tmp_path: Path) -> None:
    piece = Piece.from_score(small_score())
    bars = [piece.bar_tokens(0), piece.bar_tokens(1)]
    (save_lightning(tmp_path, "latent") / "figaro.json").write_text('{"bar_codes": "precomputed"}')
    vae = load_figaro(tmp_path).vae
    assert vae is not None
    assert vae.config.bar_codes == "precomputed"
    rows = [[2, 4, *bar[1:].tolist(), 3] for bar in bars]
    rows[0] += [0] * (len(rows[1]) - len(rows[0]))
    encoder = vae.transformer.encoder
    with torch.no_grad():
        assert encoder.pooler is not None
        pooled = vae.pooling(encoder.pooler(encoder(vae.in_layer(torch.tensor(rows)[:, :-1])))).view(2, 2, 4)
        assert vae.codes(bars).tolist() == torch.cdist(pooled, vae.vq_embed.embedding).argmin(-1).tolist()
    (tmp_path / "figaro.json").write_text('{"bar_codes": "guessed"}')
    with pytest.raises(TargetError, match="'guessed'; known are training, precomputed"):
        load_figaro(tmp_path)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_an_own_folder_gives_the_same_answers(tmp_path: Path, flavor: Flavor) -> None:
    model, vae = tiny(flavor)
    for module in (model, vae):
        for value in module.state_dict().values():
            value.copy_(value.half())  # what float16 on disk can hold
    save_figaro(tmp_path, model, vae if model.config.reads_latents else None)
    assert FigaroFamily.matches(tmp_path)
    loaded = load_figaro(tmp_path)
    assert loaded.model.config == model.config
    assert all(torch.equal(value, loaded.model.state_dict()[name]) for name, value in model.state_dict().items())
    if model.config.reads_latents:
        assert loaded.vae is not None
        assert torch.equal(loaded.vae.vq_embed.embedding, vae.vq_embed.embedding)
    assert next(loaded.model.parameters()).dtype == torch.float32


@pytest.mark.parametrize("relative", [True, False])
def test_whether_cross_attention_knows_distances_is_seen_in_the_weights(tmp_path: Path, relative: bool) -> None:
    loaded = load_figaro(save_lightning(tmp_path, "description", relative=relative))
    assert loaded.model.config == replace(SIZES, relative_cross_attention=relative)


def test_bfloat16_is_close(tmp_path: Path) -> None:
    folder = save_lightning(tmp_path, "both")
    exact, rough = load(folder), load(folder, "bfloat16")
    window = exact.windows(small_score())[0]
    assert (logits(exact, [window]) - logits(rough, [window]).float()).abs().mean() < 0.2


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("place", ["hyper_parameters", "state_dict", "callbacks"])
def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path: Path, place: str) -> None:
    folder = save_lightning(tmp_path / "model", "description")
    content: dict[str, object] = {"hyper_parameters": {}, "state_dict": {}, place: {"x": _Bomb(tmp_path / "ran")}}
    torch.save(content, folder / "figaro-test.ckpt")
    with pytest.raises(TargetError, match="pickle"):
        load_figaro(folder)
    (folder / "figaro-test.ckpt").write_bytes(pickle.dumps(content, 2))
    with pytest.raises(TargetError, match="pickle"):
        load_figaro(folder)
    assert not (tmp_path / "ran").exists()


def test_hyper_parameters_that_are_no_plain_values_are_named(tmp_path: Path) -> None:
    with lightning_class("AttributeDict") as other:
        torch.save({"state_dict": {}, "hyper_parameters": other()}, tmp_path / "figaro.ckpt")
    with pytest.raises(TargetError, match="an object of kind AttributeDict"):
        load_figaro(tmp_path)


def test_a_missing_vae_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"no vq-vae\.ckpt"):
        load_figaro(save_lightning(tmp_path, "latent", vae=False))


def test_of_several_checkpoints_one_must_be_chosen(tmp_path: Path) -> None:
    save_lightning(tmp_path, "description")
    (tmp_path / "figaro-other.ckpt").write_bytes(b"")
    assert FigaroFamily.matches(tmp_path)
    with pytest.raises(TargetError, match=r"exactly one.*figaro-other\.ckpt, figaro-test\.ckpt"):
        load_figaro(tmp_path)


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        ({"d_model": "big"}, "d_model = 'big'"),
        ({"d_model": 10**9}, "d_model = 1000000000"),
        ({"num_attention_heads": 3}, "attention heads"),
        ({"dropout": 1.5}, "dropout 1.5"),
        ({"description_flavor": "poem"}, "no FIGARO with the description 'poem'"),
        ({"description_options": {"mood": True}}, "no choice of"),
        ({"intermediate_size": 25}, "other sizes"),
        ({"decoder_layers": 3}, "lacks weights"),
        ({"decoder_layers": 1}, "unknown weights"),
        ({"context_size": 41, "max_position_embeddings": 40}, "cannot have a context"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(tmp_path: Path, change: dict[str, object], needed: str) -> None:
    save_figaro(tmp_path, tiny()[0])
    config = json.loads((tmp_path / "config.json").read_text()) | change
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(TargetError, match=needed) as caught:
        load_figaro(tmp_path)
    assert "\n" not in str(caught.value)


def test_conditions_of_another_target_are_refused(target: Figaro) -> None:
    window = target.windows(small_score())[0]
    with pytest.raises(TargetError, match="1 windows need as many"):
        next(target.logits(window.codes[None], ["a prompt"], null=False))


def test_an_autoencoder_without_codes_is_refused(tmp_path: Path) -> None:
    folder = save_lightning(tmp_path, "latent")
    torch.save({"state_dict": {}, "hyper_parameters": {"disable_vq": True}}, folder / "vq-vae.ckpt")
    with pytest.raises(TargetError, match="disable_vq"):
        load_figaro(folder)


@pytest.mark.parametrize(
    ("content", "needed"),
    [
        ([1, 2], "no Lightning checkpoint"),
        ({"weights": {}}, "no Lightning checkpoint"),
        ({"state_dict": {}}, "hyper-parameters .* are absent"),
        ({"state_dict": {"a": 1}, "hyper_parameters": {}}, "other things than named tensors"),
        ({"state_dict": {}, "hyper_parameters": {}}, "lacks weights"),
    ],
)
def test_files_that_are_no_lightning_checkpoint_are_refused(tmp_path: Path, content: object, needed: str) -> None:
    torch.save(content, tmp_path / "figaro.ckpt")
    with pytest.raises(TargetError, match=needed):
        load_figaro(tmp_path)


def test_own_folders_that_lack_a_part_are_refused(tmp_path: Path) -> None:
    model, vae = tiny("latent")
    save_figaro(tmp_path, model)
    with pytest.raises(TargetError, match="no vae entry"):
        load_figaro(tmp_path)
    save_figaro(tmp_path, model, vae)
    (tmp_path / "vq-vae.safetensors").unlink()
    with pytest.raises(TargetError, match=r"vq-vae\.safetensors is not there"):
        load_figaro(tmp_path)
    save_figaro(tmp_path, model, vae)
    config = json.loads((tmp_path / "config.json").read_text())
    config["vae"]["n_groups"] = 3
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(TargetError, match="does not divide evenly"):
        load_figaro(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(TargetError, match="could not be loaded"):
        load_figaro(tmp_path)


def test_a_vae_of_another_width_is_refused(tmp_path: Path) -> None:
    model, _ = tiny("latent")
    save_figaro(tmp_path, model, BarEncoder(replace(VAE_SIZES, d_latent=16)))
    with pytest.raises(TargetError, match="do not belong together"):
        load_figaro(tmp_path)


def test_other_folders_are_not_its_own(tmp_path: Path) -> None:
    assert not FigaroFamily.matches(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "vq-vae.ckpt").write_bytes(b"")
    assert not FigaroFamily.matches(tmp_path)
    with pytest.raises(TargetError, match="exactly one"):
        load_figaro(tmp_path)
