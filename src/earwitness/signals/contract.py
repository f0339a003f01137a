"""The contract of a signal, as a suite that can be run on any of them.

Goal: whoever writes a signal runs ``check_signal`` and learns which promise it breaks. It needs no
reference answers: what counts, what is missing and what is the same are properties. What the number
*should* be is the author's own test against a case worked out by hand.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from earwitness.signals.denoising.oracle import Oracle
from earwitness.signals.denoising.signal import DenoisingSignal
from earwitness.signals.denoising.stand_in import stand_in
from earwitness.signals.tokens.reduction import reduce_logits
from earwitness.signals.tokens.requests import (
    ContinuationAnswer,
    ContinuationRequest,
    GradNormRequest,
    Request,
    SdmRequest,
)
from earwitness.signals.tokens.scores import QUANTITIES, TokenScores, token_scores
from earwitness.signals.tokens.signal import Passes, TokenSignal, needs_of, quantities_of
from earwitness.spec import FeatureSpec

_CODEBOOKS, _FRAMES, _CODES = 2, 120, 16
_NAME = re.compile(r"[a-z][a-z0-9_]*(/[a-z0-9_]+(=[^/\s,]+)?)*")
_RESERVED = ("codebook", "contrast", "model")


def check_signal(signal: TokenSignal | DenoisingSignal, *, seed: int = 0) -> Iterator[str]:
    """Check a signal of token models or of denoisers; yields a line for each property that holds.

    Raises
    ------
    AssertionError
        With a sentence, at the first property that does not hold.

    Examples
    --------
    >>> from earwitness.signals.tokens.zlib import Zlib
    >>> for line in check_signal(Zlib()):
    ...     print(line)
    its features have names of their own
    its settings are what repr shows, and the same settings are the same signal
    it gives one number per feature, the same every time
    what does not count changes nothing
    where nothing counts, its numbers are missing
    """
    _require(bool(signal.specs), "it has at least one feature")
    _check_names(signal.specs)
    yield "its features have names of their own"
    _check_settings(signal)
    yield "its settings are what repr shows, and the same settings are the same signal"
    if isinstance(signal, DenoisingSignal):
        yield from _check_denoising(signal, seed)
    else:
        yield from _check_token(signal, seed)


def _check_names(specs: Sequence[FeatureSpec]) -> None:
    names = [spec.name for spec in specs]
    _require(len(set(names)) == len(names), "no two features have the same name")
    for name in names:
        _require(_NAME.fullmatch(name) is not None, f"{name!r} reads signal/setting=value/…, in lower case")
        _require(not name.startswith("blind/"), f"{name!r} asks the model, so it is not a blind feature")
        parts = {part.split("=")[0] for part in name.split("/")[1:]}
        _require(parts.isdisjoint(_RESERVED[:2]), f"{name!r} leaves codebook and contrast to the preset")


def _check_settings(signal: object) -> None:
    if not is_dataclass(signal) or isinstance(signal, type):
        raise AssertionError("The signal breaks its contract: it is a dataclass whose fields are its settings.")
    again = type(signal)(**{field.name: getattr(signal, field.name) for field in fields(signal) if field.init})
    _require(again == signal and hash(again) == hash(signal), "the same settings make an equal signal")
    _require(repr(again) == repr(signal) and " at 0x" not in repr(signal), "repr shows the settings and nothing else")


def _check_token(signal: TokenSignal, seed: int) -> Iterator[str]:
    valid = np.ones((_CODEBOOKS, _FRAMES), dtype=np.bool_)
    valid[:, -20:] = False
    passes = _passes(signal, valid, np.random.default_rng(seed))
    found = _numbers(signal, passes)
    _require(found == _numbers(signal, passes), "the same scores give the same numbers")
    yield "it gives one number per feature, the same every time"

    masked = replace(passes, condition=_scrambled(passes.condition), extra=_all_scrambled(passes.extra))
    _require(_same(_numbers(signal, masked), found), "positions that are not valid change nothing")
    yield "what does not count changes nothing"

    empty = _passes(signal, np.zeros_like(valid), np.random.default_rng(seed))
    nothing = replace(empty, numbers={}, continuations={})
    _require(bool(np.isnan(_numbers(signal, nothing)).all()), "a window without a valid position has NaN, not an error")
    yield "where nothing counts, its numbers are missing"

    if needs_of(signal):
        unanswered = replace(passes, extra={}, numbers={}, continuations={})
        _require(len(_numbers(signal, unanswered)) == len(signal.specs), "a pass that was not run is no error")
        yield "a pass that could not be run leaves its numbers missing"


def _numbers(signal: TokenSignal, passes: Passes) -> list[float]:
    try:
        found = [float(value) for value in signal.measure(passes)]
    except (ValueError, KeyError, IndexError, ZeroDivisionError) as error:
        raise AssertionError(f"The signal breaks its contract: measure gives numbers ({error}).") from error
    _require(len(found) == len(signal.specs), "measure gives one number per feature")
    return found


def _passes(signal: TokenSignal, valid: NDArray[np.bool_], rng: np.random.Generator) -> Passes:
    """A random window's passes, with an answer to every request and no more quantities than the signal names."""
    quantities = (*QUANTITIES, *quantities_of(signal))
    condition = _scores(rng, valid, quantities)
    extra: dict[Request, TokenScores] = {}
    numbers: dict[Request, float] = {}
    continuations: dict[Request, ContinuationAnswer] = {}
    for request in needs_of(signal):
        if isinstance(request, GradNormRequest | SdmRequest):
            numbers[request] = float(rng.uniform(0.5, 2.0))
        elif isinstance(request, ContinuationRequest):
            continuations[request] = ContinuationAnswer(
                token_agreement=rng.uniform(size=_CODEBOOKS), longest_match=0.3, loop_match=0.1,
                similarity=0.8, loop_similarity=0.5,
            )  # fmt: skip
        else:
            answer = _scores(rng, valid, quantities)
            extra[request] = replace(answer, codes=condition.codes)
    return Passes(condition=condition, extra=extra, numbers=numbers, continuations=continuations)


