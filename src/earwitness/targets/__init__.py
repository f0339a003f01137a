"""Targets: the models that are asked. One file per family, found through entry points."""

from earwitness.targets.registry import families, load_target

__all__ = ["families", "load_target"]
