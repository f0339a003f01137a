"""Aria (EleutherAI): a causal model of piano performances, over tokens of its own."""

from earwitness.targets.aria.family import AriaFamily
from earwitness.targets.aria.target import Aria

__all__ = ["Aria", "AriaFamily"]
