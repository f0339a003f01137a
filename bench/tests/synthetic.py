"""Feature tables whose truth is known: members' features lie a given number of deviations higher."""

import numpy as np
import polars as pl

from earwitness.features import FeatureTable


def known_table(
    *, tracks: int, effects: dict[str, float], seed: int = 0, lower: tuple[str, ...] = (), group_size: int = 1
) -> FeatureTable:
    """``tracks`` members and as many others; ``effects`` shifts the members of each feature."""
    rng = np.random.default_rng(seed)
    member = np.repeat([True, False], tracks)
    columns = {name: rng.normal(size=2 * tracks) + effect * member for name, effect in effects.items()}
    frame = pl.DataFrame(
        {
            "track_id": [f"t{i:04d}" for i in range(2 * tracks)],
            "role": ["member" if one else "non_member" for one in member],
            "group": [f"{'m' if one else 'n'}{i % tracks // group_size:04d}" for i, one in enumerate(member)],
            **columns,
        }
    )
    return FeatureTable.from_frame(frame, lower=lower)
