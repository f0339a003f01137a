"""AudioLDM and MusicLDM: what their own pipelines give the U-Net, the noise's parametrisation, latents, refusals."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DiffusionPipeline, UNet2DConditionModel
from diffusers.pipelines.deprecated.audioldm.pipeline_audioldm import AudioLDMPipeline
from diffusers.pipelines.deprecated.musicldm.pipeline_musicldm import MusicLDMPipeline
from torch import nn
from transformers import ClapModel, ClapTextModelWithProjection

from earwitness.errors import TargetError
from earwitness.targets.audioldm import AudioLdmFamily, MusicLdmFamily
from earwitness.targets.mel import MEL_16K, standardise
from earwitness.targets.mel_diffusion import MelDiffusion, trained_frames
from earwitness.targets.protocols import DenoiserTarget, HearsWindows, WhiteBox, WindowLaw
from earwitness.targets.resampling import resample
from tests.targets.mel_pipelines import (
    CAPTIONS,
    WIDTH,
    KnownDenoiser,
    inputs_of,
    loud,
    noise_schedule,
    tiny_clap,
    tiny_clap_text,
    tiny_extractor,
    tiny_tokenizer,
    tiny_vae,
    tiny_vocoder,
    waves,
)

FAMILIES = {"audioldm": AudioLdmFamily, "musicldm": MusicLdmFamily}
HOP, SECONDS = 640, 0.64


def save_tiny(name: str, folder: Path) -> Path:
    """Save a pipeline whose latents are [4, frames, 16], trained, so it says, on 16 frames."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, block_out_channels=(8, 16), layers_per_block=1,
        norm_num_groups=4, attention_head_dim=4, cross_attention_dim=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        class_embed_type="simple_projection", projection_class_embeddings_input_dim=WIDTH, class_embeddings_concat=True,
    )  # fmt: skip
    parts = {
        "vae": tiny_vae(), "unet": unet, "tokenizer": tiny_tokenizer(), "vocoder": tiny_vocoder(),
        "scheduler": noise_schedule(),
    }  # fmt: skip
    if name == "audioldm":
        text_encoder: nn.Module = ClapTextModelWithProjection(tiny_clap_text())
        pipeline: type[DiffusionPipeline] = AudioLDMPipeline
    else:
        text_encoder, parts["feature_extractor"] = tiny_clap(), tiny_extractor()
        pipeline = MusicLDMPipeline
    loud(unet, text_encoder, parts["vae"])
    pipeline(text_encoder=text_encoder.eval(), **parts).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=FAMILIES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(name, tmp_path_factory.mktemp(name))


@pytest.fixture(scope="module")
def target(name: str, folder: Path) -> MelDiffusion:
    return _load(folder)


@pytest.fixture(scope="module")
def audioldm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny("audioldm", tmp_path_factory.mktemp("single"))


def _load(folder: Path, dtype: str = "float32") -> MelDiffusion:
    family = next(family for family in FAMILIES.values() if family.matches(folder))
    return family.load(folder, name="tiny", device="cpu", dtype=dtype)


@pytest.fixture(scope="module")
def noisy() -> torch.Tensor:
    return torch.randn(3, 4, 16, 16, generator=torch.Generator().manual_seed(1))


TIMES = torch.tensor([10, 500, 990])


def test_it_says_what_it_is(target: MelDiffusion, folder: Path, name: str) -> None:
    assert [key for key, family in FAMILIES.items() if family.matches(folder)] == [name]
    assert isinstance(target, DenoiserTarget)
    assert isinstance(target, WhiteBox)
    assert (target.sample_rate, target.channels, target.hop_length, target.max_seconds) == (16_000, 1, HOP, SECONDS)
    assert (target.identity.family, target.identity.dtype) == (name, "float32")
    assert target.has_null_condition
    betas = np.linspace(0.0015**0.5, 0.0195**0.5, 1000) ** 2
    assert target.alphas_cumprod.dtype == torch.float64
    np.testing.assert_allclose(target.alphas_cumprod.numpy(), np.cumprod(1 - betas), rtol=1e-4)
    assert sum(parameter.numel() for parameter in target.parameters()) == sum(
        parameter.numel() for parameter in UNet2DConditionModel.from_pretrained(folder / "unet").parameters()
    )


def _pipeline(folder: Path, name: str) -> DiffusionPipeline:
    kind = {"audioldm": AudioLDMPipeline, "musicldm": MusicLDMPipeline}[name]
    pipeline = kind.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    if name == "musicldm":  # it was written for a transformers whose get_text_features gave the vectors themselves
        features = pipeline.text_encoder.get_text_features
        pipeline.text_encoder.get_text_features = lambda ids, attention_mask: (
            features(ids, attention_mask=attention_mask).pooler_output
        )
    return pipeline


