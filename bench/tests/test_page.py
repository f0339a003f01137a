import re
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest
from page_samples import TABLES, frame, ranked, write_tables

from earwitness.errors import EarwitnessError
from earwitness.stats.binomial import clopper_pearson
from earwitness_bench.page import write_page
from earwitness_bench.page.blocks import Bullets, Folded, Picture, Section, Table, rendered
from earwitness_bench.page.disagreements import disagreements, right_alone
from earwitness_bench.page.false_alarms import pooled_false_alarms
from earwitness_bench.page.markdown import listed, number, share, text
from earwitness_bench.page.ranking import compared
from earwitness_bench.page.tables import Tables
from earwitness_bench.scale import FULL, QUICK

PARTS = ("membership-inference", "dataset-inference", "signals", "stress", "recordings")


def read(out: Path) -> str:
    """The overview and the pages of the parts as one text."""
    return "".join(
        path.read_text(encoding="utf-8")
        for path in (out / "bench.md", *(out / "bench" / f"{part}.md" for part in PARTS))
    )


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = write_tables(tmp_path_factory.mktemp("out"))
    assert write_page(out, FULL) == out / "bench.md"
    return out


@pytest.fixture(scope="module")
def page(out: Path) -> str:
    return read(out)


def lines_with(page: str, start: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith(start)]


def test_the_pages_have_their_sections_in_order(page: str) -> None:
    assert lines_with(page, "## ") == [
        "## What this is",
        "## The targets",
        "## The parts",
        "## The paper's own experiments",
        "## What it means",
        "## Membership inference",
        "## Dataset inference",
        "## Which signals earn their place",
        "## Where a method should say nothing, or something",
        "## Real recordings by named artists",
    ]


def test_the_overview_leads_to_every_part(out: Path) -> None:
    overview = (out / "bench.md").read_text(encoding="utf-8")
    assert re.findall(r"^- \[.+\]\(bench/([\w-]+)\.md\)$", overview, re.MULTILINE) == list(PARTS)
    assert sorted(path.stem for path in (out / "bench").glob("*.md")) == sorted(PARTS)


def test_the_command_is_that_of_the_scale(page: str) -> None:
    assert "    earwitness bench --full --work bench-work --recordings recordings --out docs\n" in page
    assert f"| draws of a stress scenario | {FULL.stress_draws} |" in page


def test_every_drawing_that_is_shown_is_there(page: str, out: Path) -> None:
    shown = re.findall(r"!\[[^]]+\]\(((?:bench/)?[\w-]+\.svg)\)", page)
    assert sorted(shown) == [
        "bench/lengths.svg", "sets-fiddle-default.svg", "sets-fiddle-published.svg", "stress.svg",
    ]  # fmt: skip
    for path in shown:
        assert ElementTree.parse(out / "bench" / Path(path).name).getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_targets_are_listed_with_their_loss(page: str) -> None:
    assert "| `fiddle` | token | 1 | 520 of 1,041 | 0.520 [0.480, 0.560] | 240 | 230 | 2512 |" in page
    assert "| `fiddle` | token | 6 (shipped) | 520 of 1,041 | 0.585 [0.545, 0.625] | 240 | 230 | 2512 |" in page
    assert (
        "- On `fiddle` the loss AUC is 0.520 [0.480, 0.560] after 1 epoch, and 0.585 [0.545, 0.625] after 6 epochs."
        in page
    )


def test_attacks_are_sorted_by_their_mean_auc(page: str) -> None:
    rows = [line for line in lines_with(page, "| `") if "[0.4" in line and line.count("|") == 4]
    assert (
        rows
        == [
            "| `min_k` | 0.560 [0.510, 0.610] | 0.720 [0.670, 0.770] |",
            "| `loss` | 0.520 [0.470, 0.570] | 0.580 [0.530, 0.630] |",
            "| `zlib` | 0.510 [0.460, 0.560] | 0.570 [0.520, 0.620] |",
            "| `camia` † | 0.480 [0.430, 0.530] | 0.540 [0.490, 0.590] |",
            "| `recall` | 0.470 [0.420, 0.520] | 0.490 [0.440, 0.540] |",
        ][1:]
    )
    assert "- Strongest on average: `min_k`, `loss` and `zlib`." in page
    assert "- Of 5 signals, 1 with an AUC interval above 0.5 at every length, 2 at none (`camia` and `recall`)." in page
    assert "1 % false positives is 7.2% [1.0%, 20.0%] (`min_k`, 6 epochs)." in page
    assert "| `zlib` | `zlib/k=0.1` of 25, 3 | `zlib/k=0.1` of 25, 3 |" in page


