"""Decoding, resampling, hashing and windows, on real encoded files and real damage."""

import hashlib
import os
import stat
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.audio import content_sha256, decode, read_channels, read_mono
from earwitness.errors import AudioError
from earwitness.files import file_sha256
from tests.audio_fixtures import RATE, noise, write

HASH = "a" * 64


@pytest.mark.parametrize(
    ("name", "subtype", "codec", "bits"),
    [
        ("a.wav", "PCM_16", "pcm", 16),
        ("a.wav", "PCM_24", "pcm", 24),
        ("a.wav", "FLOAT", "pcm", 32),
        ("a.aiff", "PCM_16", "pcm", 16),
        ("a.flac", "PCM_16", "flac", 16),
    ],
)
def test_lossless_formats_hold_the_samples(tmp_path: Path, name: str, subtype: str, codec: str, bits: int) -> None:
    samples = noise(0, channels=2)
    written = samples.astype(np.float32) / 32768 if subtype == "FLOAT" else samples
    audio = decode(write(tmp_path / name, written, subtype=subtype))
    np.testing.assert_array_equal(audio.samples, (samples.mean(axis=1) / 32768).astype(np.float32))
    assert (audio.sample_rate, audio.channels, audio.codec, audio.bits_per_sample) == (RATE, 2, codec, bits)
    assert audio.seconds == 0.5


@pytest.mark.parametrize(("name", "codec"), [("a.ogg", "vorbis"), ("a.opus", "opus"), ("a.mp3", "mp3")])
def test_lossy_formats_decode_to_the_tone(tmp_path: Path, name: str, codec: str) -> None:
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    audio = decode(write(tmp_path / name, wave, rate=48_000))
    assert (audio.sample_rate, audio.channels, audio.codec, audio.bits_per_sample) == (48_000, 1, codec, None)
    middle = audio.samples[12_000:36_000]
    assert np.abs(np.fft.rfft(middle)).argmax() == 220  # 24,000 samples: bins of 2 Hz
    assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(0.5, rel=0.05)


def test_the_same_audio_has_one_content_hash_and_two_file_hashes(tmp_path: Path) -> None:
    mono = noise(1)
    files = [
        write(tmp_path / "a.wav", mono),
        write(tmp_path / "a.flac", mono),
        write(tmp_path / "b.wav", mono, subtype="PCM_24"),
        write(tmp_path / "stereo.flac", np.repeat(mono, 2, axis=1)),
    ]
    assert len({decode(path).content_hash for path in files}) == 1
    assert len({file_sha256(path) for path in files}) == 4
    other_rate = write(tmp_path / "c.wav", mono, rate=8000)
    changed = mono.copy()
    changed[7] += 1
    other_sample = write(tmp_path / "d.wav", changed)
    assert len({decode(path).content_hash for path in (files[0], other_rate, other_sample)}) == 3


def test_hashes_are_what_they_are_said_to_be(tmp_path: Path) -> None:
    audio = decode(write(tmp_path / "a.wav", noise(1)))
    by_hand = hashlib.sha256(b"16000\n" + struct.pack(f"<{len(audio.samples)}f", *audio.samples)).hexdigest()
    assert audio.content_hash == content_sha256(audio.samples, RATE) == by_hand
    assert file_sha256(tmp_path / "a.wav") == hashlib.sha256((tmp_path / "a.wav").read_bytes()).hexdigest()


def test_resampling_keeps_a_tone(tmp_path: Path) -> None:
    wave = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(2 * 44_100) / 44_100)
    path = write(tmp_path / "a.wav", np.stack([wave, wave], axis=1), rate=44_100, subtype="FLOAT")
    resampled = read_mono(path, 32_000)
    assert resampled.dtype == np.float32
    assert len(resampled) == 64_000
    spectrum = np.abs(np.fft.rfft(resampled[16_000:48_000])) / 16_000
    assert spectrum.argmax() == 1000  # bins of 1 Hz
    assert spectrum[1000] == pytest.approx(0.5, rel=0.01)
    np.testing.assert_array_equal(read_mono(path, 44_100), wave.astype(np.float32))


