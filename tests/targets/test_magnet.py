"""MAGNeT: its network beside the original's, its masks, what a frame's logits see, and the contract of a target."""

import math
from pathlib import Path

import huggingface_hub
import pytest
import torch
from torch import Tensor

from earwitness.errors import TargetError
from earwitness.targets import load_target
from earwitness.targets.audiocraft.magnet import PASSES, Magnet, span_masks
from earwitness.targets.musicgen import Text
from earwitness.targets.protocols import Continuing, TokenTarget, WhiteBox, law_of
from earwitness.testing import check_target
from tests.targets.audiocraft_codec import CODES, SAMPLE_RATE
from tests.targets.audiocraft_original import SECONDS, changed, noise
from tests.targets.magnet_tiny import FRAMES, MAGNET, golden_question, save_tiny_magnet
from tests.targets.test_originals import ORIGINALS
from tests.tiny import all_logits

PROMPTS = ["a dog barks"]


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache and no network, whatever this machine has."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Magnet:
    loaded = load_target(str(save_tiny_magnet(tmp_path_factory.mktemp("magnet")).folder), device="cpu")
    assert isinstance(loaded, Magnet)
    return loaded


def codes(seed: int = 3, frames: int = FRAMES) -> Tensor:
    return torch.randint(0, CODES, (1, 4, frames), generator=torch.Generator().manual_seed(seed))


def test_it_says_what_it_is(target: Magnet) -> None:
    assert isinstance(target, TokenTarget)
    assert isinstance(target, WhiteBox)
    assert not isinstance(target, Continuing)
    assert (target.sample_rate, target.hop_length, target.codebooks, target.channels) == (SAMPLE_RATE, 320, 4, 1)
    assert (target.max_seconds, law_of(target).seconds) == (SECONDS, SECONDS)
    assert target.identity.family == "magnet"


def test_it_keeps_the_contract_of_a_target(target: Magnet) -> None:
    assert len(list(check_target(target))) >= 6


def test_answers_under_a_mask_are_the_originals(target: Magnet) -> None:
    asked, states, mask, masks = golden_question()
    with torch.no_grad():
        text = Text(target._model.enc_to_dec_proj(states) * mask[..., None], mask)
        hidden = target._hidden(asked, [own[None] for own in masks], text)
        heads = target._model.decoder.lm_heads
        found = torch.stack([head(passes[0])[0, ::3] for head, passes in zip(heads, hidden, strict=True)])
    torch.testing.assert_close(found, torch.tensor(ORIGINALS["magnet"]), rtol=0, atol=2e-5)


def test_masks_cover_as_many_frames_as_in_training() -> None:
    masks = span_masks(3000, 3, codebook=0)
    assert bool(masks[0].all())
    for number in range(1, PASSES):
        assert float(masks[number].float().mean()) == pytest.approx(math.cos(math.pi / 2 * number / PASSES), abs=0.02)
    # A frame outside the mask never stands alone between two spans' begins: every span is three frames long.
    inside = masks[3].tolist()
    runs = "".join("x" if one else "." for one in inside).split(".")
    assert min(len(run) for run in runs[:-1] if run) == 3
    assert torch.equal(masks, span_masks(3000, 3, codebook=0))
    assert not torch.equal(masks, span_masks(3000, 3, codebook=1))
    assert bool(span_masks(2, 3, codebook=0).any(dim=0).all())


def test_a_code_is_scored_by_its_mean_log_probability_over_the_masks_that_hide_it(target: Magnet) -> None:
    asked = codes()
    ours = all_logits(target, asked, PROMPTS)[0]
    text = target._like_musicgen.text(PROMPTS)
    masks = [span_masks(FRAMES, 3, codebook=k) for k in range(4)]
    with torch.no_grad():
        hidden = target._hidden(asked, masks, text)
        for k, t in ((0, 0), (0, 7), (2, 9), (3, 15)):
            under = [
                target._model.decoder.lm_heads[k](states[0, t]).log_softmax(0)
                for states, mask in zip(hidden[k], masks[k], strict=True)
                if mask[t]
            ]
            torch.testing.assert_close(ours[k, t], torch.stack(under).mean(0), rtol=1e-4, atol=1e-5)


def test_a_code_is_not_seen_and_neither_are_finer_ones(target: Magnet) -> None:
    asked, at = codes(), 6
    before = all_logits(target, asked, PROMPTS)[0]
    for k in range(4):
        other = asked.clone()
        other[0, k, at] = (other[0, k, at] + 1) % CODES
        after = all_logits(target, other, PROMPTS)[0]
        torch.testing.assert_close(after[: k + 1, at], before[: k + 1, at], rtol=0, atol=1e-5)
        if k < 3:
            assert float((after[k + 1, at] - before[k + 1, at]).abs().max()) > 1e-3


def test_only_the_first_codebook_sees_far(target: Magnet) -> None:
    asked = codes(frames=60)
    before = all_logits(target, asked, PROMPTS)[0]
    other = asked.clone()
    other[0, :, 0] = (other[0, :, 0] + 1) % CODES
    after = all_logits(target, other, PROMPTS)[0]
    # Two layers of attention to five frames on either side reach ten frames.
    assert torch.equal(after[1:, 11:], before[1:, 11:])
    assert float((after[0, 11:] - before[0, 11:]).abs().max()) > 1e-4


def test_sounds_are_asked_too_and_other_settings_refused(tmp_path: Path) -> None:
    sounds = save_tiny_magnet(tmp_path / "sounds", changed(MAGNET, solver="audio_magnet"))
    assert isinstance(load_target(str(sounds.folder), device="cpu"), Magnet)
    for number, (values, needed) in enumerate(
        (
            ({"transformer_lm__causal": True}, "causal is True"),
            ({"codebooks_pattern__modeling": "delay"}, "modeling is 'delay'"),
            ({"codebooks_pattern__parallel__empty_initial": 0}, "empty_initial is 0"),
            ({"masking__span_len": None}, "span_len is None"),
            ({"transformer_lm__subcodes_context": "all"}, "subcodes_context is 'all'"),
        )
    ):
        place = save_tiny_magnet(tmp_path / str(number), changed(MAGNET, **values)).folder
        with pytest.raises(TargetError, match=needed) as caught:
            load_target(str(place), device="cpu")
        assert "\n" not in str(caught.value)


def test_a_window_is_heard_as_long_as_it_was_trained(target: Magnet) -> None:
    assert target.encode(noise((2, SAMPLE_RATE))).shape == (2, 4, 50)
