"""MusicGen, mono and stereo: alignment with transformers' own forward, null condition, batching, refusals."""

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, MusicgenForConditionalGeneration

from earwitness.errors import TargetError
from earwitness.targets import load_target
from earwitness.targets.protocols import TokenTarget, WhiteBox
from earwitness.testing import check_target
from tests.tiny import SAMPLE_RATE, all_logits, library_logits, save_tiny_musicgen

PROMPTS = ["a reel in d major", "a jig"]


@pytest.fixture(scope="module", params=[1, 2], ids=["mono", "stereo"])
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    return save_tiny_musicgen(tmp_path_factory.mktemp("tiny"), channels=request.param)


@pytest.fixture(scope="module")
def target(folder: Path) -> TokenTarget:
    return load_target(str(folder), device="cpu")


@pytest.fixture(scope="module")
def model(folder: Path) -> MusicgenForConditionalGeneration:
    return MusicgenForConditionalGeneration.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def waves(target: TokenTarget) -> np.ndarray:
    shape = (2, SAMPLE_RATE) if target.channels == 1 else (2, 2, SAMPLE_RATE)
    return np.random.default_rng(0).normal(scale=0.3, size=shape).astype(np.float32)


def test_it_says_what_it_is(target: TokenTarget, folder: Path) -> None:
    assert (target.sample_rate, target.codebooks, target.has_null_condition) == (
        SAMPLE_RATE,
        3 * target.channels,
        True,
    )
    assert target.max_seconds == 2.0
    assert target.identity.family == "musicgen"
    assert target.identity.weights_sha256 == load_target(str(folder), device="cpu").identity.weights_sha256


def test_codes_vary_with_the_audio(target: TokenTarget, waves: np.ndarray) -> None:
    codes = target.encode(waves)
    assert codes.shape == (2, target.codebooks, 50)
    assert all(len(row.unique()) > 2 for row in codes.flatten(0, 1))


def test_codes_are_those_that_transformers_gives_its_decoder(
    target: TokenTarget, model: MusicgenForConditionalGeneration, waves: np.ndarray
) -> None:
    values = torch.from_numpy(waves).view(2, target.channels, -1)
    with torch.no_grad():
        theirs = model._prepare_audio_encoder_kwargs_for_generation(values, {}, "input_values")["decoder_input_ids"]
    assert torch.equal(target.encode(waves), theirs.view(2, target.codebooks, 50))


def test_a_channel_has_the_rows_that_the_codec_hears_in_it(
    target: TokenTarget, model: MusicgenForConditionalGeneration, waves: np.ndarray
) -> None:
    codes = target.encode(waves)
    heard = torch.from_numpy(waves).view(2, target.channels, -1)
    for channel in range(target.channels):
        with torch.no_grad():
            alone = model.audio_encoder.encode(heard[:, channel : channel + 1]).audio_codes[0]
        assert torch.equal(codes[:, channel :: target.channels], alone)


def test_logits_are_aligned_with_transformers_own_delay_pattern(
    target: TokenTarget, model: MusicgenForConditionalGeneration, folder: Path, waves: np.ndarray
) -> None:
    codes = target.encode(waves)[:1]
    text = AutoTokenizer.from_pretrained(folder)(PROMPTS[:1], return_tensors="pt")
    ours = all_logits(target, codes, PROMPTS[:1])[0]
    torch.testing.assert_close(ours, library_logits(model, codes[0], **text), rtol=1e-4, atol=1e-5)


def test_no_token_sees_itself_or_what_follows(target: TokenTarget, waves: np.ndarray) -> None:
    codes = target.encode(waves)[:1]
    delays = torch.arange(target.codebooks) // target.channels
    position = torch.arange(50)[None] + delays[:, None]  # at which (k, t) is predicted
    for k in range(target.codebooks):
        changed = codes.clone()
        changed[0, k, 20] = (codes[0, k, 20] + 1) % 16
        differences = all_logits(target, codes, PROMPTS[:1]) - all_logits(target, changed, PROMPTS[:1])
        moved = differences.abs().amax(-1)[0] > 1e-6
        assert not moved[position <= 20 + delays[k]].any()
        assert moved[position == 20 + delays[k] + 1].all()


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
        __import__("earwitness.targets.delay", fromlist=["x"])._CHUNK_BYTES, "cpu", 3 * 2 * target.codebooks * 16 * 4
    )
    chunks = list(target.logits(codes, PROMPTS, null=False))
    assert [chunk.condition.shape[2] for chunk in chunks] == [3] * 16 + [2]
    torch.testing.assert_close(torch.cat([chunk.condition for chunk in chunks], dim=2), whole)


def test_a_caller_may_ask_for_gradients(target: TokenTarget, waves: np.ndarray) -> None:
    assert isinstance(target, WhiteBox)
    codes = target.encode(waves)
    loss = sum(chunk.condition.square().mean() for chunk in target.logits(codes, PROMPTS, null=False))
    parameters = list(target.parameters())
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    used = [g for g in gradients if g is not None]
    assert len(used) == len(parameters)
    assert all(torch.isfinite(g).all() for g in used)
    with torch.no_grad():
        assert not next(target.logits(codes, PROMPTS, null=False)).condition.requires_grad


def test_the_parameters_are_those_that_were_trained(
    target: TokenTarget, model: MusicgenForConditionalGeneration
) -> None:
    trained = [*model.decoder.parameters(), *model.enc_to_dec_proj.parameters()]
    assert sorted(p.numel() for p in target.parameters()) == sorted(p.numel() for p in trained)


def test_the_contract_is_kept(target: TokenTarget) -> None:
    with torch.no_grad():
        assert len(list(check_target(target))) == 7


def test_a_bin_checkpoint_gives_the_same_answers(tmp_path: Path, target: TokenTarget, waves: np.ndarray) -> None:
    other = load_target(str(save_tiny_musicgen(tmp_path, safe=False, channels=target.channels)), device="cpu")
    codes = target.encode(waves)
    torch.testing.assert_close(all_logits(other, codes, PROMPTS), all_logits(target, codes, PROMPTS))


def test_bfloat16_is_close_and_hears_the_same_codes(folder: Path, target: TokenTarget, waves: np.ndarray) -> None:
    codes = target.encode(waves)
    low = load_target(str(folder), device="cpu", dtype="bfloat16")
    assert torch.equal(low.encode(waves), codes)
    rough = all_logits(low, codes, PROMPTS).float()
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


@pytest.mark.parametrize("layout", [(1,), (3,), (2, 2)])
def test_waves_of_another_layout_are_refused(target: TokenTarget, layout: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="channel"):
        target.encode(np.zeros((2, *layout, 640), dtype=np.float32))


def test_a_codec_that_does_not_fit_the_decoder_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = save_tiny_musicgen(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config["audio_encoder"]["target_bandwidths"] = [0.4, 0.6]  # the lowest is what codes are made at
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(TargetError, match=r"gives 2 codebooks a channel in 1 piece.*needs 3 in one") as caught:
        load_target(str(folder), device="cpu").encode(np.zeros((1, SAMPLE_RATE), dtype=np.float32))
    assert "\n" not in str(caught.value)
