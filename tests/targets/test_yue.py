"""YuE's second stage: its sequence beside the original preparation's, and its logits beside the class's own."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM

from earwitness.errors import TargetError
from earwitness.targets import load_target
from earwitness.targets.causal_lm import AudioCausalLm
from earwitness.targets.causal_lm.audio import layout_of
from earwitness.targets.causal_lm.description import YueTokens
from earwitness.targets.causal_lm.layout import Layout
from earwitness.targets.causal_lm.yue import as_audio_tokens
from earwitness.testing import check_target
from tests.targets.test_originals import ORIGINALS
from tests.targets.yue_tiny import golden_codes, save_tiny_yue
from tests.tiny import all_logits


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_yue(tmp_path_factory.mktemp("yue-tiny"))


@pytest.fixture(scope="module")
def target(folder: Path) -> AudioCausalLm:
    loaded = load_target(str(folder), device="cpu")
    assert isinstance(loaded, AudioCausalLm)
    return loaded


def test_a_first_codebook_is_written_beforehand_and_scored_there() -> None:
    layout = Layout(first_code_ids=[10, 20], delays=[0, 0], pad_token_id=9, coarse_first=True)
    codes = torch.tensor([[[0, 1, 2], [3, 4, 5]]])
    assert layout.tokens(codes).tolist() == [[10, 11, 12, 9, 10, 23, 11, 24, 12, 25]]
    assert layout.places(3).tolist() == [[0, 1, 2], [5, 7, 9]]
    assert (layout.frames(10), layout.frames(9)) == (3, 2)


def test_the_sequence_is_the_originals() -> None:
    description = as_audio_tokens(YueTokens(tokens="yue", codec="xcodec"))
    sequence = layout_of(description, 1024).tokens(golden_codes()[None])[0].tolist()
    whole = [*description.prefix_ids, *sequence]
    # The original's also has the ends of the audio and of the text.
    assert len(whole) == ORIGINALS["yue"]["tokens"] - 2
    assert whole[::7] == ORIGINALS["yue"]["every_seventh"]


def test_it_takes_six_seconds_of_eight_codebooks(target: AudioCausalLm) -> None:
    assert (target.sample_rate, target.hop_length, target.codebooks, target.max_seconds) == (16_000, 320, 8, 6.0)
    codes = target.encode(np.random.default_rng(0).normal(size=(2, 16_000)).astype(np.float32))
    assert codes.shape == (2, 8, 50)
    assert len(codes.unique()) > 50


def test_it_keeps_the_contract_of_a_target(target: AudioCausalLm) -> None:
    with torch.no_grad():
        assert len(list(check_target(target, seconds=0.5))) >= 4


def test_logits_are_the_classes_own(folder: Path, target: AudioCausalLm) -> None:
    codes = target.encode(np.random.default_rng(1).normal(size=(1, 6_400)).astype(np.float32))
    blocks = 45_334 + 1024 * torch.arange(8)
    rest = (codes[0] + blocks[:, None]).T.flatten().tolist()
    ids = [32_001, 32_013, *(codes[0, 0] + 45_334).tolist(), 32_017, *rest]
    with torch.no_grad():
        whole = LlamaForCausalLM.from_pretrained(folder).eval()(torch.tensor([ids])).logits[0]
    ours = all_logits(target, codes, [""])[0]
    for frame in (0, 7, 19):
        torch.testing.assert_close(ours[0, frame], whole[1 + frame, 45_334:46_358], rtol=1e-4, atol=1e-5)
        for k in (1, 7):
            own = whole[2 + 20 + 1 + 8 * frame + k - 1, blocks[k] : blocks[k] + 1024]
            torch.testing.assert_close(ours[k, frame], own, rtol=1e-4, atol=1e-5)


def test_the_first_stage_is_refused_with_the_reason(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "earwitness.json").write_text('{"tokens": "yue", "codec": "xcodec", "stage": 1}')
    with pytest.raises(TargetError, match="first stage was trained on voice and accompaniment") as caught:
        load_target(str(tmp_path), device="cpu")
    assert "\n" not in str(caught.value)


def test_the_codec_as_its_authors_saved_it_is_told_from_others(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mini" / "final_ckpt").mkdir(parents=True)
    (tmp_path / "mini" / "final_ckpt" / "ckpt_00360000.pth").write_bytes(b"")
    (tmp_path / "earwitness.json").write_text('{"tokens": "yue", "codec": "mini"}')
    with pytest.raises(TargetError, match=r"ckpt_00360000\.pth\); take its tensors") as caught:
        load_target(str(tmp_path), device="cpu")
    assert "\n" not in str(caught.value)
