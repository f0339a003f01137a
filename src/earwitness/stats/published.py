"""The dataset-inference tests of the publications, by name, for comparison with ours.

Goal: ``cdi``, ``iar`` and ``llm-di`` as their authors ran them, slips included, and a
corrected form of each. Conventions: values ``[n, d]`` are oriented, higher = more
member-like (the published ``cdi`` and ``llm-di`` learn their own signs and take any).
Every one of them treats tracks as independent, so albums break its level in either form.
The corrected forms are one-sided and use no transform that has seen the labels of the
rows it tests; learned weights are held at ≥ 0, so that sets which differ *away* from
membership do not count as evidence. Missing values become the column's median over both
sets; a column without any value is left out. What the publications leave open is settled
in ``docs/design/published.md``. scikit-learn is imported where it fits: the exact test does without.
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import t as student

from earwitness.errors import EarwitnessError
from earwitness.types import Bools, Floats

Method = Literal["cdi", "iar", "llm-di"]
_FOLDS = 5
_CLIPPED_A_SIDE = 0.025
_ADAM_STEPS, _ADAM_RATE = 1000, 0.01


def cdi_test(values: ArrayLike, is_suspect: ArrayLike, *, corrected: bool = False, seed: int = 0) -> float:
    """Return the p-value of copyrighted data identification: a learned score, then Welch's test.

    As published: five folds; in each, standardise and fit an L2 logistic regression on
    four, take the fifth's probabilities; pool all five, two-sided Welch. Pooled scores are
    dependent through the shared training rows, which inflates the level (4–8 % at 1 %).
    Corrected: one half trains (weights ≥ 0), the other is tested, one-sided.

    Parameters
    ----------
    values
        ``[n, d]``; oriented for the corrected form.
    is_suspect
        ``[n]`` booleans; at least five tracks on each side.
    corrected
        Which form.
    seed
        Fixes folds and halves.

    Returns
    -------
    float
        p-value; tracks are treated as independent.

    Raises
    ------
    EarwitnessError
        If a side has fewer than five tracks or no column has a value.

    Notes
    -----
    Dubiński et al., arXiv 2411.12858.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold
    from sklearn.preprocessing import StandardScaler

    x, suspect = _prepared(values, is_suspect, fewest=_FOLDS)
    if corrected:
        train = _halves(suspect, seed)
        scaler = StandardScaler().fit(x[train])
        weights = _non_negative_logistic(scaler.transform(x[train]), suspect[train])
        return _t_test(scaler.transform(x[~train]) @ weights, suspect[~train], two_sided=False, pooled=False)
    scores = np.empty(len(x))
    fold = np.empty(len(x), dtype=np.intp)
    for side in (suspect, ~suspect):
        rows = np.flatnonzero(side)
        for number, (_, test) in enumerate(KFold(_FOLDS, shuffle=True, random_state=seed).split(rows)):
            fold[rows[test]] = number
    for number in range(_FOLDS):
        test = fold == number
        scaler = StandardScaler().fit(x[~test])
        model = LogisticRegression(solver="liblinear", max_iter=1000, random_state=seed)
        model.fit(scaler.transform(x[~test]), suspect[~test])
        scores[test] = model.predict_proba(scaler.transform(x[test]))[:, 1]
    return _t_test(scores, suspect, two_sided=True, pooled=False)


def iar_test(values: ArrayLike, is_suspect: ArrayLike, *, corrected: bool = False, seed: int = 0) -> float:
    """Return the p-value of the unweighted sum of min–max-scaled features.

    ``score = Σ_j (x_j − min x_j) / (max x_j − min x_j)``, extremes over both sets, then
    Welch: two-sided as published (the direction is ignored), one-sided corrected.
    Nothing is learned or drawn; ``seed`` is there so that the three tests are called alike.

    Parameters
    ----------
    values, is_suspect
        ``[n, d]`` oriented, and ``[n]``; at least two tracks on each side.
    corrected, seed
        Which form; the seed has no effect.

    Returns
    -------
    float
        p-value; tracks are treated as independent.

    Raises
    ------
    EarwitnessError
        If a side has fewer than two tracks or no column has a value.

    Notes
    -----
    Kowalczuk et al., arXiv 2502.02514.
    """
    del seed
    x, suspect = _prepared(values, is_suspect, fewest=2)
    span = np.ptp(x, axis=0)
    scores = ((x - x.min(axis=0)) / np.where(span > 0, span, 1)).sum(axis=1)
    return _t_test(scores, suspect, two_sided=not corrected, pooled=False)


