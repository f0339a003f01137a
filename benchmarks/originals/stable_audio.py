"""What stable-audio-tools itself gives, for tests/targets/goldens/stable_audio_*.json.

    python benchmarks/originals/stable_audio.py CHECKOUT

CHECKOUT is Stability-AI/stable-audio-tools; beside it in a Python 3.11: einops, einops_exts, PyWavelets, transformers
4.44.0. Three models are built small by its ``create_model_from_config``: as Stable Audio Open, as Stable Audio Open
Small, and for inpainting. Their weights are those of ``seeded``; which tensors there are is what ``export_model``
saves. Latents are its pretransform's (a draw is replaced by the mean), conditions its conditioner's, answers its
wrapper's; the mask of inpainting is its ``random_inpaint_mask``, told to hide all, as it does four times of five. Two
things are set from outside: the T5's width, which its table of names fixes, and float32 for the T5, which it runs in
float16.
"""

import os
import sys
import tempfile
import types
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from transformers import T5Config, T5EncoderModel

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.originals.words import tokenizer_of
from tests.targets.goldens import golden, seeded

PROMPTS, LEVELS = ["a slow reel in d major", "a jig"], [100, 500, 900]
SHARES = [0.1, 0.2, 0.5, 0.9]
RATE, STRIDES, HOP, FRAMES, LATENT, ATTENDED, LONGEST = 160, [2, 8], 16, 40, 4, 64, 8
T5 = {"d_model": 12, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}


def number(name: str) -> dict:
    return {"id": name, "type": "number", "config": {"min_val": 0, "max_val": LONGEST}}


OPEN: dict = {
    "model_type": "diffusion_cond", "sample_size": FRAMES * HOP, "sample_rate": RATE, "audio_channels": 2,
    "model": {
        "pretransform": {
            "type": "autoencoder", "iterate_batch": True, "scale": 0.5,
            "config": {
                "encoder": {
                    "type": "oobleck",
                    "config": {
                        "in_channels": 2, "channels": 2 * LATENT, "c_mults": [1, 2], "strides": STRIDES,
                        "latent_dim": 2 * LATENT, "use_snake": True,
                    },
                },
                "decoder": {
                    "type": "oobleck",
                    "config": {
                        "out_channels": 2, "channels": 4, "c_mults": [1, 2], "strides": STRIDES, "latent_dim": LATENT,
                        "use_snake": True, "final_tanh": False,
                    },
                },
                "bottleneck": {"type": "vae"}, "latent_dim": LATENT, "downsampling_ratio": HOP, "io_channels": 2,
            },
        },
        "conditioning": {
            "configs": [
                {"id": "prompt", "type": "t5", "config": {"t5_model_name": "t5-base", "max_length": 7}},
                number("seconds_start"), number("seconds_total"),
            ],
            "cond_dim": ATTENDED,
        },
        "diffusion": {
            "cross_attention_cond_ids": ["prompt", "seconds_start", "seconds_total"],
            "global_cond_ids": ["seconds_start", "seconds_total"], "type": "dit",
            "config": {
                "io_channels": LATENT, "embed_dim": 128, "depth": 1, "num_heads": 2, "cond_token_dim": ATTENDED,
                "global_cond_dim": 2 * ATTENDED, "project_cond_tokens": False,
                "transformer_type": "continuous_transformer",
            },
        },
        "io_channels": LATENT,
    },
    "training": {"use_ema": True},
}  # fmt: skip


def variants() -> dict[str, dict]:
    small, hidden = deepcopy(OPEN), deepcopy(OPEN)
    small["model"]["conditioning"]["configs"].pop(1)
    small["model"]["diffusion"] |= {
        "diffusion_objective": "rf_denoiser", "cross_attention_cond_ids": ["prompt", "seconds_total"],
        "global_cond_ids": ["seconds_total"],
    }  # fmt: skip
    small["model"]["diffusion"]["config"] |= {"global_cond_dim": ATTENDED, "attn_kwargs": {"qk_norm": "ln"}}
    hidden["model_type"] = "diffusion_cond_inpaint"
    hidden["model"]["diffusion"] |= {
        "diffusion_objective": "rectified_flow", "input_concat_ids": ["inpaint_mask", "inpaint_masked_input"],
    }  # fmt: skip
    hidden["model"]["diffusion"]["config"] |= {"input_concat_dim": LATENT + 1}
    hidden["training"] |= {"timestep_sampler": "trunc_logit_normal", "inpainting": {"mask_kwargs": {}}}
    return {"stable_audio_open": OPEN, "stable_audio_small": small, "stable_audio_inpaint": hidden}