def test_mean_and_median_p_are_listed_by_tracks_a_side(page: str) -> None:
    assert len(lines_with(page, "| 6 | published |")) == 3  # one a size
    assert "| 6 | published | 16 | 50 | 0.1, 0.05 | 0.1, 0.05 | 0.1, 0.05 | 0.1, 0.05 |" in page


def test_the_minimum_stands_beside_the_false_alarms(page: str) -> None:
    assert (
        "| `fiddle` | 6 | &gt; 30 / 30<br>1.0% [0.5%, 2.0%] of 100 | &gt; 30 / 16<br>7.0% [3.5%, 14.0%] of 100 "
        "| &gt; 30 / 30<br>2.0% [1.0%, 4.0%] of 100 | &gt; 30 / &gt; 30<br>0.0% [0.0%, 0.0%] of 100 |" in page
    )
    assert "- `exact` reaches 80% power at 1 of 2 checkpoints." in page
    assert (
        "- `cdi` reaches 80% power at 1 of 2 checkpoints, and with fewer tracks than `exact` at 1; at 1 of those the "
        "interval of its worst false alarms lies above 1%." in page
    )
    assert "| `fiddle` | 6 | published | `cdi` | &gt; 30 | 16 | 7.0% [3.5%, 14.0%] | 16 | 100 |" in page


def test_false_alarms_are_added_up_over_lengths() -> None:
    pooled = pooled_false_alarms(frame("collections"))
    cdi = pooled.filter((pl.col("method") == "cdi") & (pl.col("features") == "default"))
    assert cdi.select("size", "hits", "draws", "share").rows() == [(8, 14, 200, 0.07), (16, 14, 200, 0.07)]
    assert cdi.select("low", "high").row(0) == clopper_pearson(14, 200)


def test_false_alarms_above_the_level_are_bold(page: str) -> None:
    low, high = clopper_pearson(14, 200)
    assert f"| **{share(0.07, low, high)}** |" in page
    assert "- The interval of `cdi` lies above the nominal level in 4 of 4 rows; at most it fires in 7.0% " in page
    assert "- The interval of `exact` lies above the nominal level in 0 of 4 rows; at most it fires in 1.0% " in page


def test_the_ranking_says_what_it_means_for_the_default(page: str) -> None:
    assert "| grown | `min_k`, `neighbour_noise` | 0.0035 | −2.50 | 75.0% [67.0%, 83.0%] | 120 |" in page
    assert (
        "- Against the set grown here the default preset's power is **the same within the interval**: 72.0% [64.0%, "
        "80.0%] and 75.0% [67.0%, 83.0%] of 120 draws. The default has `loss` more; the grown set has "
        "`neighbour_noise` more. So nothing here speaks against the default preset." in page
    )
    assert "set it is **better**: the published set's is 40.0% [32.0%, 48.0%]." in page


@pytest.mark.parametrize(("power", "word"), [(0.75, "better"), (0.63, "the same within the interval"), (0.5, "worse")])
def test_powers_are_compared_by_their_intervals(power: float, word: str) -> None:
    assert compared(ranked("default", "loss", power), ranked("grown", "loss", 0.62)) == word


def test_the_stress_table_marks_every_answer(page: str) -> None:
    assert "| shift: MP3, not used | not used | 60 | 50 | 0% ✓<br>inconclusive 25% | 64% ✗ | 50% ✗ | 2% ✓ |" in page
    assert (
        "| shift: another take | the tune, not the recording | 60 | 50 | 44% ·<br>inconclusive 25% | 58% · | — | — |"
        in page
    )
    assert (
        "- `exact`: 0 false alarms in 1 cell where nothing was used; of 1 cell where the tracks were used, 0 found, "
        "1 partly found and 0 missed." in page
    )
    assert "- A published procedure was wrong and `exact` right in 2 cells, the reverse in 1." in page


def test_a_small_p_value_is_not_shown_as_zero(tmp_path: Path) -> None:
    out = write_tables(tmp_path / "out")
    frame("stress").with_columns(pl.lit(0.00002).alias("median_p")).write_csv(out / "bench" / "stress.csv")
    assert "| 64.0% [32.0%, 74.0%] | 36.0% | — | — | 0.00002 | false alarm |" in read(write_page(out, FULL).parent)


