"""Load a release of audiocraft: MusicGen, AudioGen and MAGNeT in their original files.

Goal: they are asked by the same adapter as the transformers directories, MAGNeT by one of its own. The
families differ in name alone; sizes come from the settings in the files.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from earwitness.targets.audiocraft import files
from earwitness.targets.audiocraft.build import build
from earwitness.targets.audiocraft.loading import read_parts
from earwitness.targets.audiocraft.variants import variant_of
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.musicgen import rounded
from earwitness.targets.protocols import TokenTarget
from earwitness.targets.weights import identify


@dataclass(frozen=True, slots=True)
class _Family:
    """Releases of some of audiocraft's training solvers; ``None`` stands for all that no other family has."""

    name: str
    description: str
    solvers: frozenset[str] | None

    def matches(self, folder: Path) -> bool:
        """Whether the files are there, of this solver, and no transformers model beside them (that one is taken)."""
        if not files.is_release(folder) or "model_type" in read_config(folder):
            return False
        solver = files.read_language_model(folder).settings.get("solver")
        return solver not in _OTHERS if self.solvers is None else solver in self.solvers

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> TokenTarget:
        """Load language model, codec and text encoder in evaluation mode."""
        language_model, codec, text_encoder, tokenizer, folders = parts = read_parts(folder)
        model = load_safely(
            f"The audiocraft release in {folder}",
            partial(build, language_model, codec, text_encoder, torch.float32),
        )
        identity = identify(
            self.name, name, dtype, parts={"model": model}, folders=folders, settings=parts.settings(),
        )  # fmt: skip
        model = rounded(model, getattr(torch, dtype)).to(device).eval()
        return variant_of(language_model.settings).target(model, tokenizer, identity, language_model.settings)


_AUDIOGEN, _MAGNET = frozenset({"audiogen"}), frozenset({"magnet", "audio_magnet"})
_OTHERS = _AUDIOGEN | _MAGNET | {"jasco"}
AudiogenFamily = _Family(
    "audiogen",
    "AudioGen in audiocraft's own files: state_dict.bin and compression_state_dict.bin",
    _AUDIOGEN,
)
AudiocraftMusicgenFamily = _Family(
    "musicgen-audiocraft", "MusicGen, stereo and melody too, in audiocraft's own files", None
)
MagnetFamily = _Family("magnet", "MAGNeT for music and sounds, in audiocraft's own files", _MAGNET)
