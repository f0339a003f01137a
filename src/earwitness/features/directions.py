"""Which way a member moves each feature: what the user says, else the file, else the registered signal."""

from dataclasses import replace

from earwitness.errors import EarwitnessError
from earwitness.features.columns import BLIND_PREFIX, names_given
from earwitness.files import parsed_json
from earwitness.spec import Direction, FeatureSpec


def settled_specs(
    names: list[str], stored: dict[str, FeatureSpec], higher: tuple[str, ...], lower: tuple[str, ...], source: str
) -> dict[str, FeatureSpec]:
    """Settle every feature's spec: globs, else the file's own, else the registered signal's, else unknown."""
    raised, lowered = names_given(names, higher, source), names_given(names, lower, source)
    settled = {}
    for name in names:
        spec = stored.get(name) or registered(name) or FeatureSpec(name=name, member_is=Direction.UNKNOWN)
        up, down = name in raised, name in lowered
        if up and down:
            raise EarwitnessError(f"Feature {name} matches both a higher and a lower glob; let it match one.")
        if up or down:
            spec = replace(spec, member_is=Direction.HIGHER if up else Direction.LOWER)
        settled[name] = spec
    return settled


def stored_specs(stored: str | None, source: str) -> dict[str, FeatureSpec]:
    """The specs that a file's metadata holds, by name; none where it has none."""
    if stored is None:
        return {}
    try:
        specs = [FeatureSpec(**{**entry, "member_is": Direction(entry["member_is"])}) for entry in parsed_json(stored)]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise EarwitnessError(f"{source} carries feature specs this version cannot read; extract it again.") from None
    return {spec.name: spec for spec in specs}


def registered(name: str) -> FeatureSpec | None:
    """What an installed signal says of a column of this name."""
    if name.startswith(BLIND_PREFIX):
        return None
    # Reading a table must not load the signals (and torch) unless a direction is missing from it.
    from earwitness.signals.registry import spec_for

    return spec_for(name)


def blind_here(name: str) -> bool:
    """Whether a blind feature is one that is measured here."""
    from earwitness.signals.blind import BLIND_SPECS, SCORE_SPECS

    return any(spec.name == name for spec in (*BLIND_SPECS, *SCORE_SPECS))
