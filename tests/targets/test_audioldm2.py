"""AudioLDM 2: both streams as its own pipeline makes them, rows of different lengths, refusals."""

import json
import shutil
import string
from pathlib import Path

import pytest
import torch
from diffusers import AudioLDM2Pipeline, AudioLDM2ProjectionModel, AudioLDM2UNet2DConditionModel
from torch import Tensor
from transformers import (
    ClapFeatureExtractor,
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Model,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
    VitsConfig,
)

from earwitness.errors import TargetError
from earwitness.targets.audioldm2 import AudioLdm2Family
from earwitness.targets.mel_diffusion import MelDiffusion
from earwitness.targets.protocols import DenoiserTarget
from tests.targets.mel_pipelines import (
    CAPTIONS,
    WIDTH,
    KnownDenoiser,
    inputs_of,
    loud,
    noise_schedule,
    tiny_clap,
    tiny_tokenizer,
    tiny_vae,
    tiny_vocoder,
    waves,
)

SECONDS, STATES, GPT_WIDTH, T5_WIDTH = 0.64, 3, 24, 32
STREAMS = ("encoder_hidden_states", "encoder_hidden_states_1", "encoder_attention_mask_1")
TIMES = torch.tensor([10, 500, 990])


def tiny_t5_tokenizer() -> T5Tokenizer:
    """Single letters and the end; words are cut at 24 tokens."""
    pieces = [
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        *((letter, -2.0) for letter in "▁" + string.ascii_lowercase),
    ]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=24)


def save_tiny(folder: Path) -> Path:
    """Save a pipeline whose U-Net attends to three generated states of width 24 and to T5's of width 32."""
    torch.manual_seed(0)
    unet = AudioLDM2UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, block_out_channels=(8, 16), layers_per_block=1,
        norm_num_groups=4, attention_head_dim=4, cross_attention_dim=([None, GPT_WIDTH, T5_WIDTH],) * 2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    t5 = T5EncoderModel(T5Config(vocab_size=32, d_model=T5_WIDTH, d_kv=8, d_ff=16, num_layers=2, num_heads=2))
    projection = AudioLDM2ProjectionModel(WIDTH, T5_WIDTH, GPT_WIDTH)
    gpt2 = GPT2LMHeadModel(
        GPT2Config(
            n_embd=GPT_WIDTH, n_layer=2, n_head=2, n_positions=48, vocab_size=8, bos_token_id=0, eos_token_id=0,
            max_new_tokens=STATES,
        )
    )  # fmt: skip
    vae, clap = tiny_vae(), tiny_clap()
    loud(unet, t5, projection, gpt2, vae, clap)
    AudioLDM2Pipeline(
        vae=vae, text_encoder=clap.eval(), text_encoder_2=t5.eval(), projection_model=projection,
        language_model=gpt2.eval(), tokenizer=tiny_tokenizer(), tokenizer_2=tiny_t5_tokenizer(),
        feature_extractor=ClapFeatureExtractor(), unet=unet, scheduler=noise_schedule(), vocoder=tiny_vocoder(),
    ).save_pretrained(folder)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("audioldm2"))


def _load(folder: Path, dtype: str = "float32") -> MelDiffusion:
    return AudioLdm2Family.load(folder, name="tiny", device="cpu", dtype=dtype)


@pytest.fixture(scope="module")
def target(folder: Path) -> MelDiffusion:
    return _load(folder)


class _FilledUp(T5Tokenizer):
    """A tokenizer that fills every text up to its longest length, as the trainer's encoder does."""

    def __call__(self, texts: list[str], **settings: object) -> object:
        filled = {"padding": "max_length"} if settings.get("padding") is True else {}
        return super().__call__(texts, **settings | filled)


@pytest.fixture(scope="module")
def pipeline(folder: Path) -> AudioLDM2Pipeline:
    loaded = AudioLDM2Pipeline.from_pretrained(folder)
    loaded.set_progress_bar_config(disable=True)
    loaded.tokenizer_2.__class__ = _FilledUp
    return loaded


@pytest.fixture(scope="module")
def noisy() -> Tensor:
    return torch.randn(3, 4, 16, 16, generator=torch.Generator().manual_seed(1))


