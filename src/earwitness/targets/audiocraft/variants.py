"""The kinds of releases by what conditions them and how they write, and which transformers class computes each.

``description`` alone is attended to by every layer. ``self_wav`` (a chromagram) and
``description`` stand in front of the codes: MusicGen Melody, whose melody place holds its null
chroma here, as audiocraft fills it for text-only generation (``musicgen_melody`` says why).
MAGNeT's decoder has the tensors of the first and is asked otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from transformers import MusicgenForConditionalGeneration, MusicgenMelodyForConditionalGeneration

from earwitness.errors import TargetError
from earwitness.targets.audiocraft.language_model import require_delays
from earwitness.targets.audiocraft.magnet import Magnet, require_parallel
from earwitness.targets.audiocraft.settings import Needed, Settings
from earwitness.targets.musicgen import Conditioning, CrossAttention, Musicgen
from earwitness.targets.musicgen_melody import Prepended
from earwitness.targets.protocols import TargetIdentity, TokenTarget

_CHROMA = "conditioners.self_wav.chroma_stem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A class, its training's name and conditioners, the settings it needs, its own configuration beside the parts'.

    ``target`` makes a target of the model, its tokenizer, its identity and its settings.
    """

    lm_model: str
    conditioners: frozenset[str]
    check: Callable[[Settings], None]
    needed: tuple[Needed, ...]
    architecture: Any
    target: Callable[[Any, Any, TargetIdentity, Settings], TokenTarget]
    configuration: Callable[[Settings], dict[str, int]]


def variant_of(settings: Settings) -> Variant:
    """Find the variant by how it was trained and conditioned.

    Raises
    ------
    TargetError
        Where none fits.
    """
    if settings.get("lm_model") not in {variant.lm_model for variant in _VARIANTS}:
        settings.require([Needed("lm_model", "transformer_lm", None)])
    conditioners = {*settings.names("conditioners")} - {"args"}
    for variant in _VARIANTS:
        if variant.lm_model == settings.get("lm_model") and variant.conditioners == conditioners:
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


def _conditioned(
    conditioning: Callable[[Any], Conditioning],
) -> Callable[[Any, Any, TargetIdentity, Settings], TokenTarget]:
    return lambda model, tokenizer, identity, _: Musicgen(model, tokenizer, identity, conditioning=conditioning(model))


_TEXT = Variant(
    lm_model="transformer_lm",
    check=require_delays,
    conditioners=frozenset({"description"}),
    needed=(Needed("fuser.cross", ["description"], []), Needed("fuser.prepend", [], [])),
    architecture=MusicgenForConditionalGeneration,
    target=_conditioned(CrossAttention),
    configuration=lambda settings: {},
)
_MELODY = Variant(
    lm_model="transformer_lm",
    check=require_delays,
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
    target=_conditioned(Prepended),
    configuration=_chroma_frames,
)
_MAGNET = replace(_TEXT, lm_model="transformer_lm_magnet", check=require_parallel, target=Magnet)
_VARIANTS = (_TEXT, _MELODY, _MAGNET)
