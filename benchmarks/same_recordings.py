"""How well a recording is known again in other clothes: the table in docs/files.md.

    python benchmarks/same_recordings.py FOLDER… [--tracks 9] [--seconds 75]

FOLDER: unpacked packages of Ogg files, such as ``dpkg-deb -x`` makes of colobot-common-sounds,
marsshooter-data, singularity-music and wesnoth-1.16-music.
"""

import argparse
import io
import random
from itertools import combinations
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from earwitness.collection.landmarks import RATE, Landmarks, landmarks
from earwitness.collection.recordings import same_recordings
from earwitness.stats.binomial import clopper_pearson


def encoded(wave: np.ndarray, rate: int, codec: str, container: str, kbps: int) -> tuple[np.ndarray, int]:
    if codec == "libopus":
        wave, rate = soxr.resample(wave, rate, 48_000), 48_000
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.bit_rate, stream.layout = 1000 * kbps, "stereo"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave.clip(-1, 1).T), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = rate, 0
        resampler = av.AudioResampler(format=stream.format.name, layout="stereo", rate=rate)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32", always_2d=True)


def versions(path: Path, seconds: int) -> dict[str, Landmarks]:
    rate = soundfile.info(path).samplerate
    wave, _ = soundfile.read(path, frames=seconds * rate, dtype="float32", always_2d=True)
    wave = np.repeat(wave, 2, axis=1) if wave.shape[1] == 1 else wave
    made = {
        "original": (wave, rate),
        **{f"MP3 {kbps}": encoded(wave, rate, "libmp3lame", "mp3", kbps) for kbps in (64, 128, 320)},
        **{f"Opus {kbps}": encoded(wave, rate, "libopus", "ogg", kbps) for kbps in (64, 24)},
        "-6 dB": (np.round(wave * 0.5 * 32767) / 32767, rate),
        "2 s trimmed": (wave[2 * rate :], rate),
        "1 % faster": (soxr.resample(wave, rate, rate / 1.01), rate),
        "1 % slower": (soxr.resample(wave, rate, rate * 1.01), rate),
    }
    mono = {name: soxr.resample(w.mean(axis=1), r, RATE, quality="LQ") for name, (w, r) in made.items()}
    return {name: landmarks(wave.astype(np.float32), RATE) for name, wave in mono.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--tracks", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=75)
    chosen = parser.parse_args()
    paths = [p for folder in chosen.folders for p in sorted(folder.rglob("*.ogg")) if not p.is_symlink()]
    random.Random(0).shuffle(paths)
    paths = [path for path in paths if soundfile.info(path).duration >= 20][: chosen.tracks]
    files = [(path, name, marks) for path in paths for name, marks in versions(path, chosen.seconds).items()]
    shares = {(m.first, m.second): m.share for m in same_recordings([marks for *_, marks in files])}
    alike = {(i, j): files[i][0] == files[j][0] for i, j in combinations(range(len(files)), 2)}
    print("| version | found (95 %) | smallest share | median share |\n|---|---|---|---|")
    hits = trials = 0
    for name in dict.fromkeys(name for _, name, _ in files if name != "original"):
        pairs = [pair for pair, same in alike.items() if same and {files[k][1] for k in pair} == {"original", name}]
        found = [shares[pair] for pair in pairs if pair in shares]
        hits, trials = hits + len(found), trials + len(pairs)
        figures = f"{min(found):.3f} | {np.median(found):.3f}" if found else "– | –"
        low, high = clopper_pearson(len(found), len(pairs))
        print(f"| {name} | {len(found)} of {len(pairs)} ({low:.3f} to {high:.3f}) | {figures} |")
    wrong, others = sum(not alike[pair] for pair in shares), sum(not same for same in alike.values())
    low, high = clopper_pearson(hits, trials)
    print(f"\n{len(paths)} recordings. Recall {hits} of {trials} (95 % {low:.3f} to {high:.3f}).")
    low, high = clopper_pearson(len(shares) - wrong, len(shares))
    print(f"Precision {len(shares) - wrong} of {len(shares)} matches (95 % {low:.4f} to {high:.4f}).")
    print(f"{wrong} of {others} pairs of files of other recordings matched.")
    for i, j in sorted(pair for pair in shares if not alike[pair])[:10]:
        print(f"  {files[i][0].name} ({files[i][1]}) = {files[j][0].name} ({files[j][1]}), share {shares[i, j]:.3f}")


if __name__ == "__main__":
    main()
