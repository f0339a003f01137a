"""Causal language models: layouts, alignment with the models' own forward, windows of scores, refusals."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import symusic
import torch
from transformers import (
    BertConfig,
    BertLMHeadModel,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MimiConfig,
    MimiModel,
    PreTrainedModel,
    XcodecConfig,
    XcodecModel,
)

from earwitness.errors import TargetError
from earwitness.targets import delay
from earwitness.targets.causal_lm import AudioCausalLm, CausalLmFamily, MidiCausalLm
from earwitness.targets.causal_lm.layout import Layout
from earwitness.targets.protocols import SymbolicTarget, TokenTarget, TokenWindow
from earwitness.testing import check_target
from earwitness_bench.recipes.musicgen import caption_tokenizer
from tests.targets.scores.midi_bytes import COMMON_TIME, midi_file, off, on
from tests.tiny import SAMPLE_RATE, all_logits, tiny_codec

VOCABULARY, POSITIONS, BOS, PAD, FIRST = 70, 170, 1, 2, 15
AUDIO = {"tokens": "audio", "codec": "codec", "codebooks": 3, "first_code_id": FIRST, "prefix_ids": [BOS]}
MIDI = {"tokens": "midi"}
DELAY = {"interleaving": "delay", "delays": [0, 1, 2], "pad_token_id": PAD}


def _strong(model: PreTrainedModel) -> PreTrainedModel:
    """Weights large enough that everything that is seen is heard."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def llama(vocabulary: int = VOCABULARY, positions: int = POSITIONS) -> PreTrainedModel:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=positions, bos_token_id=BOS, eos_token_id=PAD,
    )  # fmt: skip
    return _strong(LlamaForCausalLM(config))


def gpt2(vocabulary: int = VOCABULARY, positions: int = POSITIONS) -> PreTrainedModel:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=vocabulary, n_embd=16, n_layer=2, n_head=2, n_positions=positions, bos_token_id=BOS, eos_token_id=PAD
    )
    return _strong(GPT2LMHeadModel(config))


def capped() -> PreTrainedModel:
    """A Gemma 2, which bends its logits after the head."""
    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=VOCABULARY, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, max_position_embeddings=POSITIONS, final_logit_softcapping=2.0,
        bos_token_id=BOS, eos_token_id=PAD, pad_token_id=0,
    )  # fmt: skip
    return _strong(Gemma2ForCausalLM(config))


def save_audio(folder: Path, model: PreTrainedModel, **said: object) -> Path:
    model.save_pretrained(folder)
    tiny_codec().save_pretrained(folder / "codec")
    return describe(folder, AUDIO | said)


def describe(folder: Path, content: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "earwitness.json").write_text(json.dumps(content))
    return folder


def load_audio(folder: Path, dtype: str = "float32") -> AudioCausalLm:
    target = CausalLmFamily.load(folder, name="tiny", device="cpu", dtype=dtype)
    assert isinstance(target, AudioCausalLm)
    return target


def load_midi(folder: Path) -> MidiCausalLm:
    target = CausalLmFamily.load(folder, name="tiny", device="cpu", dtype="float32")
    assert isinstance(target, MidiCausalLm)
    return target


def own_logits(model: PreTrainedModel, ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0]


