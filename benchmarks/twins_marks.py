"""How slight the marks are, and whether a copy is known again after what happens to music. Prints Markdown.

    python benchmarks/twins_marks.py MUSIC --works 8

``MUSIC`` is a folder of recordings; of each, 15 s from the middle are a master, mono at 16 kHz.

*Slight*: the A-weighted level of the master over that of the difference between copy and master (IEC 61672), where the
two run in step, and the largest change of a third octave's level over the whole excerpt. No listener was asked.

*Known again*: the published copy goes through a chain and is then ascribed to one of the eight sealed copies, without
any model: by the copy whose waveform it fits best (the peak of the normalised cross-correlation, at any shift), or by
the one whose long-term spectrum does (the correlation of third-octave levels less their mean over the copies). Chance
is one in eight.
"""

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from verdict_level import head, row

from earwitness.audio import SUFFIXES, decode
from earwitness.twins.marks import MARKS, marked

RATE, SECONDS, COPIES = 16_000, 15, 8
MP3, OPUS, LEVEL = ("MP3", "MPEG_LAYER_III"), ("OGG", "OPUS"), 0.5
SIZE = 1 << (2 * SECONDS * RATE - 1).bit_length()
Wave = NDArray[np.float64]


def encoded(wave: Wave, container: str, subtype: str, level: float) -> io.BytesIO:
    """A file of libsndfile's encoder."""
    file = io.BytesIO()
    soundfile.write(file, wave.clip(-1, 1), RATE, format=container, subtype=subtype, compression_level=level)
    file.seek(0)
    return file


def through(wave: Wave, container: str, subtype: str, level: float) -> Wave:
    """Through an encoder and back."""
    return np.asarray(soundfile.read(encoded(wave, container, subtype, level))[0])


def crop(wave: Wave) -> Wave:
    return wave[2 * RATE + 137 : 12 * RATE + 137]


CHAINS: dict[str, Callable[[Wave], Wave]] = {
    "none": lambda wave: wave,
    "MP3": lambda wave: through(wave, *MP3, LEVEL),
    "Opus": lambda wave: through(wave, *OPUS, LEVEL),
    "11 kHz and back": lambda wave: soxr.resample(soxr.resample(wave, RATE, 11_025), 11_025, RATE),
    "normalised": lambda wave: wave * (0.98 / np.abs(wave).max()),
    "1 % faster": lambda wave: soxr.resample(wave, RATE * 1.01, RATE),
    "10 s crop": crop,
    "MP3 of a 10 s crop": lambda wave: through(crop(wave), *MP3, LEVEL),
}


def masters(folder: Path, works: int) -> list[Wave]:
    """The middles of the first recordings of a folder, by name, that are long enough."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
        if len(found) == works:
            break
        heard = decode(path)
        wave = soxr.resample(heard.samples.astype(np.float64), heard.sample_rate, RATE)
        start = (len(wave) - SECONDS * RATE) // 2
        if start >= 0:
            excerpt = wave[start : start + SECONDS * RATE]
            found.append(0.7 * excerpt / np.abs(excerpt).max())
    return found


def copies(wave: Wave, kinds: tuple[str, ...], strength: float, work: int, count: int = COPIES) -> list[Wave]:
    rng = np.random.default_rng([work, *"".join(kinds).encode()])
    return [marked(wave[None], RATE, kinds, rng.bytes(32), strength=strength)[0] for _ in range(count)]


def a_weighted_power(wave: Wave) -> float:
    power = np.abs(np.fft.rfft(wave)) ** 2
    f2 = np.fft.rfftfreq(len(wave), 1 / RATE) ** 2
    gain = 12194**2 * f2**2 / ((f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * (f2 + 12194**2))
    return float((power * gain**2).sum())


def third_octaves(wave: Wave) -> Wave:
    """Long-term levels of the third octaves from 63 Hz on, in dB."""
    power = np.abs(np.fft.rfft(wave)) ** 2 / len(wave)
    edges = np.searchsorted(np.fft.rfftfreq(len(wave), 1 / RATE), 56.2 * 2 ** (np.arange(22) / 3))
    return np.asarray(10 * np.log10(np.add.reduceat(power, edges)[:-1] + 1e-12))


def spectra(sealed: list[Wave]) -> Wave:
    return np.fft.rfft(np.stack(sealed), SIZE)


def fits(heard: Wave, sealed: list[Wave], transformed: Wave) -> list[float]:
    """Peak of the cross-correlation of what was heard with each copy, each of norm 1 where they overlap."""
    spectrum = np.fft.rfft(heard, SIZE).conj()
    found = []
    for copy, own in zip(sealed, transformed, strict=True):
        product = np.fft.irfft(own * spectrum, SIZE)
        at = int(product.argmax())
        at = at - SIZE if at > SIZE // 2 else at
        under = copy[max(at, 0) : max(at, 0) + len(heard)]
        found.append(float(product.max() / np.linalg.norm(under) / np.linalg.norm(heard)))
    return found


def resemblance(heard: Wave, sealed: list[Wave]) -> list[float]:
    """Correlation of the third-octave levels of what was heard and of each copy, less the mean over the copies."""
    levels = np.array([third_octaves(copy) for copy in sealed])
    own = third_octaves(heard) - levels.mean(axis=0)
    return [float(np.corrcoef(own, each)[0, 1]) for each in levels - levels.mean(axis=0)]


def audibility(music: list[Wave]) -> None:
    head(
        "mark", "strength", "A-weighted SNR, dB: median (least)", "largest change of a third octave, dB: median (most)"
    )
    for kind in MARKS:
        for strength in (1.0, 3.0, 10.0):
            ratios, changes = [], []
            for work, wave in enumerate(music):
                for copy in copies(wave, (kind,), strength, work, 2):
                    ratios.append(10 * np.log10(a_weighted_power(wave) / a_weighted_power(copy - wave)))
                    changes.append(np.abs(third_octaves(copy) - third_octaves(wave)).max())
            in_step = kind in ("tilt", "noise")
            told = f"{np.median(ratios):.0f} ({min(ratios):.0f})" if in_step else "not in step"
            row(kind, f"{strength:g}", told, f"{np.median(changes):.2f} ({max(changes):.2f})")


def robustness(music: list[Wave]) -> None:
    head("marks, at strength 1", "chain", "known again by the waveform", "by the spectrum")
    for kinds in (tuple(MARKS), ("tilt",), ("pitch",), ("noise",)):
        right = {name: [0, 0] for name in CHAINS}
        for work, wave in enumerate(music):
            sealed = copies(wave, kinds, 1.0, work)
            transformed = spectra(sealed)
            for name, chain in CHAINS.items():
                heard = chain(sealed[0])
                # A crop is compared with the same stretch of every copy: their owner can find it.
                same = [crop(copy) for copy in sealed] if "crop" in name else sealed
                for way, found in enumerate((fits(heard, sealed, transformed), resemblance(heard, same))):
                    right[name][way] += int(np.argmax(found)) == 0
        for name, (by_wave, by_spectrum) in right.items():
            row(", ".join(kinds), name, f"{by_wave} of {len(music)}", f"{by_spectrum} of {len(music)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path)
    parser.add_argument("--works", type=int, default=8)
    given = parser.parse_args()
    music = masters(given.music, given.works)
    rates = [8 * len(encoded(music[0], *form, LEVEL).getvalue()) / SECONDS / 1000 for form in (MP3, OPUS)]
    print(f"{len(music)} masters; MP3 at {rates[0]:.0f} and Opus at {rates[1]:.0f} kbit/s, mono\n")
    audibility(music)
    print()
    robustness(music)


if __name__ == "__main__":
    main()
