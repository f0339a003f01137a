"""Stable Audio's original release: against its modules written out in plain PyTorch over its own tensor names."""

import json
from collections.abc import Callable
from copy import deepcopy
from math import pi
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import conv1d, layer_norm, pad, scaled_dot_product_attention, silu
from transformers import AutoTokenizer, T5Config, T5EncoderModel

from earwitness.errors import TargetError
from earwitness.targets.protocols import Flows
from earwitness.targets.stable_audio import StableAudioFamily
from earwitness.targets.stable_audio.target import StableAudio
from earwitness.testing import check_target
from earwitness_bench.recipes.musicgen import caption_tokenizer

PROMPTS = ["a slow reel in d major", "a jig"]
RATE, STRIDES, MULTIPLES, HOP, FRAMES, LATENT = 160, [2, 8], [1, 2], 16, 40, 4
WIDTH, HEADS, ATTENDED, LONGEST = 128, 2, 64, 8
CONFIG: dict = {
    "model_type": "diffusion_cond", "sample_size": FRAMES * HOP, "sample_rate": RATE, "audio_channels": 2,
    "model": {
        "pretransform": {
            "type": "autoencoder", "iterate_batch": True, "scale": 0.5,
            "config": {
                "encoder": {
                    "type": "oobleck", "requires_grad": False,
                    "config": {
                        "in_channels": 2, "channels": 2 * LATENT, "c_mults": MULTIPLES, "strides": STRIDES,
                        "latent_dim": 2 * LATENT, "use_snake": True,
                    },
                },
                "decoder": {"type": "oobleck", "config": {"out_channels": 2, "channels": 4, "latent_dim": LATENT}},
                "bottleneck": {"type": "vae"}, "latent_dim": LATENT, "downsampling_ratio": HOP, "io_channels": 2,
            },
        },
        "conditioning": {
            "configs": [
                {"id": "prompt", "type": "t5", "config": {"t5_model_name": "t5-base", "max_length": 7}},
                {"id": "seconds_start", "type": "number", "config": {"min_val": 0, "max_val": LONGEST}},
                {"id": "seconds_total", "type": "number", "config": {"min_val": 0, "max_val": LONGEST}},
            ],
            "cond_dim": ATTENDED,
        },
        "diffusion": {
            "cross_attention_cond_ids": ["prompt", "seconds_start", "seconds_total"],
            "global_cond_ids": ["seconds_start", "seconds_total"], "type": "dit",
            "config": {
                "io_channels": LATENT, "embed_dim": WIDTH, "depth": 2, "num_heads": HEADS, "cond_token_dim": ATTENDED,
                "global_cond_dim": 2 * ATTENDED, "project_cond_tokens": False,
                "transformer_type": "continuous_transformer",
            },
        },
        "io_channels": LATENT,
    },
    "training": {"use_ema": True},
}  # fmt: skip
Tensors = dict[str, Tensor]


def small_config(sampler: str = "uniform") -> dict:
    """As that of Stable Audio Open Small: a flow, normed heads, one number."""
    config = deepcopy(CONFIG)
    model = config["model"]
    del model["conditioning"]["configs"][1]
    model["diffusion"] |= {
        "diffusion_objective": "rf_denoiser", "cross_attention_cond_ids": ["prompt", "seconds_total"],
        "global_cond_ids": ["seconds_total"],
    }  # fmt: skip
    model["diffusion"]["config"] |= {"global_cond_dim": ATTENDED, "attn_kwargs": {"qk_norm": "ln"}}
    config["training"]["timestep_sampler"] = sampler
    return config


def small_tensors() -> Tensors:
    """All tensors of such a release."""
    tensors = {name: tensor for name, tensor in random_tensors(12).items() if ".seconds_start." not in name}
    tensors["model.model.to_global_embed.0.weight"] = torch.randn(WIDTH, ATTENDED) * ATTENDED**-0.5
    for i in range(2):
        for name in (f"{a}_attn.{b}_norm" for a in ("self", "cross") for b in "qk"):
            tensors[f"model.model.transformer.layers.{i}.{name}.weight"] = 1 + 0.3 * torch.randn(64)
            tensors[f"model.model.transformer.layers.{i}.{name}.bias"] = 0.3 * torch.randn(64)
    return tensors


