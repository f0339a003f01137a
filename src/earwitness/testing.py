"""The contracts of a target and of a signal, as suites that can be run on any of them.

Goal: whoever writes an adapter runs ``check_target``, and whoever writes a signal ``check_signal``
(``earwitness.signals.contract``), and learns which promise it breaks. Neither needs reference
answers: causality, batching, chunking and conditions are properties.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earwitness.measure.passes.batch import Batch, Window, encode, logits_of
from earwitness.signals.contract import check_signal
from earwitness.targets.protocols import AnyTarget, DenoiserTarget, SymbolicTarget, TokenTarget

if TYPE_CHECKING:
    from symusic import Score

_PROMPTS = ["slow piano", "fast drums and a flute", ""]
_ROUNDING = 1e-5
__all__ = ["check_signal", "check_target"]


def check_target(target: AnyTarget | DenoiserTarget, *, seconds: float = 1.0, seed: int = 0) -> Iterator[str]:
    """Check a target; yields a line for each property that holds.

    ``seconds`` is the length of the audio that an audio target is asked about.

    Raises
    ------
    AssertionError
        With a sentence, at the first property that does not hold.
    """
    if isinstance(target, DenoiserTarget):
        yield from _check_denoiser(target, seconds, seed)
        return
    if isinstance(target, SymbolicTarget):
        yield "it offers what SymbolicTarget asks for"
        windows = _score_windows(target, seed)
        yield "windows are int64 codes [codebooks, tokens], the same every time, none longer than window_tokens"
    else:
        _require(isinstance(target, TokenTarget), "it offers what TokenTarget or SymbolicTarget asks for")
        yield "it offers what TokenTarget asks for"
        windows = _audio_windows(target, seconds, seed)
        yield "encode gives the same int64 codes [batch, codebooks, frames] every time"

    batch = encode(target, windows)
    logits = _logits(target, batch)
    _require(logits.shape[:3] == batch.codes.shape, "logits [batch, codebooks, frames, codes] fit the codes")
    _require(bool(torch.isfinite(logits).all()), "logits are finite")
    _require(int(batch.codes.max()) < logits.shape[-1], "every code has a logit")
    yield "logits are finite and fit the codes"

    for i, window in enumerate(windows):
        alone = _logits(target, encode(target, [window]))
        _require(_close(alone[0], logits[i, :, : alone.shape[2]]), "batch-mates change nothing")
    yield "batch-mates change nothing"

    changed, last = batch.codes.clone(), min(batch.lengths) - 1
    changed[:, :, last] = (batch.codes[:, :, last] + 1) % logits.shape[-1]
    other = Batch(codes=changed, lengths=batch.lengths, conditions=batch.conditions, keys=batch.keys)
    _require(_close(_logits(target, other)[:, 0, last], logits[:, 0, last]), "a token's logits do not see the token")
    yield "a token's logits do not see the token"

    if target.has_null_condition:
        _require(_close(_logits(target, batch, null=True)[1], logits[1]), "an empty prompt is the null condition")
        yield "an empty prompt is the null condition"
        if isinstance(target, TokenTarget):
            told = [Window(content=windows[0].content, prompt=prompt, key="check/0") for prompt in _PROMPTS]
            _require_heard(_logits(target, encode(target, told)))
            yield "two prompts differ, and both from no prompt"


@torch.no_grad()
def _check_denoiser(target: DenoiserTarget, seconds: float, seed: int) -> Iterator[str]:
    """The promises of a denoiser; noise is predicted at four timesteps at once, each row for itself."""
    yield "it offers what DenoiserTarget asks for"
    alphas = target.alphas_cumprod
    _require(alphas.ndim == 1 and bool(((alphas >= 0) & (alphas <= 1)).all()), "alphas_cumprod [T] lie in [0, 1]")
    _require(bool((alphas.diff() <= 0).all()) and bool(alphas[0] > alphas[-1]), "alphas_cumprod fall with time")
    yield "the noise schedule falls"

    asked = seconds if target.max_seconds is None else min(seconds, target.max_seconds)
    frames = max(1, round(asked * target.sample_rate / target.hop_length))
    waves = _noise_waves(target, frames * target.hop_length, seed)
    latents = target.encode(waves)
    _require(len(latents) == 2 and bool(torch.isfinite(latents).all()), "encode gives finite latents [batch, …]")
    _require(torch.equal(latents, target.encode(waves)), "encoding twice gives the same latents")
    _require(_close(target.encode(waves[1:])[0], latents[1]), "batch-mates change no latent")
    yield "encode gives the same latents every time"

    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(latents.shape, generator=generator).to(latents)
    rows = [0, 1, 0, 1]
    timesteps = torch.tensor([len(alphas) // 10, len(alphas) // 2, len(alphas) // 2, len(alphas) // 4])
    share = alphas[timesteps].to(latents).reshape(-1, *[1] * (latents.ndim - 1))
    noisy = share.sqrt() * latents[rows] + (1 - share).sqrt() * noise[rows]
    prompts = ["slow piano", "", "", "fast drums and a flute"]
    found = target.predict_noise(noisy, timesteps.to(latents.device), prompts)
    _require(found.shape == noisy.shape and bool(torch.isfinite(found).all()), "the predicted noise is finite and fits")
    yield "the predicted noise is finite and fits the latents"

    for i in range(len(rows)):
        one = slice(i, i + 1)
        alone = target.predict_noise(noisy[one], timesteps[one].to(latents.device), prompts[one])
        _require(_close(alone, found[one]), "batch-mates change nothing")
    yield "batch-mates change nothing, whatever their timesteps and prompts"

    if target.has_null_condition:
        same = noisy[1:2].expand(len(_PROMPTS), *noisy.shape[1:])
        _require_heard(target.predict_noise(same, timesteps[1:2].expand(len(_PROMPTS)).to(latents.device), _PROMPTS))
        yield "two prompts differ, and both from no prompt"


def _require_heard(answers: Tensor) -> None:
    """Of one window under two prompts and under none [3, …]: by more than rounding."""
    for first, second in ((0, 1), (0, 2), (1, 2)):
        apart = float((answers[first] - answers[second]).abs().max())
        _require(
            apart > _ROUNDING * float(answers.abs().max()),
            "two prompts are answered otherwise than each other and than no prompt (is its tokenizer there?)",
        )


def _noise_waves(target: TokenTarget | DenoiserTarget, samples: int, seed: int) -> NDArray[np.float32]:
    """Two windows of noise."""
    shape = (2, samples) if target.channels == 1 else (2, target.channels, samples)
    return np.random.default_rng(seed).normal(scale=0.1, size=shape).astype(np.float32)


def _audio_windows(target: TokenTarget, seconds: float, seed: int) -> list[Window]:
    """Two windows of noise, one with a prompt and one without."""
    waves = _noise_waves(target, round(seconds * target.sample_rate), seed)
    codes = target.encode(waves)
    _require(codes.shape[:2] == (2, target.codebooks) and codes.ndim == 3, "encode gives [batch, codebooks, frames]")
    _require(codes.dtype == torch.int64, "codes are int64")
    _require(torch.equal(codes, target.encode(waves)), "encoding twice gives the same codes")
    prompts = ["slow piano", ""]
    return [Window(content=waves[i], prompt=prompts[i], key=f"check/{i}") for i in range(2)]


def _score_windows(target: SymbolicTarget, seed: int) -> list[Window]:
    """The first window of a long and of a short random piece."""
    contents = []
    for bars in (64, 1):
        found = target.windows(_random_score(bars, seed))
        _require(len(found) > 0, "a piece of music has at least one window")
        first, again = found[0], target.windows(_random_score(bars, seed))[0]
        _require(first.codes.dtype == torch.int64, "codes are int64")
        _require(first.codes.ndim == 2 and len(first.codes) == target.codebooks, "codes are [codebooks, tokens]")
        _require(0 < first.codes.shape[1] <= target.window_tokens, "no window is longer than window_tokens")
        _require(torch.equal(first.codes, again.codes), "the same piece gives the same windows")
        contents.append(first)
    return [Window(content=content, prompt="", key=f"check/{i}") for i, content in enumerate(contents)]


def _random_score(bars: int, seed: int) -> "Score":
    """So many bars of eighths in four-four."""
    import symusic

    rng = np.random.default_rng(seed)
    score = symusic.Score(480)
    score.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    score.tempos.append(symusic.Tempo(0, qpm=120))
    track = symusic.Track(program=0)
    for eighth in range(8 * bars):
        track.notes.append(symusic.Note(240 * eighth, 240, int(rng.integers(48, 84)), int(rng.integers(40, 110))))
    score.tracks.append(track)
    return score


@torch.no_grad()
def _logits(target: AnyTarget, batch: Batch, *, null: bool = False) -> Tensor:
    chunks = []
    for chunk in logits_of(target, batch, null=null):
        chosen = chunk.null if null else chunk.condition
        assert chosen is not None, "with null=True every chunk holds the null logits"
        chunks.append(chosen.float())
    return torch.cat(chunks, dim=2)


def _close(first: Tensor, second: Tensor) -> bool:
    scale = float(second.abs().max()) + 1e-9
    return float((first - second).abs().max()) <= 1e-3 * scale


def _require(holds: bool, promise: str) -> None:
    if not holds:
        raise AssertionError(f"The target breaks its contract: {promise}.")
