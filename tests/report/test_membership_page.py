"""The page of ``earwitness mia --roc``: the same rules as the report's."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from earwitness.cli.app import app
from earwitness.features import FeatureTable
from earwitness.report.membership_page import render_membership
from earwitness.verdict.membership import MembershipResult, membership_evaluation
from tests.report.test_html import Page

HOSTILE = "<script>alert(1)</script>\u202e"


def table(name: str = "score") -> pl.DataFrame:
    rng, n = np.random.default_rng(0), 40
    return pl.DataFrame(
        {
            "track_id": [f"t{i}" for i in range(2 * n)],
            "role": ["member"] * n + ["non_member"] * n,
            "group": [f"g{i}" for i in range(2 * n)],
            name: rng.normal(np.repeat([1.0, 0.0], n)),
            "noise": rng.normal(size=2 * n),
        }
    )


def evaluated(name: str = "score") -> MembershipResult:
    return membership_evaluation(FeatureTable.from_frame(table(name), higher=[name, "noise"]), bootstrap=100)


def test_the_page_shows_every_score_and_asks_for_nothing() -> None:
    result = evaluated()
    html = render_membership(result)
    page, text = Page(html), "".join(Page(html).text)
    for row in result.features:
        assert row.name in text
        assert f"{row.auc.estimate:.2f}" in text
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert ("html", "lang", "en") in page.attributes
    assert "<title>Membership where the truth is known</title>" in html
    assert page.tags.count("svg") == 1
    assert len(html) < 100_000


def test_strangers_names_are_text() -> None:
    html = render_membership(evaluated(HOSTILE))
    assert "<script" not in html
    assert "\u202e" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_the_command_writes_it(tmp_path: Path) -> None:
    table().write_parquet(tmp_path / "scores.parquet")
    asked = [
        "mia",
        str(tmp_path / "scores.parquet"),
        "--higher",
        "*",
        "--roc",
        str(tmp_path / "roc.html"),
        "--bootstrap",
        "100",
    ]
    assert CliRunner().invoke(app, asked, catch_exceptions=False).exit_code == 0
    assert (tmp_path / "roc.html").read_text(encoding="utf-8") == render_membership(
        membership_evaluation(FeatureTable.read(tmp_path / "scores.parquet", higher=["*"]), bootstrap=100)
    )


@pytest.mark.parametrize("field", ["roc", "true_positive_rates"])
def test_what_is_not_known_is_left_out(field: str) -> None:
    result = evaluated()
    bare = [row.model_copy(update={field: []}) for row in result.features]
    combined = result.combined and result.combined.model_copy(update={field: []})
    html = render_membership(result.model_copy(update={"features": bare, "combined": combined}))
    assert "None" not in "".join(Page(html).text)
