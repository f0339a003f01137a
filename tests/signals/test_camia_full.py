"""The seventy-five numbers against a naive reading of their definitions, and by hand."""

from collections.abc import Mapping

import numpy as np
import pytest

from earwitness.signals.tokens.camia_full import CamiaFull
from earwitness.signals.tokens.camia_full.complexity import approximate_entropy, lempel_ziv_complexity
from earwitness.signals.tokens.requests import CamiaFullRequest, Request
from earwitness.signals.tokens.scores import TokenScores, token_scores
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction

K, T = 2, 90


def scores(log_prob: np.ndarray, codes: np.ndarray, valid: np.ndarray | None = None) -> TokenScores:
    still = np.zeros_like(log_prob)
    quantities = {"log_prob": log_prob, "mean_log_prob": still, "var_log_prob": still, "margin": still}
    return token_scores(codes, quantities, valid)


@pytest.fixture(scope="module")
def copies() -> list[TokenScores]:
    """A window and its second and third copy, which get easier."""
    rng = np.random.default_rng(11)
    codes = rng.integers(20, size=(K, T))
    first = -rng.gamma(4, size=(K, T))
    return [scores(first / n + rng.normal(scale=0.2, size=(K, T)), codes) for n in (1, 2, 3)]


def passes(copies: list[TokenScores]) -> Passes:
    extra: Mapping[Request, TokenScores] = {CamiaFullRequest(2): copies[1], CamiaFullRequest(3): copies[2]}
    return Passes(condition=copies[0], extra=extra)


def measured(of: Passes) -> dict[str, float]:
    names = [spec.name.removeprefix("camia_full/") for spec in CamiaFull().specs]
    return dict(zip(names, CamiaFull().measure(of), strict=True))


def naive_lempel_ziv(series: np.ndarray, bins: int) -> float:
    edges = np.linspace(series.min(), series.max(), bins + 1)[1:-1]
    text = "".join(str(sum(value >= edge for edge in edges)) for value in series)
    phrases: set[str] = set()
    phrase = ""
    for letter in text:
        phrase += letter
        if phrase not in phrases:
            phrases.add(phrase)
            phrase = ""
    return len(phrases) / len(text)


def naive_approximate_entropy(series: np.ndarray, m: int, r: float) -> float:
    def phi(length: int) -> float:
        runs = [series[i : i + length] for i in range(len(series) - length + 1)]
        return float(np.mean([np.log(np.mean([max(abs(a - b)) <= r for b in runs])) for a in runs]))

    return phi(m) - phi(m + 1)


def naive_shape(series: np.ndarray, codes: np.ndarray) -> dict[str, float]:
    out = {}
    for share in (0.25, 0.5, 1):
        head = series[: int(share * len(series))]
        diversity = np.mean([len(set(row[: len(head)].tolist())) / len(head) for row in codes])
        out[f"loss/head={share}"] = -head.mean()
        out[f"perplexity/head={share}"] = np.exp(-head.mean())
        out[f"below_mean/head={share}"] = np.mean([value < head.mean() for value in head])
        out[f"loss_per_diversity/head={share}"] = -head.mean() / diversity
        out[f"perplexity_per_diversity/head={share}"] = np.exp(-head.mean()) / diversity
    for level in (-2, -4, -6):
        out[f"above/level={level}"] = np.mean([value >= level for value in series])
    for bins in (3, 4, 5):
        out[f"lempel_ziv/bins={bins}"] = naive_lempel_ziv(series, bins)
    return out


def naive(copies: list[TokenScores]) -> dict[str, float]:
    codes = copies[0].codes
    one, two, three = (copy.log_prob.mean(axis=0) for copy in copies)
    plain = naive_shape(one, codes)
    out = dict(plain)
    for share in (0.25, 0.5, 1):
        n = int(share * len(one))
        out[f"diversity/head={share}"] = np.mean([len(set(row[:n].tolist())) / n for row in codes])
        below = [one[t] < one[:t].mean() for t in range(1, n)]
        out[f"below_running_mean/head={share}"] = np.mean(below)
    for copy, series in ((2, two), (3, three)):
        for name, value in naive_shape(series, codes).items():
            out[f"{name}/minus_copy={copy}"] = plain[name] - value
    for n, chain in ((1, one), (2, np.r_[one, two]), (3, np.r_[one, two, three])):
        out[f"slope/copies={n}"] = np.polyfit(np.arange(len(chain)), chain, 1)[0]
        out[f"approximate_entropy/copies={n}"] = naive_approximate_entropy(chain, 8, 0.8 * chain.std())
    return out


def test_all_seventy_five_follow_their_definitions(copies: list[TokenScores]) -> None:
    expected = naive(copies)
    assert len(expected) == len(CamiaFull().specs) == 75
    assert measured(passes(copies)) == pytest.approx(expected, abs=1e-9)


