"""Train a small Encodec-architecture codec from scratch.

Goal: an ``EncodecModel`` of a few hundred kilobytes for ground-truth targets. It is
first trained as a plain autoencoder (waveform and multi-resolution spectral error);
its residual codebooks are then k-means centres of the encoder outputs, one stage
after the other, because ``transformers`` ships no quantiser training.

The codec sees members and non-members alike, so it tells nothing about membership.
Waveforms are float32 [samples] at the configuration's sampling rate.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor, nn
from transformers import EncodecConfig, EncodecModel

from earwitness_bench.recipes.progress import Checkpoint

Report = Callable[[str], None]
_FFT_SIZES = (128, 512, 2048)


def small_codec_config(sample_rate: int = 16_000) -> EncodecConfig:
    """Four codebooks of 1024 codes at 50 frames a second (2 kbit/s), hidden width 64."""
    return EncodecConfig(
        sampling_rate=sample_rate,
        target_bandwidths=[2.0],
        num_filters=8,
        hidden_size=64,
        codebook_size=1024,
        num_lstm_layers=1,
        upsampling_ratios=[8, 5, 4, 2],
        use_causal_conv=False,
    )


def train_codec(
    waves: Sequence[NDArray[np.float32]], config: EncodecConfig, *, steps: int, seed: int, state: Path, report: Report
) -> EncodecModel:
    """Train the autoencoder for ``steps`` batches of 8 × 1 s, then fit the codebooks.

    ``state`` is a file in which an interrupted run finds its last checkpoint.
    """
    torch.manual_seed(seed)
    model = EncodecModel(config)
    _train_autoencoder(model, waves, steps=steps, seed=seed, state=state, report=report)
    report("codec: fitting the residual codebooks")
    fit_codebooks(model, waves, seed=seed)
    return model.eval()


def _train_autoencoder(
    model: EncodecModel,
    waves: Sequence[NDArray[np.float32]],
    *,
    steps: int,
    seed: int,
    state: Path,
    report: Report,
    batch: int = 8,
) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.8, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps, pct_start=0.05)
    checkpoint = Checkpoint(state, {"model": model, "optimizer": optimizer, "schedule": schedule})
    seconds = model.config.sampling_rate
    model.train()
    for step in range(checkpoint.restore(), steps):
        rng = np.random.default_rng([seed, step])
        target = torch.from_numpy(
            np.stack([_crop(waves[i], seconds, rng) for i in rng.integers(len(waves), size=batch)])
        )
        output = model.decoder(model.encoder(target[:, None])).squeeze(1)[:, :seconds]
        loss = nn.functional.mse_loss(output, target) * 10 + _spectral_error(output, target)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            checkpoint.save(step + 1)
            report(f"codec: step {step + 1}/{steps}, loss {loss.item():.3f}")


@torch.no_grad()
def fit_codebooks(
    model: EncodecModel, waves: Sequence[NDArray[np.float32]], *, seed: int, frames: int = 60_000
) -> float:
    """Fit residual k-means codebooks in place; return the unexplained share of variance."""
    model.eval()
    rng = np.random.default_rng(seed)
    latents = []
    for i in rng.permutation(len(waves)):
        latents.append(model.encoder(torch.from_numpy(waves[i])[None, None])[0].T.numpy())
        if sum(map(len, latents)) >= frames:
            break
    residual = np.concatenate(latents)
    total = float(residual.var(axis=0).sum())
    for stage, layer in enumerate(model.quantizer.layers):
        book = layer.codebook
        kmeans = MiniBatchKMeans(book.codebook_size, batch_size=4096, n_init=1, random_state=seed + stage)
        residual = residual - kmeans.fit(residual).cluster_centers_[kmeans.labels_]
        book.embed.copy_(torch.from_numpy(kmeans.cluster_centers_))
        book.embed_avg.copy_(book.embed)
    return float(residual.var(axis=0).sum()) / total


@torch.no_grad()
def encode_tracks(model: EncodecModel, waves: Iterable[NDArray[np.float32]]) -> list[NDArray[np.int16]]:
    """Codes [codebooks, frames] of every waveform, each encoded whole."""
    return [
        model.encode(torch.from_numpy(wave)[None, None]).audio_codes[0, 0].numpy().astype(np.int16) for wave in waves
    ]


def _spectral_error(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error of log magnitudes over three window sizes."""
    total = output.new_zeros(())
    for size in _FFT_SIZES:
        window = torch.hann_window(size)
        first, second = (
            torch.stft(x, size, size // 4, window=window, return_complex=True).abs().clamp_min(1e-5).log()
            for x in (output, target)
        )
        total = total + (first - second).abs().mean()
    return total


def _crop(wave: NDArray[np.float32], length: int, rng: np.random.Generator) -> NDArray[np.float32]:
    start = int(rng.integers(len(wave) - length + 1))
    return wave[start : start + length]
