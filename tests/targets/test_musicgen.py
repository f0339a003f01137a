"""MusicGen: alignment with transformers' own forward, null condition, batching, refusals."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, MusicgenForConditionalGeneration

from earwitness.errors import TargetError
from earwitness.targets import load_target
from earwitness.targets.protocols import TokenTarget
from tests.tiny import SAMPLE_RATE, save_tiny_musicgen

PROMPTS = ["a reel in d major", "a jig"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_musicgen(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def target(folder: Path) -> TokenTarget:
    return load_target(str(folder), device="cpu")


@pytest.fixture(scope="module")
def waves() -> np.ndarray:
    return np.random.default_rng(0).normal(scale=0.3, size=(2, SAMPLE_RATE)).astype(np.float32)


def all_logits(target: TokenTarget, codes: torch.Tensor, prompts: list[str], null: bool = False) -> torch.Tensor:
    chunks = list(target.logits(codes, prompts, null=null))
    return torch.cat([chunk.null if null else chunk.condition for chunk in chunks], dim=2)


def test_it_says_what_it_is(target: TokenTarget, folder: Path) -> None:
    assert (target.sample_rate, target.codebooks, target.has_null_condition) == (SAMPLE_RATE, 3, True)
    assert target.max_seconds == 2.0
    assert target.identity.family == "musicgen"
    assert target.identity.weights_sha256 == load_target(str(folder), device="cpu").identity.weights_sha256


def test_codes_vary_with_the_audio(target: TokenTarget, waves: np.ndarray) -> None:
    codes = target.encode(waves)
    assert codes.shape == (2, 3, 50)
    assert len(codes.unique()) > 4


def test_logits_are_aligned_with_transformers_own_delay_pattern(
    target: TokenTarget, folder: Path, waves: np.ndarray
) -> None:
    codes = target.encode(waves)[:1]
    model = MusicgenForConditionalGeneration.from_pretrained(folder).eval()
    text = AutoTokenizer.from_pretrained(folder)(PROMPTS[:1], return_tensors="pt")
    _, pattern = model.decoder.build_delay_pattern_mask(codes.new_full((3, 1), 16), pad_token_id=16, max_length=54)
    delayed = codes.new_full((3, 54), 16)
    for k in range(3):
        delayed[k, k + 1 : k + 51] = codes[0, k]
    with torch.no_grad():
        # The library's own pattern fixes where start tokens stand (it marks free places by −1).
        fixed = pattern[:, :54] != -1
        assert torch.equal(pattern[:, :54][fixed], delayed[fixed])
        theirs = model(**text, decoder_input_ids=delayed).logits.view(3, 54, 16)
    ours = all_logits(target, codes, PROMPTS[:1])[0]
    for k in range(3):
        torch.testing.assert_close(ours[k], theirs[k, k : k + 50], rtol=1e-4, atol=1e-5)


def test_no_token_sees_itself_or_what_follows(target: TokenTarget, waves: np.ndarray) -> None:
    codes = target.encode(waves)[:1]
    changed = codes.clone()
    k, t = 1, 20
    changed[0, k, t] = (codes[0, k, t] + 1) % 16
    moved = (all_logits(target, codes, PROMPTS[:1]) - all_logits(target, changed, PROMPTS[:1])).abs().amax(-1)[0] > 1e-6
    column = torch.arange(50)[None] + torch.arange(3)[:, None]  # position at which (k, t) is predicted
    assert not moved[column <= t + k].any()
    assert moved[column == t + k + 1].all()


def test_prompts_matter_and_an_empty_one_is_the_null_condition(target: TokenTarget, waves: np.ndarray) -> None:
    codes = target.encode(waves)
    prompted = all_logits(target, codes, PROMPTS)
    null = all_logits(target, codes, PROMPTS, null=True)
    assert (prompted - null).abs().max() > 0.01
    torch.testing.assert_close(all_logits(target, codes, ["", ""]), null, rtol=1e-5, atol=1e-5)


def test_batch_mates_change_nothing(target: TokenTarget, waves: np.ndarray) -> None:
    codes = target.encode(waves)
    together = all_logits(target, codes, PROMPTS)
    for i in range(2):
        torch.testing.assert_close(all_logits(target, codes[i : i + 1], PROMPTS[i : i + 1])[0], together[i])


def test_chunks_join_to_the_whole(target: TokenTarget, waves: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = target.encode(waves)
    whole = all_logits(target, codes, PROMPTS)
    monkeypatch.setitem(
        __import__("earwitness.targets.musicgen", fromlist=["x"])._CHUNK_BYTES, "cpu", 3 * 2 * 3 * 16 * 4
    )
    chunks = list(target.logits(codes, PROMPTS, null=False))
    assert [chunk.condition.shape[2] for chunk in chunks] == [3] * 16 + [2]
    torch.testing.assert_close(torch.cat([chunk.condition for chunk in chunks], dim=2), whole)


def test_a_bin_checkpoint_gives_the_same_answers(tmp_path: Path, target: TokenTarget, waves: np.ndarray) -> None:
    other = load_target(str(save_tiny_musicgen(tmp_path, safe=False)), device="cpu")
    codes = target.encode(waves)
    torch.testing.assert_close(all_logits(other, codes, PROMPTS), all_logits(target, codes, PROMPTS))


def test_bfloat16_is_close(folder: Path, target: TokenTarget, waves: np.ndarray) -> None:
    codes = target.encode(waves)
    rough = all_logits(load_target(str(folder), device="cpu", dtype="bfloat16"), codes, PROMPTS).float()
    assert (rough - all_logits(target, codes, PROMPTS)).abs().mean() < 0.05


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path: Path) -> None:
    folder = save_tiny_musicgen(tmp_path / "model", safe=False)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"decoder.lm_heads.0.weight": _Bomb(tmp_path / "ran")}, 2))
    with pytest.raises(TargetError, match="pickle"):
        load_target(str(folder), device="cpu")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "needed"),
    [
        ({}, "no model of a known family"),
        ({"config.json": "{"}, "not readable JSON"),
        ({"config.json": '{"model_type": "bert"}'}, "found: bert"),
        ({"config.json": '{"model_type": "musicgen"}'}, "could not be loaded"),
    ],
)
def test_other_folders_are_refused_in_one_line(tmp_path: Path, content: dict[str, str], needed: str) -> None:
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(TargetError, match=needed) as caught:
        load_target(str(tmp_path), device="cpu")
    assert "\n" not in str(caught.value)


def test_damaged_weights_are_refused_in_one_line(tmp_path: Path) -> None:
    folder = save_tiny_musicgen(tmp_path)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(TargetError, match="could not be loaded") as caught:
        load_target(str(folder), device="cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        ({"target": "no/such/folder"}, "does not exist"),
        ({"target": "here", "dtype": "int4"}, "dtype 'int4'"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, str], needed: str) -> None:
    with pytest.raises(TargetError, match=needed):
        load_target(**arguments)
