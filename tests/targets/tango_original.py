"""A Tango release written out: AudioLDM's VAE in plain PyTorch, the STFT in NumPy, the sampler's own inputs.

Tensors carry the names of the original files. What the original takes from libraries (U-Net, T5) is
taken from them here too; everything else is written a second time, without the package.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

librosa = pytest.importorskip("librosa", reason="needs pip install 'earwitness[perturb]'")

RATE, FFT, HOP, BANDS = 16_000, 512, 160, 16
WIDTH, MULTIPLES, BLOCKS, CHANNELS, SCALE = 32, (1, 2, 2), 2, 4, 0.9227914214134216
TEXT_WIDTH = 12
STFT_CONFIG = {
    "filter_length": FFT, "hop_length": HOP, "win_length": FFT, "n_mel_channels": BANDS, "sampling_rate": RATE,
    "mel_fmin": 0, "mel_fmax": 8000,
}  # fmt: skip
VAE_CONFIG = {
    "image_key": "fbank", "subband": 1, "embed_dim": CHANNELS, "time_shuffle": 1, "scale_factor": SCALE,
    "ddconfig": {
        "double_z": True, "z_channels": CHANNELS, "resolution": 256, "downsample_time": False, "in_channels": 1,
        "out_ch": 1, "ch": WIDTH, "ch_mult": list(MULTIPLES), "num_res_blocks": BLOCKS, "attn_resolutions": [],
        "dropout": 0.0,
    },
}  # fmt: skip
UNET_CONFIG = {
    "_class_name": "UNet2DConditionModel", "_diffusers_version": "0.10.0.dev0", "act_fn": "silu",
    "attention_head_dim": [2, 4], "block_out_channels": [16, 32], "center_input_sample": False,
    "cross_attention_dim": TEXT_WIDTH, "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "downsample_padding": 1, "dual_cross_attention": False, "flip_sin_to_cos": True, "freq_shift": 0,
    "in_channels": CHANNELS, "layers_per_block": 1, "mid_block_scale_factor": 1, "norm_eps": 1e-05,
    "norm_num_groups": 8, "num_class_embeds": None, "only_cross_attention": False, "out_channels": CHANNELS,
    "sample_size": [32, 2], "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "use_linear_projection": True,
    "upcast_attention": True,
}  # fmt: skip
MAIN_CONFIG = {
    "text_encoder_name": "google/flan-t5-large", "scheduler_name": "stabilityai/stable-diffusion-2-1",
    "unet_model_name": None, "unet_model_config_path": "configs/diffusion_model_config.json", "snr_gamma": 5.0,
    "freeze_text_encoder": True, "uncondition": False,
}  # fmt: skip
SCHEDULER_CONFIG = {
    "_class_name": "DDIMScheduler", "_diffusers_version": "0.8.0", "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "beta_start": 0.00085, "clip_sample": False, "num_train_timesteps": 1000, "prediction_type": "v_prediction",
    "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1, "trained_betas": None,
}  # fmt: skip


@dataclass
class OriginalVae:
    """Functions over tensors by their original names; a tensor that is not there yet is drawn."""

    tensors: dict[str, Tensor] = field(default_factory=dict)

    def mean(self, mel: Tensor) -> Tensor:
        """Posterior mean of spectrograms [B, 1, T, bands]."""
        x = self.conv("encoder.conv_in", mel, WIDTH)
        for level, multiple in enumerate(MULTIPLES):
            for block in range(BLOCKS):
                x = self.block(f"encoder.down.{level}.block.{block}", x, WIDTH * multiple)
            if level < len(MULTIPLES) - 1:
                x = self.conv(
                    f"encoder.down.{level}.downsample.conv",
                    functional.pad(x, (0, 1, 0, 1)),
                    x.shape[1],
                    stride=2,
                    edge=0,
                )
        x = functional.silu(self.norm("encoder.norm_out", self.middle("encoder", x)))
        moments = self.conv("quant_conv", self.conv("encoder.conv_out", x, 2 * CHANNELS), 2 * CHANNELS, size=1, edge=0)
        return moments[:, :CHANNELS]

    def decode(self, latent: Tensor) -> Tensor:
        """Spectrograms of latents, which makes the decoder's tensors."""
        x = self.conv("post_quant_conv", latent, CHANNELS, size=1, edge=0)
        x = self.middle("decoder", self.conv("decoder.conv_in", x, WIDTH * MULTIPLES[-1]))
        for level in reversed(range(len(MULTIPLES))):
            for block in range(BLOCKS + 1):
                x = self.block(f"decoder.up.{level}.block.{block}", x, WIDTH * MULTIPLES[level])
            if level > 0:
                x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
                x = self.conv(f"decoder.up.{level}.upsample.conv", x, x.shape[1])
        return self.conv("decoder.conv_out", functional.silu(self.norm("decoder.norm_out", x)), 1)

    def middle(self, side: str, x: Tensor) -> Tensor:
        x = self.block(f"{side}.mid.block_1", x, x.shape[1])
        h = self.norm(f"{side}.mid.attn_1.norm", x)
        q, k, v = (
            self.conv(f"{side}.mid.attn_1.{part}", h, x.shape[1], size=1, edge=0).flatten(2).mT
            for part in ("q", "k", "v")
        )
        seen = ((q @ k.mT) / x.shape[1] ** 0.5).softmax(-1) @ v
        out = self.conv(f"{side}.mid.attn_1.proj_out", seen.mT.reshape(x.shape), x.shape[1], size=1, edge=0)
        return self.block(f"{side}.mid.block_2", x + out, x.shape[1])

    def block(self, name: str, x: Tensor, width: int) -> Tensor:
        h = self.conv(f"{name}.conv1", functional.silu(self.norm(f"{name}.norm1", x)), width)
        h = self.conv(f"{name}.conv2", functional.silu(self.norm(f"{name}.norm2", h)), width)
        return h + (x if x.shape[1] == width else self.conv(f"{name}.nin_shortcut", x, width, size=1, edge=0))

    def conv(self, name: str, x: Tensor, width: int, *, size: int = 3, stride: int = 1, edge: int = 1) -> Tensor:
        shape = (width, x.shape[1], size, size)
        weight = self.tensor(f"{name}.weight", shape, (x.shape[1] * size * size) ** -0.5)
        return functional.conv2d(x, weight, self.tensor(f"{name}.bias", (width,), 0.1), stride=stride, padding=edge)

    def norm(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.tensor(f"{name}.weight", (x.shape[1],), 1), self.tensor(f"{name}.bias", (x.shape[1],), 0.1)
        groups = x.unflatten(1, (32, -1))
        spread = groups.var(dim=(2, 3, 4), keepdim=True, unbiased=False)
        even = (groups - groups.mean(dim=(2, 3, 4), keepdim=True)) / (spread + 1e-6).sqrt()
        return even.flatten(1, 2) * weight[:, None, None] + bias[:, None, None]

    def tensor(self, name: str, shape: tuple[int, ...], scale: float) -> Tensor:
        if name not in self.tensors:
            generator = torch.Generator().manual_seed(len(self.tensors))
            self.tensors[name] = scale * torch.randn(shape, generator=generator)
        return self.tensors[name]


def prepared(wave: np.ndarray, frames: int) -> np.ndarray:
    """What the trainer makes of a file: centred, peak one half, silence up to ``frames``, peak one half again."""
    wave = wave - wave.mean()
    wave = 0.5 * wave / (np.abs(wave).max() + 1e-8)
    wave = np.pad(wave, (0, max(0, frames * HOP - len(wave))))[: frames * HOP]
    return (0.5 * wave / np.abs(wave).max()).astype(np.float32)


def log_mel(wave: np.ndarray) -> np.ndarray:
    """[frames, bands] by librosa, the frame behind the end left out."""
    spectra = np.abs(
        librosa.stft(wave.astype(np.float64), n_fft=FFT, hop_length=HOP, window="hann", pad_mode="reflect")
    )
    mel = librosa.filters.mel(sr=RATE, n_fft=FFT, n_mels=BANDS, fmin=0, fmax=8000) @ spectra
    return np.log(np.maximum(mel, 1e-5)).T[: len(wave) // HOP]


@dataclass
class Original:
    folder: Path
    vae: OriginalVae
    unet: UNet2DConditionModel
    text_encoder: T5EncoderModel
    tokenizer: PreTrainedTokenizerFast

    def latent(self, wave: np.ndarray) -> Tensor:
        """[1, channels, frames / 4, bands / 4]."""
        mel = torch.from_numpy(log_mel(prepared(wave, 1024))).float()
        return SCALE * self.vae.mean(mel[None, None])

    def heard(self, prompts: list[str]) -> tuple[Tensor, Tensor]:
        """States and mask of prompts encoded together, as the sampler does without guidance."""
        limit = self.tokenizer.model_max_length
        batch = self.tokenizer(prompts, max_length=limit, padding=True, truncation=True, return_tensors="pt")
        states = self.text_encoder(input_ids=batch.input_ids, attention_mask=batch.attention_mask)[0]
        return states, batch.attention_mask == 1

    def unheard(self, prompts: list[str]) -> tuple[Tensor, Tensor]:
        """What guidance puts beside them: the empty text, padded to their length."""
        length = self.heard(prompts)[0].shape[1]
        batch = self.tokenizer([""] * len(prompts), max_length=length, padding="max_length", return_tensors="pt")
        states = self.text_encoder(input_ids=batch.input_ids, attention_mask=batch.attention_mask)[0]
        return states, batch.attention_mask == 1


def save_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def save_release(folder: Path) -> Original:
    """Write the six files, and what they name into subfolders of the same name."""
    vae = OriginalVae()
    with torch.no_grad():
        vae.decode(vae.mean(torch.zeros(1, 1, 8, BANDS)))
    tokenizer = _tokenizer(["a dog barks in the rain", "slow piano"])
    torch.manual_seed(0)
    encoder = T5EncoderModel(
        T5Config(vocab_size=len(tokenizer) + 3, d_model=TEXT_WIDTH, d_kv=4, d_ff=16, num_layers=2, num_heads=2)
    ).eval()
    unet = UNet2DConditionModel.from_config(UNET_CONFIG).eval()
    with torch.no_grad():
        for parameter in (*unet.parameters(), *encoder.parameters()):
            parameter.add_(torch.randn_like(parameter) * (0.05 if parameter.ndim < 2 else 0.1))
    save_json(folder / "main_config.json", MAIN_CONFIG)
    save_json(folder / "vae_config.json", VAE_CONFIG)
    save_json(folder / "stft_config.json", STFT_CONFIG)
    save_json(folder / "configs" / "diffusion_model_config.json", UNET_CONFIG)
    save_json(folder / "scheduler" / "scheduler_config.json", SCHEDULER_CONFIG)
    encoder.config.save_pretrained(folder / "flan-t5-large")
    tokenizer.save_pretrained(folder / "flan-t5-large")
    torch.save(_prefixed("unet.", unet) | _prefixed("text_encoder.", encoder), folder / "pytorch_model_main.bin")
    torch.save(vae.tensors | {"vocoder.conv_pre.weight": torch.zeros(4, BANDS, 7)}, folder / "pytorch_model_vae.bin")
    torch.save(stft_tensors(), folder / "pytorch_model_stft.bin")
    return Original(folder, vae, unet, encoder, tokenizer)


def _prefixed(prefix: str, module: torch.nn.Module) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in module.state_dict().items()}


def stft_tensors() -> dict[str, Tensor]:
    basis = np.fft.fft(np.eye(FFT))[: FFT // 2 + 1]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)
    forward = torch.from_numpy(np.vstack([basis.real, basis.imag]) * window).float()[:, None]
    filters = librosa.filters.mel(sr=RATE, n_fft=FFT, n_mels=BANDS, fmin=0, fmax=8000)
    return {
        "mel_basis": torch.from_numpy(filters).float(), "stft_fn.forward_basis": forward,
        "stft_fn.inverse_basis": torch.zeros_like(forward),
    }  # fmt: skip


def _tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Words and, as T5's own does, an end token behind each text; padding is on the right."""
    words = sorted({word for text in texts for word in text.split()})
    backend = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(["<pad>", "</s>", "<unk>", *words])}, "<unk>")
    )
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=12
    )
