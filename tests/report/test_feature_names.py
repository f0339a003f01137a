import pytest

from earwitness.report.feature_names import FeatureName
from earwitness.report.references import references


@pytest.mark.parametrize(
    ("name", "family", "codebook", "settings"),
    [
        ("loss", "loss", None, ""),
        ("min_k/k=0.2/codebook=0", "min_k", "0", "k=0.2"),
        ("min_k/k=0.2/codebook=all/contrast", "min_k contrast", "all", "k=0.2"),
        ("surp/k=0.2/h=2/codebook=3", "surp", "3", "k=0.2 h=2"),
        ("", "", None, ""),
    ],
)
def test_parts_of_a_name(name: str, family: str, codebook: str | None, settings: str) -> None:
    assert FeatureName.parse(name) == FeatureName(family=family, codebook=codebook, settings=settings)


def test_references_name_the_signals_that_were_used_and_no_others() -> None:
    listed = " ".join(references(["min_k/k=0.2/codebook=0/contrast"]))
    assert "2310.16789" in listed
    assert "2404.02936" not in listed
    assert "2409.19798" in listed