def test_disagreements_are_those_in_which_one_side_was_right() -> None:
    pairs = [(row["setting"], row["method"]) for row, _ in disagreements(frame("stress"))]
    assert pairs == [("MP3, not used", "cdi"), ("MP3, not used", "iar"), ("MP3, used", "cdi")]
    assert right_alone(frame("stress")) == (2, 1)


def test_every_disagreement_has_a_line_that_says_why(page: str) -> None:
    assert (
        "- **shift: MP3, not used**, `fiddle`, truth: not used: `cdi` 64.0% [32.0%, 74.0%] (false alarm) and "
        "`iar` 50.0% [25.0%, 60.0%] (false alarm); `exact` 0.0% [0.0%, 10.0%] (right). No look at the "
        "sets without the model." in page
    )
    assert "`exact` 36.0% [18.0%, 46.0%] (partly found). The gate could not tell \\| shift from use." in page
    wrong = page[page.index("### Where `exact` was wrong or missed something") : page.index("### Why they disagree")]
    assert lines_with(wrong, "- ") == [
        "- **shift: MP3, used**, `fiddle`, truth: used: `exact` 36.0% [18.0%, 46.0%] (partly found) of 50 draws, "
        "60 tracks per side."
    ]


def test_artists_are_audited_one_by_one_and_their_names_stay_text(page: str) -> None:
    assert (
        r"| Rob &lt;b&gt;\|&lt;/b&gt; \*K\* | singularity-music | used | 12 + 11 | 10 + 9 | evidence of use ✓<br>"
        "p = 0.002 | no evidence –<br>p = 0.4 | — | — | — | 0.004 |  |" in page
    )
    assert (
        "| Few | singularity-music | not used | 12 + 11 | 10 + 9 | cannot be tested · | evidence of use ✗<br>" in page
    )
    assert "| *all used artists* | singularity-music |" in page


def test_sums_leave_out_the_audits_of_all_artists_together(page: str) -> None:
    assert "| 20 | `exact` | 1 | 0 | 0 | 0 | 1 |" in page
    assert "| 5 | `cdi` | 0 | 1 | 1 | 0 | 0 |" in page
    assert (
        "- `exact`, over all artists and training lengths: 1 found, 1 missed, 0 false alarms and 2 that "
        "cannot be tested." in page
    )
    assert (
        "- After 20 epochs the verdict of `exact` is evidence of use for 1 of 2 artists; with Holm's correction for "
        "asking about all of them, 1 of those stay at or below p = 0.01." in page
    )


def test_what_it_means_is_said_with_figures_of_the_tables(out: Path) -> None:
    assert (out / "bench.md").read_text(encoding="utf-8").rstrip().splitlines()[-1] == (
        "Over 2 checkpoints of 1 target the loss tells tracks that were trained on from others with an AUC between "
        "0.520 (`fiddle`, 1 epoch) and 0.585 (`fiddle`, 6 epochs); 0.5 is chance. `exact` finds a used collection in "
        "80% of the draws at 1 of 2 checkpoints, with 30 tracks per side. Where nothing "
        "was used, false alarms are above "
        "the nominal 1% for `exact` in 0 of 4, `cdi` in 4 of 4, `iar` in 0 of 4 and `llm-di` in 0 of 4 rows. Under "
        "stress `exact` gave 0 false alarms in 1 cell where nothing was used; it was right where a published procedure "
        "was wrong in 2 cells, and the reverse held in 1. All of this is measured on small models and 1 split, one per "
        "target: it says how the methods compare and where they fail, not how strong the signal of a large model is."
    )


def test_no_measured_figure_is_in_the_text_that_is_in_no_table(page: str) -> None:
    rows = [line for line in page.splitlines() if line.startswith("|")]
    prose = [line for line in page.splitlines() if not line.startswith(("|", "    ", "!", "<"))]
    figure = re.compile(r"\d+\.\d+%?|\d+%")
    conventions = {"0.01", "1%", "80%", "0.5", "20%"}  # α, the marks of power and of partly found, chance
    assert not set(figure.findall("\n".join(prose))) - set(figure.findall("\n".join(rows))) - conventions


def test_parts_that_were_not_run_say_how_to_get_them(tmp_path: Path) -> None:
    out = write_tables(tmp_path / "out", without=("recordings", "stress", "ranking"))
    page = read(write_page(out, QUICK).parent)
    assert "Not run: this part needs recordings that are not shipped." in page
    assert "    apt-get download singularity-music " in page
    assert "The stress scenarios were not run; `earwitness bench` runs them." in page
    assert "The signals were not ranked; `earwitness bench` does it." in page
    assert not (out / "bench" / "stress.svg").exists()
    assert "\n    earwitness bench\n" in page
    assert f"| draws of a stress scenario | {QUICK.stress_draws} |" in page


