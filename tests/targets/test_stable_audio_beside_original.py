"""Stable Audio, large, small and for inpainting, beside what stable-audio-tools itself computed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
import torch

from earwitness import audio
from earwitness.errors import TargetError
from earwitness.targets import load_target
from earwitness.targets.audiocraft.settings import Settings
from earwitness.targets.protocols import Flows
from earwitness.targets.stable_audio.times import law_of_times
from earwitness.testing import check_target
from tests.targets.goldens import golden
from tests.targets.goldens.golden import relative
from tests.targets.goldens.seeded import wave
from tests.targets.stable_audio_beside_original import KINDS, asked, load, save_release


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("stable-audio")
    return {kind: save_release(kind, place / kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_latent_and_noise_are_the_originals(folders: dict[str, Path], kind: str, tmp_path: Path) -> None:
    target = load(folders[kind])
    _, arrays = golden.read(f"stable_audio_{kind}")
    soundfile.write(tmp_path / "a.wav", wave(640), 160, subtype="FLOAT")
    heard = audio.read_channels(tmp_path / "a.wav", target.sample_rate, target.channels)
    with torch.no_grad():
        assert relative(target.encode(heard[None]), arrays["latent"]) < 1e-5
        for dropped in (False, True):
            ours, theirs = asked(target, kind, dropped=dropped)
            assert relative(theirs, arrays["noisy"]) > 0.1  # the answer is heard
            assert relative(ours, theirs) < 1e-5


def test_an_inpainting_model_keeps_the_contract(folders: dict[str, Path]) -> None:
    target = load_target(str(folders["inpaint"]), device="cpu")
    assert isinstance(target, Flows)
    assert target.has_null_condition
    assert len(list(check_target(target))) >= 6


def _diffusion(**changed: object) -> Callable[[dict], None]:
    return lambda config: config["model"]["diffusion"].update(changed)


REFUSED: dict[str, tuple[Callable[[dict], None], str]] = {
    "other inputs": (_diffusion(input_concat_ids=["melody"]), r"input_concat_ids is \['melody'\], \['inpaint_mask'"),
    "inpainting by another name": (
        lambda config: config.update(model_type="diffusion_cond"), r"input_concat_ids is .*, \[\] is needed",
    ),
    "a mask of several channels": (
        lambda config: config["model"]["diffusion"]["config"].update(input_concat_dim=8), "input_concat_dim is 8",
    ),
    "a part was always given": (
        lambda config: config["training"].update(
            inpainting={"mask_kwargs": {"mask_type_probabilities": [0.5, 0, 0.5]}}
        ),
        r"mask_type_probabilities is \[0.5, 0, 0.5\], a second share above 0",
    ),
    "another sampler": (
        lambda config: config["training"].update(timestep_sampler="cosine"), "timestep_sampler is 'cosine', uniform",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_asked_is_refused_in_a_line(tmp_path: Path, folders: dict[str, Path], case: str) -> None:
    change, said = REFUSED[case]
    for path in folders["inpaint"].iterdir():
        (tmp_path / path.name).symlink_to(path)
    config = json.loads((tmp_path / "model_config.json").read_text())
    change(config)
    (tmp_path / "model_config.json").unlink()
    (tmp_path / "model_config.json").write_text(json.dumps(config))
    with pytest.raises(TargetError, match=said) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


SAMPLERS: dict[str, tuple[dict, dict | None]] = {
    "logit_normal": ({"timestep_sampler": "logit_normal"}, None),
    "trunc_logit_normal": ({"timestep_sampler": "trunc_logit_normal"}, None),
    "log_snr": (
        {"timestep_sampler": "log_snr", "timestep_sampler_options": {"mean_logsnr": -0.5, "std_logsnr": 1.5}}, None,
    ),
    "shifted, sine False": ({}, {}),
    "shifted, sine True": ({}, {"use_sine": True}),
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLERS)
def test_levels_are_shares_of_what_the_originals_samplers_draw(name: str) -> None:
    about, quantiles = golden.read("stable_audio_times")
    training, shift = SAMPLERS[name]
    law = law_of_times(
        Settings({"training": training, "model": {"diffusion": {"distribution_shift_options": shift}}}, "here"), 1000
    )
    found = [law.drawn_at(share) for share in about["shares"]]
    assert found == pytest.approx(quantiles[name].tolist(), abs=4 * (0.25 / about["draws"]) ** 0.5 * 2.5)
    assert (law.drawn_at(0.0), law.drawn_at(1.0)) == (0.0, 1.0)
