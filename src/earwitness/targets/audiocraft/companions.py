"""The models that a release names but does not hold: its T5 text encoder, sometimes its codec.

Goal: find such a model in the release's own folder, then in the local hub cache, then on
the hub, and otherwise say in one line what to download and where to put it.
"""

import re
from pathlib import Path

from earwitness.errors import TargetError

_PUBLISHED_NAME = re.compile(r"(?:[\w-][\w.-]*/)?[\w-][\w.-]*")
_FILES = ["*.json", "*.model", "*.safetensors"]
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


def find(folder: Path, name: str, role: str) -> Path:
    """Return the folder of a published model that a release in ``folder`` names.

    Parameters
    ----------
    folder
        The release; its subfolders called like the model or ``role`` come first.
    name
        The published name: ``t5-large``, ``facebook/encodec_32khz``.
    role
        ``text_encoder`` or ``audio_encoder``.

    Raises
    ------
    TargetError
        Where it is nowhere to be had.
    """
    if not _PUBLISHED_NAME.fullmatch(name):
        raise TargetError(f"{folder}: its {role} is called {name!r}, which is no published model; get the files again.")
    short = name.rsplit("/", 1)[-1]
    for subfolder in (folder / short, folder / role):
        if _is_model(subfolder):
            return subfolder
    reason = ""
    # The T5 models were published without an owner and moved later; caches know them by either name.
    published = [name] if "/" in name else [name, f"google-t5/{name}"]
    for offline in (True, False):
        for candidate in published:
            found = _snapshot(candidate, offline=offline)
            if isinstance(found, Path) and _is_model(found):
                return found
            reason = found if isinstance(found, str) else "its files are incomplete there"
    raise TargetError(
        f"{folder} needs the {role.replace('_', ' ')} {name}, which its files name but do not hold; it is not in the "
        f"hub cache and could not be fetched ({reason}). Download huggingface.co/{published[-1]} (its .json, .model "
        f"and .safetensors files) into {folder / short}."
    )


def _snapshot(name: str, *, offline: bool) -> Path | str:
    """The local copy of a published model, or the reason why there is none."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=_FILES, local_files_only=offline))
    except Exception as error:  # the hub client raises dozens of unrelated types
        return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def _is_model(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any(any(folder.glob(pattern)) for pattern in _WEIGHTS)
