"""Real shifts without membership: the verdict must not take a recording chain for training.

Tunes the shipped target was not trained on, in both sets. The suspect set is rendered or
encoded another way: another instrument of the soundfont, an MP3 or Ogg round trip, 6 dB
quieter. Prints Markdown: the plain p-value, the gate's state, the adjusted p-value and the
verdict of each audit. Then the same with members as suspects, where there is something to find.

    python benchmarks/shifted_audio.py --work shifted-work [--tracks 60] [--seed 0]
"""

import argparse
import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from earwitness import demo, pipeline
from earwitness.reference.fiddle import card
from earwitness.reference.fiddle.card import CardTune
from earwitness.reference.fiddle.tunes import SAMPLE_RATE, Tune, pcm16, read_tunes, render

Write = Callable[[Path, Tune], None]
FLUTE = 73


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--tracks", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    members, strangers, held_out, _ = demo.draw_sets(card.read().tunes, tracks=options.tracks, seed=options.seed)
    tunes = {tune.name: tune for tune in read_tunes({t.name for side in (members, strangers, held_out) for t in side})}
    print(f"{options.tracks} tunes a side, α = .01\n")
    print("| suspects | sound | plain p | gate | adjusted p | verdict |\n| --- | --- | --- | --- | --- | --- |")
    for truth, suspects in (("not trained on", strangers), ("trained on", members)):
        for name, write in CHAINS.items():
            folder = options.work / f"{truth}-{name}".replace(" ", "-")
            _write_manifest(folder, tunes, suspects, held_out, write)
            run = folder / "run"
            pipeline.index_stage(run, manifest=folder / "manifest.csv")
            pipeline.extract_stage(run, pipeline.MeasureSettings(target=str(card.MODEL)))
            result = pipeline.test_stage(run, pipeline.VerdictSettings())
            pipeline.report_stage(run)
            blind = result.blind
            assert blind is not None
            assert result.p_value is not None
            adjusted = "" if blind.adjusted_p_value is None else f"{blind.adjusted_p_value:.4f}"
            print(
                f"| {truth} | {name} | {result.p_value:.4f} | {blind.state} | {adjusted} | {result.verdict} |",
                flush=True,
            )


def _write_manifest(
    folder: Path, tunes: dict[str, Tune], suspects: list[CardTune], held_out: list[CardTune], write: Write
) -> None:
    rows = []
    for role, side, chain in (("suspect", suspects, write), ("held_out", held_out, CHAINS["same"])):
        for drawn in side:
            path = folder / role / f"{drawn.name}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            chain(path, tunes[drawn.name])
            rows.append([path.relative_to(folder).as_posix(), role, drawn.group, tunes[drawn.name].caption])
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["path", "role", "group", "prompt"], *rows])


def _rendered(path: Path, tune: Tune, *, program: int = 40, gain: float = 1.0) -> None:
    soundfile.write(path, pcm16(render(tune, program=program) * np.float32(gain)), SAMPLE_RATE)


def _round_trip(path: Path, tune: Tune, *, suffix: str) -> None:
    """Encode with a lossy codec, decode, and store losslessly: the file format is the same in both sets."""
    lossy = path.with_suffix(suffix)
    soundfile.write(lossy, render(tune), SAMPLE_RATE)
    decoded, _ = soundfile.read(lossy, dtype="float32")
    lossy.unlink()
    soundfile.write(path, pcm16(decoded.clip(-1, 1)), SAMPLE_RATE)


CHAINS: dict[str, Write] = {
    "same": _rendered,
    "flute": partial(_rendered, program=FLUTE),
    "MP3": partial(_round_trip, suffix=".mp3"),
    "Ogg Vorbis": partial(_round_trip, suffix=".ogg"),
    "6 dB quieter": partial(_rendered, gain=0.5),
}


if __name__ == "__main__":
    main()