def llm_di_test(values: ArrayLike, is_suspect: ArrayLike, *, corrected: bool = False, seed: int = 0) -> float:
    """Return the p-value of LLM dataset inference: a linear layer learned on one half, tested on the other.

    As published, in the form of the released script ``linear_di.py`` with its defaults: in each
    set by itself the 2.5 % tails of every feature are clipped (both halves at once, so the
    tested rows have seen their labels), all rows are scaled by the suspect set's mean and
    deviation, a linear layer is trained on half A (Adam, 1000 full steps), and half B is
    compared by a one-sided Student t-test. Meant for α = .1. The other released form, the
    notebook ``demo.ipynb``, clips and scales A and B each by itself (B by B's own labels).
    Corrected: clipping limits and scale come from half A of both sets together, weights
    are ≥ 0, the test is Welch's.

    Parameters
    ----------
    values
        ``[n, d]``; oriented for the corrected form.
    is_suspect
        ``[n]`` booleans; at least four tracks on each side.
    corrected
        Which form.
    seed
        Fixes halves and the layer's start.

    Returns
    -------
    float
        p-value; tracks are treated as independent.

    Raises
    ------
    EarwitnessError
        If a side has fewer than four tracks or no column has a value.

    Notes
    -----
    Maini et al., arXiv 2406.06443. Its clipping moves only the values beyond the innermost of
    the tail, so it changes nothing below 80 tracks per side.
    """
    from sklearn.preprocessing import StandardScaler

    x, suspect = _prepared(values, is_suspect, fewest=4)
    train = _halves(suspect, seed)
    if corrected:
        x = np.clip(x, *np.quantile(x[train], [_CLIPPED_A_SIDE, 1 - _CLIPPED_A_SIDE], axis=0))
        scaler = StandardScaler().fit(x[train])
        weights = _non_negative_logistic(scaler.transform(x[train]), suspect[train])
        return _t_test(scaler.transform(x[~train]) @ weights, suspect[~train], two_sided=False, pooled=False)
    for side in (suspect, ~suspect):
        x[side] = _tails_clipped(x[side])
    spread = x[suspect].std(axis=0)
    x = (x - x[suspect].mean(axis=0)) / np.where(spread > 0, spread, 1)
    weights = _linear_layer(x[train], suspect[train], np.random.default_rng(seed))
    return _t_test(x[~train] @ weights, suspect[~train], two_sided=False, pooled=True)


_TESTS: dict[str, Callable[..., float]] = {"cdi": cdi_test, "iar": iar_test, "llm-di": llm_di_test}


def published_p(
    values: ArrayLike, is_suspect: ArrayLike, method: Method, *, corrected: bool = False, seed: int = 0
) -> float:
    """Return the p-value of a published procedure by name: ``cdi``, ``iar`` or ``llm-di``.

    Arguments and errors as in the three functions; an unknown name is an ``EarwitnessError``.

    Examples
    --------
    >>> apart = [[0.0], [0.1], [0.2], [0.8], [0.9], [1.0]]
    >>> round(published_p(apart, [False] * 3 + [True] * 3, "iar"), 4)
    0.0006
    """
    if method not in _TESTS:
        raise EarwitnessError(f"There is no published method {method!r}; use one of {', '.join(get_args(Method))}.")
    return _TESTS[method](values, is_suspect, corrected=corrected, seed=seed)


def member_difference(values: ArrayLike, is_suspect: ArrayLike) -> float:
    """Return how much more member-like the suspects are: mean over features of the difference in standard deviations.

    The published tests do not say: ``iar`` ignores the direction, and a learned score finds one of its own.

    Parameters
    ----------
    values, is_suspect
        ``[n, d]`` oriented, higher = more member-like, NaN left out; and ``[n]``.

    Returns
    -------
    float
        Positive = more member-like than the held-out tracks; 0 where nothing varies.

    Examples
    --------
    >>> round(member_difference([[0.0], [2.0], [1.0], [3.0]], [False, False, True, True]), 3)
    0.894
    """
    x, suspect = _prepared(values, is_suspect, fewest=1)
    spread = x.std(axis=0)
    apart = x[suspect].mean(axis=0) - x[~suspect].mean(axis=0)
    return float((apart / np.where(spread > 0, spread, 1)).mean())


