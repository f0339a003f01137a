"""A release with the models that it names: language model, codec, T5 encoder and its tokenizer."""

from pathlib import Path
from typing import Any, NamedTuple

from transformers import EncodecModel, PreTrainedTokenizerBase, T5EncoderModel

from earwitness.errors import TargetError
from earwitness.targets.audiocraft import files
from earwitness.targets.audiocraft.companions import find
from earwitness.targets.audiocraft.language_model import TEXT_ENCODER
from earwitness.targets.networks import T5_DECODER, tokenizer_of, transformers_network


class Parts(NamedTuple):
    """What was read; ``codec`` is a file's content or a published model, ``folders`` where all of it lay."""

    language_model: files.Release
    codec: files.Release | EncodecModel
    text_encoder: T5EncoderModel
    tokenizer: PreTrainedTokenizerBase
    folders: list[Path]

    def settings(self) -> list[dict[str, object]]:
        """The settings that lie in the release's files."""
        return [one.settings.tree for one in (self.language_model, self.codec) if isinstance(one, files.Release)]


def read_parts(folder: Path) -> Parts:
    """Read a release's two files and find what they name.

    Raises
    ------
    TargetError
        Where something is missing or would run code.
    """
    if not files.is_release(folder):
        raise TargetError(f"{folder} holds no audiocraft release; {files.LANGUAGE_MODEL} and {files.CODEC} are needed.")
    language_model, codec = files.read_language_model(folder), files.read(folder / files.CODEC)
    text = find(folder, language_model.settings.text(TEXT_ENCODER), "text_encoder")
    folders = [folder, text]
    if isinstance(codec, files.Pointer):
        folders.append(find(folder, codec.pretrained, "audio_encoder"))
        codec = _published(EncodecModel, folders[-1], "codec")
    text_encoder = _published(T5EncoderModel, text, "text encoder")
    return Parts(language_model, codec, text_encoder, tokenizer_of(text), folders)


def _published(kind: Any, folder: Path, what: str) -> Any:
    return transformers_network(f"The {what} in {folder}", kind, folder, unused=T5_DECODER)