def stand_ins() -> None:
    """Packages that are imported along and not used here."""
    for name in ("k_diffusion", "torchaudio", "torchaudio.transforms"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["torchaudio"].transforms = sys.modules["torchaudio.transforms"]
    sys.modules["torchaudio.transforms"].Resample = None


def t5(folder: Path) -> dict:
    tokenizer = tokenizer_of(PROMPTS)
    tokenizer.save_pretrained(folder)
    sizes = T5 | {"vocab_size": len(tokenizer)}
    model = T5EncoderModel(T5Config(**sizes))
    seeded.fill(model, "t5.")
    model.save_pretrained(folder, safe_serialization=True)
    return sizes


def times() -> None:
    """Quantiles of what its samplers draw."""
    from stable_audio_tools.inference import sampling

    torch.manual_seed(0)
    draws = 400_000
    laws = {
        "logit_normal": torch.sigmoid(torch.randn(draws)),
        "trunc_logit_normal": 1 - sampling.truncated_logistic_normal_rescaled(draws),
        "log_snr": sampling.sample_timesteps_logsnr(draws, mean_logsnr=-0.5, std_logsnr=1.5),
    }
    for sine in (False, True):
        laws[f"shifted, sine {sine}"] = sampling.DistributionShift(use_sine=sine).time_shift(torch.rand(draws), 1000)
    golden.write(
        "stable_audio_times",
        {"source": "Stability-AI/stable-audio-tools at 50049e3", "draws": draws, "shares": SHARES},
        {name: torch.tensor(np.quantile(drawn.numpy(), SHARES)) for name, drawn in laws.items()},
    )


def main() -> None:
    sys.path.insert(0, str(Path(sys.argv[1]).resolve()))
    stand_ins()
    from stable_audio_tools.models import create_model_from_config
    from stable_audio_tools.models.conditioners import T5Conditioner
    from stable_audio_tools.models.inpainting import random_inpaint_mask

    times()
    T5Conditioner.T5_MODEL_DIMS["t5-base"] = T5["d_model"]
    for name, config in variants().items():
        with tempfile.TemporaryDirectory() as place:
            os.chdir(place)
            sizes = t5(Path(place) / "t5-base")
            model = create_model_from_config(deepcopy(config)).eval()
        seeded.fill(model)
        with torch.no_grad():  # frequencies that no two programs draw
            frequencies = model.model.model.transformer.rotary_pos_emb.inv_freq
            frequencies.copy_(10_000 ** (-torch.arange(0, 2 * len(frequencies), 2) / (2 * len(frequencies))))
        text = model.conditioner.conditioners["prompt"]
        seeded.fill(text.model.float(), "t5.")  # in float16 its weights had been rounded
        wave = torch.from_numpy(seeded.wave(FRAMES * HOP).T.copy())[None]
        bottleneck = model.pretransform.model.bottleneck
        bottleneck.encode = lambda x, **_: (x.chunk(2, dim=1)[0], {})
        generator = torch.Generator().manual_seed(0)
        told = [{"prompt": prompt, "seconds_start": i, "seconds_total": 5 + i} for i, prompt in enumerate(PROMPTS)]
        with torch.no_grad():
            latent = model.pretransform.encode(wave)
            noisy = torch.randn(len(told) * len(LEVELS), LATENT, FRAMES, generator=generator)
            t = (torch.tensor(LEVELS * len(told)) + 0.5) / 1000
            rows = [one for one in told for _ in LEVELS]
            cond = model.conditioner(rows, "cpu")
            if config["model_type"] == "diffusion_cond_inpaint":
                given, mask = random_inpaint_mask(
                    noisy, torch.ones(len(rows), FRAMES), mask_type_probabilities=[0.0, 1.0, 0.0]
                )
                cond |= {"inpaint_mask": [mask], "inpaint_masked_input": [given]}
            answer = model(noisy, t, cond=cond)
            dropped = model(noisy, t, cond=cond, cfg_dropout_prob=1.0)
        about = {
            "source": "Stability-AI/stable-audio-tools at 50049e3; transformers 4.44.0, its T5 in float32",
            "config": config, "t5": sizes, "prompts": PROMPTS, "told": told, "levels": LEVELS,
            "tensors": {key: list(value.shape) for key, value in model.state_dict().items()},
        }  # fmt: skip
        golden.write(name, about, {"latent": latent, "noisy": noisy, "answer": answer, "dropped": dropped})


if __name__ == "__main__":
    main()