@pytest.mark.parametrize("missing", ["targets", "attacks", "collections", "minimum"])
def test_a_table_that_every_benchmark_leaves_must_be_there(tmp_path: Path, missing: str) -> None:
    with pytest.raises(EarwitnessError, match=rf"{missing}\.csv is not there; run `earwitness bench` to its end"):
        write_page(write_tables(tmp_path / "out", without=(missing,)), FULL)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("target,epochs\nfiddle,6\n", "lacks the columns kind, shipped"),
        (frame("targets").head(0).write_csv(), "has no row"),
        (frame("targets").write_csv().replace("0.52", "much"), "is not a table of the benchmark"),
        ("", "is not a table of the benchmark"),
    ],
)
def test_a_table_that_is_none_of_ours_is_named(tmp_path: Path, content: str, message: str) -> None:
    out = write_tables(tmp_path / "out")
    (out / "bench" / "targets.csv").write_text(content, encoding="utf-8")
    with pytest.raises(EarwitnessError, match=message) as caught:
        write_page(out, FULL)
    assert "\n" not in str(caught.value)


def test_what_is_undefined_is_a_dash(tmp_path: Path) -> None:
    out = write_tables(tmp_path / "out")
    attacks = frame("attacks").with_columns(
        pl.when(pl.col("signal") == "recall").then(float("nan")).otherwise(pl.col(name)).alias(name)
        for name in ("auc", "auc_low", "auc_high", "tpr", "tpr_low", "tpr_high")
    )
    attacks.write_csv(out / "bench" / "attacks.csv")
    alarms = ["false_alarms", "false_alarms_low", "false_alarms_high"]
    frame("collections").with_columns(pl.lit(None).alias(name) for name in alarms).write_csv(
        out / "bench" / "collections.csv"
    )
    frame("stress").with_columns(pl.lit(None, pl.String).alias("why")).write_csv(out / "bench" / "stress.csv")
    page = read(write_page(out, FULL).parent)
    assert "(right). No reason is recorded." in page
    assert "| `recall` | — | — |" in page
    assert "No false alarms were measured" in page


def test_the_same_tables_give_the_same_page(out: Path, page: str, tmp_path: Path) -> None:
    again = write_tables(tmp_path / "again")
    assert read(write_page(again, FULL).parent) == page
    assert (again / "bench" / "stress.svg").read_bytes() == (out / "bench" / "stress.svg").read_bytes()


def test_tables_are_read_with_their_types(out: Path) -> None:
    tables = Tables.read(out / "bench")
    assert tables.minimum.schema["by_mean_p"] == pl.Int64
    assert tables.minimum["by_mean_p"].null_count() == len(TABLES["minimum"])
    assert tables.recordings is not None
    assert tables.recordings["adjusted_p_value"].dtype == pl.Float64


def test_markdown_of_figures() -> None:
    assert number(0.5852, 0.5481, 0.6214) == "0.585 [0.548, 0.621]"
    assert number(None, None, None) == number(float("nan"), 0.1, 0.2) == "—"
    assert share(0.012, 0.002, 0.044) == "1.2% [0.2%, 4.4%]"
    assert share(0.5, None, None) == "50.0%"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a"]) == "a"


def test_every_shape_of_the_page_in_markdown() -> None:
    shown = Table(("a", "b"), [("1", "2"), ("3", "4")])
    section = Section(
        heading="H", blocks=("One.", shown, Bullets(["s.", "t."]), Picture("p", "words"), Folded("f", shown))
    )
    table = "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |\n"
    assert rendered("T", [section, section]).split("## H\n\n")[1:] == [
        f"One.\n\n{table}\n- s.\n- t.\n\n![words](bench/p.svg)\n\n"
        f"<details>\n<summary>f</summary>\n\n{table}\n</details>\n{after}"
        for after in ("\n", "")
    ]


@pytest.mark.parametrize(
    ("stranger", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("[a](http://b)", r"\[a\](http&#58;//b)"),
        ("www.x.org", "www&#46;x.org"),
        ("two\nlines\x1b", "two lines\N{REPLACEMENT CHARACTER}"),
        (None, "—"),
    ],
)
def test_strangers_text_is_shown_and_does_nothing(stranger: str | None, shown: str) -> None:
    assert text(stranger) == shown
