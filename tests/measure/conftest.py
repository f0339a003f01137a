"""A tiny model under the default preset with contrasts, and seven tracks to ask it about."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.collection.tracks import Track
from earwitness.measure.tokens import TokenInstrument, target_passes
from earwitness.signals.tokens.presets import token_preset
from earwitness.targets import load_target
from tests.audio_fixtures import located
from tests.tiny import SAMPLE_RATE, save_tiny_musicgen

TRACKS = 7


@pytest.fixture(scope="module")
def instrument(tmp_path_factory: pytest.TempPathFactory) -> TokenInstrument:
    folder = save_tiny_musicgen(tmp_path_factory.mktemp("model"))
    return TokenInstrument(
        target=load_target(str(folder), device="cpu"),
        preset=token_preset("default"),
        guided=True,
        further=target_passes(0),
    )


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Track, Path]]:
    folder = tmp_path_factory.mktemp("audio")
    found = []
    for i in range(TRACKS):
        wave = np.random.default_rng(i).normal(scale=0.2, size=(2 + i % 3) * SAMPLE_RATE).clip(-1, 1)
        soundfile.write(folder / f"{i}.flac", wave, SAMPLE_RATE)
        prompt = "" if i == 0 else f"a reel in {'dg'[i % 2]} major"
        found.append(located(folder / f"{i}.flac", track_id=f"t{i}", content_sha256=f"{i:064x}", prompt=prompt))
    return found
