"""Several verdicts together: nothing becomes evidence, and nothing enters with a better number than it has."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from earwitness.verdict.family import counted_p_value, family
from earwitness.verdict.result import Blind, Counts, DatasetInferenceResult
from tests.cli.test_bad_input import run


def _claim(p: float | None, verdict: str = "evidence_of_use", **more: object) -> DatasetInferenceResult:
    sides = {"n_tracks": Counts(suspect=20, held_out=20), "n_groups": Counts(suspect=20, held_out=20)}
    fields = {"verdict": verdict, "reasons": [], "alpha": 0.01, "method": "exact", "p_value": p, "p_value_floor": 1e-4}
    return DatasetInferenceResult.model_validate({**fields, **sides, **more})


def _gate(passes: bool, adjusted: float | None) -> Blind:
    return Blind(
        auc=0.7, low=0.6, high=0.8, p_value=0.01, passes=passes, harmful_auc=0.6,
        state="pass" if passes else "fail", adjusted_p_value=adjusted,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("claim", "counted"),
    [
        (_claim(0.0001), 0.0001),
        (_claim(0.0001, blind=_gate(True, None)), 0.0001),
        (_claim(0.0001, blind=_gate(False, 0.004)), 0.004),
        (_claim(0.0001, "inconclusive", blind=_gate(False, 0.2)), 1.0),
        (_claim(0.3, "inconclusive"), 0.3),
        (_claim(0.0001, "inconclusive", method="iar"), 1.0),
        (_claim(0.5, "no_evidence", method="cdi, corrected"), 1.0),
        (_claim(None, "cannot_be_tested"), None),
    ],
)
def test_what_a_claim_counts_with(claim: DatasetInferenceResult, counted: float | None) -> None:
    assert counted_p_value(claim) == counted


def test_an_adjusted_claim_loses_where_its_plain_p_would_have_won() -> None:
    # Two claims: Holm needs p ≤ .005 for the first. Plain .0001 would do, its adjusted .006 does not.
    first, second = family([_claim(0.0001, blind=_gate(False, 0.006), e_value=900.0), _claim(0.5, "no_evidence")])
    assert first.holm_p_value == pytest.approx(0.012)
    assert (first.family_verdict, second.family_verdict) == ("no_evidence", "no_evidence")
    # The e-value of a claim that had to be adjusted has no standing.
    assert first.e_bh_rejects is None


UNDECIDED = replace(_gate(False, None), state="undecided", effect_ratio=0.8)


@pytest.mark.parametrize(
    "claim",
    [
        _claim(0.009, blind=_gate(True, None)),
        _claim(0.009, blind=UNDECIDED),
        _claim(0.009, blind=_gate(False, 0.0095)),
        _claim(0.009, "inconclusive", blind=_gate(False, 0.02)),
        _claim(0.009, "inconclusive", blind=replace(UNDECIDED, effect_ratio=0.3)),
        _claim(0.2, "no_evidence"),
        _claim(None, "cannot_be_tested"),
    ],
)
def test_a_family_of_one_says_what_its_claim_says(claim: DatasetInferenceResult) -> None:
    assert family([claim])[0].family_verdict == claim.verdict


def test_an_e_value_speaks_only_where_the_gate_passed() -> None:
    claims = [_claim(0.0001, blind=gate, e_value=900.0) for gate in (_gate(True, None), UNDECIDED)]
    assert [claim.e_bh_rejects for claim in family(claims)] == [True, None]


def test_a_published_procedure_counts_as_a_try_and_carries_nothing() -> None:
    claims = family([_claim(0.004), _claim(1e-26, method="iar"), _claim(1e-26, method="cdi")])
    assert [claim.family_verdict for claim in claims] == ["no_evidence", "inconclusive", "inconclusive"]
    assert claims[0].holm_p_value == pytest.approx(0.012)


def test_the_chance_of_any_false_claim_is_at_most_alpha() -> None:
    rng, runs, alpha = np.random.default_rng(0), 500, 0.05
    any_false = 0
    for _ in range(runs):
        p = rng.uniform(size=5)
        claims = [_claim(x, "evidence_of_use" if x <= alpha else "no_evidence", alpha=alpha) for x in p]
        any_false += any(claim.family_verdict == "evidence_of_use" for claim in family(claims, alpha=alpha))
    assert binom.ppf(0.001, runs, 0.8 * alpha) <= any_false <= binom.ppf(0.999, runs, alpha)


def test_the_command_says_what_was_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, claim in (("a", _claim(0.0001, blind=_gate(False, 0.004))), ("b", _claim(0.2, "no_evidence"))):
        claim.write(tmp_path / f"{name}.json")
    assert run(monkeypatch, "family", tmp_path / "a.json", tmp_path / "b.json", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["claims"]
    assert [row["counted_p_value"] for row in rows] == [0.004, 0.2]
    assert rows[0]["family_verdict"] == "evidence_of_use"
