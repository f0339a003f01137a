"""Signals that the entry points of ``earwitness.signals`` name with settings of their own, or once a window."""

from earwitness.signals.tokens.camia_full import CamiaFull
from earwitness.signals.tokens.grad_norm import GradNorm
from earwitness.signals.tokens.neighbour import OTHER_CHANGES, AudioNeighbour
from earwitness.signals.tokens.sdm import Sdm
from earwitness.signals.tokens.signal import OncePerWindow


def camia_full() -> OncePerWindow:
    """CAMIA's 75 features of the frames' mean likelihood."""
    return OncePerWindow(CamiaFull())


def grad_norm() -> OncePerWindow:
    """The norm of the loss gradient."""
    return OncePerWindow(GradNorm())


def sdm() -> OncePerWindow:
    """The distance to the anchor tracks."""
    return OncePerWindow(Sdm())


def neighbour_audio() -> AudioNeighbour:
    """The audio neighbours that the default preset does without."""
    return AudioNeighbour(OTHER_CHANGES)
