"""Exact intervals for a share: what a count out of so many trials says about a rate.

Goal: every rate that is shown (errors of a test, true positives at a threshold) carries
limits that hold at any sample size, not only in large ones.
"""

from scipy.stats import beta


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided confidence limits of a binomial rate.

    ``low = Beta(c/2; k, n−k+1)`` and ``high = Beta(1−c/2; k+1, n−k)`` quantiles, with
    ``c = 1 − confidence``, ``k`` successes in ``n`` trials. With no trial the limits are (0, 1).

    Parameters
    ----------
    successes, trials
        Counts, ``0 ≤ successes ≤ trials``.
    confidence
        Coverage of the interval, in (0, 1); each tail gets half of the rest.

    Returns
    -------
    tuple[float, float]
        Lower and upper limit of the rate, in [0, 1].

    Raises
    ------
    ValueError
        If the counts are impossible or the confidence is outside (0, 1).

    Notes
    -----
    Clopper & Pearson (1934).

    Examples
    --------
    >>> low, high = clopper_pearson(0, 10)
    >>> low, round(high, 4)
    (0.0, 0.3085)
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials is impossible")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), not {confidence}")
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, successes, trials - successes + 1)) if successes > 0 else 0.0
    high = float(beta.isf(tail, successes + 1, trials - successes)) if successes < trials else 1.0
    return low, high
