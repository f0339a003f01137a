"""Load ACE-Step 1.5: a diffusers directory, or the release's own checkpoint.

Goal: both layouts give the same parts, these are checked against each other, and the library's
pipeline is composed of them. Components are loaded by the classes named here, never by those that a
checkpoint names.
"""

from pathlib import Path

import torch

from earwitness.errors import TargetError
from earwitness.targets.ace_step.model import TRAINED_TIMES, AceStep
from earwitness.targets.ace_step.parts import diffusers_parts, pipeline_of
from earwitness.targets.ace_step.release import model_folders, release_folders, release_parts
from earwitness.targets.checkpoint import read_config
from earwitness.targets.flow import LogitNormal
from earwitness.targets.weights import identify

_PIPELINE = "AceStepPipeline"


class _Family:
    """Directories of either kind."""

    name = "ace-step"
    description = "ACE-Step 1.5, text to music: diffusers directories, or the release's checkpoints"

    def matches(self, folder: Path) -> bool:
        """Whether model_index.json, or the config.json of a model of the release, says so."""
        return _is_diffusers(folder) or bool(model_folders(folder))

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> AceStep:
        """Load all components in evaluation mode, the autoencoder in float32."""
        precision = getattr(torch, dtype)
        if _is_diffusers(folder):
            parts, sources, config = diffusers_parts(folder, dtype=precision), [folder], {}
        else:
            model = _only(model_folders(folder), folder)
            sources = [model, *release_folders(model)]
            parts, config = release_parts(model, dtype=precision), read_config(model)
        parts.check(folder)
        identity = identify(self.name, name, dtype, parts=parts.networks, folders=sources)
        times = LogitNormal(
            mean=float(config.get("timestep_mu", TRAINED_TIMES.mean)),
            std=float(config.get("timestep_sigma", TRAINED_TIMES.std)),
        )
        return AceStep(pipeline_of(parts.in_precision(precision), device), identity, times=times)


def _is_diffusers(folder: Path) -> bool:
    return read_config(folder, "model_index.json").get("_class_name") == _PIPELINE


def _only(models: list[Path], folder: Path) -> Path:
    if len(models) > 1:
        raise TargetError(f"{folder} holds several models ({', '.join(model.name for model in models)}); give one.")
    if not models:
        raise TargetError(f"{folder} holds no ACE-Step 1.5; a diffusers directory or a model of the release is needed.")
    return models[0]


AceStepFamily = _Family()
