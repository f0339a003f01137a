"""Chunk means and mean cosine distance against plain loops."""

import numpy as np
import pytest
import torch

from earwitness.signals.tokens.requests import SdmRequest
from earwitness.signals.tokens.scores import token_scores
from earwitness.signals.tokens.sdm import ChunkMeans, Sdm, mean_cosine_distance
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction


@pytest.fixture(scope="module")
def logits() -> np.ndarray:
    return np.random.default_rng(1).normal(loc=0.3, size=(2, 3, 53, 8))


def test_chunks_of_any_size_give_the_means_of_whole_chunks(logits: np.ndarray) -> None:
    for step in (1, 7, 20, 53):
        means = ChunkMeans(20)
        for start in range(0, 53, step):
            means.add(torch.from_numpy(logits[:, :, start : start + step]))
        for own, found in zip(logits, means.windows(), strict=True):
            expected = [own[:, a:b].mean(axis=1) for a, b in ((0, 20), (20, 40), (40, 53))]
            np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_rest_shorter_than_half_a_chunk_is_left_out(logits: np.ndarray) -> None:
    for frames, chunks in ((49, 2), (50, 3), (40, 2), (9, 0), (10, 1), (0, 0)):
        means = ChunkMeans(20)
        means.add(torch.from_numpy(logits[:, :, :frames]))
        assert [len(found) for found in means.windows()] == ([chunks] * 2 if frames else [])


def test_padding_does_not_count(logits: np.ndarray) -> None:
    padded = ChunkMeans(20, lengths=[53, 33])
    for start in range(0, 53, 9):
        padded.add(torch.from_numpy(logits[:, :, start : start + 9]))
    alone = ChunkMeans(20)
    alone.add(torch.from_numpy(logits[1:, :, :33]))
    long, short = padded.windows()
    assert len(long) == 3
    np.testing.assert_allclose(short, alone.windows()[0], atol=1e-12)


def test_half_precision_is_summed_in_single() -> None:
    means = ChunkMeans(100)
    means.add(torch.full((1, 1, 100, 2), 1.01, dtype=torch.bfloat16))
    assert means.windows()[0].ravel() == pytest.approx([1.0078125] * 2)  # bfloat16's nearest to 1.01


def test_the_distance_is_the_mean_over_all_pairs() -> None:
    rng = np.random.default_rng(2)
    chunks, cloud = rng.normal(loc=0.5, size=(3, 2, 8)), rng.normal(loc=0.5, size=(5, 2, 8))
    pairs = [
        1 - (a @ b) / np.sqrt((a @ a) * (b @ b))
        for own in chunks
        for other in cloud
        for a, b in zip(own, other, strict=True)
    ]
    assert mean_cosine_distance(chunks, cloud) == pytest.approx(np.mean(pairs))


def test_directions_by_hand() -> None:
    right, up = np.array([[[3.0, 0.0]]]), np.array([[[0.0, 0.1]]])
    assert mean_cosine_distance(right, right) == pytest.approx(0)
    assert mean_cosine_distance(right, up) == pytest.approx(1)
    assert mean_cosine_distance(right, -right) == pytest.approx(2)
    assert mean_cosine_distance(right, np.concatenate([right, up])) == pytest.approx(0.5)


def test_what_has_no_direction_is_missing() -> None:
    chunk = np.ones((1, 2, 4))
    assert np.isnan(mean_cosine_distance(chunk[:0], chunk))
    assert np.isnan(mean_cosine_distance(chunk, chunk[:0]))
    assert np.isnan(mean_cosine_distance(0 * chunk, chunk))
    with pytest.raises(ValueError, match="do not fit"):
        mean_cosine_distance(chunk, np.ones((1, 2, 5)))


def test_the_signal_hands_on_the_distance() -> None:
    empty = np.zeros((1, 0))
    scores = token_scores(
        np.zeros((1, 0), dtype=np.int64),
        {"log_prob": empty, "mean_log_prob": empty, "var_log_prob": empty, "margin": empty},
    )
    signal = Sdm(frames=50)
    assert list(signal.needs) == [SdmRequest(50)]
    assert signal.measure(Passes(condition=scores, numbers={SdmRequest(50): 0.25})) == [0.25]
    assert np.isnan(signal.measure(Passes(condition=scores))).all()
    assert [(spec.name, spec.member_is) for spec in signal.specs] == [("sdm", Direction.UNKNOWN)]
