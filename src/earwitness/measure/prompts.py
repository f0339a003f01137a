"""Prompts for a model that is asked by hand: the beginnings of a collection's windows as audio files.

Goal: a folder that a user takes to a service and, filled with what came back, gives as a target
(`earwitness.targets.continuations`). The windows are those an audit with the same settings cuts.
"""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from earwitness.collection.tracks import Collection
from earwitness.errors import AudioError, EarwitnessError
from earwitness.files import write_atomically, write_text
from earwitness.measure.windows import AudioReader
from earwitness.settings import WindowsPerTrack
from earwitness.targets.continuations import ANSWERS, RECORD_NAME, PromptRecord, pcm16, prompt_sha256

SAMPLE_RATE = 44_100
PROMPT_SHARE = 0.4


def write_prompts(
    collection: Collection,
    out: Path,
    *,
    seconds: float,
    windows_per_track: WindowsPerTrack,
    seed: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> PromptRecord:
    """Write ``prompts/NAME.wav`` (16 bit, mono), ``prompts.csv`` and ``continuations.json`` into a new folder.

    Parameters
    ----------
    seconds
        Length of a window; its first two fifths are the prompt, the rest is what should come back.
    windows_per_track, seed
        How many windows, and which; see ``earwitness.measure.placement``.

    Raises
    ------
    EarwitnessError
        Where the folder holds prompts already, or no track gives one. A track that is too short or
        damaged is left out, as an audit leaves it out.
    """
    if (out / RECORD_NAME).exists():
        raise EarwitnessError(f"{out} holds prompts already; choose another --out folder. Nothing was changed.")
    (out / ANSWERS).mkdir(parents=True, exist_ok=True)
    (out / "prompts").mkdir(exist_ok=True)
    reader = AudioReader(sample_rate=SAMPLE_RATE, seconds=seconds, per_track=windows_per_track, seed=seed)
    names: dict[str, str] = {}
    rows = [["file", "seconds_wanted", "path", "prompt"]]
    for done, (track, path) in enumerate(collection.located(), 1):
        try:
            windows = reader.read(path, content_sha256=track.content_sha256, prompt=track.prompt)
        except AudioError:
            continue
        for number, window in enumerate(one.content for one in windows if isinstance(one.content, np.ndarray)):
            name = f"{track.track_id}-{number}"
            wave = window[: round(PROMPT_SHARE * len(window))]
            soundfile.write(out / "prompts" / f"{name}.wav", pcm16(wave), SAMPLE_RATE)
            names[prompt_sha256(wave)] = name
            rows.append([f"{name}.wav", f"{(1 - PROMPT_SHARE) * seconds:g}", track.path, track.prompt])
        on_progress(done, collection.tracks.height)
    if not names:
        raise EarwitnessError(f"No track holds a window of {seconds:g} s; use a smaller --seconds.")
    record = PromptRecord(
        sample_rate=SAMPLE_RATE, window_seconds=seconds, prompt_share=PROMPT_SHARE,
        windows_per_track=windows_per_track, seed=seed, prompts=names,
    )  # fmt: skip
    write_atomically(out / "prompts.csv", lambda partial: _write_csv(partial, rows))
    write_text(out / RECORD_NAME, record.model_dump_json(indent=2) + "\n")
    return record


def _write_csv(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