def _prepared(values: ArrayLike, is_suspect: ArrayLike, *, fewest: int) -> tuple[Floats, Bools]:
    """Return an own copy of the values without missing ones, and the labels."""
    x, suspect = np.array(values, dtype=np.float64), np.asarray(is_suspect, dtype=np.bool_)
    if x.ndim != 2 or len(x) != len(suspect):
        raise ValueError(f"values must be [n, d] with one label per row, not {x.shape} and {suspect.shape}")
    counts = int(suspect.sum()), int((~suspect).sum())
    if min(counts) < fewest:
        raise EarwitnessError(
            f"This published method needs {fewest} tracks on each side; there are {counts[0]} suspect and "
            f"{counts[1]} held-out ones. Add tracks or use the method iar or exact."
        )
    x = x[:, ~np.isnan(x).all(axis=0)]
    if not x.shape[1]:
        raise EarwitnessError("No feature has a value in any track; extract again and look at failures.parquet.")
    return np.where(np.isnan(x), np.nanmedian(x, axis=0), x), suspect


def _halves(suspect: Bools, seed: int) -> Bools:
    """Return a mask of the training half: a random half of each set."""
    rng = np.random.default_rng(seed)
    train = np.zeros(len(suspect), dtype=np.bool_)
    for side in (suspect, ~suspect):
        rows = rng.permutation(np.flatnonzero(side))
        train[rows[: len(rows) // 2]] = True
    return train


def _t_test(scores: Floats, suspect: Bools, *, two_sided: bool, pooled: bool) -> float:
    """Compare means, suspect minus held-out, by Student's (pooled variance) or Welch's t-test.

    Scores that do not vary at all carry no evidence: p = 1.
    """
    a, b = scores[suspect], scores[~suspect]
    m, n = len(a), len(b)
    if pooled:
        shared = ((m - 1) * a.var(ddof=1) + (n - 1) * b.var(ddof=1)) / (m + n - 2)
        part_a, part_b, freedom = shared / m, shared / n, float(m + n - 2)
    else:
        part_a, part_b = a.var(ddof=1) / m, b.var(ddof=1) / n
        squares = part_a**2 / (m - 1) + part_b**2 / (n - 1)
        freedom = (part_a + part_b) ** 2 / squares if squares > 0 else float(m + n - 2)
    difference, error = a.mean() - b.mean(), np.sqrt(part_a + part_b)
    if error == 0:
        statistic = np.sign(difference) * np.inf if difference else 0.0
        return 1.0 if not difference else float(student.sf(statistic, freedom))
    statistic = difference / error
    return float(2 * student.sf(abs(statistic), freedom) if two_sided else student.sf(statistic, freedom))


def _tails_clipped(side: Floats) -> Floats:
    """Set the lowest and highest ⌊2.5 % n⌋ values of each column to the innermost of them."""
    count = int(len(side) * 2 * _CLIPPED_A_SIDE / 2)
    if count == 0:
        return side
    ordered = np.sort(side, axis=0)
    return np.clip(side, ordered[count - 1], ordered[-count])


def _linear_layer(x: Floats, suspect: Bools, rng: np.random.Generator) -> Floats:
    """Train a linear layer with Adam on the logistic loss, full batch; returns its weights without the bias."""
    bound = 1 / np.sqrt(x.shape[1])
    inputs = np.column_stack([x, np.ones(len(x))])
    weights: Floats = rng.uniform(-bound, bound, inputs.shape[1])
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, _ADAM_STEPS + 1):
        gradient = inputs.T @ (expit(inputs @ weights) - suspect) / len(x)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        weights -= _ADAM_RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights[:-1]


def _non_negative_logistic(x: Floats, suspect: Bools) -> Floats:
    """Fit a logistic regression with an L2 penalty of ½‖w‖² and weights ≥ 0; returns the weights."""
    sign = np.where(suspect, 1.0, -1.0)
    inputs = np.column_stack([x, np.ones(len(x))])
    penalty = np.append(np.ones(x.shape[1]), 0.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        margin = sign * (inputs @ weights)
        value = np.logaddexp(0, -margin).sum() + 0.5 * penalty @ weights**2
        return float(value), -inputs.T @ (sign * expit(-margin)) + penalty * weights

    bounds = [(0.0, None)] * x.shape[1] + [(None, None)]
    fitted = minimize(loss, np.zeros(inputs.shape[1]), jac=True, bounds=bounds, method="L-BFGS-B")
    weights: Floats = fitted.x[:-1]
    return weights
