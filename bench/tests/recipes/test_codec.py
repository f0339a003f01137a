"""The codec's codes say which notes sound, and change little where only the phase does."""

import numpy as np
import pytest
import torch
from transformers import EncodecModel

from earwitness_bench.recipes import codec
from earwitness_bench.recipes.codec import (
    BANDS,
    LOWEST_HERTZ,
    SAMPLE_RATE,
    encode,
    filterbank_codec,
    mel_bank,
    small_codec_config,
    write_filterbank,
)


def tone(semitone: float, *, samples: int = 2 * SAMPLE_RATE, phase: float = 0.0) -> np.ndarray:
    time = np.arange(samples) / SAMPLE_RATE
    return (0.4 * np.sin(2 * np.pi * LOWEST_HERTZ * 2 ** (semitone / 12) * time + phase)).astype(np.float32)


@pytest.fixture(scope="module")
def bank() -> EncodecModel:
    torch.manual_seed(0)
    model = EncodecModel(small_codec_config()).eval()
    write_filterbank(model)
    return model


@pytest.mark.parametrize("semitone", [0, 7, 14, 25, BANDS - 1])
def test_a_note_rings_its_own_band_at_20_frames_a_second(bank: EncodecModel, semitone: int) -> None:
    with torch.no_grad():
        heard = bank.encoder(torch.from_numpy(tone(semitone))[None, None])[0].numpy()
    assert heard.shape == (BANDS, 40)
    middle = heard[:, 20]
    assert middle.argmax() == semitone
    assert middle.max() > 0.4
    assert middle[np.abs(np.arange(BANDS) - semitone) > 2].max() < 0.1


def test_what_it_answers_does_not_depend_on_the_phase(bank: EncodecModel) -> None:
    with torch.no_grad():
        first, second = (
            bank.encoder(torch.from_numpy(tone(12, phase=phase))[None, None])[0, :, 20].numpy() for phase in (0.0, 1.3)
        )
    np.testing.assert_allclose(first, second, atol=0.02)


def test_codebooks_are_fitted_and_codes_tell_notes_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "small_codec_config", lambda bank: small_codec_config_of(codes=8, bits=3))
    rng = np.random.default_rng(0)
    waves = [tone(note) * rng.uniform(0.5, 1) for note in range(BANDS)]
    model = filterbank_codec([wave.astype(np.float32) for wave in waves], seed=0)
    codes = encode(model, [tone(3), tone(20), tone(3, phase=1.0)])
    assert codes.shape == (3, 4, 40)
    assert (codes[0, 0, 5:35] == codes[2, 0, 5:35]).float().mean() > 0.9
    assert (codes[0, :, 20] != codes[1, :, 20]).any()


def test_another_bank_is_another_codec() -> None:
    torch.manual_seed(0)
    bank = mel_bank(12, 200.0, 2000.0, sample_rate=16_000, strides=(8, 8, 10), codebooks=3, codes=512)
    model = EncodecModel(small_codec_config(bank)).eval()
    write_filterbank(model, bank)
    assert (model.config.frame_rate, model.config.num_quantizers, model.config.codebook_size) == (25, 3, 512)
    assert (bank.hertz[0], bank.hertz[-1]) == (pytest.approx(200), pytest.approx(2000))
    time = np.arange(16_000) / 16_000
    for band in (0, 5, 11):
        wave = (0.4 * np.sin(2 * np.pi * bank.hertz[band] * time)).astype(np.float32)
        with torch.no_grad():
            heard = model.encoder(torch.from_numpy(wave)[None, None])[0].numpy()
        assert heard.shape == (12, 25)
        assert heard[:, 12].argmax() == band


def small_codec_config_of(*, codes: int, bits: int) -> object:
    config = small_codec_config()
    config.codebook_size = codes
    config.target_bandwidths = [4 * bits * 20 / 1000]
    return config
