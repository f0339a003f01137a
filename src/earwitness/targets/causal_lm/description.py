"""What a directory says about its causal language model: the file ``earwitness.json``.

Goal: a language model's own configuration does not tell which of its tokens are music. This
file does, for the usual layouts, and is checked once: against itself here, against the
checkpoint where that is loaded. Token ids are the language model's; codes are the codec's.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import read_config

FILE_NAME = "earwitness.json"
_TokenId = Annotated[int, Field(ge=0)]
_PLACE = "{prompt}"


class _Description(BaseModel):
    """What both kinds say: ``prefix_ids`` stand before the first token that is scored.

    ``max_tokens`` is the longest sequence the model was trained on, where config.json states
    none or a longer one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    prefix_ids: list[_TokenId] = []
    max_tokens: int | None = Field(default=None, ge=2)


class AudioTokens(_Description):
    """The model speaks codes of an audio codec.

    Attributes
    ----------
    codec
        Directory of the codec (Encodec, DAC, Mimi or X-Codec as ``save_pretrained`` writes them), inside
        this one, elsewhere, or a hub id.
    codebooks
        How many of the codec's codebooks, from the first on.
    first_code_id
        The token id of code 0: one number where the codebooks' blocks follow one another, or one
        number a codebook (all equal where they share a block).
    interleaving
        ``flat``: frame by frame, all codebooks of a frame. ``by_codebook``: all frames of the first
        codebook, then of the next. ``delay``: frame by frame with codebook k put ``delays[k]``
        frames later and ``pad_token_id`` in the free places. ``coarse_first``: all frames of the first codebook,
        ``pad_token_id``, then frame by frame, the first codebook's once more.
    prompt
        The text before the codes with ``{prompt}`` where the track's prompt goes, read by the
        tokenizer in this directory without adding special tokens; ``prefix_ids`` follow it.
        Without it prompts are ignored.
    max_prompt_tokens
        The room kept for that text.
    seconds
        The length of every clip in training, where all were equally long.
    """

    tokens: Literal["audio"]
    codec: str
    codebooks: int = Field(ge=1)
    first_code_id: _TokenId | list[_TokenId]
    interleaving: Literal["flat", "by_codebook", "delay", "coarse_first"] = "flat"
    delays: list[Annotated[int, Field(ge=0)]] | None = None
    pad_token_id: _TokenId | None = None
    prompt: str | None = None
    max_prompt_tokens: int = Field(default=256, ge=1)
    seconds: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if isinstance(self.first_code_id, list) and len(self.first_code_id) != self.codebooks:
            raise ValueError(f"first_code_id lists {len(self.first_code_id)} ids for {self.codebooks} codebooks")
        if (self.interleaving == "delay") != (self.delays is not None):
            raise ValueError("delays and pad_token_id belong to the interleaving delay, and it needs both")
        if (self.interleaving in ("delay", "coarse_first")) != (self.pad_token_id is not None):
            raise ValueError("pad_token_id belongs to the interleavings delay and coarse_first, which need it")
        if self.delays is not None and (len(self.delays) != self.codebooks or min(self.delays) != 0):
            raise ValueError(f"delays needs one number for each of {self.codebooks} codebooks, the smallest 0")
        if self.prompt is not None and _PLACE not in self.prompt:
            raise ValueError("prompt needs the place {prompt} where a track's prompt goes")
        if self.prompt is None and not self.prefix_ids:
            raise ValueError("prefix_ids (or a prompt) is needed: something must stand before the first code")
        return self

    def text(self, prompt: str) -> str:
        """The text before the codes of a track; empty where the description has none."""
        return "" if self.prompt is None else self.prompt.replace(_PLACE, prompt)


class MidiTokens(_Description):
    """The model speaks tokens of a miditok tokenizer.

    Attributes
    ----------
    tokenizer
        The file that ``tokenizer.save_pretrained`` wrote, inside this directory.
    first_token_id
        The language model's id of the tokenizer's token 0.
    notes
        Which library's notes the model was trained on: ``symusic`` (miditok from 3.0 on) or ``pretty_midi``
        (miditoolkit, and so miditok before 3.0, pairs notes likewise).

    Without ``prefix_ids`` a window's own first token stands before the others and is not scored.
    """

    tokens: Literal["midi"]
    tokenizer: str = "tokenizer.json"
    first_token_id: _TokenId = 0
    notes: Literal["symusic", "pretty_midi"] = "symusic"


class AnticipatedEvents(BaseModel):
    """The model speaks the events of the Anticipatory Music Transformer; ``max_tokens`` as in other descriptions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tokens: Literal["anticipation"]
    max_tokens: int | None = Field(default=None, ge=4)


class YueTokens(BaseModel):
    """The model is YuE's second stage, which ``earwitness.targets.causal_lm.yue`` describes; ``codec`` as elsewhere."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tokens: Literal["yue"]
    codec: str
    stage: int = 2

    @model_validator(mode="after")
    def _is_of_audio_alone(self) -> Self:
        if self.stage != 2:
            raise ValueError(
                "YuE's first stage was trained on voice and accompaniment, separated beforehand and written in turns, "
                "behind lyrics; a recording is neither, and only the second stage (YuE-s2-1B-general) can be asked"
            )
        return self


Description = AudioTokens | MidiTokens | AnticipatedEvents | YueTokens
_ADAPTER: TypeAdapter[Description] = TypeAdapter(Annotated[Description, Field(discriminator="tokens")])


def read_description(folder: Path) -> Description:
    """Read and check ``earwitness.json``; raises ``TargetError`` with the first thing that is wrong."""
    try:
        return _ADAPTER.validate_python(read_config(folder, FILE_NAME))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        said = first["msg"].removeprefix("Value error, ")
        raise TargetError(
            f"{folder / FILE_NAME} cannot be used: {place + ': ' if place else ''}{said}; "
            "see docs/design/causal-lm.md for what it may say."
        ) from None