def _scores(rng: np.random.Generator, valid: NDArray[np.bool_], quantities: Sequence[str]) -> TokenScores:
    codes = rng.integers(_CODES, size=valid.shape)
    logits = torch.from_numpy(rng.normal(scale=2.0, size=(*valid.shape, _CODES)))
    reduced = reduce_logits(logits, torch.from_numpy(codes), tuple(quantities))
    return token_scores(codes, {name: values.numpy() for name, values in reduced.items()}, valid)


def _scrambled(scores: TokenScores) -> TokenScores:
    """The same scores with other values wherever a position does not count."""
    names = [field.name for field in fields(scores) if field.name not in ("codes", "valid")]
    held = {name: getattr(scores, name) for name in names}
    changed = {name: np.where(scores.valid, values, 3.0) for name, values in held.items() if values is not None}
    return replace(scores, codes=np.where(scores.valid, scores.codes, 0), **changed)


def _all_scrambled(extra: Mapping[Request, TokenScores]) -> dict[Request, TokenScores]:
    return {request: _scrambled(scores) for request, scores in extra.items()}


def _check_denoising(signal: DenoisingSignal, seed: int) -> Iterator[str]:
    found = _rows(signal, stand_in((0, 1, 2), seed))
    _require(found.shape == (3, len(signal.specs)), "measure gives one row per window and one column per feature")
    _require(_same(found, _rows(signal, stand_in((0, 1, 2), seed))), "the same windows give the same rows")
    yield "it gives one row per window, the same every time"

    alone = np.concatenate([_rows(signal, stand_in((window,), seed)) for window in range(3)])
    _require(_same(alone, found), "batch-mates change nothing")
    yield "batch-mates change nothing"

    without = _rows(signal, replace(stand_in((0, 1, 2), seed), predict_null=None))
    _require(without.shape == found.shape, "a model without a null condition is no error")
    yield "a model without a null condition is no error"


def _rows(signal: DenoisingSignal, oracle: Oracle) -> NDArray[np.float64]:
    oracle.ask(signal.pairs)
    return np.asarray(signal.measure(oracle), dtype=np.float64)


def _same(first: NDArray[np.float64] | list[float], second: NDArray[np.float64] | list[float]) -> bool:
    return bool(np.allclose(first, second, rtol=1e-6, atol=1e-9, equal_nan=True))


def _require(holds: bool, promise: str) -> None:
    if not holds:
        raise AssertionError(f"The signal breaks its contract: {promise}.")
