"""Miniature copies of the data sets, in the layouts in which they are published: real audio, real MIDI."""

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from hashlib import md5
from pathlib import Path

import numpy as np
import soundfile

from earwitness.bench.paper.listing import Finding
from tests.cli.test_midi import write_score

SAMPLE_RATE = 16_000
SECONDS = 1.2
AUDIOCAPS_COLUMNS = ("audiocap_id", "youtube_id", "start_time", "caption")
_CAPTIONS_A_CLIP = {"train": 1, "val": 5, "test": 5}


def write_audio(path: Path, seed: Sequence[int], seconds: float = SECONDS) -> Path:
    """Noise of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = np.random.default_rng(seed).normal(scale=0.2, size=round(seconds * SAMPLE_RATE)).clip(-1, 1)
    soundfile.write(path, wave, SAMPLE_RATE)
    return path


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def video(split: str, i: int) -> str:
    """An id of YouTube's form."""
    return f"{split[:2]}{i:03}-_AbCd"


def start(i: int) -> int:
    return 10 * i


Name = Callable[[str, int], str]


def by_video(split: str, i: int) -> str:
    """The name in which most copies come."""
    return f"{split}/{video(split, i)}_{start(i)}.wav"


def write_audiocaps(
    folder: Path, *, train: int = 7, val: int = 2, test: int = 6, name: Name = by_video, lists: str = "."
) -> Path:
    """AudioCaps: one caption a training clip, five in the other splits, the smallest id not the first."""
    number = 1000
    for side, (split, clips) in enumerate({"train": train, "val": val, "test": test}.items()):
        rows: list[Sequence[object]] = []
        for i in range(clips):
            captions = _CAPTIONS_A_CLIP[split]
            ids = [number + (j + 1) % captions for j in range(captions)]
            rows += [(n, video(split, i), start(i), f"{split} {i}, caption {n - number}") for n in ids]
            number += captions
            write_audio(folder / name(split, i), [side, i])
        write_csv(folder / lists / f"{split}.csv", AUDIOCAPS_COLUMNS, rows)
    return folder


def midi_bytes(seed: int, folder: Path, bars: int = 12) -> bytes:
    """A melody of eighths in four-four, of its own."""
    path = write_score(folder / "made.mid", seed, bars)
    content = path.read_bytes()
    path.unlink()
    return content


def song(i: int) -> str:
    """A track id of the Million Song Dataset's form."""
    return f"TRABCDE{i:011X}"


def write_lakh(folder: Path, *, train: int = 6, val: int = 1, test: int = 6) -> dict[str, list[str]]:
    """LMD-full under FIGARO's splits, no file matched with a song; returns the names of each split."""
    names: dict[str, list[str]] = {}
    for side, (split, files) in enumerate({"train": train, "val": val, "test": test}.items()):
        names[split] = []
        for i in range(files):
            content = midi_bytes(100 * side + i, folder)
            name = md5(content).hexdigest()
            path = folder / "lmd_full" / name[0] / f"{name}.mid"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            names[split].append(name)
        write_split(folder, split, names[split])
    write_matches(folder, {})
    return names


def write_split(folder: Path, split: str, names: Sequence[str]) -> None:
    (folder / "splits").mkdir(exist_ok=True)
    lines = "".join(f"{name[0]}/{name}.mid\n" for name in names)
    (folder / "splits" / f"{split}.txt").write_text(lines, encoding="utf-8")


def write_matches(folder: Path, files: dict[str, list[str]]) -> None:
    """match_scores.json: songs, the names of their files, and a confidence."""
    content = {song: dict.fromkeys(names, 0.7) for song, names in files.items()}
    content.setdefault(song(0xFFF), {"f" * 32: 0.7})
    (folder / "match_scores.json").write_text(json.dumps(content), encoding="utf-8")


ATTRIBUTION_COLUMNS = ("id", "title", "author", "license", "url")


def write_attributions(
    folder: Path, source: str = "freesound", *, members: int = 6, others: int = 6, authors: int = 3
) -> Path:
    """A published list and a held-out one of later ids, each author on one side."""
    for side, (there, count) in enumerate({folder: members, folder / "held_out": others}.items()):
        ids = [100 + 100 * side + i for i in range(count)]
        rows = [(n, f"Sound {n}", f"User {side}{n % authors}", "cc0", f"https://example.org/{n}/") for n in ids]
        write_csv(there / f"{source}_dataset_attribution2.csv", ATTRIBUTION_COLUMNS, rows)
        for n in ids:
            write_audio(there / source / f"{n}__user__sound.wav", [n, side])
    return folder


def kinds(findings: Iterable[Finding]) -> list[tuple[str, bool]]:
    return [(finding.kind, finding.blocks) for finding in findings]


def line_of(findings: Iterable[Finding], kind: str) -> str:
    """The one line of a kind."""
    (found,) = [finding.line for finding in findings if finding.kind == kind]
    return found
