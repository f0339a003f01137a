"""Pools and feature tables whose truth is known, for tests."""

import numpy as np
import polars as pl

from earwitness.features import FeatureTable
from earwitness_bench.stress.answers import Asked
from earwitness_bench.stress.sets import Pools
from earwitness_bench.stress.treatments import TAKES

FEATURES = 6


def pools(members: int = 40, others: int = 80, *, treatments: tuple[str, ...] = ("base",)) -> Pools:
    """One track per tune and treatment; every third tune is a jig, every third a hornpipe, every third a reel."""
    rows = [
        (treatment, member, f"{'in' if member else 'out'}-{i:03d}", ("jig", "hornpipe", "reel")[i % 3])
        for treatment in treatments
        for member, count in ((True, members), (False, others))
        for i in range(count)
    ]
    treatment, member, group, dance = zip(*rows, strict=True)
    return Pools(treatment=np.array(treatment), member=np.array(member), group=np.array(group), dance=np.array(dance))


def asked(found: Pools, *, effect: float, group_sd: float = 0.0, blind_shift: float = 0.0, seed: int = 0) -> Asked:
    """Normal features, lower for members by ``effect``, with a part that all tracks of a group share.

    ``blind_shift`` moves the blind features of every treatment but the first.
    """
    rng = np.random.default_rng(seed)
    count = len(found.group)
    _, codes = np.unique(found.group, return_inverse=True)
    shared = group_sd * rng.normal(size=(codes.max() + 1, FEATURES))[codes]
    values = rng.normal(size=(count, FEATURES)) + shared - effect * found.member[:, None]
    blind = rng.normal(size=(count, 8)) + blind_shift * (found.treatment != found.treatment[0])[:, None]
    frame = pl.DataFrame(
        {
            "track_id": [f"{i:04d}" for i in range(count)],
            "role": ["member" if member else "non_member" for member in found.member],
            "group": found.group,
            **{f"loss/{j}": column for j, column in enumerate(values.T)},
            **{f"blind/{j}": column for j, column in enumerate(blind.T)},
        }
    )
    table = FeatureTable.from_frame(frame, lower=["loss/*"])
    return Asked(table, table)


ALBUM_POOLS = pools(15, 30, treatments=TAKES)
