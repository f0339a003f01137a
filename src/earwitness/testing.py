"""The contract of a target, as a suite that can be run on any of them.

Goal: whoever writes an adapter runs ``check_target`` and learns which promise it breaks.
It needs no reference answers: causality, batching, chunking and conditions are properties.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from earwitness.targets.protocols import TokenTarget


def check_target(target: TokenTarget, *, seconds: float = 1.0, seed: int = 0) -> Iterator[str]:
    """Check a token target; yields a line for each property that holds.

    Raises
    ------
    AssertionError
        With a sentence, at the first property that does not hold.
    """
    rng = np.random.default_rng(seed)
    samples = round(seconds * target.sample_rate)
    waves = rng.normal(scale=0.1, size=(2, samples)).astype(np.float32)
    codes = target.encode(waves)
    prompts = ["slow piano", ""]

    _require(isinstance(target, TokenTarget), "it offers what TokenTarget asks for")
    yield "it offers what TokenTarget asks for"

    _require(codes.shape[:2] == (2, target.codebooks) and codes.ndim == 3, "encode gives [batch, codebooks, frames]")
    _require(codes.dtype == torch.int64, "codes are int64")
    _require(torch.equal(codes, target.encode(waves)), "encoding twice gives the same codes")
    yield "encode gives the same int64 codes [batch, codebooks, frames] every time"

    logits = _logits(target, codes, prompts)
    _require(logits.shape[:3] == codes.shape, "logits [batch, codebooks, frames, codes] fit the codes")
    _require(bool(torch.isfinite(logits).all()), "logits are finite")
    _require(int(codes.max()) < logits.shape[-1], "every code has a logit")
    yield "logits are finite and fit the codes"

    single = torch.cat([_logits(target, codes[i : i + 1], prompts[i : i + 1]) for i in range(2)])
    _require(_close(single, logits), "batch-mates change nothing")
    yield "batch-mates change nothing"

    changed = codes.clone()
    last = codes.shape[2] - 1
    changed[:, :, last] = (codes[:, :, last] + 1) % logits.shape[-1]
    _require(
        _close(_logits(target, changed, prompts)[:, 0, last], logits[:, 0, last]),
        "a token's logits do not see the token",
    )
    yield "a token's logits do not see the token"

    if target.has_null_condition:
        null = _logits(target, codes, prompts, null=True)
        _require(_close(null[1], logits[1]), "an empty prompt is the null condition")
        yield "an empty prompt is the null condition"


def _logits(target: TokenTarget, codes: Tensor, prompts: list[str], *, null: bool = False) -> Tensor:
    chunks = []
    for chunk in target.logits(codes, prompts, null=null):
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
