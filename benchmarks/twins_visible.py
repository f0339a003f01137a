"""Which marks a model's codes can show at all, whatever the model: asked of the codec and of the tokens alone.

    python benchmarks/twins_visible.py audio --works 4
    python benchmarks/twins_visible.py scores --works 12
    python benchmarks/twins_visible.py remi --works 40

``audio``: tunes that ``fiddle`` knows, marked, and encoded by its codec. A model that was trained on random crops met a
copy at many offsets. So one of eight copies is encoded at ``ENCODINGS`` offsets within a frame, and all eight at other
offsets are scored by how often those encodings held the same code in the same frame. The table has the share of codes
(first and last codebook) that differ between two copies at one offset; the same between two offsets of one copy; and
the mean place of the copy that was met among its twins, 50 % being chance: what a model that remembered everything
could tell. ``timing`` is left out: a model that is trained on crops at any offset has no clock to see it by.

``scores``: chorales with velocities drawn around 88 (standard deviation 9), as the tokens of FIGARO (bins of 4
velocities, 12 positions a quarter): the share of their tokens that differ between two copies.

``remi``: the chorales of ``twins_scores``, four voices in one track with the timing and velocities of a player, as the
tokens of miditok's REMI with coarser and finer grids: the share of tokens that differ between two copies (of those that
have as many), and the pairs that are the same token for token, so that no model that reads them can tell them apart;
"in order": if the notes of the file stood in the order that they had before.
"""

import argparse

import numpy as np
import torch
from numpy.typing import NDArray
from symusic import Score
from transformers import MusicgenForConditionalGeneration
from verdict_level import head, row

from earwitness.ground_truth.chorale.scores import as_score, read_works
from earwitness.ground_truth.fiddle.tunes import read_tunes, render
from earwitness.ground_truth.registry import shipped
from earwitness.targets.figaro.load import load_figaro
from earwitness.twins.marks import marked
from earwitness.twins.score_marks import marked_score
from earwitness_bench.recipes import twins_scores
from earwitness_bench.recipes.causal_lm import remi_tokenizer
from earwitness_bench.recipes.figaro import as_target
from earwitness_bench.recipes.musicgen import resample

ENCODINGS, ASKED, COPIES, RATE = 10, 2, 8, 16_000
AUDIO = {"tilt": (1, 3, 10), "pitch": (1, 10), "noise": (1, 10, 30)}
GRIDS = ((8, 8), (32, 8), (127, 32))
SCORES = (("velocity", 1), ("velocity", 2), ("velocity", 4), ("onset", 1), ("onset", 10), ("order", 1))
Codes = NDArray[np.int64]


def place(met: Codes, asked: list[list[Codes]]) -> float:
    """Share of the copies after the first that score below it; ``met`` [encodings, codebooks, frames]."""
    frames = min(met.shape[2], *(codes.shape[1] for each in asked for codes in each))
    scores = [
        np.mean([np.log((met[..., :frames] == codes[:, :frames]).mean(axis=0) + 0.05).mean() for codes in each])
        for each in asked
    ]
    return float(np.mean([score < scores[0] for score in scores[1:]]))


