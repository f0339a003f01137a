"""What reading more of a track is worth: AUC of one feature against the number of windows.

Reads feature tables of ground-truth targets, measured with ``--windows-per-track all``, and prints Markdown. Of each
track with at least ``--at-least`` windows so many are taken, one at random in each of as many equal parts of it; AUC
is the mean over ``--placements``. ρ is the intraclass correlation of two windows of a track that was not trained on.

    python benchmarks/windows_curve.py v280=v280/run v242=v242/run --feature excess_loss/codebook=all > table.md
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from earwitness.features import FeatureTable

Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", help="NAME=PATH of a run folder or parquet file")
    parser.add_argument("--feature", default="excess_loss/codebook=all")
    parser.add_argument("--windows", nargs="+", type=int, default=[1, 3, 6, 12, 24])
    parser.add_argument("--at-least", type=int, default=24)
    parser.add_argument("--placements", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"| target | tracks | {' | '.join(map(str, options.windows))} | all | ρ |")
    print("| --- " * (len(options.windows) + 4) + "|")
    for name, path in (text.split("=", 1) for text in options.tables):
        table = FeatureTable.read(Path(path))
        oriented, names = table.oriented()
        values, track = oriented[:, names.index(options.feature)], table.frame["track_id"].to_numpy()
        suspect = table.is_suspect()
        tracks = [(values[track == t], bool(suspect[track == t][0])) for t in np.unique(track)]
        rho = _correlation([own for own, used in tracks if not used and len(own) > 1])
        long = [(own, used) for own, used in tracks if len(own) >= options.at_least]
        used = np.array([used for _, used in long])
        rng = np.random.default_rng(options.seed)
        cells = [
            np.mean([_auc(np.array([_some(own, n, rng).mean() for own, _ in long]), used) for _ in range(count)])
            for n, count in [*((n, options.placements) for n in options.windows), (10**9, 1)]
        ]
        print(f"| {name} | {used.sum()} + {(~used).sum()} | {' | '.join(f'{c:.3f}' for c in cells)} | {rho:.2f} |")


def _some(own: Floats, count: int, rng: np.random.Generator) -> Floats:
    """So many windows [n], one in each of as many equal parts of the track; all where there are no more."""
    if count >= len(own):
        return own
    return own[((np.arange(count) + rng.random(count)) * len(own) / count).astype(int)]


def _auc(score: Floats, used: NDArray[np.bool_]) -> float:
    ranks = rankdata(score)
    inside = used.sum()
    return float((ranks[used].sum() - inside * (inside + 1) / 2) / (inside * (~used).sum()))


def _correlation(tracks: list[Floats]) -> float:
    """Intraclass correlation from the analysis of variance, for tracks of unequal numbers of windows."""
    sizes = np.array([len(own) for own in tracks])
    within = sum(((own - own.mean()) ** 2).sum() for own in tracks) / (sizes - 1).sum()
    grand = np.concatenate(tracks).mean()
    between = sum(len(own) * (own.mean() - grand) ** 2 for own in tracks) / (len(tracks) - 1)
    typical = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(tracks) - 1)
    shared = (between - within) / typical
    return float(shared / (shared + within))


if __name__ == "__main__":
    main()
