"""The frozen T5 of declare-lab's models: where its configuration and tokenizer lie, and whether they fit."""

from pathlib import Path

from transformers import PreTrainedTokenizerBase, T5EncoderModel

from earwitness.errors import TargetError
from earwitness.targets.audiocraft.settings import Settings
from earwitness.targets.checkpoint import read_config
from earwitness.targets.networks import tokenizer_of
from earwitness.targets.tango.companions import TEXT_ENCODER


def text_folder(folder: Path, settings: Settings) -> Path:
    """Where the T5 that a release names (``text_encoder_name``) has its configuration and tokenizer.

    Raises
    ------
    TargetError
        Where it is no T5, or nowhere to be had.
    """
    name = settings.text("text_encoder_name")
    if "t5" not in name or "stable-diffusion" in name:
        raise TargetError(f"{settings.where}: its text encoder is {name!r}; only a model behind a T5 can be asked.")
    place = TEXT_ENCODER.find(folder, name)
    found = read_config(place).get("model_type")
    if found != "t5":
        raise TargetError(f"{place} holds no T5 (its config.json has model_type {found!r}); put {name} there.")
    return place


def fitting_tokenizer(text: Path, encoder: T5EncoderModel) -> PreTrainedTokenizerBase:
    """The tokenizer in ``text``; raises ``TargetError`` where it has more tokens than the encoder knows."""
    tokenizer: PreTrainedTokenizerBase = tokenizer_of(text)
    if len(tokenizer) > encoder.config.vocab_size:
        raise TargetError(
            f"The tokenizer in {text} has {len(tokenizer)} tokens, the text encoder {encoder.config.vocab_size}; "
            "put the tokenizer that the model was trained with there."
        )
    return tokenizer
