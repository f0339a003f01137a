"""``token_features``: features from logits and tokens, for people who bring their own model."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from earwitness.signals.tokens.presets import token_preset
from earwitness.signals.tokens.reduction import reduce_logits
from earwitness.signals.tokens.scores import TokenScores, token_scores
from earwitness.signals.tokens.signal import Passes


def token_features(
    logits: Any, codes: Any, valid: Any = None, null_logits: Any = None, *, preset: str = "iar"
) -> dict[str, float]:
    """Measure a preset's features on one window.

    Parameters
    ----------
    logits
        Under the track's condition, [K, T, V], NumPy or torch; ``logits[k, t]`` predicts ``codes[k, t]``.
    codes
        The tokens, int [K, T].
    valid
        Which positions count, bool [K, T]; all of them by default.
    null_logits
        Without a condition, [K, T, V]; with them the preset's contrast features are measured.
    preset
        ``default``, ``full`` (without its noise neighbour, which needs the model), ``iar`` or ``iar-codebooks``.

    Returns
    -------
    dict
        Feature name → value; NaN where a feature is not defined. Directions are in
        ``earwitness.signals.registry.spec_for(name)``.

    Raises
    ------
    ValueError
        Where shapes do not fit or a code lies outside the logits' last axis.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> features = token_features(rng.normal(size=(2, 50, 16)), rng.integers(16, size=(2, 50)))
    >>> len(features), round(features["loss/codebook=0"], 3)
    (18, 3.474)
    """
    conditional, tokens = torch.as_tensor(logits), torch.as_tensor(codes).long()
    null = None if null_logits is None else torch.as_tensor(null_logits)
    if (
        conditional.shape[:-1] != tokens.shape
        or tokens.ndim != 2
        or (null is not None and null.shape != conditional.shape)
    ):
        raise ValueError(
            f"logits {tuple(conditional.shape)} and codes {tuple(tokens.shape)} do not fit [K, T, V] and [K, T]"
        )
    if tokens.numel() and not (int(tokens.min()) >= 0 and int(tokens.max()) < conditional.shape[-1]):
        raise ValueError(f"codes must lie in 0 … {conditional.shape[-1] - 1}")
    chosen = token_preset(preset).answerable(lambda request: False)
    mask = None if valid is None else np.asarray(valid, dtype=np.bool_)

    def scores(values: torch.Tensor) -> TokenScores:
        reduced = reduce_logits(values, tokens, chosen.quantities(guided=null is not None))
        quantities = {name: _float64(tensor) for name, tensor in reduced.items()}
        return token_scores(tokens.cpu().numpy(), quantities, mask)

    passes = Passes(
        condition=scores(conditional),
        contrast=None if null is None else scores(_precise(conditional) - _precise(null)),
        null=None if null is None else scores(null),
    )
    return chosen.measure(passes, guided=null is not None)


def _precise(logits: torch.Tensor) -> torch.Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()


def _float64(values: torch.Tensor) -> NDArray[np.float64]:
    return values.detach().cpu().numpy().astype(np.float64)
