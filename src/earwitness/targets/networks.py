"""Networks of transformers and diffusers from a folder: whole, safe, and not rounded before they are named.

Goal: one way for every family to load a network by a class that we name. A tensor too few or too many is
an error that names it; only what a class legitimately leaves out of a larger model, and constants that
it computes itself, may be there besides.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn
from transformers import AutoTokenizer, PreTrainedTokenizerBase, T5EncoderModel

from earwitness.errors import TargetError
from earwitness.targets.adapters import has_adapter, merged, without_adapter
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.weight_files import DIFFUSERS, TRANSFORMERS, Stored, stored
from earwitness.targets.weights import loading_dtype

# Constants that older versions of the libraries saved, and today's compute.
_CONSTANTS = re.compile(
    r"(^|\.)(position_ids|token_type_ids|embed_positions\.weights|(rotary_emb|rotary_pos_emb)\.inv_freq"
    r"|attn\.(masked_)?bias|num_batches_tracked)$"
)
_WORDS = ("tokenizer.json", "spiece.model", "tokenizer.model", "vocab.json", "vocab.txt")
_WITHOUT_WORDS = {"DiaTokenizer", "ByT5Tokenizer"}
T5_DECODER = r"(decoder\.|lm_head\.)"
"""What an encoder leaves of a T5."""
OTHER_SIDE_OF_CLAP = r"(text_model|text_projection|audio_model|audio_projection)\.|logit_scale_[at]$"
"""What one side leaves of a CLAP."""
HEAD = r"lm_head\."
"""What a model that is asked for its states leaves of a language model."""


def transformers_network(
    what: str, kind: Any, place: Path, *, dtype: torch.dtype = torch.float32, unused: str | None = None
) -> Any:
    """Load a network of transformers, in evaluation mode.

    Parameters
    ----------
    what
        Names it in errors.
    kind
        Its class, or one of the library's automatic ones.
    place
        The folder.
    dtype
        What it shall run in; it is in that precision only where all of its file is (see ``in_precision``).
    unused
        Names, from the beginning, of tensors that the class leaves out.

    Raises
    ------
    TargetError
        Where it is missing, damaged, incomplete, more than the class knows, or would run code.
    """
    with without_adapter(what, place) as (bare, adapter), _all_reported():
        found = stored(what, bare, TRANSFORMERS)
        precision = torch.float32 if adapter else loading_dtype(place, dtype)
        model, report = load_safely(
            what,
            lambda: kind.from_pretrained(
                bare, dtype=precision, local_files_only=True, trust_remote_code=False, weights_only=True,
                output_loading_info=True, use_safetensors=found.safe, variant=found.variant,
            ),
        )  # fmt: skip
        _require_whole(what, report, unused)
        return model if adapter is None else merged(what, model, adapter)


def diffusers_network(
    what: str,
    kind: Any,
    place: Path,
    *,
    dtype: torch.dtype = torch.float32,
    unused: str | None = None,
    pipeline: Path | None = None,
) -> Any:
    """Load a network of diffusers, in evaluation mode; parameters as of ``transformers_network``.

    An adapter in the folder ``pipeline`` belongs to it, too.
    """
    of_pipeline = pipeline if pipeline is not None and has_adapter(pipeline) else None

    def load(bare: Path, precision: torch.dtype, found: Stored) -> tuple[nn.Module, Mapping[str, Any]]:
        try:
            loaded: tuple[nn.Module, Mapping[str, Any]] = kind.from_pretrained(
                bare, torch_dtype=precision, local_files_only=True, output_loading_info=True,
                use_safetensors=found.safe, variant=found.variant,
            )  # fmt: skip
        except OSError as error:
            # The library says of every file that it could not be read; one that was refused is told apart.
            reason = error.__context__
            while reason is not None and not isinstance(reason, UnpicklingError):
                reason = reason.__context__
            raise reason or error from None
        return loaded

    with without_adapter(what, place) as (bare, own):
        adapters = [one for one in (own, of_pipeline) if one is not None]
        precision = torch.float32 if adapters else loading_dtype(place, dtype)
        found = stored(what, bare, DIFFUSERS)
        model, report = load_safely(what, lambda: load(bare, precision, found))
        _require_whole(what, report, unused)
        for adapter in adapters:
            model = merged(what, model, adapter)
    return model


def tokenizer_of(place: Path) -> PreTrainedTokenizerBase:
    """Load a tokenizer that has words.

    Raises
    ------
    TargetError
        Where its files are missing, of which the library makes one that reads all texts alike, or damaged.
    """
    words = [name for name in _WORDS if (place / name).is_file()]
    if not words and read_config(place, "tokenizer_config.json").get("tokenizer_class") not in _WITHOUT_WORDS:
        raise TargetError(
            f"{place} holds no tokenizer (none of {', '.join(_WORDS)}), without which all prompts are alike; put the "
            "tokenizer's files there (model.save_pretrained leaves them out, tokenizer.save_pretrained writes them)."
        )
    tokenizer: PreTrainedTokenizerBase = load_safely(
        f"The tokenizer in {place}",
        lambda: AutoTokenizer.from_pretrained(place, local_files_only=True, trust_remote_code=False),
    )
    return tokenizer


def require_whole(what: str, missing: Any, unexpected: Any) -> None:
    """Refuse a network that lacks tensors or is given some that it has no place for, by the names of the first."""
    for names, fault in ((missing, "lacks weights"), (unexpected, "holds weights that its class does not know")):
        if names:
            raise TargetError(f"{what} {fault} ({_listed(names)}); get the checkpoint again.")


def _require_whole(what: str, report: Mapping[str, Any], unused: str | None) -> None:
    allowed = re.compile(unused or "$.")
    strangers = {name for name in report["unexpected_keys"] if not allowed.match(name) and not _CONSTANTS.search(name)}
    require_whole(what, report["missing_keys"], strangers)


@contextmanager
def _all_reported() -> Iterator[None]:
    """A T5's encoder says that whatever is called decoder may be ignored, and so of all that it is part of."""
    said = T5EncoderModel._keys_to_ignore_on_load_unexpected
    T5EncoderModel._keys_to_ignore_on_load_unexpected = None
    try:
        yield
    finally:
        T5EncoderModel._keys_to_ignore_on_load_unexpected = said


def _listed(names: Any) -> str:
    first, *others = sorted(names)
    return f"{first} and {len(others)} more" if others else str(first)
