"""Dia: alignment with the processor's own training examples, null condition, codec, refusals."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    BatchFeature,
    DacConfig,
    DacModel,
    DiaConfig,
    DiaFeatureExtractor,
    DiaForConditionalGeneration,
    DiaProcessor,
    DiaTokenizer,
)
from transformers.models.dia.configuration_dia import DiaDecoderConfig, DiaEncoderConfig

from earwitness.errors import TargetError
from earwitness.targets.dia import Dia, DiaFamily
from earwitness.testing import check_target
from tests.tiny import all_logits

PROMPTS = ["[S1] Who heard it? [S2] I did.", "[S1] Nobody."]
DELAYS, CODES, START, END, PAD = [0, 2, 3], 16, 18, 16, 17
HOP, RATE = 320, 16_000
SPECIAL = {"bos_token_id": START, "eos_token_id": END, "pad_token_id": PAD}


def save_tiny_dia(folder: Path) -> Path:
    """Save a Dia of 3 codebooks × 16 codes with its codec inside, by the real classes."""
    torch.manual_seed(0)
    codec = DacModel(
        DacConfig(
            encoder_hidden_size=4, decoder_hidden_size=16, downsampling_ratios=[2, 4, 5, 8], n_codebooks=3,
            codebook_size=CODES, codebook_dim=4, sampling_rate=RATE,
        )
    )  # fmt: skip
    attention = {"num_hidden_layers": 2, "hidden_size": 16, "num_attention_heads": 2, "head_dim": 8}
    decoder = DiaDecoderConfig(
        **attention, num_key_value_heads=1, intermediate_size=32, cross_num_attention_heads=2, cross_head_dim=8,
        cross_num_key_value_heads=2, cross_hidden_size=16, vocab_size=19, num_channels=3, max_position_embeddings=103,
        **SPECIAL,
    )  # fmt: skip
    encoder = DiaEncoderConfig(**attention, num_key_value_heads=2, intermediate_size=32, max_position_embeddings=64)
    model = DiaForConditionalGeneration(
        DiaConfig(encoder_config=encoder, decoder_config=decoder, delay_pattern=DELAYS)
    ).eval()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    codec.save_pretrained(folder / "codec")
    model.save_pretrained(folder)
    extractor = DiaFeatureExtractor(sampling_rate=RATE, hop_length=HOP)
    DiaProcessor(extractor, DiaTokenizer(), DacModel.from_pretrained(folder / "codec")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_dia(tmp_path_factory.mktemp("dia"))


@pytest.fixture(scope="module")
def target(folder: Path) -> Dia:
    return DiaFamily.load(folder, name="tiny", device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def waves() -> np.ndarray:
    return np.random.default_rng(0).normal(scale=0.3, size=(2, RATE)).astype(np.float32)


def test_it_says_what_it_is(target: Dia, folder: Path) -> None:
    assert DiaFamily.matches(folder)
    assert (target.sample_rate, target.hop_length, target.codebooks, target.channels) == (RATE, HOP, 3, 1)
    assert target.max_seconds == 2.0  # 103 positions less the longest delay
    assert target.identity.family == "dia"


@pytest.fixture(scope="module")
def model(folder: Path) -> DiaForConditionalGeneration:
    return DiaForConditionalGeneration.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def example(folder: Path, waves: np.ndarray) -> BatchFeature:
    """The training example that the library's processor makes of the first wave and prompt."""
    return DiaProcessor.from_pretrained(folder)(
        text=PROMPTS[:1], audio=[waves[0]], output_labels=True, text_kwargs={"truncation": True},
        audio_kwargs={"generation": False, "delay_pattern": DELAYS, "sampling_rate": RATE, **SPECIAL},
    )  # fmt: skip


