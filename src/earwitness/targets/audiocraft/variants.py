"""The two ways in which a release is conditioned, and which transformers class computes each.

``description`` alone is attended to by every layer. ``self_wav`` (a chromagram) and
``description`` stand in front of the codes: MusicGen Melody, whose melody place holds its null
chroma here, as audiocraft fills it for text-only generation (``musicgen_melody`` says why).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transformers import MusicgenForConditionalGeneration, MusicgenMelodyForConditionalGeneration

from earwitness.errors import TargetError
from earwitness.targets.audiocraft.settings import Needed, Settings
from earwitness.targets.musicgen import Conditioning, CrossAttention
from earwitness.targets.musicgen_melody import Prepended

_CHROMA = "conditioners.self_wav.chroma_stem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A class, the conditioners it has, the settings it needs, and its own configuration beside the parts'."""

    conditioners: frozenset[str]
    needed: tuple[Needed, ...]
    architecture: Any
    conditioning: Callable[[Any], Conditioning]
    configuration: Callable[[Settings], dict[str, int]]


def variant_of(settings: Settings) -> Variant:
    """Find the variant by its conditioners.

    Raises
    ------
    TargetError
        Where neither fits.
    """
    conditioners = {*settings.names("conditioners")} - {"args"}
    for variant in (_TEXT, _MELODY):
        if variant.conditioners == conditioners:
            settings.require(variant.needed)
            return variant
    raise TargetError(
        f"{settings.where}: the model is conditioned on {', '.join(sorted(conditioners)) or 'nothing'}; only a "
        "description, with or without a melody (self_wav), can be asked so far."
    )


def _chroma_frames(settings: Settings) -> dict[str, int]:
    """Classes and frames of a melody: windows of 2ᵉ samples, a quarter apart, centred, over a training segment."""
    samples = int(settings.integer(f"{_CHROMA}.sample_rate") * settings.number("dataset.segment_duration"))
    window = 2 ** settings.integer(f"{_CHROMA}.radix2_exp")
    return {
        "num_chroma": settings.integer(f"{_CHROMA}.n_chroma"),
        "chroma_length": max(samples, window) // (window // 4) + 1,
    }


_TEXT = Variant(
    conditioners=frozenset({"description"}),
    needed=(Needed("fuser.cross", ["description"], []), Needed("fuser.prepend", [], [])),
    architecture=MusicgenForConditionalGeneration,
    conditioning=CrossAttention,
    configuration=lambda settings: {},
)
_MELODY = Variant(
    conditioners=frozenset({"self_wav", "description"}),
    needed=(
        Needed("fuser.cross", [], []),
        Needed("fuser.prepend", ["self_wav", "description"], []),
        Needed("conditioners.self_wav.model", "chroma_stem", None),
        Needed(f"{_CHROMA}.argmax", True, False),
        Needed(f"{_CHROMA}.nfft", None, None),
        Needed(f"{_CHROMA}.winlen", None, None),
        Needed(f"{_CHROMA}.winhop", None, None),
    ),
    architecture=MusicgenMelodyForConditionalGeneration,
    conditioning=Prepended,
    configuration=_chroma_frames,
)