def audio(works: int) -> None:
    model = MusicgenForConditionalGeneration.from_pretrained(shipped("fiddle").model, dtype=torch.float32)
    codec = model.audio_encoder.eval()
    hop, rate = codec.config.hop_length, codec.config.sampling_rate

    @torch.no_grad()
    def codes(wave: NDArray[np.float32], offset: int) -> Codes:
        return np.asarray(codec.encode(torch.from_numpy(wave[offset:])[None, None]).audio_codes[0, 0].numpy())

    names = [tune.name for tune in shipped("fiddle").read().tunes if tune.member][:works]
    waves = [render(tune) for tune in read_tunes(names)]
    head("mark", "strength", "codes that differ between copies", "between offsets", "place of the one that was met")
    for kind, strengths in AUDIO.items():
        for strength in strengths:
            between, offsets, places = [], [], []
            for number, wave in enumerate(waves):
                rng = np.random.default_rng([number, strength, *kind.encode()])
                made = [
                    resample(
                        marked(wave[None].astype(np.float64), RATE, [kind], rng.bytes(32), strength=strength)[0]
                        .astype(np.float32),
                        RATE, rate,
                    )
                    for _ in range(COPIES)
                ]  # fmt: skip
                found = [codes(made[0], int(offset)) for offset in rng.integers(0, hop, ENCODINGS)]
                length = min(each.shape[1] for each in found)
                shifts = rng.integers(0, hop, ASKED)
                asked = [[codes(copy, int(shift)) for shift in shifts] for copy in made]
                between.append((asked[0][0] != asked[1][0]).mean(axis=1))
                ends = min(asked[0][0].shape[1], asked[0][1].shape[1])
                offsets.append((asked[0][0][:, :ends] != asked[0][1][:, :ends]).mean(axis=1))
                places.append(place(np.stack([each[:, :length] for each in found]), asked))
            shares = [np.mean(each, axis=0) for each in (between, offsets)]
            told = [f"{share[0]:.0%} / {share[-1]:.0%}" for share in shares]
            row(kind, str(strength), *told, f"{np.mean(places):.0%}")


def scores(works: int) -> None:
    target = as_target(load_figaro(shipped("chorale").model).model)
    played = []
    for number, work in enumerate(read_works([tune.name for tune in shipped("chorale").read().tunes[:works]])):
        score = as_score(work)
        rng = np.random.default_rng(number)
        for track in score.tracks:
            for note in track.notes:
                note.velocity = int(np.clip(rng.normal(88, 9), 50, 120))
        played.append(score)
    head("mark", "strength", "tokens that differ between copies")
    for kind, strength in SCORES:
        found = []
        for number, score in enumerate(played):
            rng = np.random.default_rng([number, strength, *kind.encode()])
            one, other = (
                torch.cat([
                    window.codes[0]
                    for window in target.windows(marked_score(score, [kind], rng.bytes(32), strength=strength))
                ])
                for _ in range(2)
            )  # fmt: skip
            found.append(float((one != other).float().mean()) if len(one) == len(other) else 1.0)
        row(kind, str(strength), f"{np.mean(found):.1%}")


def as_read(score: Score) -> Score:
    """A score as its file is read: notes that a mark moved apart stand in another order there."""
    return Score.from_midi(score.dumps_midi())


def remi(works: int) -> None:
    names = [tune.name for tune in shipped("chorale").read().tunes if tune.name == tune.group][:works]
    head(
        "velocities, positions",
        "mark",
        "strength",
        "tokens that differ",
        "pairs with the same tokens",
        "by rounding alone",
    )
    scores = [twins_scores.played(work) for work in read_works(names)]
    for velocities, positions in GRIDS:
        tokenizer = remi_tokenizer(velocities, positions)
        for kind, strength in SCORES:
            differ, same, rounded = [], 0, 0
            for number, score in enumerate(scores):
                rng = np.random.default_rng([number, strength, *kind.encode()])
                copies = [marked_score(score, [kind], rng.bytes(32), strength=strength) for _ in range(2)]
                kept = [np.array(tokenizer.encode(copy.copy())[0].ids) for copy in copies]
                one, other = (np.array(tokenizer.encode(as_read(copy))[0].ids) for copy in copies)
                rounded += np.array_equal(*kept)
                same += np.array_equal(one, other)
                if len(one) == len(other):
                    differ.append(float((one != other).mean()))
            told = f"{np.mean(differ):.1%}" if differ else "other lengths"
            row(f"{velocities}, {positions}", kind, strength, told, f"{same} of {works}", f"{rounded} of {works}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("audio", "scores", "remi"))
    parser.add_argument("--works", type=int, default=4)
    given = parser.parse_args()
    {"audio": audio, "scores": scores, "remi": remi}[given.what](given.works)


if __name__ == "__main__":
    main()
