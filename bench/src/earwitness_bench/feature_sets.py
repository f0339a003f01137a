"""Which signal a feature belongs to, and tables cut down to some signals.

Goal: compare sets of signals on one measurement. ``min_k/k=0.1/codebook=0`` is a feature of
``min_k``; the neighbours by exchanged tokens, by noise and by other changes of the audio are
three signals, as they are for ``--with``.
"""

from collections.abc import Collection
from dataclasses import replace

from earwitness.features import BLIND_PREFIX, KEY_COLUMNS, FeatureTable


def signal_of(feature: str) -> str:
    """Return the name of the signal that gives this feature.

    Examples
    --------
    >>> signal_of("min_k/k=0.1/codebook=0"), signal_of("neighbour/by=noise=-40dB/codebook=all")
    ('min_k', 'neighbour_noise')
    """
    name = feature.split("/")[0]
    if name != "neighbour":
        return name
    change = feature.split("by=")[1].split("/")[0].split("=")[0]
    return {"tokens": "neighbour", "noise": "neighbour_noise"}.get(change, "neighbour_audio")


def default_signals(kind: str) -> frozenset[str]:
    """The signals of the default preset for a kind of model: ``token``, ``symbolic`` or ``diffusion``."""
    if kind == "diffusion":
        from earwitness.signals.denoising.presets import denoising_preset

        return frozenset(signal_of(spec.name) for spec in denoising_preset("default").specs)
    from earwitness.signals.tokens.presets import token_preset

    preset = token_preset("default")
    asked = preset.for_scores() if kind == "symbolic" else preset
    return frozenset(signal_of(spec.name) for spec in asked.specs(1, guided=False))


def published_signals(kind: str) -> frozenset[str]:
    """The signals of the published feature set: ``iar`` for token models, ``cdi`` for diffusion models."""
    if kind == "diffusion":
        from earwitness.signals.denoising.presets import denoising_preset

        return frozenset(signal_of(spec.name) for spec in denoising_preset("cdi").specs)
    from earwitness.signals.tokens.presets import token_preset

    return frozenset(signal_of(spec.name) for spec in token_preset("iar").specs(1, guided=False))


def of_signals(table: FeatureTable, signals: Collection[str]) -> FeatureTable:
    """The table with the features of these signals, and the blind ones."""
    kept = [name for name in table.feature_names if name.startswith(BLIND_PREFIX) or signal_of(name) in signals]
    keys = [name for name in KEY_COLUMNS if name in table.frame.columns]
    return replace(table, frame=table.frame.select(*keys, *kept), specs={name: table.specs[name] for name in kept})
