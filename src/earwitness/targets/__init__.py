"""Targets: the models that are asked. One file a family, found through entry points."""

from earwitness.targets.registry import families, load_target

__all__ = ["families", "load_target"]