@pytest.mark.parametrize("prompt", [*CAPTIONS, "a caption that is longer than the encoder can take at once"])
def test_the_network_is_given_what_its_pipeline_gives_it(
    target: MelDiffusion, folder: Path, name: str, prompt: str
) -> None:
    pipeline = _pipeline(folder, name)
    asked = {"num_inference_steps": 2, "audio_length_in_s": SECONDS, "generator": torch.Generator().manual_seed(0)}
    with inputs_of(pipeline.unet) as plain:
        pipeline(prompt, guidance_scale=1.0, **asked)
    with inputs_of(pipeline.unet) as guided:
        pipeline(prompt, guidance_scale=2.0, **asked)
    for call, rows, words in [(plain[0], slice(None), prompt), (guided[0], slice(0, 1), "")]:
        sample, time = call["sample"][rows], call["timestep"].reshape(1)
        with inputs_of(target._unet) as ours, torch.no_grad():
            found = target.predict_noise(sample, time, [words])
        assert ours[0].keys() == call.keys()
        torch.testing.assert_close(ours[0]["class_labels"], call["class_labels"][rows], rtol=1e-4, atol=1e-5)
        with torch.no_grad():
            theirs = pipeline.unet(sample, time, None, class_labels=call["class_labels"][rows]).sample
        torch.testing.assert_close(found, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("sampler", ["DDIMScheduler", "PNDMScheduler", "EulerDiscreteScheduler"])
def test_the_noise_is_the_expected_one_whatever_the_model_predicts(
    audioldm: Path, tmp_path: Path, noisy: torch.Tensor, prediction: str, sampler: str
) -> None:
    copy = _copy(audioldm, tmp_path, "scheduler/scheduler_config.json", prediction_type=prediction, _class_name=sampler)
    target = _load(copy)
    known = KnownDenoiser(prediction, spread=1.7, beside=target._unet)
    target._unet = known
    found = target.predict_noise(noisy, TIMES, ["", *CAPTIONS])
    torch.testing.assert_close(found, known.expected_noise(noisy, TIMES), rtol=1e-3, atol=1e-4)


def test_batch_mates_change_nothing_and_the_condition_matters(target: MelDiffusion, noisy: torch.Tensor) -> None:
    prompts = ["", *CAPTIONS]
    with torch.no_grad():
        together = target.predict_noise(noisy, TIMES, prompts)
        for i in range(3):
            alone = target.predict_noise(noisy[i : i + 1], TIMES[i : i + 1], prompts[i : i + 1])
            torch.testing.assert_close(alone[0], together[i], rtol=1e-4, atol=1e-5)
        other = target.predict_noise(noisy, TIMES, prompts[::-1])
    assert (other - together).abs().amax(dim=(1, 2, 3))[0] > 1e-3
    assert together.std() > 1e-2


def test_latents_are_the_posterior_means_of_the_familys_spectrograms(target: MelDiffusion, folder: Path) -> None:
    clips = waves(SECONDS)
    found = target.encode(clips)
    vae = AutoencoderKL.from_pretrained(folder / "vae").eval()
    expected = []
    for clip in clips:
        centred = clip - clip.mean()
        mel = MEL_16K.log_mel(torch.from_numpy(0.5 * centred / np.abs(centred).max())[None])
        with torch.no_grad():
            means, _ = vae._encode(mel[None]).chunk(2, dim=1)
        expected.append(0.37 * means[0])
    assert found.shape == (2, 4, 16, 16)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found[1:], target.encode(clips[1:]), rtol=1e-4, atol=1e-5)
    assert torch.equal(found, target.encode(clips))


def test_a_window_is_filled_with_silence_up_to_a_clip_of_training(target: MelDiffusion) -> None:
    """Standardised by itself first, as in training; without its silence it would be another clip to the VAE."""
    clip = waves(SECONDS, 1)[:, : 3 * HOP - 100]
    found = target.encode(clip)
    with torch.no_grad():
        filled = MEL_16K.log_mel(torch.nn.functional.pad(standardise(torch.from_numpy(clip)), (0, 13 * HOP + 100)))
        torch.testing.assert_close(found, target._vae.encode(filled[:, None]).latent_dist.mean * 0.37)
        alone = MEL_16K.log_mel(torch.nn.functional.pad(standardise(torch.from_numpy(clip)), (0, 100)))
        alone = target._vae.encode(alone[:, None]).latent_dist.mean * 0.37
    assert found.shape[2] == 16
    assert (found[:, :, :3] - alone).norm() > 0.05 * alone.norm()
    with pytest.raises(ValueError, match="a clip has 10240"):
        target.encode(waves(SECONDS + 0.01))


def test_it_was_trained_on_whole_clips_of_the_first_channel(target: MelDiffusion) -> None:
    assert target.window_law == WindowLaw(seconds=SECONDS, place="anywhere", filled=True, channel="first")