def random_tensors(text_width: int) -> Tensors:
    """All tensors of a release, by their names in it."""
    torch.manual_seed(0)
    shapes: dict[str, tuple[int, ...]] = {}
    number = "conditioner.conditioners.seconds_{}.embedder.embedding.{}"
    for time in ("start", "total"):
        shapes |= {
            number.format(time, "0.weights"): (128,), number.format(time, "1.weight"): (ATTENDED, 257),
            number.format(time, "1.bias"): (ATTENDED,),
        }  # fmt: skip
    if text_width != ATTENDED:
        shapes["conditioner.conditioners.prompt.proj_out.weight"] = (ATTENDED, text_width)
        shapes["conditioner.conditioners.prompt.proj_out.bias"] = (ATTENDED,)
    inner = {
        "timestep_features.weight": (128, 1), "preprocess_conv.weight": (LATENT, LATENT, 1),
        "postprocess_conv.weight": (LATENT, LATENT, 1), "transformer.project_in.weight": (WIDTH, LATENT),
        "transformer.project_out.weight": (LATENT, WIDTH), "to_timestep_embed.0.weight": (WIDTH, 256),
        "to_timestep_embed.0.bias": (WIDTH,), "to_timestep_embed.2.weight": (WIDTH, WIDTH),
        "to_timestep_embed.2.bias": (WIDTH,), "to_global_embed.0.weight": (WIDTH, 2 * ATTENDED),
        "to_global_embed.2.weight": (WIDTH, WIDTH), "to_cond_embed.0.weight": (ATTENDED, ATTENDED),
        "to_cond_embed.2.weight": (ATTENDED, ATTENDED),
    }  # fmt: skip
    for i in range(2):
        layer = f"transformer.layers.{i}."
        inner |= {layer + f"{norm}.{kind}": (WIDTH,) for norm in NORMS for kind in ("gamma", "beta")}
        inner |= {
            layer + "self_attn.to_qkv.weight": (3 * WIDTH, WIDTH), layer + "self_attn.to_out.weight": (WIDTH, WIDTH),
            layer + "cross_attn.to_q.weight": (WIDTH, WIDTH),
            layer + "cross_attn.to_kv.weight": (2 * ATTENDED, ATTENDED),
            layer + "cross_attn.to_out.weight": (WIDTH, WIDTH), layer + "ff.ff.0.proj.weight": (8 * WIDTH, WIDTH),
            layer + "ff.ff.0.proj.bias": (8 * WIDTH,), layer + "ff.ff.2.weight": (WIDTH, 4 * WIDTH),
            layer + "ff.ff.2.bias": (WIDTH,),
        }  # fmt: skip
    shapes |= {"model.model." + name: shape for name, shape in inner.items()}
    shapes |= {"pretransform.model.encoder." + name: shape for name, shape in encoder_shapes().items()}
    tensors = {
        name: torch.randn(shape) * (shape[-1] ** -0.5 if len(shape) == 2 else 0.3) for name, shape in shapes.items()
    }
    for name in [name for name in tensors if name.endswith("gamma")]:
        tensors[name] += 1
    tensors["model.model.transformer.rotary_pos_emb.inv_freq"] = 10_000 ** (-torch.arange(0, 32, 2) / 32)
    tensors["pretransform.model.decoder.layers.0.bias"] = torch.zeros(8)
    return tensors


NORMS = ("pre_norm", "cross_attend_norm", "ff_norm")