# Channels


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_channels_are_the_files_own_in_its_order(tmp_path: Path, name: str) -> None:
    samples = noise(7, channels=2)
    waves = read_channels(write(tmp_path / name, samples), RATE, 2)
    assert waves.dtype == np.float32
    np.testing.assert_array_equal(waves, samples.T / np.float32(32768))


def test_a_mono_file_gives_equal_channels_and_one_channel_is_the_mix(tmp_path: Path) -> None:
    mono = write(tmp_path / "mono.wav", noise(8), rate=44_100)
    stereo = write(tmp_path / "stereo.wav", noise(8, channels=2), rate=44_100)
    five = write(tmp_path / "five.wav", noise(8, channels=5), rate=44_100)
    np.testing.assert_array_equal(read_channels(mono, RATE, 2), np.stack([read_mono(mono, RATE)] * 2))
    for path in (mono, stereo, five):
        np.testing.assert_array_equal(read_channels(path, RATE, 1), read_mono(path, RATE)[None])


def test_each_channel_is_resampled_as_if_alone(tmp_path: Path) -> None:
    samples = noise(9, channels=2)
    stereo = write(tmp_path / "stereo.wav", samples, rate=44_100)
    alone = [write(tmp_path / f"{c}.wav", samples[:, c], rate=44_100) for c in range(2)]
    np.testing.assert_array_equal(read_channels(stereo, RATE, 2), [read_mono(path, RATE) for path in alone])


def test_other_numbers_of_channels_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(10, channels=6))
    with pytest.raises(AudioError, match=r"^a\.wav has 6 channels and the model hears 2; give [^\n]*\.$"):
        read_channels(path, RATE, 2)


def test_channels_are_checked_as_the_mix_is(tmp_path: Path) -> None:
    tone = noise(11)[:, 0] / 32768
    silent = write(tmp_path / "silent.wav", np.zeros((RATE, 2)), subtype="FLOAT")
    broken = np.stack([tone, tone], axis=1)
    broken[4000, 1] = np.nan
    with pytest.raises(AudioError, match=r"^silent\.wav is silent"):
        read_channels(silent, RATE, 2)
    with pytest.raises(AudioError, match=r"^nan\.wav has NaN"):
        read_channels(write(tmp_path / "nan.wav", broken, subtype="FLOAT"), RATE, 2)
    with pytest.raises(AudioError, match=r"^cut\.wav is cut off"):
        read_channels(_cut(write(tmp_path / "cut.wav", noise(12, seconds=3, channels=2))), RATE, 2)


@pytest.mark.parametrize("name", ["a.flac", "a.mp3", "a.ogg", "a.opus"])
def test_blocks_leave_no_seam(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / name, noise(2, channels=2))
    whole = decode(path)
    apart = read_channels(path, RATE, 2)
    monkeypatch.setattr("earwitness.audio.sndfile._BLOCK_FRAMES", 777)
    assert decode(path).content_hash == whole.content_hash
    np.testing.assert_array_equal(read_channels(path, RATE, 2), apart)


# Damage


def _cut(path: Path, share: float = 0.6) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.ogg", "a.opus", "a.mp3", "a.au", "a.w64", "a.rf64"])
def test_a_truncated_file_is_noticed(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, noise(3, seconds=3))
    assert decode(path).seconds == pytest.approx(3, rel=0.02)
    with pytest.raises(AudioError, match=rf"^{name} is cut off: .*leave it out\.$"):
        decode(_cut(path))


@pytest.mark.parametrize("name", ["a.flac", "a.caf"])
def test_a_truncated_file_that_cannot_be_decoded_at_all_is_damaged(tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioError, match=rf"^{name} cannot be decoded .*damaged"):
        decode(_cut(write(tmp_path / name, noise(3, seconds=3))))


