"""CAMIA in full: seventy-five numbers on how a window's likelihood moves, alone and when repeated."""

from earwitness.signals.tokens.camia_full.signal import CamiaFull

__all__ = ["CamiaFull"]