def encoder_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}

    def convolution(name: str, out: int, channels: int, kernel: int) -> None:
        shapes.update(
            {f"{name}.weight_g": (out, 1, 1), f"{name}.weight_v": (out, channels, kernel), f"{name}.bias": (out,)}
        )

    def snake(name: str, channels: int) -> None:
        shapes.update({f"{name}.alpha": (channels,), f"{name}.beta": (channels,)})

    widths = [2 * LATENT, *(2 * LATENT * multiple for multiple in MULTIPLES)]
    convolution("layers.0", widths[0], 2, 7)
    for i, stride in enumerate(STRIDES):
        block, width = f"layers.{i + 1}.layers.", widths[i]
        for unit in range(3):
            snake(f"{block}{unit}.layers.0", width)
            convolution(f"{block}{unit}.layers.1", width, width, 7)
            snake(f"{block}{unit}.layers.2", width)
            convolution(f"{block}{unit}.layers.3", width, width, 1)
        snake(f"{block}3", width)
        convolution(f"{block}4", widths[i + 1], width, 2 * stride)
    snake("layers.3", widths[-1])
    convolution("layers.4", 2 * LATENT, widths[-1], 3)
    return shapes


def means(tensors: Tensors, clip: Tensor) -> Tensor:
    """Posterior means of clips [batch, 2, samples], in the denoiser's scale."""
    own = {name.removeprefix("pretransform.model.encoder."): tensor for name, tensor in tensors.items()}

    def convolve(x: Tensor, name: str, **how: int) -> Tensor:
        direction = own[f"{name}.weight_v"]
        weight = own[f"{name}.weight_g"] * direction / direction.flatten(1).norm(dim=1)[:, None, None]
        return conv1d(x, weight, own[f"{name}.bias"], **how)

    def snake(x: Tensor, name: str) -> Tensor:
        alpha, beta = (own[f"{name}.{which}"].exp()[:, None] for which in ("alpha", "beta"))
        return x + torch.sin(alpha * x) ** 2 / (beta + 1e-9)

    x = convolve(clip, "layers.0", padding=3)
    for i, stride in enumerate(STRIDES):
        block = f"layers.{i + 1}.layers."
        for unit, dilation in enumerate((1, 3, 9)):
            y = convolve(
                snake(x, f"{block}{unit}.layers.0"), f"{block}{unit}.layers.1", padding=3 * dilation, dilation=dilation
            )
            x = x + convolve(snake(y, f"{block}{unit}.layers.2"), f"{block}{unit}.layers.3")
        x = convolve(snake(x, f"{block}3"), f"{block}4", stride=stride, padding=stride // 2)
    return convolve(snake(x, "layers.3"), "layers.4", padding=1)[:, :LATENT] / 0.5


def velocity(tensors: Tensors, noisy: Tensor, time: Tensor, states: Tensor, seconds: int, *, drop: Tensor) -> Tensor:
    """v [batch, latent, frames] under T5 states that are zero at padding; rows in ``drop`` have no condition."""

    def linear(x: Tensor, name: str) -> Tensor:
        bias = tensors.get(f"{name}.bias")
        return x @ tensors[f"{name}.weight"].T + (0 if bias is None else bias)

    def number(name: str, value: float) -> Tensor:
        embedding = f"conditioner.conditioners.{name}.embedder.embedding"
        share = torch.tensor([value / LONGEST])
        waves = 2 * pi * share * tensors[f"{embedding}.0.weights"]
        return linear(torch.cat([share, waves.sin(), waves.cos()]), f"{embedding}.1").expand(len(noisy), -1)

    def two(x: Tensor, name: str) -> Tensor:
        return linear(silu(linear(x, f"model.model.{name}.0")), f"model.model.{name}.2")

    def norm(x: Tensor, name: str) -> Tensor:
        return layer_norm(x, (WIDTH,), tensors[f"{name}.gamma"], tensors[f"{name}.beta"])

    def heads(x: Tensor, count: int) -> Tensor:
        return x.unflatten(-1, (count, 64)).transpose(1, 2)

    def rotate(x: Tensor) -> Tensor:
        angle = torch.arange(x.shape[2])[:, None] * tensors["model.model.transformer.rotary_pos_emb.inv_freq"]
        first, second, rest = x[..., :16], x[..., 16:32], x[..., 32:]
        cosine, sine = angle.cos(), angle.sin()
        return torch.cat([first * cosine - second * sine, second * cosine + first * sine, rest], dim=-1)

    def normed(x: Tensor, name: str) -> Tensor:
        weight = tensors.get(f"{name}.weight")
        return x if weight is None else layer_norm(x, (64,), weight, tensors[f"{name}.bias"], eps=1e-6)

    numbers = [number("seconds_total", seconds)]
    if any(".seconds_start." in name for name in tensors):
        numbers.insert(0, number("seconds_start", 0))
    attended = torch.cat([states, *(one[:, None] for one in numbers)], dim=1) * ~drop[:, None, None]
    attended = two(attended, "to_cond_embed")
    waves = 2 * pi * time[:, None] @ tensors["model.model.timestep_features.weight"].T
    before = two(torch.cat([waves.cos(), waves.sin()], dim=1), "to_timestep_embed")
    before = before + two(torch.cat(numbers, dim=1), "to_global_embed")
    x = noisy + conv1d(noisy, tensors["model.model.preprocess_conv.weight"])
    x = linear(x.transpose(1, 2), "model.model.transformer.project_in")
    x = torch.cat([before[:, None], x], dim=1)
    for i in range(2):
        layer = f"model.model.transformer.layers.{i}"
        q, k, v = (
            heads(part, HEADS)
            for part in linear(norm(x, f"{layer}.pre_norm"), f"{layer}.self_attn.to_qkv").chunk(3, -1)
        )
        q, k = normed(q, f"{layer}.self_attn.q_norm"), normed(k, f"{layer}.self_attn.k_norm")
        seen = scaled_dot_product_attention(rotate(q), rotate(k), v).transpose(1, 2).flatten(2)
        x = x + linear(seen, f"{layer}.self_attn.to_out")
        q = heads(linear(norm(x, f"{layer}.cross_attend_norm"), f"{layer}.cross_attn.to_q"), HEADS)
        k, v = (
            heads(part, 1).expand(-1, HEADS, -1, -1)
            for part in linear(attended, f"{layer}.cross_attn.to_kv").chunk(2, -1)
        )
        q, k = normed(q, f"{layer}.cross_attn.q_norm"), normed(k, f"{layer}.cross_attn.k_norm")
        seen = scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + linear(seen, f"{layer}.cross_attn.to_out")
        value, gate = linear(norm(x, f"{layer}.ff_norm"), f"{layer}.ff.ff.0.proj").chunk(2, -1)
        x = x + linear(value * silu(gate), f"{layer}.ff.ff.2")
    x = linear(x, "model.model.transformer.project_out").transpose(1, 2)[..., 1:]
    return x + conv1d(x, tensors["model.model.postprocess_conv.weight"])


def save_release(folder: Path, *, text_width: int = 12, precision: torch.dtype = torch.float32) -> Path:
    """Save the two files, and the T5 encoder that they name beside them."""
    folder.mkdir(parents=True)
    tensors = {name: tensor.to(precision) for name, tensor in random_tensors(text_width).items()}
    save_file(tensors, folder / "model.safetensors")
    (folder / "model_config.json").write_text(json.dumps(CONFIG))
    tokenizer = caption_tokenizer(PROMPTS)
    tokenizer.save_pretrained(folder / "t5-base")
    torch.manual_seed(1)
    T5EncoderModel(
        T5Config(vocab_size=len(tokenizer), d_model=text_width, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    ).save_pretrained(folder / "t5-base")
    return folder


def load(folder: Path, dtype: str = "float32") -> StableAudio:
    return StableAudioFamily.load(folder, name="tiny", device="cpu", dtype=dtype)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_release(tmp_path_factory.mktemp("release") / "release")


@pytest.fixture(scope="module")
def target(folder: Path) -> StableAudio:
    return load(folder)


def test_it_says_what_it_is(target: StableAudio, folder: Path) -> None:
    assert StableAudioFamily.matches(folder)
    assert (target.sample_rate, target.channels, target.hop_length, target.max_seconds) == (RATE, 2, HOP, 4.0)
    assert target.has_null_condition  # the trainer drops one condition in ten unless told otherwise
    assert target.identity.family == "stable-audio"


def test_it_keeps_the_contract(target: StableAudio) -> None:
    assert len(list(check_target(target))) >= 5


@pytest.mark.parametrize("text_width", [12, ATTENDED])
def test_the_noise_is_that_of_the_modules_written_out(tmp_path: Path, text_width: int) -> None:
    folder = save_release(tmp_path / "release", text_width=text_width)
    tensors, target = load_file(folder / "model.safetensors"), load(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder / "t5-base")
    tokens = tokenizer([*PROMPTS, "", PROMPTS[1]], padding="max_length", max_length=7, return_tensors="pt")
    with torch.no_grad():
        states = T5EncoderModel.from_pretrained(folder / "t5-base")(**tokens).last_hidden_state
        if text_width != ATTENDED:
            projection = "conditioner.conditioners.prompt.proj_out"
            states = states @ tensors[f"{projection}.weight"].T + tensors[f"{projection}.bias"]
        states = states * tokens.attention_mask[..., None]
        noisy, timesteps = torch.randn(4, LATENT, FRAMES), torch.tensor([0, 250, 600, 999])
        time = (timesteps + 0.5) / 1000
        drop = torch.tensor([False, False, True, False])
        v = velocity(tensors, noisy, time, states, seconds=4, drop=drop)
        answer = target.predict_noise(noisy, timesteps, [*PROMPTS, "", PROMPTS[1]])
    alpha, sigma = (f(time * pi / 2)[:, None, None] for f in (torch.cos, torch.sin))
    assert v.std() > 0.3
    torch.testing.assert_close(answer, sigma * noisy + alpha * v, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def small(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def change(config: dict, tensors: Tensors) -> None:
        config.clear()
        config.update(small_config())
        tensors.clear()
        tensors.update(small_tensors())

    return altered(folder, tmp_path_factory.mktemp("small") / "small", change)


def test_a_small_one_is_a_flow_with_normed_heads_that_hears_one_number(small: Path, folder: Path) -> None:
    target, tensors = load(small), load_file(small / "model.safetensors")
    tokens = AutoTokenizer.from_pretrained(folder / "t5-base")(
        [*PROMPTS, ""], padding="max_length", max_length=7, return_tensors="pt"
    )
    timesteps, noisy = torch.tensor([0, 400, 999]), torch.randn(3, LATENT, FRAMES)
    sigma = ((timesteps + 0.5) / 1000)[:, None, None]
    with torch.no_grad():
        states = T5EncoderModel.from_pretrained(folder / "t5-base")(**tokens).last_hidden_state
        projection = "conditioner.conditioners.prompt.proj_out"
        states = states @ tensors[f"{projection}.weight"].T + tensors[f"{projection}.bias"]
        states = states * tokens.attention_mask[..., None]
        state = noisy * torch.sqrt((1 - sigma) ** 2 + sigma**2)  # both forms have the same signal and noise there
        drop = torch.tensor([False, False, True])
        u = velocity(tensors, state, sigma[:, 0, 0], states, seconds=4, drop=drop)
        answer = target.predict_noise(noisy, timesteps, [*PROMPTS, ""])
    assert u.std() > 0.3
    torch.testing.assert_close(answer, state + (1 - sigma) * u, rtol=1e-4, atol=1e-5)
    assert len(list(check_target(target))) >= 6


def test_levels_of_a_small_one_are_shares_of_what_its_training_drew(tmp_path: Path, small: Path) -> None:
    assert isinstance(load(small), Flows)
    assert load(small).drawn_at(0.2) == 0.2
    drawn = altered(small, tmp_path / "copy", lambda c, t: (c.clear(), c.update(small_config("logit_normal"))))
    assert load(drawn).drawn_at(0.5) == pytest.approx(0.5)
    assert load(drawn).drawn_at(0.2) == pytest.approx(1 / (1 + np.exp(0.8416212)))


def test_latents_are_those_of_the_encoder_written_out(target: StableAudio, folder: Path) -> None:
    waves = np.random.default_rng(0).normal(scale=0.2, size=(2, 2, 2 * RATE)).astype(np.float32)
    whole = means(load_file(folder / "model.safetensors"), pad(torch.from_numpy(waves), (0, FRAMES * HOP - 2 * RATE)))
    latents = target.encode(waves)
    assert whole.shape == (2, LATENT, FRAMES)
    assert latents.std() > 0.1
    torch.testing.assert_close(latents, whole[..., :20], rtol=1e-4, atol=1e-5)
    silent = means(load_file(folder / "model.safetensors"), torch.zeros(1, 2, FRAMES * HOP))[0]
    torch.testing.assert_close(target._behind.silence[:, 10:], silent[:, 10:], rtol=1e-4, atol=1e-5)


def test_tensors_of_half_precision_serve(tmp_path: Path, target: StableAudio) -> None:
    half = load(save_release(tmp_path / "half", precision=torch.float16))
    noisy, timesteps = torch.randn(2, LATENT, 20), torch.tensor([100, 700])
    with torch.no_grad():
        answers = [each.predict_noise(noisy, timesteps, PROMPTS) for each in (half, target)]
    torch.testing.assert_close(answers[0], answers[1], rtol=0.05, atol=0.05)
    assert {parameter.dtype for parameter in half.parameters()} == {torch.float32}
    low = load(tmp_path / "half", "bfloat16")
    assert {parameter.dtype for parameter in low.parameters()} == {torch.bfloat16}
    wave = np.full((1, 2, 64), 0.3, np.float32)
    torch.testing.assert_close(low.encode(wave), half.encode(wave))


def test_the_release_as_a_checkpoint_is_the_same_model(tmp_path: Path, folder: Path, target: StableAudio) -> None:
    copy = altered(folder, tmp_path / "copy", lambda config, tensors: None)
    torch.save(
        {"state_dict": {k: v.clone() for k, v in load_file(folder / "model.safetensors").items()}}, copy / "model.ckpt"
    )
    (copy / "model.safetensors").unlink()
    assert load(copy).identity.weights_sha256 == target.identity.weights_sha256
    torch.save({"step": 3}, copy / "model.ckpt")
    with pytest.raises(TargetError, match="has no state_dict of tensors"):
        load(copy)


def altered(folder: Path, to: Path, change: Callable[[dict, Tensors], object]) -> Path:
    """A copy without its text encoder's weights moved: the two files are changed, the encoder is linked."""
    config, tensors = deepcopy(CONFIG), load_file(folder / "model.safetensors")
    change(config, tensors)
    to.mkdir()
    (to / "t5-base").symlink_to(folder / "t5-base")
    (to / "model_config.json").write_text(json.dumps(config))
    save_file(tensors, to / "model.safetensors")
    return to


def test_a_model_trained_without_dropout_has_no_null_condition(tmp_path: Path, folder: Path) -> None:
    change = lambda config, _: config["training"].update(cfg_dropout_prob=0)  # noqa: E731
    assert not load(altered(folder, tmp_path / "copy", change)).has_null_condition


def test_another_text_encoder_is_another_target(tmp_path: Path, folder: Path, target: StableAudio) -> None:
    copy = altered(folder, tmp_path / "copy", lambda config, tensors: None)
    assert load(copy).identity.weights_sha256 == load(copy).identity.weights_sha256
    (copy / "t5-base").unlink()
    model = T5EncoderModel.from_pretrained(folder / "t5-base")
    model.shared.weight.data[0] += 1
    model.save_pretrained(copy / "t5-base")
    AutoTokenizer.from_pretrained(folder / "t5-base").save_pretrained(copy / "t5-base")
    assert load(copy).identity.weights_sha256 != target.identity.weights_sha256


def diffusion(config: dict) -> dict:
    return config["model"]["diffusion"]


def conditioner(config: dict, i: int) -> dict:
    return config["model"]["conditioning"]["configs"][i]


ROTATION = "model.model.transformer.rotary_pos_emb.inv_freq"
QKV = "model.model.transformer.layers.1.self_attn.to_qkv.weight"


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        (lambda c, t: c.update(model_type="autoencoder"), "model_type is 'autoencoder'"),
        (lambda c, t: diffusion(c).update(diffusion_objective="x0"), "diffusion_objective is 'x0'"),
        (lambda c, t: diffusion(c).update(global_cond_ids=["seconds_total"]), "cross_attention_cond_ids is"),
        (lambda c, t: diffusion(c).update(global_cond_ids=["seconds_start"]), "global_cond_ids is"),
        (lambda c, t: diffusion(c)["config"].update(patch_size=2), "patch_size is 2"),
        (lambda c, t: diffusion(c)["config"].update(attn_kwargs={"qk_norm": "l2"}), "attn_kwargs is"),
        (lambda c, t: diffusion(c)["config"].update(attn_kwargs={"qk_norm": "ln"}), "lacks 16 tensors .*norm"),
        (lambda c, t: diffusion(c)["config"].update(num_heads=4), "heads of at least 64"),
        (lambda c, t: diffusion(c)["config"].update(depth="2"), "depth is '2', a whole number"),
        (lambda c, t: diffusion(c)["config"].update(depth=1), "do not explain"),
        (lambda c, t: diffusion(c)["config"].update(depth=3), "lacks 15 tensors"),
        (lambda c, t: conditioner(c, 0).update(type="clap_text"), "type is 'clap_text'"),
        (lambda c, t: conditioner(c, 2)["config"].update(max_val=99), "one range of seconds"),
        (lambda c, t: conditioner(c, 0)["config"].update(t5_model_name="../../etc"), "no published model"),
        (lambda c, t: c["model"]["conditioning"].update(configs={}), "a list of conditioners"),
        (lambda c, t: c["model"]["pretransform"]["config"].update(downsampling_ratio=32), "product of the strides"),
        (lambda c, t: c["model"]["pretransform"]["config"]["encoder"]["config"].update(channels=4), "as many as it is"),
        (lambda c, t: c["model"]["pretransform"]["config"]["encoder"]["config"].update(c_mults=[1]), "of 2 strides"),
        (lambda c, t: c["model"]["pretransform"]["config"]["bottleneck"].update(type="tanh"), "type is 'tanh'"),
        (lambda c, t: c["training"].update(cfg_dropout_prob=2), "a share between"),
        (lambda c, t: t.pop(QKV), "lacks 1 tensors .*to_qkv"),
        (lambda c, t: t.update({QKV: t[QKV][:-3]}), "to_qkv.weight has shape"),
        (lambda c, t: t[ROTATION].mul_(2), "inv_freq are not those"),
        (lambda c, t: t.update({"model.model.extra": torch.ones(1)}), r"holds 1 tensors .*model\.model\.extra"),
    ],
)
def test_what_cannot_be_mapped_is_refused(
    tmp_path: Path, folder: Path, change: Callable[[dict, Tensors], object], needed: str
) -> None:
    with pytest.raises(TargetError, match=needed) as caught:
        load(altered(folder, tmp_path / "copy", change))
    assert "\n" not in str(caught.value)


def test_missing_and_damaged_files_are_refused(tmp_path: Path, folder: Path) -> None:
    copy = altered(folder, tmp_path / "copy", lambda config, tensors: None)
    (copy / "model.safetensors").write_bytes(b"\x80\x04no tensors")
    with pytest.raises(TargetError, match=r"weights .*model.safetensors could not be loaded"):
        load(copy)
    (copy / "model.safetensors").unlink()
    with pytest.raises(TargetError, match=r"but no model\.safetensors"):
        load(copy)
    (copy / "model_config.json").write_text("{")
    with pytest.raises(TargetError, match="not readable JSON"):
        StableAudioFamily.matches(copy)
