"""The blind gate on real tunes that no model has seen: same rendering, another instrument, other encoders.

    python benchmarks/blind_gate.py [--tunes 120] [--splits 20]

Fiddle tunes are split into two sets at random, versions of one tune together, `--splits` times. Both sets are
rendered alike, or the suspect set alone is changed; whatever the gate then finds is not membership.
"""

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from music21 import corpus
from numpy.typing import NDArray

from earwitness.ground_truth.fiddle.tunes import Tune, group_tunes, read_tunes, render
from earwitness.ground_truth.performance import SAMPLE_RATE
from earwitness.signals.blind import acoustic_features
from earwitness.stats.blind import blind_gate
from earwitness.stats.exact import ExactSettings
from earwitness.stats.sides import Sides

Wave = NDArray[np.float32]
SECONDS = 10
FLUTE = 73


def window(wave: Wave) -> Wave:
    return wave[: SECONDS * SAMPLE_RATE]


def through(wave: Wave, container: str, subtype: str) -> Wave:
    """Encode and decode again."""
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, SAMPLE_RATE, format=container, subtype=subtype)
    buffer.seek(0)
    decoded: Wave = soundfile.read(buffer, dtype="float32")[0]
    return decoded


RENDERINGS: dict[str, Callable[[Tune], Wave]] = {
    "same": lambda tune: window(render(tune)),
    "flute (program 73)": lambda tune: window(render(tune, [FLUTE])),
    "through mp3": lambda tune: through(window(render(tune)), "MP3", "MPEG_LAYER_III"),
    "through ogg vorbis": lambda tune: through(window(render(tune)), "OGG", "VORBIS"),
    "through 16-bit wav": lambda tune: through(window(render(tune)), "WAV", "PCM_16"),
}


def main(count: int, splits: int) -> None:
    names = {Path(path).stem for path in sorted(corpus.getComposer("ryansMammoth"))[:count]}
    tunes = read_tunes(names)
    group_of = group_tunes(tunes)
    groups = np.array([group_of[tune.name] for tune in tunes])
    table = {
        name: np.array([list(acoustic_features(rendering(tune), SAMPLE_RATE).values()) for tune in tunes])
        for name, rendering in RENDERINGS.items()
    }
    print("| suspect set | AUC (median) | its upper limit | harmful AUC | median p | pass | undecided | fail |")
    print("|---" * 8 + "|")
    for name, changed in table.items():
        gates = []
        for split in range(splits):
            works = np.unique(groups)
            chosen = np.random.default_rng(split).permutation(works)[: len(works) // 2]
            suspect = np.isin(groups, chosen)
            blind = np.where(suspect[:, None], changed, table["same"])
            gates.append(
                blind_gate(blind, Sides(suspect, groups), settings=ExactSettings(permutations=999), seed=split)
            )
        auc, high, p_value = (
            np.median([getattr(gate, field) for gate in gates]) for field in ("auc", "high", "p_value")
        )
        states = " | ".join(str(sum(gate.state == state for gate in gates)) for state in ("pass", "undecided", "fail"))
        print(f"| {name} | {auc:.3f} | {high:.3f} | {gates[0].harmful_auc:.3f} | {p_value:.3f} | {states} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tunes", type=int, default=120)
    parser.add_argument("--splits", type=int, default=20)
    arguments = parser.parse_args()
    main(arguments.tunes, arguments.splits)