def test_logits_are_those_of_the_processors_own_training_example(
    target: Dia, model: DiaForConditionalGeneration, example: BatchFeature, waves: np.ndarray
) -> None:
    codes = target.encode(waves[:1])
    labels = example["labels"]
    with torch.no_grad():
        theirs = model(**example)
    ours = all_logits(target, codes, PROMPTS[:1])[0]
    for k in range(3):
        real = (labels[k] >= 0) & (labels[k] < CODES)
        assert torch.equal(labels[k][real], codes[0, k])
        torch.testing.assert_close(ours[k], theirs.logits[k][real][:, :CODES], rtol=1e-4, atol=1e-5)
    assert (labels >= 0).sum() == 3 * 50 + 3  # what the class's loss is over: all codes, and each codebook's end
    loss = torch.nn.functional.cross_entropy(theirs.logits.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(theirs.loss, loss)


def test_the_null_condition_is_the_guidance_of_the_class(
    target: Dia, model: DiaForConditionalGeneration, example: BatchFeature, waves: np.ndarray
) -> None:
    codes = target.encode(waves[:1])
    model._uses_cfg = True  # as generate() sets it when it guides
    guided, _, _ = model._prepare_model_inputs(example["input_ids"], model_kwargs={})
    with torch.no_grad():
        theirs = model(**{**example, "input_ids": guided[1:]}).logits
    null = all_logits(target, codes, PROMPTS[:1], null=True)
    for k in range(3):
        real = (example["labels"][k] >= 0) & (example["labels"][k] < CODES)
        torch.testing.assert_close(null[0, k], theirs[k][real][:, :CODES], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(all_logits(target, codes, [""]), null, rtol=1e-4, atol=1e-5)
    assert (all_logits(target, codes, PROMPTS[:1]) - null).abs().max() > 0.01


def test_no_token_sees_itself_or_what_follows(target: Dia, waves: np.ndarray) -> None:
    codes = target.encode(waves)[:1]
    changed = codes.clone()
    k, t = 1, 20
    changed[0, k, t] = (codes[0, k, t] + 1) % CODES
    moved = (all_logits(target, codes, PROMPTS[:1]) - all_logits(target, changed, PROMPTS[:1])).abs().amax(-1)[0] > 1e-6
    position = torch.arange(50)[None] + torch.tensor(DELAYS)[:, None]  # where (k, t) is predicted
    assert not moved[position <= t + DELAYS[k]].any()
    assert moved[position == t + DELAYS[k] + 1].all()


def test_it_keeps_the_contract(target: Dia) -> None:
    with torch.no_grad():
        assert len(list(check_target(target))) >= 6


def test_bytes_beyond_the_encoders_reach_are_cut(target: Dia, waves: np.ndarray) -> None:
    codes = target.encode(waves)[:1]
    torch.testing.assert_close(all_logits(target, codes, ["a" * 64]), all_logits(target, codes, ["a" * 90]))


def test_codes_are_those_of_single_windows_and_whole_frames(target: Dia, waves: np.ndarray) -> None:
    codes = target.encode(waves)
    assert codes.shape == (2, 3, 50)
    assert len(codes.unique()) > 4
    assert torch.equal(codes[1:], target.encode(waves[1:]))
    assert target.encode(waves[:, : 3 * HOP + 1]).shape[2] == 4


def test_gradients_reach_the_model_where_the_caller_wants_them(target: Dia, waves: np.ndarray) -> None:
    chunks = [chunk.condition for chunk in target.logits(target.encode(waves)[:1], PROMPTS[:1], null=False)]
    torch.cat(chunks, dim=2).logsumexp(-1).sum().backward()
    assert all(parameter.grad is not None for parameter in target.parameters())
    for parameter in target.parameters():
        parameter.grad = None


def _elsewhere(folder: Path, to: Path, **files: object) -> Path:
    """A copy whose codec lies in ``codec-elsewhere``, with these processor files."""
    copy = shutil.copytree(folder, to)
    shutil.move(copy / "codec", copy / "codec-elsewhere")
    (copy / "processor_config.json").unlink()
    for name, content in files.items():
        (copy / f"{name}.json").write_text(json.dumps(content))
    return copy


@pytest.mark.parametrize("file", ["processor_config", "audio_tokenizer_config"])
def test_the_codec_is_found_where_the_processor_says(tmp_path: Path, folder: Path, target: Dia, file: str) -> None:
    stated = {"audio_tokenizer_name_or_path": "codec-elsewhere"}
    content = {"audio_tokenizer": stated} if file == "processor_config" else stated
    other = DiaFamily.load(
        _elsewhere(folder, tmp_path / "dia", **{file: content}), name="copy", device="cpu", dtype="float32"
    )
    assert other.hop_length == HOP
    assert other.identity.weights_sha256 == target.identity.weights_sha256


@pytest.mark.parametrize(
    ("place", "needed"),
    [(None, "does not say which codec"), ("/nowhere/dac", "does not exist"), (".", "found: dia"), (3, "does not say")],
)
def test_a_codec_that_is_not_there_is_named(tmp_path: Path, folder: Path, place: object, needed: str) -> None:
    copy = _elsewhere(
        folder, tmp_path / "dia", processor_config={"audio_tokenizer": {"audio_tokenizer_name_or_path": place}}
    )
    with pytest.raises(TargetError, match=needed) as caught:
        DiaFamily.load(copy, name="copy", device="cpu", dtype="float32")
    assert "\n" not in str(caught.value)


def test_a_codec_with_too_few_codebooks_is_refused(tmp_path: Path, folder: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "dia")
    config = DacConfig.from_pretrained(folder / "codec")
    config.n_codebooks = 2
    DacModel(config).save_pretrained(copy / "codec")
    with pytest.raises(TargetError, match="has 2 codebooks, but the model speaks 3"):
        DiaFamily.load(copy, name="copy", device="cpu", dtype="float32")
