"""audiocraft's releases: the mapped model against plain PyTorch over the same tensors; where its parts are found."""

import io
import shutil
from itertools import permutations
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import sentencepiece
import torch
from torch import Tensor
from transformers import EncodecConfig, EncodecModel, T5Config, T5EncoderModel

from earwitness.errors import TargetError
from earwitness.targets.audiocraft import AudiocraftMusicgenFamily, AudiogenFamily
from earwitness.targets.musicgen import Musicgen, MusicgenFamily
from earwitness.targets.musicgen_melody import MusicgenMelodyFamily
from earwitness.targets.protocols import TargetFamily
from earwitness.testing import check_target
from tests.targets.audiocraft_codec import CODES, COMPRESSION, SAMPLE_RATE
from tests.targets.audiocraft_original import (
    LANGUAGE_MODEL,
    MELODY,
    SECONDS,
    STEREO,
    Original,
    changed,
    noise,
    save_file,
    save_release,
    save_text_encoder,
)
from tests.tiny import all_logits

PROMPT = "a dog barks"


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache and no network, whatever this machine has."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def load(folder: Path, dtype: str = "float32") -> Musicgen:
    target = AudiogenFamily.load(folder, name=str(folder), device="cpu", dtype=dtype)
    assert isinstance(target, Musicgen)
    return target


def original_logits(original: Original, target: Musicgen, codes: Tensor, prompts: list[str]) -> Tensor:
    """What audiocraft computes for a batch: padding and empty prompts zeroed, nothing masked."""
    text = target._tokenizer(prompts, padding=True, return_tensors="pt")
    mask = text.attention_mask * torch.tensor([[prompt != ""] for prompt in prompts])
    with torch.no_grad():
        states = original.text_encoder(**text).last_hidden_state
        return original.language_model.logits(codes, states, mask)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return save_release(tmp_path_factory.mktemp("audiogen"))


@pytest.fixture(scope="module")
def target(original: Original) -> Musicgen:
    return load(original.folder)


def test_it_says_what_it_is(target: Musicgen) -> None:
    assert (target.sample_rate, target.hop_length, target.codebooks, target.channels) == (SAMPLE_RATE, 320, 4, 1)
    assert target.max_seconds == SECONDS
    assert (target.identity.family, target.identity.dtype) == ("audiogen", "float32")


@pytest.mark.parametrize(("settings", "text_width"), [(LANGUAGE_MODEL, 12), (LANGUAGE_MODEL, 24), (MELODY, 12)])
def test_it_keeps_the_contract_of_a_target(tmp_path: Path, settings: dict[str, object], text_width: int) -> None:
    target = load(save_release(tmp_path, language_model=settings, text_width=text_width).folder)
    assert target.max_seconds == SECONDS
    with torch.no_grad():
        assert len(list(check_target(target))) == 7


