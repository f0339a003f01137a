"""JASCO: its network beside the original's, latents, the way from velocities to noise, refusals, the contract."""

from pathlib import Path

import huggingface_hub
import pytest
import torch

from earwitness.errors import TargetError
from earwitness.targets import load_target
from earwitness.targets.audiocraft.jasco import Jasco
from earwitness.targets.protocols import DenoiserTarget, Flows, WhiteBox, law_of, remarks_on
from earwitness.testing import check_target
from tests.targets.audiocraft_codec import COMPRESSION, SAMPLE_RATE, Codec
from tests.targets.audiocraft_original import SECONDS, changed, noise
from tests.targets.jasco_tiny import FRAMES, JASCO, LATENT, golden_question, golden_tensors, save_tiny_jasco
from tests.targets.test_originals import ORIGINALS

PROMPT = "a dog barks"


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache and no network, whatever this machine has."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("jasco")
    save_tiny_jasco(place)
    return place


@pytest.fixture(scope="module")
def target(folder: Path) -> Jasco:
    loaded = load_target(str(folder), device="cpu")
    assert isinstance(loaded, Jasco)
    return loaded


def test_it_says_what_it_is(target: Jasco) -> None:
    assert isinstance(target, DenoiserTarget)
    assert isinstance(target, Flows)
    assert isinstance(target, WhiteBox)
    assert (target.sample_rate, target.hop_length, target.channels) == (SAMPLE_RATE, 320, 1)
    assert (target.max_seconds, law_of(target).seconds, target.identity.family) == (SECONDS, SECONDS, "jasco")
    assert target.has_null_condition
    assert "under the prompt alone" in remarks_on(target)[0]
    assert [target.drawn_at(share) for share in (0.0, 0.25, 1.0)] == [0.0, 0.25, 1.0]


def test_it_keeps_the_contract_of_a_target(target: Jasco) -> None:
    assert len(list(check_target(target))) >= 6


def test_velocities_are_the_originals(target: Jasco) -> None:
    latents, times, states = golden_question()
    beside = target._beside.expand(*latents.shape[:2], -1)
    with torch.no_grad():
        found = target._network(latents, times, beside, target._network.text(states))
        null = target._network(latents, times, beside, torch.zeros(2, 1, 24))
    torch.testing.assert_close(found, torch.tensor(ORIGINALS["jasco"]["velocity"]), rtol=0, atol=2e-6)
    torch.testing.assert_close(null, torch.tensor(ORIGINALS["jasco"]["null"]), rtol=0, atol=2e-6)
    assert float((found - null).abs().max()) > 1e-3


def test_noise_is_what_the_velocity_towards_the_data_leaves(target: Jasco) -> None:
    noisy, timesteps = golden_question()[0], torch.tensor([250, 700])
    sigma = ((timesteps + 0.5) / 1000)[:, None, None]
    state = noisy * torch.sqrt((1 - sigma) ** 2 + sigma**2)
    beside = target._beside.expand(*noisy.shape[:2], -1)
    tokens = target._tokenizer([PROMPT], return_tensors="pt")
    with torch.no_grad():
        text = target._network.text(target._text_encoder(**tokens).last_hidden_state).expand(2, -1, -1)
        velocity = target._network(state, 1 - sigma[:, 0, 0], beside, text)
        found = target.predict_noise(noisy, timesteps, [PROMPT, PROMPT])
    torch.testing.assert_close(found, state - (1 - sigma) * velocity, rtol=1e-4, atol=1e-5)


def test_latents_are_those_before_quantisation_as_training_scaled_them(folder: Path, target: Jasco) -> None:
    waves = noise((2, SAMPLE_RATE))
    codec = Codec.random(COMPRESSION, seed=0)
    with torch.no_grad():
        theirs = codec.latents(torch.from_numpy(waves)[:, None]).transpose(1, 2)
    torch.testing.assert_close(target.encode(waves), (theirs + 0.05) / 1.5, rtol=1e-4, atol=1e-5)
    assert target.encode(waves).shape == (2, 50, LATENT)


def test_a_release_without_chords_drums_and_melody_needs_no_remark(tmp_path: Path) -> None:
    plain = changed(JASCO, transformer_lm__skip_connections=False)
    for name in ("chords", "self_wav", "melody"):
        plain["conditioners"].pop(name)
    save_tiny_jasco(tmp_path, plain, golden_tensors(beside=False, skips=False))
    target = load_target(str(tmp_path), device="cpu")
    assert remarks_on(target) == ()
    assert target.predict_noise(torch.zeros(1, FRAMES, LATENT), torch.tensor([500]), [""]).shape == (1, FRAMES, LATENT)


@pytest.mark.parametrize(
    ("values", "needed"),
    [
        ({"transformer_lm__causal": True}, "causal is True"),
        ({"transformer_lm__num_layers": 6}, "lacks .* tensors"),
        ({"transformer_lm__skip_connections": False}, "settings do not explain .*skip_projections"),
        ({"conditioners__self_wav__model": "chroma_stem"}, "model is 'chroma_stem'"),
        ({"conditioners__tempo": {"model": "lut"}}, "conditioned on tempo, too"),
        ({"compression_model_latent_std": None}, "latent_std is None"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_line(tmp_path: Path, values: dict[str, object], needed: str) -> None:
    save_tiny_jasco(tmp_path, changed(JASCO, **values))
    with pytest.raises(TargetError, match=needed) as caught:
        load_target(str(tmp_path), device="cpu")
    assert "\n" not in str(caught.value)
