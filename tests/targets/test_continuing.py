"""Greedy continuation: each token is the teacher-forced maximum, and the library comes to the same sound."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, MusicgenForConditionalGeneration

from earwitness.targets import load_target
from earwitness.targets.continuing import decode
from earwitness.targets.protocols import Continuing, TokenTarget
from tests.tiny import SAMPLE_RATE, all_logits, save_tiny_musicgen, save_tiny_musicgen_melody

PROMPTS = ["a reel in d major", ""]
KNOWN, NEW = 20, 15


@pytest.fixture(scope="module", params=["mono", "stereo", "melody"])
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    place = tmp_path_factory.mktemp("tiny")
    if request.param == "melody":
        return save_tiny_musicgen_melody(place)
    return save_tiny_musicgen(place, channels=2 if request.param == "stereo" else 1)


@pytest.fixture(scope="module")
def target(folder: Path) -> TokenTarget:
    return load_target(str(folder), device="cpu")


@pytest.fixture(scope="module")
def waves(target: TokenTarget) -> np.ndarray:
    shape = (2, SAMPLE_RATE) if target.channels == 1 else (2, 2, SAMPLE_RATE)
    return np.random.default_rng(0).normal(scale=0.3, size=shape).astype(np.float32)


def test_every_new_token_is_the_most_likely_one_given_all_before_it(target: TokenTarget, waves: np.ndarray) -> None:
    assert isinstance(target, Continuing)
    codes = target.encode(waves)[:, :, :KNOWN]
    new = target.continue_codes(codes, PROMPTS, NEW)
    assert new.shape == (2, target.codebooks, NEW)
    assert not torch.equal(new[0], new[1])
    best = all_logits(target, torch.cat([codes, new], dim=2), PROMPTS).argmax(dim=-1)
    assert torch.equal(best[:, :, KNOWN:], new)
    assert torch.equal(target.continue_codes(codes[:1], PROMPTS[:1], NEW), new[:1])  # batch-mates change nothing


def test_the_prompt_reaches_the_continuation(target: TokenTarget, waves: np.ndarray) -> None:
    assert isinstance(target, Continuing)
    codes = target.encode(waves)[:, :, :KNOWN]
    texts = [target.continue_codes(codes, [text, text], NEW) for text in PROMPTS]
    assert not torch.equal(texts[0], texts[1])


def test_decoding_is_the_codecs_own_channel_by_channel(target: TokenTarget, waves: np.ndarray) -> None:
    assert isinstance(target, Continuing)
    codes = target.encode(waves)
    sound = target.decode(codes)
    assert sound.dtype == np.float32
    assert sound.shape == waves.shape
    if target.channels == 2:
        left = torch.stack([codes[:, 0::2], codes[:, 0::2]], dim=2).flatten(1, 2)
        np.testing.assert_allclose(target.decode(left)[:, 1], sound[:, 0], atol=1e-6)


def test_the_library_generates_the_same_sound(tmp_path: Path) -> None:
    folder = save_tiny_musicgen(tmp_path)
    target = load_target(str(folder), device="cpu")
    model = MusicgenForConditionalGeneration.from_pretrained(folder).eval()
    wave = np.random.default_rng(1).normal(scale=0.3, size=(1, KNOWN * target.hop_length)).astype(np.float32)
    theirs = model.generate(
        **AutoTokenizer.from_pretrained(folder)(PROMPTS[:1], return_tensors="pt"),
        input_values=torch.from_numpy(wave)[:, None],
        do_sample=False, guidance_scale=1, max_new_tokens=NEW + target.codebooks - 1,
    )  # fmt: skip
    assert isinstance(target, Continuing)
    codes = target.encode(wave)
    ours = torch.cat([codes, target.continue_codes(codes, PROMPTS[:1], NEW)], dim=2)
    np.testing.assert_allclose(decode(model.audio_encoder, ours, 1), theirs[:, 0].numpy(), atol=1e-6)