def test_codes_and_audio_are_those_of_the_original_codec(original: Original, target: Musicgen) -> None:
    waves = noise((2, SAMPLE_RATE + 100))
    codes = target.encode(waves)
    assert torch.equal(codes, original.codec.encode(torch.from_numpy(waves)[:, None], 4))
    assert min(len(codes[:, k].unique()) for k in range(4)) > 8
    audio = target._model.audio_encoder.decode(codes[None], [None]).audio_values
    torch.testing.assert_close(audio, original.codec.decode(codes), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {"encodec__causal": True, "seanet__pad_mode": "reflect"},
        {"seanet__true_skip": False, "seanet__n_residual_layers": 2, "seanet__lstm": 1},
        {"rvq__n_q": 6, "seanet__ratios": [5, 4], "sample_rate": 1000},
    ],
)
def test_every_shape_of_the_codec_is_mapped(tmp_path: Path, settings: dict[str, object]) -> None:
    original = save_release(tmp_path, compression=changed(COMPRESSION, **settings))
    target = load(tmp_path)
    waves = noise((2, 3210))
    codes = target.encode(waves)
    assert torch.equal(codes, original.codec.encode(torch.from_numpy(waves)[:, None], 4))
    audio = target._model.audio_encoder.decode(codes[None], [None]).audio_values
    torch.testing.assert_close(audio, original.codec.decode(codes), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "text_width"),
    [(LANGUAGE_MODEL, 12), (LANGUAGE_MODEL, 24), (STEREO, 12), (MELODY, 12), (MELODY, 24)],  # 24: as the decoder
)
def test_logits_are_those_of_the_original_language_model(
    tmp_path: Path, settings: dict[str, object], text_width: int
) -> None:
    original = save_release(tmp_path, language_model=settings, text_width=text_width)
    target = load(tmp_path)
    codes = torch.from_numpy(np.random.default_rng(0).integers(CODES, size=(2, target.codebooks, 20)))
    expected = original_logits(original, target, codes, [PROMPT, PROMPT])
    assert expected.std() > 0.5
    torch.testing.assert_close(all_logits(target, codes, [PROMPT, PROMPT]), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("settings", [LANGUAGE_MODEL, MELODY])
def test_the_null_condition_is_the_originals(tmp_path: Path, settings: dict[str, object]) -> None:
    original = save_release(tmp_path, language_model=settings)
    target = load(tmp_path)
    codes = target.encode(noise((1, SAMPLE_RATE // 4)))
    # audiocraft drops a condition by replacing its text with an empty one, in one batch with the prompt.
    prompted, null = original_logits(original, target, codes.repeat(2, 1, 1), [PROMPT, ""])[:, None]
    torch.testing.assert_close(all_logits(target, codes, [PROMPT], null=True), null, rtol=1e-4, atol=1e-4)
    assert (null - prompted).abs().max() > 0.1
    alone = original_logits(original, target, codes, [""])
    torch.testing.assert_close(all_logits(target, codes, [""]), alone, rtol=1e-4, atol=1e-4)


def test_a_prompt_is_answered_as_the_original_answers_it_alone(original: Original, target: Musicgen) -> None:
    codes = target.encode(noise((2, SAMPLE_RATE // 4)))
    prompts = [PROMPT, "a dog barks in the rain"]
    ours = all_logits(target, codes, prompts)
    for i in range(2):
        alone = original_logits(original, target, codes[i : i + 1], prompts[i : i + 1])
        torch.testing.assert_close(ours[i : i + 1], alone, rtol=1e-4, atol=1e-4)
    # In a batch the original also attends to the zeros that pad its shorter prompts.
    together = original_logits(original, target, codes, prompts)
    assert (together[0] - ours[0]).abs().max() > 0.01
    torch.testing.assert_close(together[1], ours[1], rtol=1e-4, atol=1e-4)


def test_left_and_right_alternate_in_stereo(tmp_path: Path) -> None:
    original = save_release(tmp_path, language_model=STEREO)
    target, waves = load(tmp_path), noise((2, 2, SAMPLE_RATE // 2))
    assert (target.codebooks, target.channels, target.max_seconds) == (8, 2, SECONDS)
    codes = target.encode(waves)
    for channel in range(2):
        expected = original.codec.encode(torch.from_numpy(waves[:, channel : channel + 1]), 4)
        assert torch.equal(codes[:, channel::2], expected)


def test_float16_files_are_widened(tmp_path: Path) -> None:
    original = save_release(tmp_path, half=True)
    target = load(tmp_path)
    assert {parameter.dtype for parameter in target.parameters()} == {torch.float32}
    lm = original.language_model
    lm.tensors = {name: tensor.float() for name, tensor in lm.tensors.items()}
    codes = target.encode(noise((1, SAMPLE_RATE // 4)))
    expected = original_logits(original, target, codes, [PROMPT])
    torch.testing.assert_close(all_logits(target, codes, [PROMPT]), expected, rtol=1e-4, atol=1e-4)


def test_bfloat16_is_close(original: Original, target: Musicgen) -> None:
    codes = target.encode(noise((1, SAMPLE_RATE // 4)))
    rough = all_logits(load(original.folder, "bfloat16"), codes, [PROMPT]).float()
    assert (rough - all_logits(target, codes, [PROMPT])).abs().mean() < 0.05


def test_tensors_of_pytorchs_own_attention_are_found_one_level_deeper(
    tmp_path: Path, original: Original, target: Musicgen
) -> None:
    shutil.copytree(original.folder, tmp_path, dirs_exist_ok=True)
    lm = original.language_model
    deeper = {
        name.replace("self_attn.", "self_attn.mha.").replace("cross_attention.", "cross_attention.mha."): tensor
        for name, tensor in lm.tensors.items()
    }
    save_file(tmp_path / "state_dict.bin", lm.settings, deeper)
    codes = target.encode(noise((1, SAMPLE_RATE // 4)))
    torch.testing.assert_close(all_logits(load(tmp_path), codes, [PROMPT]), all_logits(target, codes, [PROMPT]))


@pytest.mark.parametrize(("settings", "family"), [(STEREO, MusicgenFamily), (MELODY, MusicgenMelodyFamily)])
def test_what_transformers_saves_of_it_gives_the_same_answers(
    tmp_path: Path, settings: dict[str, object], family: TargetFamily
) -> None:
    target = load(save_release(tmp_path / "release", language_model=settings).folder)
    target._model.save_pretrained(tmp_path / "saved")
    target._tokenizer.save_pretrained(tmp_path / "saved")
    saved = family.load(tmp_path / "saved", name="saved", device="cpu", dtype="float32")
    codes = torch.from_numpy(np.random.default_rng(0).integers(CODES, size=(1, target.codebooks, 20)))
    torch.testing.assert_close(all_logits(saved, codes, [PROMPT]), all_logits(target, codes, [PROMPT]))


# Which family takes a folder


def test_each_family_takes_its_own_releases(tmp_path: Path, original: Original) -> None:
    assert AudiogenFamily.matches(original.folder)
    assert not AudiocraftMusicgenFamily.matches(original.folder)
    music = save_release(tmp_path, language_model=changed(LANGUAGE_MODEL, solver="musicgen")).folder
    assert AudiocraftMusicgenFamily.matches(music)
    assert not AudiogenFamily.matches(music)
    (music / "config.json").write_text('{"model_type": "musicgen"}')  # the hub keeps both formats in one place
    assert not AudiocraftMusicgenFamily.matches(music)
    assert not AudiogenFamily.matches(music / "t5-large")


def test_the_identity_is_the_content_of_release_and_text_encoder(tmp_path: Path, original: Original) -> None:
    first, second, third = tmp_path / "1", tmp_path / "2", tmp_path / "3"
    for folder in (first, second, third):
        shutil.copytree(original.folder, folder)
    save_text_encoder(second / "t5-large", seed=1)
    save_file(third / "state_dict.bin", original.language_model.settings | {"note": 1}, original.language_model.tensors)
    found = [load(folder).identity for folder in (original.folder, first, second, third)]
    weights, settings = [one.weights_sha256 for one in found], [one.settings_sha256 for one in found]
    assert weights[0] == weights[1] == weights[3] != weights[2]
    assert settings[0] == settings[1] == settings[2] != settings[3]


# The models that a release names


def in_the_hub_cache(name: str, cache: Path) -> Path:
    """Make room for a published model as the hub client keeps it."""
    repository = cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    return repository / "snapshots" / ("0" * 40)


@pytest.mark.parametrize("name", ["t5-large", "google-t5/t5-large"])
def test_the_text_encoder_is_found_in_the_hub_cache(
    tmp_path: Path, original: Original, target: Musicgen, name: str
) -> None:
    folder = shutil.copytree(original.folder, tmp_path / "release")
    snapshot = in_the_hub_cache(name, tmp_path / "hub")
    snapshot.parent.mkdir(parents=True)
    (folder / "t5-large").rename(snapshot)
    cached, codes = load(folder), target.encode(noise((1, SAMPLE_RATE // 4)))
    torch.testing.assert_close(all_logits(cached, codes, [PROMPT]), all_logits(target, codes, [PROMPT]))
    save_text_encoder(snapshot, seed=1)
    assert load(folder).identity.weights_sha256 != cached.identity.weights_sha256


def test_a_missing_text_encoder_is_named_with_where_to_put_it(tmp_path: Path, original: Original) -> None:
    folder = shutil.copytree(original.folder, tmp_path / "release")
    shutil.rmtree(folder / "t5-large")
    with pytest.raises(
        TargetError, match=r"needs the text encoder t5-large.*Download huggingface.co/google-t5"
    ) as caught:
        load(folder)
    assert str(caught.value).endswith(f"into {folder / 't5-large'}.")
    assert "\n" not in str(caught.value)


def test_another_text_encoder_is_told_by_its_width(tmp_path: Path, original: Original) -> None:
    folder = shutil.copytree(original.folder, tmp_path / "release")
    shutil.rmtree(folder / "t5-large")
    save_text_encoder(folder / "text_encoder", width=16)
    with pytest.raises(TargetError, match=r"16 wide.* trained with t5-large, 12 wide"):
        load(folder)


@pytest.mark.parametrize("place", ["encodec_tiny", "audio_encoder"])
def test_a_codec_that_is_only_named_is_used_from_its_folder(tmp_path: Path, original: Original, place: str) -> None:
    folder = shutil.copytree(original.folder, tmp_path / "release")
    torch.save({"pretrained": "facebook/encodec_tiny", "exported": True}, folder / "compression_state_dict.bin")
    with pytest.raises(TargetError, match="needs the audio encoder facebook/encodec_tiny"):
        load(folder)
    torch.manual_seed(0)
    codec = EncodecModel(
        EncodecConfig(
            sampling_rate=SAMPLE_RATE,
            num_filters=2,
            hidden_size=4,
            codebook_size=CODES,
            target_bandwidths=[0.4, 0.8, 1.6],
        )
    ).eval()
    for layer in codec.quantizer.layers:
        layer.codebook.embed.normal_(std=0.1)
    codec.save_pretrained(folder / place)
    waves = noise((2, SAMPLE_RATE // 2))
    expected = codec.encode(torch.from_numpy(waves)[:, None], bandwidth=0.8).audio_codes[0]
    assert expected.shape[1] == 4
    assert torch.equal(load(folder).encode(waves), expected)


def test_a_text_encoder_with_its_sentencepiece_model_alone_is_read(tmp_path: Path) -> None:
    original = save_release(tmp_path)
    text = tmp_path / "t5-large"
    for file in text.glob("tokenizer*"):
        file.unlink()
    model = io.BytesIO()
    words = "a dog barks in the rain slow piano drums loud quiet"
    sentences = [" ".join(pair) for pair in permutations(words.split(), 2)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=model, vocab_size=30, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
        minloglevel=2,
    )  # fmt: skip
    (text / "spiece.model").write_bytes(model.getvalue())
    config = T5Config(vocab_size=200, d_model=12, d_kv=4, d_ff=16, num_layers=1, num_heads=2)
    T5EncoderModel(config).save_pretrained(text)
    target = load(original.folder)
    expected = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()).encode("slow piano loud rain")
    assert target._tokenizer("slow piano loud rain").input_ids == [*expected, 1]


def test_a_long_prompt_is_not_cut(target: Musicgen) -> None:
    long = "a dog barks in the rain " * 100  # 600 tokens, and the tokenizer's own limit is 16
    states = target.text([long]).states
    assert states.shape[1] == 601