def test_a_codebook_is_measured_on_its_own(copies: list[TokenScores]) -> None:
    single = [copy.codebook(1) for copy in copies]
    assert measured(passes(copies).codebook(1)) == pytest.approx(naive(single), abs=1e-9)


@pytest.mark.slow
def test_shorter_copies_are_held_against_the_windows_beginning(copies: list[TokenScores]) -> None:
    found = measured(passes([copies[0], copies[1].frames(0, 60), copies[2].frames(0, 40)]))
    whole = naive(copies)
    second = naive([copy.frames(0, 60) for copy in copies])
    third = naive([copy.frames(0, 40) for copy in copies])
    assert found["loss/head=0.5"] == pytest.approx(whole["loss/head=0.5"])
    for name in ("loss/head=0.25/minus_copy=2", "lempel_ziv/bins=4/minus_copy=2", "slope/copies=2"):
        assert found[name] == pytest.approx(second[name]), name
    for name in ("loss_per_diversity/head=0.5/minus_copy=3", "approximate_entropy/copies=3"):
        assert found[name] == pytest.approx(third[name]), name


def test_a_copy_that_was_not_scored_is_missing(copies: list[TokenScores]) -> None:
    found = measured(Passes(condition=copies[0], extra={CamiaFullRequest(2): copies[1]}))
    missing = {name for name, value in found.items() if np.isnan(value)}
    assert missing == {name for name in found if name.endswith(("minus_copy=3", "copies=3"))}
    assert len(missing) == 23
    assert len({name for name, value in measured(Passes(condition=copies[0])).items() if np.isnan(value)}) == 46


def test_positions_that_are_not_valid_do_not_count(copies: list[TokenScores]) -> None:
    valid = np.ones((K, T), dtype=bool)
    valid[:, 70:] = False
    masked = [scores(copy.log_prob, copy.codes, valid) for copy in copies]
    assert measured(passes(masked)) == pytest.approx(naive([copy.frames(0, 70) for copy in copies]), abs=1e-9)


def test_a_short_window_is_missing_not_guessed(copies: list[TokenScores]) -> None:
    assert np.isnan(list(measured(passes([copy.frames(0, 11) for copy in copies])).values())).all()
    assert np.isfinite(list(measured(passes([copy.frames(0, 12) for copy in copies])).values())).all()
    assert np.isnan(list(measured(passes([copy.frames(0, 0) for copy in copies])).values())).all()


def test_only_loss_and_perplexity_of_the_plain_pass_have_a_direction() -> None:
    directed = {spec.name: spec.member_is for spec in CamiaFull().specs if spec.member_is is not Direction.UNKNOWN}
    heads = [f"head={share}" for share in ("0.25", "0.5", "1")]
    names = [f"camia_full/{kind}/{head}" for kind in ("loss", "perplexity") for head in heads]
    assert directed == dict.fromkeys(names, Direction.LOWER)
    assert list(CamiaFull().needs) == [CamiaFullRequest(2), CamiaFullRequest(3)]


def test_lempel_ziv_phrases_by_hand() -> None:
    assert lempel_ziv_complexity(np.array([1.0, 0, 0, 1, 1, 1]), 2) == pytest.approx(4 / 6)  # 1 0 01 11
    assert lempel_ziv_complexity(np.full(10, -3.0), 4) == pytest.approx(4 / 10)  # 0 00 000 0000
    assert lempel_ziv_complexity(np.array([1.0, 0, 1]), 2) == pytest.approx(2 / 3)  # the last 1 is unfinished
    assert np.isnan(lempel_ziv_complexity(np.empty(0), 3))


def test_approximate_entropy_of_a_regular_pulse() -> None:
    """The textbook series 85 80 89 …, 51 beats, m = 2, r = 3."""
    pulse = np.tile([85.0, 80.0, 89.0], 17)
    found = approximate_entropy(pulse, length=2, tolerance=3 / pulse.std())
    assert abs(found) == pytest.approx(1.0996541105257052e-05, rel=1e-9)


@pytest.mark.parametrize("length", [1, 3, 7, 20])
@pytest.mark.parametrize("size", [63, 64, 65, 130])
def test_approximate_entropy_at_every_word_boundary(length: int, size: int) -> None:
    series = np.random.default_rng(size).normal(size=size).cumsum()
    found = approximate_entropy(series, length=length, tolerance=0.5)
    assert found == pytest.approx(naive_approximate_entropy(series, length, 0.5 * series.std()), abs=1e-12)


def test_approximate_entropy_at_the_edges() -> None:
    assert approximate_entropy(np.full(30, 2.0), length=2, tolerance=0.2) == 0
    assert np.isnan(approximate_entropy(np.arange(8.0), length=8, tolerance=0.8))
    for length in (0, 64):
        with pytest.raises(ValueError, match="1 to 63"):
            approximate_entropy(np.arange(100.0), length=length, tolerance=0.8)
