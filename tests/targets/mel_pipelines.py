"""Tiny pipelines of the AudioLDM family, made of the real classes, and what their networks are given."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler
from torch import Tensor, nn
from transformers import (
    ClapAudioConfig,
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    ClapTextConfig,
    RobertaTokenizer,
    SpeechT5HifiGan,
    SpeechT5HifiGanConfig,
)

CAPTIONS = ["a slow reel in d major", "drums"]
WIDTH, BETAS = 16, (0.0015, 0.0195)


def tiny_tokenizer() -> RobertaTokenizer:
    """Bytes and no merges: every caption is a few dozen tokens, cut at 20."""
    letters = sorted(set("abcdefghijklmnopqrstuvwxyzĠ"))
    vocabulary = {token: i for i, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *letters])}
    return RobertaTokenizer(vocab=vocabulary, merges=[], model_max_length=20)


def tiny_clap_text() -> ClapTextConfig:
    return ClapTextConfig(
        vocab_size=32, hidden_size=WIDTH, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=24, projection_dim=WIDTH,
    )  # fmt: skip


def tiny_clap() -> ClapModel:
    audio = ClapAudioConfig(
        spec_size=64, window_size=4, num_mel_bins=64, depths=[1, 1], num_attention_heads=[1, 1], num_hidden_layers=2,
        hidden_size=32, projection_dim=WIDTH, patch_size=4, patch_stride=4, patch_embeds_hidden_size=16,
    )  # fmt: skip
    return ClapModel(ClapConfig(text_config=tiny_clap_text(), audio_config=audio, projection_dim=WIDTH))


def tiny_extractor() -> ClapFeatureExtractor:
    """Ten seconds in 51 frames, which the tiny CLAP has room for."""
    return ClapFeatureExtractor(hop_length=9600)


def tiny_vae() -> AutoencoderKL:
    """Fourfold smaller in time and in frequency, with a scaling factor of its own."""
    return AutoencoderKL(
        in_channels=1, out_channels=1, latent_channels=4, block_out_channels=(4, 8, 8), layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3, norm_num_groups=2,
        scaling_factor=0.37,
    )  # fmt: skip


def tiny_vocoder() -> SpeechT5HifiGan:
    return SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=64, sampling_rate=16_000, upsample_initial_channel=32, upsample_rates=[5, 4, 2, 2, 2],
            upsample_kernel_sizes=[15, 8, 4, 4, 4], resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1]],
            normalize_before=False,
        )
    )  # fmt: skip


def noise_schedule(**settings: object) -> DDIMScheduler:
    start, end = BETAS
    return DDIMScheduler(beta_start=start, beta_end=end, beta_schedule="scaled_linear", clip_sample=False, **settings)


def loud(*models: nn.Module) -> None:
    """Draw weights large enough for inputs to matter."""
    for model in models:
        for parameter in model.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.2)


@contextmanager
def inputs_of(network: nn.Module) -> Iterator[list[dict[str, Tensor]]]:
    """The tensors that a network is called with while the block runs, by name."""
    calls: list[dict[str, Tensor]] = []

    def note(module: nn.Module, positional: tuple[Tensor, ...], named: dict[str, Tensor]) -> None:
        found = dict(zip(("sample", "timestep"), positional, strict=True)) | named
        calls.append({name: value for name, value in found.items() if isinstance(value, Tensor)})

    handle = network.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield calls
    finally:
        handle.remove()


def waves(seconds: float, count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).normal(scale=0.2, size=(count, round(16_000 * seconds))).astype(np.float32)


class KnownDenoiser(nn.Module):
    """The best denoiser of latents drawn from N(0, spread²), answering in the prediction it is told to."""

    def __init__(self, prediction: str, spread: float, beside: nn.Module) -> None:
        super().__init__()
        self.prediction, self.spread = prediction, spread
        self.config, self.device, self.dtype = beside.config, beside.device, beside.dtype
        betas = np.linspace(BETAS[0] ** 0.5, BETAS[1] ** 0.5, 1000) ** 2
        self.alphas = torch.from_numpy(np.cumprod(1 - betas)).float()

    def forward(self, noisy: Tensor, timesteps: Tensor, **condition: Tensor) -> "_Answer":
        kept = self.alphas[timesteps].reshape(-1, 1, 1, 1)
        clean = kept.sqrt() * self.spread**2 * noisy / (kept * self.spread**2 + 1 - kept)
        answers = {
            "sample": clean,
            "epsilon": self.expected_noise(noisy, timesteps),
            "v_prediction": kept.sqrt() * self.expected_noise(noisy, timesteps) - (1 - kept).sqrt() * clean,
        }
        return _Answer(answers[self.prediction])

    def expected_noise(self, noisy: Tensor, timesteps: Tensor) -> Tensor:
        """E[ε | z_t] for z ~ N(0, spread²)."""
        kept = self.alphas[timesteps].reshape(-1, 1, 1, 1)
        return (1 - kept).sqrt() * noisy / (kept * self.spread**2 + 1 - kept)


class _Answer:
    def __init__(self, sample: Tensor) -> None:
        self.sample = sample