@pytest.fixture(scope="module")
def waves() -> np.ndarray:
    return np.random.default_rng(0).normal(scale=0.3, size=(2, SAMPLE_RATE // 2)).astype(np.float32)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> AudioCausalLm:
    return load_audio(save_audio(tmp_path_factory.mktemp("flat"), llama()))


@pytest.mark.parametrize(
    ("delays", "sequence"),
    [
        ([0, 0], [10, 23, 11, 24, 12, 25]),
        (None, [10, 11, 12, 23, 24, 25]),
        ([0, 2], [10, 9, 11, 9, 12, 23, 9, 24, 9, 25]),
    ],
)
def test_a_layout_writes_codes_and_finds_them_again(delays: list[int] | None, sequence: list[int]) -> None:
    layout = Layout(first_code_ids=[10, 20], delays=delays, pad_token_id=9)
    codes = torch.tensor([[[0, 1, 2], [3, 4, 5]]])
    assert layout.tokens(codes)[0].tolist() == sequence
    places = layout.places(3)
    assert [[sequence[place] for place in row] for row in places.tolist()] == [[10, 11, 12], [23, 24, 25]]
    assert layout.frames(len(sequence)) == 3
    assert layout.frames(len(sequence) - 1) == 2


def test_it_says_what_it_is(target: AudioCausalLm) -> None:
    assert isinstance(target, TokenTarget)
    assert (target.sample_rate, target.hop_length, target.codebooks, target.channels) == (SAMPLE_RATE, 320, 3, 1)
    assert not target.has_null_condition
    assert target.max_seconds == pytest.approx((POSITIONS - 1) // 3 / 50)
    assert target.identity.family == "causal-lm"


@pytest.mark.parametrize("make", [llama, gpt2, capped])
def test_flat_logits_are_those_of_the_models_own_forward(
    tmp_path: Path, make: Callable[[], PreTrainedModel], waves: np.ndarray
) -> None:
    model = make()
    target = load_audio(save_audio(tmp_path, model))
    codes = target.encode(waves)
    ids, at = [BOS], {}
    for t in range(25):
        for k in range(3):
            at[k, t] = len(ids) - 1  # the position before a token predicts it
            ids.append(FIRST + 16 * k + int(codes[0, k, t]))
    whole = own_logits(model, ids)
    ours = all_logits(target, codes, ["", ""])[0]
    assert ours.shape == (3, 25, 16)
    for (k, t), position in at.items():
        own = whole[position, FIRST + 16 * k : FIRST + 16 * (k + 1)]
        torch.testing.assert_close(ours[k, t], own, rtol=1e-4, atol=1e-5)


def test_delayed_codebooks_in_a_shared_block_are_aligned(tmp_path: Path, waves: np.ndarray) -> None:
    model = gpt2()
    target = load_audio(save_audio(tmp_path, model, **DELAY, first_code_id=[FIRST, FIRST, 40]))
    codes = target.encode(waves[:1])
    ids, at = [BOS], {}
    for column in range(25 + 2):
        for k, first in enumerate([FIRST, FIRST, 40]):
            t = column - k
            at[k, t] = len(ids) - 1
            ids.append(first + int(codes[0, k, t]) if 0 <= t < 25 else PAD)
    whole = own_logits(model, ids)
    ours = all_logits(target, codes, [""])[0]
    for k, first in enumerate([FIRST, FIRST, 40]):
        own = torch.stack([whole[at[k, t], first : first + 16] for t in range(25)])
        torch.testing.assert_close(ours[k], own, rtol=1e-4, atol=1e-5)


def test_fewer_codebooks_than_the_codec_has_are_its_first(
    tmp_path: Path, target: AudioCausalLm, waves: np.ndarray
) -> None:
    single = load_audio(save_audio(tmp_path, llama(), codebooks=1))
    assert torch.equal(single.encode(waves), target.encode(waves)[:, :1])


@pytest.mark.parametrize("said", [{}, {"interleaving": "by_codebook"}, DELAY])
def test_it_keeps_the_contract(tmp_path: Path, said: dict[str, object]) -> None:
    with torch.no_grad():
        held = list(check_target(load_audio(save_audio(tmp_path, llama(), **said))))
    assert "a token's logits do not see the token" in held


def test_no_token_sees_itself_or_what_follows(target: AudioCausalLm, waves: np.ndarray) -> None:
    codes = target.encode(waves)[:1]
    changed = codes.clone()
    k, t = 1, 12
    changed[0, k, t] = (codes[0, k, t] + 1) % 16
    moved = (all_logits(target, codes, [""]) - all_logits(target, changed, [""])).abs().amax(-1)[0] > 1e-6
    place = torch.arange(25)[None] * 3 + torch.arange(3)[:, None]
    assert torch.equal(moved, place > t * 3 + k)


def test_a_prompt_stands_before_the_codes_without_padding(tmp_path: Path, waves: np.ndarray) -> None:
    model, tokenizer = llama(), caption_tokenizer(["audio a reel in d major"])
    tokenizer.save_pretrained(tmp_path)
    target = load_audio(save_audio(tmp_path, model, prompt="{prompt} audio", max_prompt_tokens=8))
    assert target.max_seconds == pytest.approx((POSITIONS - 1 - 8) // 3 / 50)
    codes = target.encode(waves)
    prompts = ["a reel in d", "d major"]
    together = all_logits(target, codes, prompts)
    for i, prompt in enumerate(prompts):
        before = [*tokenizer(f"{prompt} audio", add_special_tokens=False).input_ids, BOS]
        own = own_logits(model, [*before, FIRST + int(codes[i, 0, 0])])
        torch.testing.assert_close(together[i, 0, 0], own[-2, FIRST : FIRST + 16], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(all_logits(target, codes[i : i + 1], [prompt])[0], together[i])
    with pytest.raises(TargetError, match="takes 10 tokens and the description keeps room for 8"):
        all_logits(target, codes, ["a reel in d major a reel in d", ""])


def test_chunks_join_to_the_whole(target: AudioCausalLm, waves: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = target.encode(waves)
    whole = all_logits(target, codes, ["", ""])
    monkeypatch.setitem(delay._CHUNK_BYTES, "cpu", 10 * 2 * 3 * 16 * 4)
    with torch.no_grad():
        chunks = [chunk.condition for chunk in target.logits(codes, ["", ""], null=False)]
    assert [chunk.shape[2] for chunk in chunks] == [10, 10, 5]
    assert torch.equal(torch.cat(chunks, dim=2), whole)


def test_bfloat16_is_close_and_hears_the_same_codes(tmp_path: Path, target: AudioCausalLm, waves: np.ndarray) -> None:
    rough = load_audio(save_audio(tmp_path, llama()), "bfloat16")
    codes = target.encode(waves)
    assert torch.equal(rough.encode(waves), codes)
    assert (all_logits(rough, codes, ["", ""]).float() - all_logits(target, codes, ["", ""])).abs().mean() < 0.1


def test_gradients_reach_a_tied_embedding_from_both_ends(tmp_path: Path, waves: np.ndarray) -> None:
    target = load_audio(save_audio(tmp_path, gpt2()))
    chunks = [chunk.condition for chunk in target.logits(target.encode(waves)[:1], [""], null=False)]
    torch.cat(chunks, dim=2).logsumexp(-1).sum().backward()
    tied = next(parameter for parameter in target.parameters() if parameter.shape == (VOCABULARY, 16))
    moved = tied.grad.abs().amax(1) > 0
    assert moved[FIRST : FIRST + 48].all()  # as outputs
    assert moved[BOS]  # as input
    assert not moved[FIRST + 48 :].any()


def test_a_mimi_codec_is_asked_too(tmp_path: Path) -> None:
    torch.manual_seed(0)
    codec = MimiModel(
        MimiConfig(
            sampling_rate=SAMPLE_RATE, hidden_size=8, num_filters=2, upsampling_ratios=[8, 5, 4, 2], codebook_size=16,
            codebook_dim=4, vector_quantization_hidden_dimension=4, num_quantizers=4, num_semantic_quantizers=1,
            num_hidden_layers=1, num_attention_heads=1, num_key_value_heads=1, head_dim=8, intermediate_size=8,
            upsample_groups=8, frame_rate=25.0,
        )
    )  # fmt: skip
    target = load_audio(_with_codec(save_audio(tmp_path, llama()), codec))
    assert (target.sample_rate, target.hop_length) == (SAMPLE_RATE, 640)
    codes = target.encode(np.random.default_rng(0).normal(size=(2, SAMPLE_RATE)).astype(np.float32))
    assert codes.shape == (2, 3, 25)


def test_an_x_codec_is_asked_too(tmp_path: Path) -> None:
    torch.manual_seed(0)
    acoustic = {
        "encoder_hidden_size": 4, "downsampling_ratios": [8, 5, 4, 2], "upsampling_ratios": [8, 5, 4, 2],
        "decoder_hidden_size": 32, "hidden_size": 8,
    }  # fmt: skip
    semantic = {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
        "conv_dim": [8] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
    }  # fmt: skip
    config = XcodecConfig(
        codebook_size=16, target_bandwidths=[0.2, 0.8], acoustic_model_config=acoustic, semantic_model_config=semantic
    )
    codec = XcodecModel(config).eval()
    target = load_audio(_with_codec(save_audio(tmp_path, llama()), codec))
    assert (target.sample_rate, target.hop_length) == (SAMPLE_RATE, 320)
    waves = np.random.default_rng(0).normal(size=(2, SAMPLE_RATE)).astype(np.float32)
    codes = target.encode(waves)
    assert codes.shape == (2, 3, 50)
    with torch.no_grad():
        theirs = codec.encode(torch.from_numpy(waves)[:, None]).audio_codes
    assert torch.equal(codes, theirs[:, :3])
    torch.testing.assert_close(target.encode(waves[1:]), codes[1:])


def _with_codec(folder: Path, codec: PreTrainedModel) -> Path:
    for file in (folder / "codec").iterdir():
        file.unlink()
    codec.save_pretrained(folder / "codec")
    return folder


@pytest.mark.parametrize(
    ("content", "needed"),
    [
        ({"tokens": "video"}, "'audio', 'midi'"),
        ({}, "tokens"),
        ({"tokens": "audio", "codec": "codec", "codebooks": 3, "prefix_ids": [1]}, "first_code_id"),
        (AUDIO | {"codebook": 4}, "codebook: Extra inputs"),
        (AUDIO | {"codebooks": 0}, "codebooks: .* greater than or equal to 1"),
        (AUDIO | {"first_code_id": [1, 2]}, "lists 2 ids for 3 codebooks"),
        (AUDIO | {"prefix_ids": []}, "must stand before the first code"),
        (AUDIO | {"interleaving": "delay"}, "needs both"),
        (AUDIO | {"delays": [0, 1, 2], "pad_token_id": PAD}, "belong to the interleaving delay"),
        (AUDIO | DELAY | {"delays": [1, 2, 3]}, "the smallest 0"),
        (AUDIO | {"prompt": "music:"}, "place {prompt}"),
        (AUDIO | {"codebooks": 4}, "has 3 codebooks, but the model speaks 4"),
        (AUDIO | {"codec": "elsewhere"}, "elsewhere does not exist"),
        (AUDIO | {"codec": "."}, "found: llama"),
        (AUDIO | {"first_code_id": 23}, "70 tokens, but its description puts codes up to token 70"),
        (AUDIO | {"prefix_ids": [70]}, "names token 70"),
        (AUDIO | {"max_tokens": 171}, "takes 170 tokens, but its description says max_tokens 171"),
        (AUDIO | {"max_tokens": 3}, "no room for audio"),
        (AUDIO | {"prompt": "{prompt}"}, "tokenizer"),
        ([], "holds no configuration object"),
    ],
)
def test_wrong_descriptions_are_refused_in_one_line(described: Path, content: object, needed: str) -> None:
    with pytest.raises(TargetError, match=needed) as caught:
        CausalLmFamily.load(describe(described, content), name="x", device="cpu", dtype="float32")
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole directory whose description the tests replace."""
    return save_audio(tmp_path_factory.mktemp("described"), llama())


def test_a_model_that_looks_ahead_is_refused(tmp_path: Path) -> None:
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    torch.manual_seed(0)
    with pytest.raises(TargetError, match="see what follows"):
        load_audio(save_audio(tmp_path, _strong(BertLMHeadModel(config))))


def test_only_directories_with_a_description_match(tmp_path: Path) -> None:
    llama().save_pretrained(tmp_path)
    assert not CausalLmFamily.matches(tmp_path)
    assert CausalLmFamily.matches(describe(tmp_path, AUDIO))


def tune(bars: int, *, tracks: int = 1) -> symusic.Score:
    """Four notes per bar, of four pitches that differ from bar to bar."""
    score = symusic.Score(480)
    for track in range(tracks):
        notes = symusic.Track(program=8 * track)
        for i in range(4 * bars):
            notes.notes.append(symusic.Note(i * 480, 480, 60 + 12 * track + (i * i + i // 4) % 12, 80))
        score.tracks.append(notes)
    return score


def miditok() -> ModuleType:
    """The package, or the test is skipped: it comes with an extra."""
    loaded: ModuleType = pytest.importorskip("miditok", reason="needs pip install 'earwitness[miditok]'")
    return loaded


def remi(**config: object) -> Any:
    return miditok().REMI(miditok().TokenizerConfig(use_time_signatures=False, **config))


def save_midi(folder: Path, tokenizer: Any, *, positions: int = 40, **said: object) -> Path:
    gpt2(len(tokenizer) + 3, positions).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return describe(folder, MIDI | {"first_token_id": 3} | said)


def score_logits(target: MidiCausalLm, windows: list[TokenWindow]) -> torch.Tensor:
    longest = max(window.codes.shape[1] for window in windows)
    codes = torch.stack([torch.nn.functional.pad(w.codes, (0, longest - w.codes.shape[1])) for w in windows])
    with torch.no_grad():
        chunks = list(target.logits(codes, [window.condition for window in windows], null=False))
    return torch.cat([chunk.condition for chunk in chunks], dim=2)


@pytest.mark.parametrize("prefix", [[], [BOS], [BOS, PAD]])
def test_windows_begin_at_bars_and_logits_are_the_models_own(tmp_path: Path, prefix: list[int]) -> None:
    tokenizer = remi()
    target = load_midi(save_midi(tmp_path, tokenizer, positions=34, prefix_ids=prefix))
    assert isinstance(target, SymbolicTarget)
    assert target.window_tokens == 34 - max(1, len(prefix))
    ids = tokenizer.encode(tune(12))[0].ids  # a bar: itself, then position, pitch, velocity, duration four times
    assert len(ids) == 12 * 17
    windows = target.windows(tune(12))  # two bars long: the last of them ends with the piece
    assert {"Bar", "Position", "Pitch", "Velocity", "Duration"} <= set(target.token_kinds)
    own = 0 if prefix else 1
    starts = range(0, len(ids) - target.window_tokens - own + 1, 17)
    assert len(windows) == len(starts)
    model = gpt2(len(tokenizer) + 3, 34)
    for window, start in zip(windows, starts, strict=True):
        assert window.start == start
        stretch = ids[start : start + own + target.window_tokens]
        assert window.codes.tolist() == [stretch[own:]]
        before = prefix or [stretch[0] + 3]
        assert torch.as_tensor(window.condition).tolist() == before
    whole = own_logits(model, [*before, *[token + 3 for token in stretch[own:]]])
    ours = score_logits(target, windows)
    assert ours.shape == (len(starts), 1, target.window_tokens, len(tokenizer))
    torch.testing.assert_close(ours[-1, 0], whole[len(before) - 1 : -1, 3:], rtol=1e-4, atol=1e-5)


def test_a_shorter_piece_gives_one_shorter_window_and_padding_changes_nothing(tmp_path: Path) -> None:
    target = load_midi(save_midi(tmp_path, remi()))
    short, full = target.windows(tune(2)), target.windows(tune(3))
    assert [window.codes.shape[1] for window in short] == [33]
    assert [window.codes.shape[1] for window in full] == [39]
    together = score_logits(target, [*short, *full])
    torch.testing.assert_close(together[:1, :, :33], score_logits(target, list(short)))
    torch.testing.assert_close(together[1:], score_logits(target, list(full)))
    assert target.windows(symusic.Score(480)) == []


def test_tracks_that_are_apart_are_cut_apart(tmp_path: Path) -> None:
    target = load_midi(save_midi(tmp_path, remi()))
    each = [target.windows(single) for single in _tracks(tune(6, tracks=2))]
    both = target.windows(tune(6, tracks=2))
    assert [window.codes.tolist() for window in both] == [w.codes.tolist() for windows in each for w in windows]


def _tracks(score: symusic.Score) -> Iterator[symusic.Score]:
    for track in score.tracks:
        single = symusic.Score(480)
        single.tracks.append(track)
        yield single


def test_a_score_is_left_as_it_was(tmp_path: Path) -> None:
    score = tune(4)
    load_midi(save_midi(tmp_path, remi())).windows(score)
    assert score == tune(4)


def test_merged_tokens_begin_a_bar_where_their_first_part_does(tmp_path: Path) -> None:
    tokenizer = remi()
    file = tmp_path / "tune.mid"
    tune(40).dump_midi(file)
    tokenizer.train(vocab_size=len(tokenizer) + 30, files_paths=[file])
    target = load_midi(save_midi(tmp_path / "model", tokenizer, positions=20))
    windows = target.windows(tune(20))
    assert len(windows) > 5
    for window in windows:
        first = miditok().TokSequence(ids=[int(window.condition[0]) - 3], are_ids_encoded=True)
        tokenizer.decode_token_ids(first)
        assert first.tokens[0] == "Bar_None"
    assert score_logits(target, list(windows)).shape[-1] == len(tokenizer)


def test_without_bars_windows_overlap_by_half(tmp_path: Path) -> None:
    tokenizer = miditok().TSD(miditok().TokenizerConfig())
    target = load_midi(save_midi(tmp_path, tokenizer, prefix_ids=[BOS], max_tokens=21))
    ids = tokenizer.encode(tune(8))[0].ids
    windows = target.windows(tune(8))
    assert [window.codes[0].tolist() for window in windows] == [ids[at : at + 20] for at in range(0, len(ids) - 19, 10)]


@pytest.mark.parametrize(
    ("tokenizer", "needed"),
    [
        ({"tokenization": "Path"}, "is not a miditok tokenizer"),
        ({"tokenization": "TokenizerConfig"}, "is not a miditok tokenizer"),
        ({"version": "1.0", "model": {}}, "its tokenization is None"),
        ({"tokenization": "REMI", "config": {"beat_res": 3}}, "could not be loaded"),
        (None, "There is no tokenizer at"),
    ],
)
def test_other_tokenizers_are_refused_in_one_line(tmp_path: Path, tokenizer: object, needed: str) -> None:
    miditok()
    if tokenizer is not None:
        (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(TargetError, match=needed) as caught:
        load_midi(describe(tmp_path, MIDI))
    assert "\n" not in str(caught.value)


def test_a_tokenizer_with_several_vocabularies_is_refused(tmp_path: Path) -> None:
    miditok().CPWord(miditok().TokenizerConfig()).save_pretrained(tmp_path)
    with pytest.raises(TargetError, match="several vocabularies"):
        load_midi(describe(tmp_path, MIDI))


def test_notes_are_those_that_the_description_says(tmp_path: Path) -> None:
    data = midi_file([(0, COMMON_TIME), (0, on(60)), (48, on(60)), (96, off(60)), (192, off(60))])
    for notes, ends in (("symusic", [96, 192]), ("pretty_midi", [96, 96])):
        target = load_midi(save_midi(tmp_path / notes, remi(), notes=notes))
        assert [note.end for note in target.read_score(data).tracks[0].notes] == ends
    with pytest.raises(TargetError, match="notes: Input should be 'symusic' or 'pretty_midi'"):
        load_midi(save_midi(tmp_path / "other", remi(), notes="mido"))
