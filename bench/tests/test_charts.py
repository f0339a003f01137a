import re
from xml.etree import ElementTree

import polars as pl
from page_samples import frame

from earwitness_bench.charts import collections_chart, length_chart, stress_chart
from earwitness_bench.page.stress import MARKS
from earwitness_bench.page.targets import drawn_signals

BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"


def texts(svg: str) -> list[str]:
    return [
        "".join(element.itertext()) for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    ]


def spoken(svg: str) -> str:
    return ElementTree.fromstring(svg)[0].text or ""


def test_lengths_show_the_loss_and_the_three_best_others() -> None:
    svg = length_chart(drawn_signals(frame("attacks")))
    assert spoken(svg) == "AUC by training length"
    shown = texts(svg)
    assert [name for name in shown if name in set(frame("attacks")["signal"])] == ["loss", "min_k", "zlib", "camia"]
    assert "fiddle: epochs of training" in shown
    # A point an epoch and a symbol in the legend, for each of the four signals.
    assert [svg.count(f'fill="{colour}"') for colour in (BLUE, VERMILION, GREEN, PURPLE)] == [3, 3, 3, 3]


def test_panels_of_lengths_are_one_a_target() -> None:
    attacks = frame("attacks").filter(pl.col("signal") == "loss")
    both = pl.concat([attacks, attacks.with_columns(target=pl.lit("hum"))])
    shown = texts(length_chart(both))
    assert {"fiddle: epochs of training", "hum: epochs of training"} <= set(shown)


def collections(points: pl.DataFrame) -> str:
    return collections_chart(
        points,
        name="sets",
        title="fiddle: sets found",
        headings={1: "1 epoch\nloss AUC 0.520", 6: "6 epochs\nloss AUC 0.585"},
    )


def test_sets_are_found_above_and_false_alarms_below() -> None:
    svg = collections(frame("collections").filter(pl.col("features") == "default"))
    assert spoken(svg) == "fiddle: sets found"
    shown = texts(svg)
    assert {"trained on: found", "not trained on: false alarms", "tracks per side"} <= set(shown)
    assert {"exact", "cdi", "iar", "llm-di"} <= set(shown)
    assert [text for text in shown if text.startswith(("1 epoch", "6 epochs"))] == [
        "1 epochloss AUC 0.520",
        "6 epochsloss AUC 0.585",
    ]
    # Two lengths of three sizes above, of two below (the largest has no false alarms), and the legend.
    assert svg.count(f'fill="{VERMILION}"') == 2 * 3 + 2 * 2 + 1
    assert svg.count('stroke-dasharray="5,4"') >= 2


def test_false_alarms_that_were_not_measured_leave_their_panels_empty() -> None:
    points = frame("collections").filter((pl.col("features") == "default") & (pl.col("size") == 30))
    assert collections(points).count(f'fill="{VERMILION}"') == 2 + 1


def test_the_heat_map_has_a_field_a_cell_and_a_block_a_truth() -> None:
    stress = frame("stress").with_columns(label=pl.col("setting"))
    svg = stress_chart(stress, MARKS)
    shown = texts(svg)
    assert {"Truth: not used", "Truth: used", "Truth: the tune, not the recording"} <= set(shown)
    assert sorted(text for text in shown if re.fullmatch(r"\d+%", text)) == sorted(
        ["0%", "64%", "50%", "2%", "36%", "92%", "10%", "30%", "44%", "58%"]
    )
    assert [text for text in shown if text in set(MARKS.values())] == [
        *"✓✗✗✓", *"◐✓–◐", *"··",
    ]  # fmt: skip


def test_strangers_text_stays_text() -> None:
    stress = frame("stress").with_columns(label=pl.lit("<script>alert(1)</script> & more"))
    svg = stress_chart(stress, MARKS)
    assert "<script" not in svg
    assert "<script>alert(1)</script> & more" in texts(svg)


def test_the_same_table_gives_the_same_drawing() -> None:
    points = frame("collections").filter(pl.col("features") == "default")
    assert collections(points) == collections(points)
