import io

import numpy as np
import pytest
import scipy.signal
import soundfile
import soxr
from numpy.typing import NDArray

from earwitness.signals.blind import ACOUSTIC_SPECS, acoustic_features
from earwitness.signals.blind.frames import Frames
from earwitness.signals.blind.timbre import COEFFICIENTS, MEL_BANDS, mel_filters, mfcc
from earwitness.spec import Direction

RATE = 16_000
Wave = NDArray[np.float64]


def tone(hertz: float, seconds: float = 4.0, amplitude: float = 0.5, rate: int = RATE) -> Wave:
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def noise(seconds: float = 4.0, amplitude: float = 0.1, rate: int = RATE, seed: int = 0) -> Wave:
    return amplitude * np.random.default_rng(seed).normal(size=round(seconds * rate))


def clicks(per_second: float, seconds: float = 8.0) -> Wave:
    wave = noise(seconds, 1e-4)
    for start in np.arange(0.1, seconds - 0.1, 1 / per_second):
        at = round(start * RATE)
        wave[at : at + 800] += noise(0.05, 0.3, seed=1) * np.exp(-np.arange(800) / 200)
    return wave


def measure(wave: Wave, rate: int = RATE) -> dict[str, float]:
    return {name.removeprefix("blind/"): value for name, value in acoustic_features(wave, rate).items()}


def test_names_are_blind_unique_and_without_direction() -> None:
    names = [spec.name for spec in ACOUSTIC_SPECS]
    assert list(acoustic_features(noise(), RATE)) == names
    assert len(set(names)) == len(names)
    assert all(name.startswith("blind/") for name in names)
    assert {spec.member_is for spec in ACOUSTIC_SPECS} == {Direction.UNKNOWN}


def test_everything_is_defined_on_ordinary_sound() -> None:
    found = measure(clicks(3) + tone(440, 8.0, 0.05), RATE)
    assert [name for name, value in found.items() if np.isnan(value)] == ["shelf_16_khz_db"]  # 16 kHz holds no shelf


def test_a_sine_has_the_known_levels() -> None:
    found = measure(tone(1000, amplitude=0.5))
    assert found["rms_db"] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=1e-6)
    assert found["crest_db"] == pytest.approx(20 * np.log10(np.sqrt(2)), abs=1e-6)
    assert found["peak"] == pytest.approx(0.5)
    assert found["zero_crossing_rate"] == pytest.approx(2000, rel=1e-3)
    assert found["dc_offset"] == pytest.approx(0, abs=1e-9)
    assert found["silence_share"] == 0


def test_a_sine_has_the_known_spectrum() -> None:
    found = measure(tone(1000))
    assert found["centroid_mean"] == pytest.approx(1000, abs=1)
    assert found["rolloff_mean"] == pytest.approx(1000, abs=RATE / 1024)
    assert found["bandwidth_mean"] < 15  # the width of the Hann main lobe
    assert found["centroid_sd"] == pytest.approx(0, abs=0.1)


def test_white_noise_is_flat_and_a_sine_is_not() -> None:
    # The expected log of an exponential variable lies γ nats below the log of its mean.
    assert measure(noise(20.0))["flatness_mean"] == pytest.approx(-10 * np.euler_gamma / np.log(10), abs=0.05)
    assert measure(tone(1000))["flatness_mean"] < -40


def test_gain_moves_levels_alone() -> None:
    quiet, loud = measure(clicks(3)), measure(2 * clicks(3))
    moved = {name for name, value in quiet.items() if not np.isclose(value, loud[name], rtol=1e-6, equal_nan=True)}
    assert moved == {"rms_db", "peak", "dc_offset"}
    assert loud["rms_db"] - quiet["rms_db"] == pytest.approx(20 * np.log10(2))