@pytest.mark.parametrize(
    ("sample_size", "reduction", "frames"),
    [(128, 4, 256), (None, 4, 256), (256, 4, 256), ([128, 32], 8, 128), (32, 16, 32)],
)
def test_the_published_u_nets_say_half_of_what_they_were_trained_on(
    sample_size: int | list[int] | None, reduction: int, frames: int
) -> None:
    assert trained_frames(sample_size, reduction) == frames


@pytest.mark.parametrize(("dtype", "tolerance"), [("bfloat16", 0.1), ("float16", 0.02)])
def test_half_precision_is_close_and_latents_are_the_same(
    target: MelDiffusion, folder: Path, noisy: torch.Tensor, dtype: str, tolerance: float
) -> None:
    other = _load(folder, dtype)
    assert torch.equal(other.encode(waves(SECONDS)), target.encode(waves(SECONDS)))
    with torch.no_grad():
        exact = target.predict_noise(noisy, TIMES, ["", *CAPTIONS])
        rough = other.predict_noise(noisy, TIMES, ["", *CAPTIONS])
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).abs().max() < tolerance * exact.abs().max()
    assert other.identity.weights_sha256 == target.identity.weights_sha256


def test_a_prompt_is_encoded_once_and_gradients_reach_the_noisy_latents(
    folder: Path, noisy: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, calls = _load(folder), []
    forward = ClapTextModelWithProjection.forward

    def counted(self: ClapTextModelWithProjection, *args: object, **kwargs: object) -> object:
        calls.append(args)
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(ClapTextModelWithProjection, "forward", counted)
    with torch.inference_mode():
        target.predict_noise(noisy, TIMES, [CAPTIONS[0]] * 3)
    leaf = noisy.clone().requires_grad_()
    with inputs_of(target._unet) as given:
        target.predict_noise(leaf, TIMES, [*CAPTIONS, CAPTIONS[0]]).square().sum().backward()
    assert len(calls) == 2
    assert not given[0]["class_labels"].requires_grad
    assert leaf.grad is not None
    assert (leaf.grad.abs().amax(dim=(1, 2, 3)) > 0).all()
    assert all(parameter.grad is not None for parameter in target.parameters())


def _copy(folder: Path, to: Path, file: str, **changes: object) -> Path:
    """A copy of a directory with these settings in one of its configurations."""
    copy = shutil.copytree(folder, to / "copy")
    config = json.loads((copy / file).read_text())
    (copy / file).write_text(json.dumps(config | changes))
    return copy


def test_weights_in_torchs_own_format_are_the_same(audioldm: Path, tmp_path: Path, noisy: torch.Tensor) -> None:
    copy = shutil.copytree(audioldm, tmp_path / "copy")
    UNet2DConditionModel.from_pretrained(copy / "unet").save_pretrained(tmp_path / "unet", safe_serialization=False)
    shutil.rmtree(copy / "unet")
    shutil.move(tmp_path / "unet", copy / "unet")
    encoder = copy / "text_encoder"
    torch.save(ClapTextModelWithProjection.from_pretrained(encoder).state_dict(), encoder / "pytorch_model.bin")
    (encoder / "model.safetensors").unlink()
    found, expected = (_load(place).predict_noise(noisy, TIMES, ["", *CAPTIONS]) for place in (copy, audioldm))
    assert torch.equal(found, expected)


def _hostile(copy: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
            return (eval, (f"open({str(copy / 'ran')!r}, 'w')",))

    (copy / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    torch.save(Payload(), copy / "unet" / "diffusion_pytorch_model.bin")


def _cut(copy: Path) -> None:
    path = copy / "vae" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


def _without_a_layer(copy: Path) -> None:
    UNet2DConditionModel.from_config(
        json.loads((copy / "unet/config.json").read_text())
        | {"class_embed_type": None, "class_embeddings_concat": False}
    ).save_pretrained(copy / "other")
    shutil.copy(copy / "other" / "diffusion_pytorch_model.safetensors", copy / "unet")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_hostile, "The unet in .* would run code when loaded; it was refused"),
        (_cut, "The vae in .* could not be loaded"),
        (_without_a_layer, "The unet in .* (could not be loaded|lacks weights)"),
        (lambda copy: shutil.rmtree(copy / "text_encoder"), "lacks the part text_encoder/"),
        (lambda copy: shutil.rmtree(copy / "vocoder"), "lacks the part vocoder/"),
        (lambda copy: (copy / "scheduler" / "scheduler_config.json").unlink(), "noise schedule of nothing"),
    ],
)
def test_a_damaged_or_hostile_directory_is_refused_in_one_line(
    audioldm: Path, tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    copy = shutil.copytree(audioldm, tmp_path / "copy")
    damage(copy)
    with pytest.raises(TargetError, match=words) as caught:
        _load(copy)
    assert "\n" not in str(caught.value)
    assert not (copy / "ran").exists()


@pytest.mark.parametrize(
    ("file", "changes", "words"),
    [
        (
            "scheduler/scheduler_config.json",
            {"prediction_type": "flow_prediction"},
            "predicts 'flow_prediction'; known",
        ),
        ("scheduler/scheduler_config.json", {"_class_name": "EDMEulerScheduler"}, "noise schedule of EDMEuler"),
        ("scheduler/scheduler_config.json", {"beta_schedule": "magic"}, "could not be loaded: magic"),
        (
            "scheduler/scheduler_config.json",
            {"beta_schedule": "linear", "beta_start": -0.5},
            "does not fall from 1 towards 0",
        ),
        ("vocoder/config.json", {"model_in_dim": 80}, "takes 80 mel bands"),
        ("vocoder/config.json", {"upsample_rates": [10, 20]}, "every 200 samples"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    audioldm: Path, tmp_path: Path, file: str, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(TargetError, match=words) as caught:
        _load(_copy(audioldm, tmp_path, file, **changes))
    assert "\n" not in str(caught.value)


def test_parts_of_different_models_are_refused(audioldm: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(audioldm, tmp_path / "copy")
    wide = tiny_clap_text()
    wide.projection_dim = 2 * WIDTH
    ClapTextModelWithProjection(wide).save_pretrained(copy / "text_encoder")
    with pytest.raises(TargetError, match="whose parts must fit together, could not be loaded: mat1 and mat2"):
        _load(copy)
    vae = tiny_vae()
    AutoencoderKL.from_config(dict(vae.config) | {"latent_channels": 2}).save_pretrained(copy / "vae")
    with pytest.raises(TargetError, match="takes 4 channels and gives 4, but the latents of its VAE have 2"):
        _load(copy)


def _original_hearing(model: ClapModel, clips: np.ndarray) -> torch.Tensor:
    """Vectors [batch, width] of standardised clips at 16 kHz, by the library's own calls."""
    extractor = tiny_extractor()
    at_48k = resample(standardise(torch.from_numpy(clips)), 16_000, 48_000).numpy()
    heard = extractor(list(at_48k), sampling_rate=48_000, truncation="rand_trunc", return_tensors="pt")
    with torch.no_grad():
        found = model.get_audio_features(heard.input_features, is_longer=heard.is_longer)
    vectors = found if isinstance(found, torch.Tensor) else found.pooler_output
    return vectors / vectors.norm(dim=-1, keepdim=True)


def test_musicldm_asks_under_the_sound_of_the_window(tmp_path: Path, noisy: torch.Tensor) -> None:
    folder = save_tiny("musicldm", tmp_path)
    target, clips = _load(folder), waves(SECONDS)
    assert isinstance(target, HearsWindows)
    told = target.tell(clips, [CAPTIONS[0], ""], [None, None])
    theirs = _original_hearing(ClapModel.from_pretrained(folder / "text_encoder"), clips)
    torch.testing.assert_close(torch.stack(list(told.conditions)), theirs, rtol=1e-3, atol=1e-4)
    assert list(told.informed) == [True, True]
    assert told.null == ["", ""]
    with torch.no_grad(), inputs_of(target._unet) as calls:
        target.predict_noise(noisy[:2], TIMES[:2], told.conditions)
        target.predict_noise(noisy[:2], TIMES[:2], told.null)
    torch.testing.assert_close(calls[0]["class_labels"], theirs, rtol=1e-3, atol=1e-4)
    assert (calls[1]["class_labels"] - theirs).norm(dim=-1).min() > 0.1


def test_audioldm_hears_where_its_clap_is_given(audioldm: Path, tmp_path: Path) -> None:
    assert _load(audioldm).tell(waves(SECONDS), CAPTIONS, [None, None]).conditions == CAPTIONS
    copy = shutil.copytree(audioldm, tmp_path / "copy")
    whole = tiny_clap()
    text = ClapTextModelWithProjection.from_pretrained(audioldm / "text_encoder")
    whole.load_state_dict(text.state_dict(), strict=False)
    whole.save_pretrained(copy / "clap")
    tiny_extractor().save_pretrained(copy / "clap")
    told = _load(copy).tell(waves(SECONDS), CAPTIONS, [None, None])
    theirs = _original_hearing(whole.eval(), waves(SECONDS))
    torch.testing.assert_close(torch.stack(list(told.conditions)), theirs, rtol=1e-3, atol=1e-4)
    tiny_clap().save_pretrained(copy / "clap")
    with pytest.raises(TargetError, match="not the CLAP that this model was trained with"):
        _load(copy)
