"""Every kind of file is read to its end, or refused; none is read in part in silence."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import correlate

from earwitness.audio import decode
from earwitness.errors import AudioError
from tests.audio_encoders import RATE, encoded, mp3, music, written

SECOND = pytest.approx(1, abs=0.06)


def alike(decoded: np.ndarray, original: np.ndarray) -> float:
    """The largest correlation over shifts of up to 3000 samples."""
    wave = decoded[3000 : len(original) - 3000]
    shifted = correlate(original, wave, mode="valid", method="fft")
    best = original[shifted.argmax() :][: len(wave)]
    return float(shifted.max() / (np.linalg.norm(wave) * np.linalg.norm(best)))


@pytest.mark.parametrize(
    ("name", "codec", "container", "options"),
    [
        ("a.m4a", "aac", "ipod", {}),
        ("a.m4a", "alac", "ipod", {}),
        ("a.aac", "aac", "adts", {}),
        ("a.wma", "wmav2", "asf", {"kbps": 128}),
        ("a.mp3", "libmp3lame", "mp3", {}),
        ("a.wav", "aac", "ipod", {}),
    ],
    ids=["AAC", "ALAC", "ADTS", "WMA", "MP3", "M4A called WAV"],
)
def test_what_an_itunes_library_holds_is_read(
    tmp_path: Path, name: str, codec: str, container: str, options: dict[str, int]
) -> None:
    original = music(1)
    audio = decode(written(tmp_path / name, encoded(original, codec, container, **options)))
    assert audio.seconds == SECOND
    assert audio.sample_rate == RATE
    assert audio.codec == {"libmp3lame": "mp3"}.get(codec, codec)
    assert audio.decoder.startswith("FFmpeg (PyAV ")
    assert alike(audio.samples, original) > 0.95


def test_alac_holds_the_very_samples(tmp_path: Path) -> None:
    ints = (music(1) * 32767).astype(np.int16)
    soundfile.write(tmp_path / "a.flac", ints, RATE)
    alac = encoded((ints / 32768).astype(np.float32), "alac", "ipod")
    assert decode(written(tmp_path / "a.m4a", alac)).content_hash == decode(tmp_path / "a.flac").content_hash


def test_an_mp3_that_does_not_count_its_frames_is_read_to_its_end(tmp_path: Path) -> None:
    quiet_then_loud = np.concatenate([np.zeros(2 * RATE, dtype=np.float32), music(6)])
    soundfile.write(tmp_path / "vbr.mp3", quiet_then_loud, RATE, bitrate_mode="VARIABLE", compression_level=0.1)
    content = (tmp_path / "vbr.mp3").read_bytes()
    first = content.index(b"\xff\xfb")
    second = content.index(b"\xff\xfb", first + 4)
    assert b"Xing" in content[first:second]
    uncounted = decode(written(tmp_path / "uncounted.mp3", content[second:]))
    assert uncounted.seconds == pytest.approx(8, abs=0.06)
    constant = decode(written(tmp_path / "constant.mp3", mp3(music(3), counted=False)))
    assert constant.seconds == pytest.approx(3, abs=0.06)


def test_a_counted_mp3_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    content = mp3(music(6))
    with pytest.raises(AudioError, match=r"^a\.mp3 is cut off: its header promises 26\d{4} samples"):
        decode(written(tmp_path / "a.mp3", content[: len(content) // 2]))


@pytest.mark.parametrize("counted", [True, False])
def test_joined_mp3_files_are_read_across_the_seam(tmp_path: Path, counted: bool) -> None:
    parts = [mp3(music(seconds, seed), counted=counted) for seed, seconds in enumerate((2, 3))]
    audio = decode(written(tmp_path / "a.mp3", b"".join(parts)))
    assert audio.seconds == pytest.approx(5, abs=0.2)
    assert alike(audio.samples[-2 * RATE - 2000 : -2000], music(3, 1)[-2 * RATE - 5000 :]) > 0.95


@pytest.mark.parametrize(("suffix", "subtype"), [("ogg", "VORBIS"), ("opus", "OPUS")])
def test_joined_ogg_files_are_their_parts_one_behind_the_other(tmp_path: Path, suffix: str, subtype: str) -> None:
    parts = [tmp_path / f"{i}.{suffix}" for i in range(3)]
    for i, part in enumerate(parts):
        soundfile.write(part, music(1 + i, i), 48_000, format="OGG", subtype=subtype)
    joined = written(tmp_path / f"joined.{suffix}", b"".join(part.read_bytes() for part in parts))
    np.testing.assert_array_equal(decode(joined).samples, np.concatenate([decode(part).samples for part in parts]))
    cut = written(tmp_path / f"cut.{suffix}", joined.read_bytes()[:-3000])
    with pytest.raises(AudioError, match=r"is cut off: its stream has no end mark"):
        decode(cut)


def test_joined_files_of_two_rates_are_refused(tmp_path: Path) -> None:
    for rate in (RATE, 48_000):
        soundfile.write(tmp_path / f"{rate}.ogg", music(1), rate, format="OGG", subtype="VORBIS")
    both = b"".join((tmp_path / f"{rate}.ogg").read_bytes() for rate in (RATE, 48_000))
    with pytest.raises(AudioError, match=r"was joined from 44100 Hz × 1 and 48000 Hz × 1 channels; split it"):
        decode(written(tmp_path / "both.ogg", both))


@pytest.mark.parametrize(("name", "codec", "container"), [("a.m4a", "aac", "ipod"), ("a.wma", "wmav2", "asf")])
def test_a_cut_off_file_is_refused(tmp_path: Path, name: str, codec: str, container: str) -> None:
    options = {"movflags": "faststart"} if container == "ipod" else {}
    path = tmp_path / name
    encoded(music(4), codec, container, kbps=128, path=path, **options)
    assert decode(path).seconds == pytest.approx(4, abs=0.1)
    content = path.read_bytes()
    with pytest.raises(AudioError, match=r"is cut off: its header promises"):
        decode(written(path, content[: len(content) // 2]))


def test_a_playlist_dressed_up_as_music_leads_nowhere(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "secret.wav", music(1), RATE)
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{tmp_path}/secret.wav\n#EXT-X-ENDLIST\n"
    for name, text in {"a.mp3": playlist, "b.m4a": f"ffconcat version 1.0\nfile {tmp_path}/secret.wav\n"}.items():
        with pytest.raises(AudioError, match="cannot be decoded"):
            decode(written(tmp_path / name, text.encode()))


def test_a_picture_is_no_audio(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"^a\.mp3 cannot be decoded \(format not recognised\)"):
        decode(written(tmp_path / "a.mp3", b"\x89PNG\r\n\x1a\n" + bytes(400)))


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [
        ("a.wv", "wavpack", "wv"),
        ("a.tta", "tta", "tta"),
        ("a.aiff", "pcm_s16be", "aiff"),
        ("a.mka", "flac", "matroska"),
    ],
    ids=["WavPack", "True Audio", "AIFF", "Matroska"],
)
def test_what_collectors_keep_is_read_sample_for_sample(tmp_path: Path, name: str, codec: str, container: str) -> None:
    ints = (music(1) * 32767).astype(np.int16)
    soundfile.write(tmp_path / "a.flac", ints, RATE)
    path = tmp_path / name
    encoded((ints / 32768).astype(np.float32), codec, container, path=path)
    assert decode(path).content_hash == decode(tmp_path / "a.flac").content_hash


def test_alac_in_caf_lacks_less_than_a_packet_at_its_end(tmp_path: Path) -> None:
    """FFmpeg takes off the padding of the last packet, which the encoder has left out already."""
    samples = music(1)
    path = tmp_path / "a.caf"
    encoded(samples, "alac", "caf", path=path)
    audio = decode(path)
    assert len(samples) - 4096 < len(audio.samples) <= len(samples)
    np.testing.assert_allclose(audio.samples, samples[: len(audio.samples)], atol=1e-4)


def dsf(path: Path, seconds: float = 0.5) -> Path:
    """A DSF file: a tone of 1 kHz at half scale as one bit at 64 × 44.1 kHz, by a first-order modulator."""
    rate, block = 64 * RATE, 4096
    wave = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * rate) // (8 * block) * 8 * block) / rate)
    bits, error = np.empty(len(wave), dtype=np.uint8), 0.0
    for i, sample in enumerate(wave.tolist()):
        error += sample
        bits[i] = error >= 0
        error -= 1.0 if error >= 0 else -1.0
    data = np.packbits(bits, bitorder="little").tobytes()
    fmt = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 1, 1, rate, 1, len(wave), block, 0)
    head = struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(fmt) + 12 + len(data), 0)
    return written(path, head + fmt + struct.pack("<4sQ", b"data", 12 + len(data)) + data)


def test_dsf_is_read_at_the_rate_of_its_bytes(tmp_path: Path) -> None:
    audio = decode(dsf(tmp_path / "a.dsf"))
    assert (audio.sample_rate, audio.channels, audio.bits_per_sample) == (8 * RATE, 1, None)
    assert audio.seconds == pytest.approx(0.5, abs=0.02)
    spectrum = np.abs(np.fft.rfft(audio.samples * np.hanning(len(audio.samples))))
    assert spectrum.argmax() / audio.seconds == pytest.approx(1000, abs=3)


def test_amr_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.amr"
    speech = music(2)[::2]
    encoded(speech, "libopencore_amrnb", "amr", path=path, rate=8000)
    audio = decode(path)
    assert (audio.sample_rate, audio.channels, audio.codec) == (8000, 1, "amr_nb")
    assert audio.seconds == pytest.approx(len(speech) / 8000, abs=0.1)


@pytest.mark.parametrize("suffix", ["ape", "mpc", "wv", "dsf", "tta", "amr", "aiff", "wma"])
@pytest.mark.parametrize("magic", [b"MAC \x96\x0f", b"MPCKSH", b"wvpk", b""])
def test_damaged_files_of_rare_kinds_are_refused_in_one_line(tmp_path: Path, suffix: str, magic: bytes) -> None:
    with pytest.raises(AudioError, match=rf"^a\.{suffix} (cannot be decoded|holds no samples|is cut off)") as refused:
        decode(written(tmp_path / f"a.{suffix}", magic + bytes(500)))
    assert "\n" not in str(refused.value)


def test_a_codec_that_nobody_knows_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.caf"
    soundfile.write(path, music(0.5), RATE, format="CAF", subtype="ALAC_16")
    path.write_bytes(path.read_bytes().replace(b"alac", b"\xfflac", 1))
    with pytest.raises(AudioError, match=r"a\.caf cannot be decoded") as caught:
        decode(path)
    assert "\n" not in str(caught.value)