def test_silence_before_and_after_is_timed() -> None:
    wave = np.concatenate([np.zeros(RATE), noise(2.0), np.zeros(RATE // 2)])
    found = measure(wave)
    hop = 0.032
    assert found["leading_silence"] == pytest.approx(1.0, abs=2 * hop)
    assert found["trailing_silence"] == pytest.approx(0.5, abs=2 * hop)
    assert found["silence_share"] == pytest.approx(1.5 / 3.5, abs=0.03)
    assert found["digital_zero_share"] == pytest.approx(1.5 / 3.5)


def test_clipping_is_seen() -> None:
    wave = noise(amplitude=0.5)
    assert measure(np.clip(wave, -0.5, 0.5))["at_peak_share"] == pytest.approx(0.317, abs=0.01)  # beyond one sigma
    assert measure(wave)["at_peak_share"] < 1e-4


@pytest.mark.parametrize(("bits", "name"), [(15, "grid_16_bit_share"), (7, "grid_8_bit_share")])
def test_a_quantised_wave_lies_on_its_grid(bits: int, name: str) -> None:
    rounded = np.round(noise() * 2**bits) / 2**bits
    assert measure(rounded)[name] == 1.0
    assert measure(noise())[name] < 0.02


def test_a_low_pass_is_found_where_it_is() -> None:
    taps = scipy.signal.firwin(513, 5000, fs=RATE)
    found = measure(np.convolve(noise(), taps, mode="same"))
    assert found["cutoff_frequency"] == pytest.approx(5000, abs=300)
    assert found["cutoff_drop_db"] > 40
    assert found["upper_half_db"] == pytest.approx(10 * np.log10(1 / 5), abs=0.5)  # 4–5 kHz of 0–5 kHz
    assert measure(noise())["cutoff_drop_db"] < 3


def test_a_resampled_wave_is_dark_above_its_first_half_rate() -> None:
    found = measure(soxr.resample(noise(rate=8000), 8000, RATE))
    assert found["highest_frequency"] == pytest.approx(4000, abs=500)


def test_an_mp3_round_trip_leaves_its_traces() -> None:
    rate, plain = 44_100, noise(6.0, rate=44_100)
    buffer = io.BytesIO()
    soundfile.write(buffer, plain, rate, format="MP3")
    buffer.seek(0)
    coded, _ = soundfile.read(buffer)
    before, after = measure(plain, rate), measure(coded, rate)
    assert after["highest_frequency"] < 20_500 < before["highest_frequency"]
    assert after["cutoff_drop_db"] > before["cutoff_drop_db"] + 15
    assert after["shelf_16_khz_db"] < before["shelf_16_khz_db"] - 2


def test_holes_are_counted() -> None:
    wave = noise(8.0)
    frames = Frames.of(wave, RATE)
    assert measure(wave)["hole_share"] < 1e-4
    gated = wave * np.repeat(np.tile([1.0, 0.0], 4), RATE)  # a second on, a second off
    assert measure(gated)["hole_share"] == pytest.approx(0.5, abs=2 * 8 / len(frames.power))


def test_onsets_are_counted_and_even_ones_pulse() -> None:
    found = measure(clicks(4))
    assert found["onset_rate"] == pytest.approx(4, rel=0.1)
    assert found["onset_interval_cv"] < 0.1
    assert found["pulse_strength"] > 0.6 > measure(noise(8.0))["pulse_strength"]


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_mel_filters_tile_the_band(rate: int) -> None:
    frames = Frames.of(noise(rate=rate), rate)
    filters = mel_filters(rate, frames.power.shape[1])
    assert filters.shape == (MEL_BANDS, frames.power.shape[1])
    assert (filters.max(axis=1) > 0.2).all()
    inner = frames.frequencies > 700 * (10 ** (2595 * np.log10(1 + rate / 1400) / (MEL_BANDS + 1) / 2595) - 1)
    inner &= frames.frequencies < 0.9 * rate / 2
    np.testing.assert_allclose(filters.sum(axis=0)[inner], 1, atol=1e-9)


def chirp_and_square() -> Wave:
    time = np.arange(4 * RATE) / RATE
    return 0.3 * np.sin(2 * np.pi * (200 * time + 300 * time**2)) + 0.1 * np.sign(np.sin(2 * np.pi * 110 * time))


def test_cepstrum_equals_librosa() -> None:
    # Means and deviations over frames of librosa 0.11's mfcc(S=power_to_db(melspectrogram(
    # S=power, n_mels=40, htk=True, norm=None), top_db=None), n_mfcc=8) of the same power spectra.
    means = [45.495, 17.844, -11.216, -3.759, 4.234, 0.155, 0.1, 2.892]
    deviations = [1.101, 6.184, 7.912, 8.665, 9.356, 9.595, 8.675, 9.748]
    found = mfcc(Frames.of(chirp_and_square(), RATE).power, RATE)
    assert found.shape[1] == 1 + COEFFICIENTS
    np.testing.assert_allclose(found.mean(axis=0), means, atol=1e-3)
    np.testing.assert_allclose(found.std(axis=0, ddof=1), deviations, atol=1e-3)


def test_centroid_equals_librosa() -> None:
    # The mean of librosa 0.11's spectral_centroid of the same power spectra.
    assert measure(chirp_and_square())["centroid_mean"] == pytest.approx(1195.50715)


def test_silence_leaves_sound_undefined() -> None:
    found = measure(np.zeros(4 * RATE))
    assert {name for name, value in found.items() if not np.isnan(value)} == {
        "peak",
        "silence_share",
        "digital_zero_share",
        "dc_offset",
        "zero_crossing_rate",
    }
    assert found["silence_share"] == 1.0


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_a_window_too_short_is_not_guessed_at(samples: int) -> None:
    found = measure(noise()[:samples])
    assert np.isnan(found["centroid_mean"])
    assert np.isnan(found["onset_rate"])


def test_refuses_what_is_not_a_mono_wave() -> None:
    with pytest.raises(ValueError, match="shape"):
        acoustic_features(np.zeros((2, RATE)), RATE)
    with pytest.raises(ValueError, match="NaN"):
        acoustic_features(np.array([0.0, np.nan]), RATE)


def test_float32_and_float64_agree() -> None:
    wave = noise().astype(np.float32)
    assert acoustic_features(wave, RATE) == acoustic_features(wave.astype(np.float64), RATE)
