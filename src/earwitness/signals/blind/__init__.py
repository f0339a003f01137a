"""Blind features: what can be told about a track without asking any model.

Goal: two sets of audio may differ in loudness, codec, recording chain or style. A model
notices that as well, whether it was trained on them or not, so the verdict first asks
whether the two sets can be told apart *blindly*. Every name begins with ``blind/`` and no
feature has a direction: a member is not louder than a stranger.
"""

from earwitness.signals.blind.acoustic import ACOUSTIC_SPECS, acoustic_features
from earwitness.signals.blind.container import CONTAINER_SPECS, container_features
from earwitness.signals.blind.score import SCORE_SPECS, score_features

BLIND_SPECS = (*ACOUSTIC_SPECS, *CONTAINER_SPECS)
"""The blind features of audio; those of scores are ``SCORE_SPECS`` and ``CONTAINER_SPECS``."""

__all__ = [
    "ACOUSTIC_SPECS",
    "BLIND_SPECS",
    "CONTAINER_SPECS",
    "SCORE_SPECS",
    "acoustic_features",
    "container_features",
    "score_features",
]
