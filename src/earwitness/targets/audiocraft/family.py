"""Load a release of audiocraft: MusicGen, AudioGen and MAGNeT in their original files.

Goal: they are asked by the same adapter as the transformers directories, MAGNeT by one of its own. The
families differ in name alone; sizes come from the settings in the files.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import EncodecModel, T5EncoderModel

from earwitness.errors import TargetError
from earwitness.targets.audiocraft import files
from earwitness.targets.audiocraft.build import build
from earwitness.targets.audiocraft.companions import find
from earwitness.targets.audiocraft.language_model import TEXT_ENCODER
from earwitness.targets.audiocraft.variants import variant_of
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.networks import T5_DECODER, tokenizer_of, transformers_network
from earwitness.targets.protocols import TokenTarget
from earwitness.targets.weights import identify, in_precision


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
        return solver not in _AUDIOGEN | _MAGNET if self.solvers is None else solver in self.solvers

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> TokenTarget:
        """Load language model, codec and text encoder in evaluation mode."""
        if not files.is_release(folder):
            raise TargetError(
                f"{folder} holds no audiocraft release; {files.LANGUAGE_MODEL} and {files.CODEC} are needed."
            )
        language_model, codec = files.read_language_model(folder), files.read(folder / files.CODEC)
        text = find(folder, language_model.settings.text(TEXT_ENCODER), "text_encoder")
        parts = [folder, text]
        if isinstance(codec, files.Pointer):
            parts.append(find(folder, codec.pretrained, "audio_encoder"))
            codec = _published(EncodecModel, parts[-1], "codec")
        text_encoder = _published(T5EncoderModel, text, "text encoder")
        model = load_safely(
            f"The audiocraft release in {folder}",
            partial(build, language_model, codec, text_encoder, torch.float32),
        )
        tokenizer = tokenizer_of(text)
        identity = identify(
            self.name, name, dtype, parts={"model": model}, folders=parts,
            settings=[one.settings.tree for one in (language_model, codec) if isinstance(one, files.Release)],
        )  # fmt: skip
        model = in_precision(model, getattr(torch, dtype)).to(device).eval()
        return variant_of(language_model.settings).target(model, tokenizer, identity, language_model.settings)


_AUDIOGEN, _MAGNET = frozenset({"audiogen"}), frozenset({"magnet", "audio_magnet"})
AudiogenFamily = _Family(
    "audiogen",
    "AudioGen in audiocraft's own files: state_dict.bin and compression_state_dict.bin",
    _AUDIOGEN,
)
AudiocraftMusicgenFamily = _Family(
    "musicgen-audiocraft", "MusicGen, stereo and melody too, in audiocraft's own files", None
)
MagnetFamily = _Family("magnet", "MAGNeT for music and sounds, in audiocraft's own files", _MAGNET)


def _published(kind: Any, folder: Path, what: str) -> Any:
    return transformers_network(f"The {what} in {folder}", kind, folder, unused=T5_DECODER)
