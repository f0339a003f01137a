"""The data sets of the paper's experiments: which option names their folder, and what reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from earwitness.bench.paper import attribution, audiocaps, lakh
from earwitness.bench.paper.listing import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One data set.

    Attributes
    ----------
    option
        The command's option for its folder.
    contents
        What the folder has to hold, for the reader.
    load
        Lists a folder.
    """

    option: str
    contents: str
    load: Callable[[Path], Listing]


def _attributions(source: attribution.Source) -> Dataset:
    return Dataset(
        option="--stable-audio",
        contents=f"{source}_dataset_attribution*.csv with its audio in {source}/, and the same of later uploads in "
        "held_out/",
        load=partial(attribution.load, source=source),
    )


DATASETS = {
    "audiocaps": Dataset(
        option="--audiocaps", contents="train.csv, val.csv, test.csv and the clips' audio", load=audiocaps.load
    ),
    "lakh": Dataset(option="--lakh", contents="FIGARO's splits/, lmd_full/ and match_scores.json", load=lakh.load),
    "freesound": _attributions("freesound"),
    "fma": _attributions("fma"),
}
