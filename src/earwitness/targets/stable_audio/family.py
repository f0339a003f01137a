"""Load Stable Audio Open: a diffusers directory, or the original release.

Goal: both are asked by the same adapter. Where a directory holds both, as the published one does,
the diffusers components are read, which bring their text encoder along.
"""

from pathlib import Path

import torch

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import read_config
from earwitness.targets.stable_audio.directory import INDEX, read_directory
from earwitness.targets.stable_audio.release import MODEL_TYPES, SETTINGS, read_release
from earwitness.targets.stable_audio.small import FlowingStableAudio
from earwitness.targets.stable_audio.target import StableAudio
from earwitness.targets.weights import identify

_PIPELINE = "StableAudioPipeline"


class _Family:
    """Directories of either kind."""

    name = "stable-audio"
    description = "Stable Audio Open: diffusers directories, or the release's own two files"

    def matches(self, folder: Path) -> bool:
        """Whether the index of a pipeline or the settings of a release say so."""
        return _is_directory(folder) or read_config(folder, SETTINGS).get("model_type") in MODEL_TYPES

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> StableAudio:
        """Load transformer, projections, autoencoder and text encoder in evaluation mode."""
        precision = getattr(torch, dtype)
        if _is_directory(folder):
            parts, sources = read_directory(folder, precision), [folder]
        elif (folder / SETTINGS).is_file():
            parts, text = read_release(folder, precision)
            sources = [folder, text]
        else:
            raise TargetError(f"{folder} holds no Stable Audio; a {_PIPELINE}'s {INDEX} or {SETTINGS} is needed.")
        identity = identify(self.name, name, dtype, parts=parts.networks, folders=sources)
        parts = parts.in_precision(precision).to(device)
        if parts.flow is not None:
            return FlowingStableAudio(parts, identity, parts.flow)
        return StableAudio(parts, identity)


StableAudioFamily = _Family()


def _is_directory(folder: Path) -> bool:
    return read_config(folder, INDEX).get("_class_name") == _PIPELINE
