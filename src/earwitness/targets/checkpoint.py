"""Checkpoints on disk: finding them, and loading them without running code.

Goal: a model directory is strangers' input. Weights are read from safetensors, or from
``.bin`` files through PyTorch's restricted unpickler; nothing in a checkpoint is executed.
"""

import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from earwitness.errors import TargetError
from earwitness.files import parsed_json

_Loaded = TypeVar("_Loaded")


def resolve(target: str) -> Path:
    """Turn a folder or a hub id (``owner/name``) into a local folder."""
    folder = Path(target).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise TargetError(
            f"The target {target} is a file; a model directory is needed (the one that holds config.json)."
        )
    if target.count("/") != 1 or target.startswith((".", "/", "~")):
        raise TargetError(f"The target {target} does not exist; give a model directory or a hub id such as owner/name.")
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                target, allow_patterns=["*.json", "*.safetensors", "*.bin", "*.pt", "*.ckpt", "*.model", "*.txt"]
            )
        )
    except Exception as error:  # the hub client raises dozens of unrelated types
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TargetError(
            f"The target {target} is no local folder and could not be fetched from the hub ({reason}); "
            "download it first and give its folder."
        ) from None


def read_config(folder: Path, name: str = "config.json") -> dict[str, Any]:
    """Read a JSON configuration; an absent one is an empty dictionary."""
    path = folder / name
    if not path.is_file():
        return {}
    try:
        config = parsed_json(path.read_text(encoding="utf-8"))
    except ValueError as error:  # Unicode's errors are of this kind
        raise TargetError(f"{path} is not readable JSON ({error}); the checkpoint is damaged, get it again.") from None
    if not isinstance(config, dict):
        raise TargetError(f"{path} holds no configuration object; the checkpoint is damaged, get it again.")
    return config


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Keep the library's own progress bars and advice off the terminal while it loads."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def load_safely(what: str, load: Callable[[], _Loaded]) -> _Loaded:
    """Run a loader and turn its many failures into one ``TargetError`` line."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    try:
        with _quiet_transformers():
            return load()
    except pickle.UnpicklingError:
        raise TargetError(
            f"{what}: its weights are a pickle that would run code when loaded; it was refused. "
            "Convert it to safetensors on a machine you trust."
        ) from None
    except StrictDataclassError as error:
        reason = " ".join(str(error).split())[:300]
        raise TargetError(f"{what} has a configuration that its class refuses: {reason}") from None
    except (
        SafetensorError,
        OSError,
        EOFError,
        IndexError,
        ValueError,
        RuntimeError,
        KeyError,
        TypeError,
        AttributeError,
        AssertionError,
        ArithmeticError,
        MemoryError,
        zipfile.BadZipFile,
        struct.error,
        zlib.error,
    ) as error:
        if "weights_only" in str(error) or "Unsupported" in str(error):
            raise TargetError(
                f"{what}: its weights are a pickle that would run code when loaded; it was refused. "
                "Convert it to safetensors on a machine you trust."
            ) from None
        reason = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
        raise TargetError(f"{what} could not be loaded: {reason}") from None
