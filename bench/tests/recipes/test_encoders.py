"""The written encoders: what they are said to compute, whatever the phase of the sound."""

import numpy as np
import pytest
import torch

from earwitness.targets.mel import MEL_16K, standardise
from earwitness_bench.recipes import oobleck, patch_vae
from earwitness_bench.recipes.mel_vae import REDUCTION, encode, scale_to_unit

RATE, SECONDS = 16_000, 4.096


def notes(seed: int, rate: int = RATE, seconds: float = SECONDS) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(round(0.25 * rate)) / rate
    parts = [np.sin(2 * np.pi * 220 * 2 ** (rng.integers(25) / 12) * time) * 0.3 for _ in range(round(seconds * 4) + 1)]
    return np.concatenate(parts)[: round(seconds * rate)].astype(np.float32)


@pytest.fixture(scope="module")
def vae() -> torch.nn.Module:
    waves = [notes(seed) for seed in range(24)]
    made = patch_vae.patch_vae(waves, samples=len(waves[0]), seed=0)
    scale_to_unit(made, torch.from_numpy(np.stack(waves)))
    return made


def test_patches_become_components_of_the_spectrogram(vae: torch.nn.Module) -> None:
    clips = torch.from_numpy(np.stack([notes(seed) for seed in range(24)]))
    mels = MEL_16K.log_mel(standardise(clips))
    latents = encode(vae, clips)
    assert latents.shape == (24, patch_vae.CHANNELS, mels.shape[1] // REDUCTION, mels.shape[2] // REDUCTION)
    assert float(latents.std()) == pytest.approx(1, abs=1e-3)
    # Linear regression on latents explains the spectrogram's patches: what was kept is most of what there was.
    patches = mels.unfold(1, 32, 32).unfold(2, 32, 32).flatten(3).flatten(0, 2)
    found = latents.permute(0, 2, 3, 1).flatten(0, 2)
    inputs = torch.cat([found, torch.ones(len(found), 1)], dim=1)
    rest = patches - inputs @ torch.linalg.lstsq(inputs, patches).solution
    assert float(rest.square().sum() / (patches - patches.mean(0)).square().sum()) < 0.25


def test_a_level_changes_no_latent(vae: torch.nn.Module) -> None:
    clip = torch.from_numpy(notes(1))[None]
    torch.testing.assert_close(encode(vae, clip), encode(vae, clip / 4), atol=1e-3, rtol=1e-3)


@pytest.fixture(scope="module")
def filters() -> torch.nn.Module:
    return oobleck.filterbank_oobleck([notes(seed, oobleck.SAMPLE_RATE) for seed in range(4)], seed=0)


def energies(model: torch.nn.Module, wave: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        hidden = model.encoder.conv1(oobleck.stereo(wave)[None])
        for block in model.encoder.block:
            hidden = block(hidden)
    return hidden[0, :, 3:-3].mean(dim=1)


@pytest.mark.parametrize("semitone", [3, 12, 27])
def test_a_tone_is_heard_by_its_own_filter_in_any_phase(filters: torch.nn.Module, semitone: int) -> None:
    time = np.arange(8000) / oobleck.SAMPLE_RATE
    hertz = oobleck.LOWEST_HERTZ * 2 ** (semitone / 12)
    heard = [
        energies(filters, (0.2 * np.sin(2 * np.pi * hertz * time + phase)).astype(np.float32)) for phase in (0, 1, 2)
    ]
    assert all(int(found.argmax()) == semitone for found in heard)
    # A band's energy is about 1 − J₀(2αA), averaged over phases: .55 for A = .2 and α = 4.
    assert all(float(found[semitone]) == pytest.approx(0.545, abs=0.05) for found in heard)


def test_components_have_unit_spread_and_hardly_change_with_a_shift(filters: torch.nn.Module) -> None:
    wave = notes(9, oobleck.SAMPLE_RATE)
    length = 60 * oobleck.HOP
    found, shifted = (
        oobleck.encode(filters, oobleck.stereo(wave[start : start + length])[None])[0, 2:-2] for start in (800, 840)
    )
    assert found.shape == (56, oobleck.CHANNELS)
    assert 0.5 < float(found.std()) < 1.6
    assert float((found - shifted).square().mean() / found.square().mean()) < 0.1