def _call(pipeline: AudioLDM2Pipeline, prompt: str, guidance: float) -> dict[str, Tensor]:
    """The first inputs of the pipeline's U-Net for one prompt."""
    generator = torch.Generator().manual_seed(0)
    with inputs_of(pipeline.unet) as calls:
        pipeline(prompt, guidance_scale=guidance, num_inference_steps=2, audio_length_in_s=SECONDS, generator=generator)
    return calls[0]


def _ours(target: MelDiffusion, call: dict[str, Tensor], prompt: str) -> tuple[dict[str, Tensor], Tensor]:
    """The inputs that our U-Net gets for the latents of a pipeline's call, and the answer."""
    with inputs_of(target._unet) as calls, torch.no_grad():
        found = target.predict_noise(call["sample"][:1], call["timestep"].reshape(1), [prompt])
    return calls[0], found


def test_it_says_what_it_is(target: MelDiffusion, folder: Path) -> None:
    assert AudioLdm2Family.matches(folder)
    assert isinstance(target, DenoiserTarget)
    assert (target.sample_rate, target.channels, target.hop_length, target.max_seconds) == (16_000, 1, 640, SECONDS)
    assert target.encode(waves(SECONDS)).shape == (2, 4, 16, 16)


@pytest.mark.parametrize("prompt", [*CAPTIONS, "a caption that is longer than either encoder can take at once"])
def test_the_network_is_given_what_its_pipeline_gives_it(
    target: MelDiffusion, pipeline: AudioLDM2Pipeline, prompt: str
) -> None:
    call = _call(pipeline, prompt, guidance=1.0)
    ours, found = _ours(target, call, prompt)
    assert ours.keys() == call.keys()
    assert call["encoder_hidden_states"].shape == (1, STATES, GPT_WIDTH)
    for stream in STREAMS:
        torch.testing.assert_close(ours[stream], call[stream], rtol=1e-3, atol=1e-4)
    with torch.no_grad():
        theirs = pipeline.unet(call["sample"], call["timestep"], **{stream: call[stream] for stream in STREAMS}).sample
    torch.testing.assert_close(found, theirs, rtol=1e-3, atol=1e-4)


def test_the_null_condition_is_what_training_dropped_conditions_for(target: MelDiffusion, folder: Path) -> None:
    """Zeros before T5's states of the empty text, filled up to the longest length and none of them masked."""
    with inputs_of(target._unet) as calls, torch.no_grad():
        target.predict_noise(torch.zeros(2, 4, 16, 16), TIMES[:2], ["", CAPTIONS[1]])
    tokenizer, t5 = tiny_t5_tokenizer(), T5EncoderModel.from_pretrained(folder / "text_encoder_2").eval()
    tokens = tokenizer([""], padding="max_length", max_length=24, return_tensors="pt")
    with torch.no_grad():
        states = t5(tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state
    generated, text, mask = (calls[0][stream] for stream in STREAMS)
    assert not generated[0].any()
    assert generated[1].any()
    torch.testing.assert_close(text[:1], states, rtol=1e-3, atol=1e-4)
    assert mask[0].tolist() == [1] * 24
    assert mask[1].sum() < 24


def test_the_filling_is_counted_but_not_heard(target: MelDiffusion, folder: Path) -> None:
    """GPT-2's states move with the places that the filling takes, and with nothing in it."""
    with inputs_of(target._unet) as calls, torch.no_grad():
        target.predict_noise(torch.zeros(1, 4, 16, 16), TIMES[:1], [CAPTIONS[1]])
    short = AudioLDM2Pipeline.from_pretrained(folder)
    with torch.no_grad():
        _, _, unfilled = short.encode_prompt(CAPTIONS[1], "cpu", 1, False)
    assert (calls[0]["encoder_hidden_states"] - unfilled).norm() > 0.01 * unfilled.norm()


def test_the_noise_is_the_expected_one(folder: Path, tmp_path: Path, noisy: Tensor) -> None:
    for prediction in ("epsilon", "v_prediction", "sample"):
        copy = shutil.copytree(folder, tmp_path / prediction)
        noise_schedule(prediction_type=prediction).save_pretrained(copy / "scheduler")
        target = _load(copy)
        target._unet = known = KnownDenoiser(prediction, spread=0.6, beside=target._unet)
        found = target.predict_noise(noisy, TIMES, ["", *CAPTIONS])
        torch.testing.assert_close(found, known.expected_noise(noisy, TIMES), rtol=1e-3, atol=1e-4)


def test_rows_of_different_lengths_are_as_if_alone_and_both_streams_matter(target: MelDiffusion, noisy: Tensor) -> None:
    prompts = ["", *CAPTIONS]
    with torch.no_grad():
        together = target.predict_noise(noisy, TIMES, prompts)
        for i in range(3):
            alone = target.predict_noise(noisy[i : i + 1], TIMES[i : i + 1], prompts[i : i + 1])
            torch.testing.assert_close(alone[0], together[i], rtol=1e-3, atol=1e-4)
        with inputs_of(target._unet) as calls:
            target.predict_noise(noisy, TIMES, prompts)
        for stream in STREAMS[:2]:
            changed = {name: calls[0][name] for name in STREAMS} | {stream: calls[0][stream] + 1}
            moved = target._unet(noisy, TIMES, **changed).sample - together
            assert (moved.abs().amax(dim=(1, 2, 3)) > 1e-3).all()
        assert (target.predict_noise(noisy, TIMES, prompts[::-1]) - together).abs().max() > 1e-3


@pytest.mark.parametrize(("dtype", "tolerance"), [("bfloat16", 0.1), ("float16", 0.02)])
def test_half_precision_is_close(
    target: MelDiffusion, folder: Path, noisy: Tensor, dtype: str, tolerance: float
) -> None:
    other = _load(folder, dtype)
    with torch.no_grad():
        exact = target.predict_noise(noisy, TIMES, ["", *CAPTIONS])
        rough = other.predict_noise(noisy, TIMES, ["", *CAPTIONS])
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).abs().max() < tolerance * exact.abs().max()


