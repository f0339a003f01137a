"""Tango beside what declare-lab's own code computed of a file, of noise, and of captions that were zeroed."""

from pathlib import Path

import pytest
import soundfile
import torch

from earwitness import audio
from earwitness.targets.mel_diffusion import MelDiffusion
from tests.targets.goldens.golden import relative
from tests.targets.goldens.seeded import wave
from tests.targets.tango_beside_original import ABOUT, ARRAYS, asked, load, save_release


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> MelDiffusion:
    return load(save_release(tmp_path_factory.mktemp("tango") / "release"))


def test_the_latent_of_a_file_is_the_originals(target: MelDiffusion, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", wave(ABOUT["samples"]), 16_000, subtype="FLOAT")
    heard = audio.read_channels(tmp_path / "a.wav", target.sample_rate, target.channels, one="first")
    assert relative(target.encode(heard), ARRAYS["latent"]) < 1e-5


@pytest.mark.parametrize("dropped", [False, True])
def test_the_noise_is_the_originals(target: MelDiffusion, dropped: bool) -> None:
    with torch.no_grad():
        ours, theirs = asked(target, dropped=dropped)
    assert relative(theirs, ARRAYS["noisy"]) > 0.1  # the answer is heard
    assert relative(ours, theirs) < 1e-5
