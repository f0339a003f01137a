"""Real recordings by named artists: one audit per artist, small as it really is."""

from typing import Any

import polars as pl

from earwitness.verdict.numbers import p_value
from earwitness_bench.methods import METHODS
from earwitness_bench.page.blocks import Block, Bullets, Folded, Section, Table
from earwitness_bench.page.markdown import after, code, listed, text, times
from earwitness_bench.recordings.packages import PACKAGES
from earwitness_bench.recordings.verdicts import ALL_UNUSED, ALL_USED
from earwitness_bench.scale import ALPHA

Record = dict[str, Any]
OUTCOMES = ("found", "missed", "false alarm", "quiet", "cannot be tested")
MARKS = {"found": "✓", "quiet": "✓", "missed": "–", "false alarm": "✗", "cannot be tested": "·"}
_TOGETHER = (ALL_USED, ALL_UNUSED)
_PACKAGES = f"    apt-get download {' '.join(PACKAGES)}"


def recordings_section(recordings: pl.DataFrame | None) -> Section:
    """The sums in front, then the artists after the longest training; shorter ones are folded away."""
    heading = "Real recordings by named artists"
    if recordings is None:
        return Section(
            heading=heading,
            blocks=(
                "Not run: this part needs recordings that are not shipped. Put the Debian packages into a folder, and "
                "give that to `earwitness bench --recordings`:",
                _PACKAGES,
            ),
        )
    single = recordings.filter(~pl.col("artist").is_in(_TOGETHER))
    lengths = sorted(set(recordings["epochs"].to_list()))
    blocks: list[Block] = [
        "The `fiddle` target was trained further on half of the recordings of some artists and on nothing of the "
        "others. Each artist is audited as a user would: the suspect set is the half that was, or could have been, "
        f"trained on, and the other half is held out; α = {ALPHA:g}. ✓ found, or quiet about an artist who was not "
        "used · – missed · ✗ false alarm · “·” cannot be tested. The recordings are those of Debian packages, in the "
        "folder given to `--recordings`:",
        _PACKAGES,
        Table(("epochs", "method", *OUTCOMES), _sums(single, lengths)),
        Bullets(_says(single, lengths)),
        f"### Artist by artist after {after(lengths[-1])}",
        _artists(recordings, lengths[-1]),
        *(Folded(f"After {after(length)}", _artists(recordings, length)) for length in reversed(lengths[:-1])),
    ]
    return Section(heading=heading, blocks=tuple(blocks))


def _sums(single: pl.DataFrame, lengths: list[int]) -> list[list[str]]:
    rows = []
    for length in lengths:
        for method in METHODS:
            found = single.filter((pl.col("epochs") == length) & (pl.col("method") == method))["outcome"].to_list()
            rows.append([str(length), code(method), *(str(found.count(outcome)) for outcome in OUTCOMES)])
    return rows


def _artists(recordings: pl.DataFrame, length: int) -> Table:
    found: dict[tuple[str, str], dict[str, Record]] = {}
    for row in recordings.filter(pl.col("epochs") == length).iter_rows(named=True):
        found.setdefault((row["artist"], row["package"]), {})[row["method"]] = row
    rows = []
    for (artist, package), methods in found.items():
        first = next(iter(methods.values()))
        exact = methods.get("exact")
        rows.append(
            [
                f"*{text(artist)}*" if artist in _TOGETHER else text(artist),
                text(package),
                first["truth"],
                f"{first['suspect_tracks']} + {first['held_out_tracks']}",
                f"{first['suspect_pieces']} + {first['held_out_pieces']}",
                *(_verdict(methods.get(method)) for method in METHODS),
                p_value(exact["adjusted_p_value"] if exact else None, alpha=ALPHA),
                p_value(exact["holm_p_value"] if exact else None, alpha=ALPHA),
                text(exact["remark"]) if exact and exact["remark"] else "",
            ]
        )
    columns = (
        "artist", "packages", "truth", "tracks", "pieces", *(code(method) for method in METHODS),
        "`exact`, adjusted p", "`exact`, Holm p", "`exact`, remark",
    )  # fmt: skip
    return Table(columns, rows)


def _verdict(row: Record | None) -> str:
    if row is None:
        return "—"
    said = f"{row['verdict'].replace('_', ' ')} {MARKS[row['outcome']]}"
    return said if row["p_value"] is None else f"{said}<br>p = {p_value(row['p_value'], alpha=ALPHA)}"


def _says(single: pl.DataFrame, lengths: list[int]) -> list[str]:
    sentences = []
    for method in METHODS:
        outcomes = single.filter(pl.col("method") == method)["outcome"].to_list()
        counts = [f"{outcomes.count('found')} found", f"{outcomes.count('missed')} missed"]
        counts += [
            times(outcomes.count("false alarm"), "false alarm"),
            f"{outcomes.count('cannot be tested')} that cannot be tested",
        ]
        sentences.append(f"{code(method)}, over all artists and training lengths: {listed(counts)}.")
    last = single.filter((pl.col("epochs") == lengths[-1]) & (pl.col("method") == "exact"))
    found = last.filter(pl.col("verdict") == "evidence_of_use")
    held = int((found["holm_p_value"] <= ALPHA).fill_null(value=False).sum())
    sentences.append(
        f"After {after(lengths[-1])} the verdict of `exact` is evidence of use for {len(found)} of "
        f"{times(len(last), 'artist')}; with Holm's correction for asking about all of them, {held} of those stay at "
        f"or below p = {ALPHA:g}."
    )
    return sentences
