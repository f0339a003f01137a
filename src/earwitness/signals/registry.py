"""Look a feature up by its column name: which way a member moves it, unit and source."""

import re
from functools import cache

from earwitness.signals.tokens.presets import PRESETS
from earwitness.spec import FeatureSpec


def spec_for(name: str) -> FeatureSpec | None:
    """The registered spec of a feature column, whichever codebook it is for; ``None`` for a stranger."""
    found = _known().get(re.sub(r"/codebook=\w+", "", name))
    if found is None:
        return None
    return FeatureSpec(name=name, member_is=found.member_is, unit=found.unit, source=found.source)


@cache
def _known() -> dict[str, FeatureSpec]:
    specs = {}
    for preset in PRESETS.values():
        for guided in (False, True):
            for spec in preset.specs(1, guided=guided):
                specs[re.sub(r"/codebook=\w+", "", spec.name)] = spec
    return specs
