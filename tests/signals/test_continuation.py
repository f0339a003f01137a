"""The continuation signal: names, directions and the arithmetic of the gains."""

import numpy as np
import pytest

from earwitness.signals.tokens.continuation import Continuation
from earwitness.signals.tokens.requests import ContinuationAnswer, ContinuationRequest
from earwitness.signals.tokens.scores import QUANTITIES, token_scores
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction

SCORES = token_scores(np.zeros((2, 5), dtype=np.int64), {name: np.zeros((2, 5)) for name in QUANTITIES})
FOUND = ContinuationAnswer(
    token_agreement=np.array([0.5, 0.25]), longest_match=1.5, loop_match=0.25, similarity=0.75, loop_similarity=0.875
)


def test_every_feature_is_higher_for_a_member() -> None:
    assert {spec.name: spec.member_is for spec in Continuation().specs} == dict.fromkeys(
        [
            f"continuation/{n}"
            for n in ("token_agreement", "longest_match", "match_gain", "similarity", "similarity_gain")
        ],
        Direction.HIGHER,
    )


def test_gains_are_over_the_best_repetition_of_the_prompt() -> None:
    passes = Passes(condition=SCORES, continuations={ContinuationRequest(): FOUND})
    assert Continuation().measure(passes) == [0.375, 1.5, 1.25, 0.75, -0.125]
    assert Continuation().measure(passes.codebook(0)) == Continuation().measure(passes)


def test_without_an_answer_all_is_missing() -> None:
    other = Passes(condition=SCORES, continuations={ContinuationRequest(0.5): FOUND})
    assert np.isnan(Continuation().measure(other)).all()


def test_it_asks_for_what_it_reads_and_says_what_that_costs() -> None:
    signal = Continuation(ContinuationRequest(0.25))
    assert signal.needs == [ContinuationRequest(0.25)]
    assert signal.request.generated_share == pytest.approx(0.75)