def test_a_size_written_by_a_pipe_promises_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(4))
    whole = decode(path).content_hash
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[4:8] = content[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert decode(path).content_hash == whole


def test_a_stream_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", noise(4))
    whole = decode(path).content_hash
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the 36 bits of STREAMINFO that count the samples
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert decode(path).content_hash == whole


def test_files_that_are_no_audio_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("la la la\n" * 500)
    (tmp_path / "text.mp3").write_text("la la la\n" * 500)
    (tmp_path / "folder.wav").mkdir()
    soundfile.write(tmp_path / "none.wav", np.zeros(0), RATE)
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "li\nne.wav").touch()
    for name, message in {
        "empty.wav": r"^empty\.wav is empty \(0 bytes\)",
        "text.wav": r"^text\.wav cannot be decoded \(.*not recognised\)",
        "text.mp3": r"^text\.mp3 cannot be decoded \(format not recognised\)",
        "folder.wav": r"^folder\.wav is not a regular file",
        "absent.wav": r"^absent\.wav does not exist",
        "none.wav": r"^none\.wav holds no samples",
        "pipe.wav": r"^pipe\.wav is not a regular file",
        "li\nne.wav": r"^li�ne\.wav is empty",
    }.items():
        with pytest.raises(AudioError, match=message + r"[^\n]*\.$"):
            decode(tmp_path / name)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    samples = noise(5, channels=2) / 32768
    samples[4000, 1] = value
    with pytest.raises(AudioError, match=r"^a\.wav has NaN or infinite samples \(the first at 0\.25 s\)"):
        decode(write(tmp_path / "a.wav", samples, subtype="FLOAT"))


def test_opposite_infinities_are_refused(tmp_path: Path) -> None:
    samples = np.tile(np.array([np.inf, -np.inf], dtype=np.float32), (RATE, 1))
    with pytest.raises(AudioError, match="NaN or infinite"):
        decode(write(tmp_path / "a.wav", samples, subtype="FLOAT"))


def test_silence_is_refused_just_below_minus_90_dbfs(tmp_path: Path) -> None:
    tick = np.zeros(RATE, dtype=np.float32)
    tick[100] = -(10 ** (-89.9 / 20))
    assert decode(write(tmp_path / "audible.wav", tick, subtype="FLOAT")).samples.min() == tick.min()
    for name, wave in {"faint": tick * 0.97, "zero": tick * 0, "opposed": np.stack([tick, -tick], axis=1)}.items():
        with pytest.raises(AudioError, match=rf"^{name}\.wav is silent \(.*-90 dBFS\); leave it out\.$"):
            decode(write(tmp_path / f"{name}.wav", wave, subtype="FLOAT"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(6))
    path.chmod(0)
    try:
        with pytest.raises(AudioError, match=r"^a\.wav cannot be read \(Permission denied\); grant"):
            decode(path)
    finally:
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)


def test_a_refused_open_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.wav", noise(6))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(AudioError, match=r"^a\.wav cannot be read \(Permission denied\); grant read permission"):
        decode(path)


def test_one_channel_may_be_the_first_of_them(tmp_path: Path) -> None:
    samples = noise(13, channels=2)
    stereo, alone = write(tmp_path / "two.wav", samples), write(tmp_path / "one.wav", samples[:, 0])
    np.testing.assert_array_equal(read_channels(stereo, 11_025, 1, one="first"), read_mono(alone, 11_025)[None])
    np.testing.assert_array_equal(read_channels(alone, RATE, 1, one="first"), read_mono(alone, RATE)[None])
    silent = write(tmp_path / "right.wav", samples * np.array([0, 1], dtype=samples.dtype))
    with pytest.raises(AudioError, match=r"^right\.wav is silent in its first channel"):
        read_channels(silent, RATE, 1, one="first")