def test_gradients_reach_the_noisy_latents_and_the_networks_parameters(target: MelDiffusion, noisy: Tensor) -> None:
    leaf = noisy.clone().requires_grad_()
    target.predict_noise(leaf, TIMES, ["", *CAPTIONS]).square().sum().backward()
    assert leaf.grad is not None
    assert (leaf.grad.abs().amax(dim=(1, 2, 3)) > 0).all()
    assert all(parameter.grad is not None for parameter in target.parameters())
    target._unet.zero_grad()


def test_a_language_model_without_a_head_is_the_same(
    target: MelDiffusion, folder: Path, tmp_path: Path, noisy: Tensor
) -> None:
    """The first directories on the hub hold a ``GPT2Model``."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    GPT2Model.from_pretrained(copy / "language_model").save_pretrained(tmp_path / "headless")
    shutil.rmtree(copy / "language_model")
    shutil.move(tmp_path / "headless", copy / "language_model")
    with torch.no_grad():
        torch.testing.assert_close(
            _load(copy).predict_noise(noisy, TIMES, ["", *CAPTIONS]),
            target.predict_noise(noisy, TIMES, ["", *CAPTIONS]),
        )


def _change(copy: Path, file: str, **changes: object) -> None:
    (copy / file).write_text(json.dumps(json.loads((copy / file).read_text()) | changes))


def test_directories_that_do_not_fit_are_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    def narrow_projection(copy: Path) -> None:
        AudioLDM2ProjectionModel(WIDTH, T5_WIDTH, 8).save_pretrained(copy / "projection_model")

    for i, (damage, words) in enumerate(
        [
            (lambda copy: VitsConfig().save_pretrained(copy / "text_encoder_2"), "speaks a transcript"),
            (lambda copy: _change(copy, "language_model/config.json", max_new_tokens=0), "goes on for 0 states"),
            (lambda copy: shutil.rmtree(copy / "tokenizer_2"), "lacks the part tokenizer_2/"),
            (lambda copy: (copy / "language_model" / "model.safetensors").unlink(), "language_model .* not be loaded"),
            (narrow_projection, "whose parts must fit together"),
        ]
    ):
        copy = shutil.copytree(folder, tmp_path / str(i))
        damage(copy)
        with pytest.raises(TargetError, match=words) as caught:
            _load(copy)
        assert "\n" not in str(caught.value)
