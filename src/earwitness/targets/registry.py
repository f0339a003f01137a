"""Find the family of a model directory and load it."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import torch

from earwitness.errors import TargetError
from earwitness.plug_ins import load_plug_ins
from earwitness.targets.adapters import base_of, has_adapter, recording, with_base
from earwitness.targets.checkpoint import read_config, resolve
from earwitness.targets.not_supported import why_not
from earwitness.targets.protocols import Target, TargetFamily
from earwitness.targets.weight_files import refuse_pointers

DTYPES = ("float32", "bfloat16", "float16")
_GROUP = "earwitness.targets"
# What a directory's configuration calls itself → the family to ask first, so that the libraries of no other are loaded.
_SAYS_SO = {
    "musicgen": "musicgen",
    "musicgen_melody": "musicgen_melody",
    "figaro": "figaro",
    "dia": "dia",
    "AudioLDMPipeline": "audioldm",
    "MusicLDMPipeline": "musicldm",
    "AudioLDM2Pipeline": "audioldm2",
    "StableAudioPipeline": "stable-audio",
    "StableAudio3Pipeline": "stable-audio-3",
    "AceStepPipeline": "ace-step",
}


@cache
def families() -> dict[str, TargetFamily]:
    """All registered families by name: built-in ones and those of installed plug-ins."""
    return load_plug_ins(_GROUP)


@cache
def _family_named(name: str) -> TargetFamily | None:
    family: TargetFamily | None = load_plug_ins(_GROUP, only=name).get(name)
    return family


def load_target(target: str, *, device: str = "auto", dtype: str = "float32", family: str | None = None) -> Target:
    """Load a target from a local directory or a hub id.

    Parameters
    ----------
    target
        A folder in the layout the family saves, or ``owner/name`` on the hub.
    device
        ``auto`` (a GPU where there is one), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
    dtype
        ``float32`` (default), ``bfloat16`` or ``float16``; log-probabilities are float32 in any case.
    family
        Force a family instead of asking each whether it knows the folder.

    Raises
    ------
    TargetError
        Where the folder holds no model of a known family or cannot be loaded safely.
    """
    if dtype not in DTYPES:
        raise TargetError(f"There is no dtype {dtype!r} here; choose one of {', '.join(DTYPES)}.")
    if family is not None and family not in families():
        raise TargetError(f"There is no target family {family!r}; installed are {', '.join(families())}.")
    folder = resolve(target)
    refuse_pointers(folder)
    candidate = _family_of(folder, family)
    if candidate is not None:
        return _loaded(candidate, folder, name=target, device=pick_device(device), dtype=dtype)
    base, known = base_of(folder), why_not(folder)
    if known is not None:
        raise TargetError(known)
    if base is None and has_adapter(folder):
        raise TargetError(
            f"{folder} holds an adapter alone and does not name the model that it belongs to; put it into a copy of "
            "that model's directory."
        )
    if base is None:
        kind = read_config(folder).get("model_type", "no config.json with a model_type")
        raise TargetError(
            f"{folder} holds no model of a known family (found: {kind}; known: {', '.join(families())}); "
            "give the directory that save_pretrained or the original release made."
        )
    with with_base(folder, resolve(base)) as whole:
        candidate = _family_of(whole, family)
        if candidate is None:
            raise TargetError(f"{folder} is an adapter of {base}, which holds no model of a known family.")
        return _loaded(candidate, whole, name=target, device=pick_device(device), dtype=dtype)


def _family_of(folder: Path, name: str | None) -> TargetFamily | None:
    """The family of that name, or the first that knows the folder, beginning with the one its configuration names."""
    says = read_config(folder).get("model_type"), read_config(folder, "model_index.json").get("_class_name")
    likely = [_SAYS_SO[kind] for kind in says if isinstance(kind, str) and kind in _SAYS_SO]
    for family in map(_family_named, likely if name is None else ()):
        if family is not None and family.matches(folder):
            return family
    for known, candidate in families().items():
        if known == name or (name is None and candidate.matches(folder)):
            return candidate
    return None


def _loaded(family: TargetFamily, folder: Path, *, name: str, device: str, dtype: str) -> Target:
    """Load, and see that an adapter was merged, which the target's name then says."""
    with recording() as merged:
        target = family.load(folder, name=name, device=device, dtype=dtype)
    if has_adapter(folder) and not merged:
        raise TargetError(
            f"{folder} holds an adapter, which cannot be merged into models of the family {family.name} here; merge it "
            "(with what trained it) and save the model whole."
        )
    if merged:
        target.identity = replace(target.identity, name=f"{name} (adapter merged)")
    return target


def pick_device(device: str) -> str:
    """Resolve ``auto`` and check that an asked-for accelerator is there."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    missing = (device.startswith("cuda") and not torch.cuda.is_available()) or (
        device.startswith("mps") and not torch.backends.mps.is_available()
    )
    if missing:
        raise TargetError(f"The device {device} was asked for, but PyTorch sees no such GPU here; use --device cpu.")
    try:
        torch.device(device)
    except RuntimeError:
        raise TargetError(f"There is no device {device!r}; use auto, cpu, cuda or mps.") from None
    return device


def worker_devices(device: str, workers: int | None) -> list[str]:
    """The devices of so many workers; without a number one for each GPU that ``auto`` finds, else one.

    More workers than GPUs take turns on them.
    """
    found = pick_device(device)
    every = [found]
    if device == "auto" and found == "cuda":
        every = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return [every[number % len(every)] for number in range(workers or len(every))]
