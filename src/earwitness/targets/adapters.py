"""Adapters (LoRA and the like): what somebody trained on top of a model is merged into its weights at load.

Goal: a fine-tuned model is asked, never the model that it was tuned from. An adapter lies in

* ``adapter_config.json`` with ``adapter_model.safetensors``, as peft saves it: beside the weights of a network, in the
  directory of a pipeline (where it belongs to the denoiser), or in a folder of its own that names its base;
* ``pytorch_lora_weights.safetensors`` in the directory of a pipeline, as diffusers saves it;
* the weights themselves, as ``lora_A`` and ``lora_B`` beside ``base_layer``, where a wrapped model was saved whole,
  in safetensors or in ``.bin``.

Each is merged by peft, or the load ends with one line. Left to themselves the libraries drop the second and third
without a word, and act on the first only where peft happens to be installed.
"""

import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from earwitness.errors import TargetError
from earwitness.files import parsed_json
from earwitness.targets.checkpoint import load_safely, read_config

CONFIG, LORA = "adapter_config.json", "pytorch_lora_weights.safetensors"
_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_DESCRIPTION = "earwitness.json"
_APART = "earwitness-adapter"
_PICKLED = re.compile(r"(diffusion_)?pytorch_model\b")
_WRAPPED = "base_model.model."
_INSIDE = re.compile(r"\.(lora_[AB]|lora_embedding_[AB]|lora_magnitude_vector)\b|\.base_layer\.")
_TRAINED = re.compile(r"\.(lora_|modules_to_save\.)")
_DENOISERS = ("unet.", "transformer.")
_METADATA = "lora_adapter_metadata"
_SAID = {"r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "use_dora"}
_MERGED: ContextVar[list[Path] | None] = ContextVar("merged", default=None)


class Adapter(NamedTuple):
    """What peft needs: how strong it is and where it sits (``config``), and its tensors by peft's names."""

    config: Any
    tensors: Mapping[str, Tensor]


@contextmanager
def recording() -> Iterator[list[Path]]:
    """The folders whose adapters are merged meanwhile."""
    merged: list[Path] = []
    token = _MERGED.set(merged)
    try:
        yield merged
    finally:
        _MERGED.reset(token)


def has_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter in files of its own."""
    return (folder / CONFIG).is_file() or (folder / LORA).is_file()


@contextmanager
def without_adapter(what: str, place: Path) -> Iterator[tuple[Path, Path | None]]:
    """A folder with the weights of the network in ``place`` alone, and where its adapter lies, if there is one.

    Raises
    ------
    TargetError
        Where the weights hold an adapter of which nothing says how strong it is.
    """
    inside = _adapter_tensors(place)
    if inside and not (place / CONFIG).is_file():
        raise TargetError(
            f"{what} holds an adapter that was never merged ({inside[0]}) and no {CONFIG} that says how strong it is; "
            "merge it with peft (merge_and_unload) and save the model again."
        )
    if not (place / CONFIG).is_file():
        yield place, None
        return
    with TemporaryDirectory(prefix="earwitness-") as name:
        bare = Path(name)
        for path in place.resolve().iterdir():
            if path.name != CONFIG and not path.name.startswith("adapter_model") and not (inside and _is_weights(path)):
                (bare / path.name).symlink_to(path)
        if inside:
            _split(what, place, bare)
        yield bare, bare / _APART if inside else place


def merged(what: str, model: nn.Module, place: Path, *, renamed: Mapping[str, str] | None = None) -> Any:
    """The network with the adapter in ``place`` merged into its weights.

    Parameters
    ----------
    what
        Names it in errors.
    model
        The network that was adapted, in float32.
    place
        The folder of the adapter.
    renamed
        What parts of the names of its tensors are called here.

    Raises
    ------
    TargetError
        Where peft is missing, the adapter is damaged or does not fit, or is of a kind that cannot be merged.
    """
    try:
        import peft
    except ImportError:
        raise TargetError(
            f"{what} comes with an adapter ({CONFIG if (place / CONFIG).is_file() else LORA}), and peft, which merges "
            "it, is not installed: pip install 'earwitness[peft]'. Without it another model would be asked."
        ) from None
    said = f"The adapter in {place}"
    adapter = _read(said, place, peft, renamed or {})

    def merge() -> tuple[nn.Module, Any]:
        wrapped = peft.PeftModel(model, adapter.config, autocast_adapter_dtype=False)
        found = peft.set_peft_model_state_dict(wrapped, dict(adapter.tensors))
        if not hasattr(wrapped, "merge_and_unload") or adapter.config.is_prompt_learning:
            raise ValueError(f"it is of the kind {adapter.config.peft_type}, which cannot be merged into weights")
        return wrapped.merge_and_unload(safe_merge=True), found

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # what peft asks of transformers is not the user's affair
        whole, found = load_safely(said, merge)
    strangers = sorted(found.unexpected_keys)
    missing = sorted(name for name in found.missing_keys if _TRAINED.search(name))
    for names, fault in ((strangers, "holds tensors that the model has no place for"), (missing, "lacks tensors")):
        if names:
            raise TargetError(f"{said} {fault} ({names[0]}, {len(names)} in all); it is of another model, or damaged.")
    record = _MERGED.get()
    if record is not None:
        record.append(place)
    return whole


@contextmanager
def with_base(folder: Path, base: Path) -> Iterator[Path]:
    """A folder that holds a base model and an adapter that lies elsewhere; its neighbours are the base's."""
    with TemporaryDirectory(prefix="earwitness-") as name:
        base, whole = base.resolve(), Path(name) / base.resolve().name
        whole.mkdir()
        for path in (*base.iterdir(), *(folder / file for file in (CONFIG, *_WEIGHTS, _DESCRIPTION))):
            if path.exists() and not (whole / path.name).exists():
                (whole / path.name).symlink_to(path.resolve())
        for beside in base.parent.iterdir():
            if beside.is_dir() and beside.name != base.name:
                (Path(name) / beside.name).symlink_to(beside)
        yield whole


def base_of(folder: Path) -> str | None:
    """What an adapter in a folder of its own names as its base: a folder or a hub id; ``None`` where it names none."""
    named = read_config(folder, CONFIG).get("base_model_name_or_path")
    if not isinstance(named, str) or not named:
        return None
    beside = folder / named
    return str(beside) if beside.is_dir() else named


def _read(said: str, place: Path, peft: Any, renamed: Mapping[str, str]) -> Adapter:
    if (place / CONFIG).is_file():
        config = load_safely(said, lambda: peft.PeftConfig.from_pretrained(str(place)))
        tensors = _tensors(said, place)
    else:
        config, tensors = _of_a_pipeline(said, place, peft)
    config.inference_mode, config.task_type = True, None
    if renamed:
        tensors = {_in_place(name, renamed): tensor for name, tensor in tensors.items()}
        modules = {name.removeprefix(_WRAPPED).split(".lora_")[0] for name in tensors if ".lora_" in name}
        config.target_modules = modules or config.target_modules
    return Adapter(config, tensors)


def _in_place(name: str, renamed: Mapping[str, str]) -> str:
    for old, new in renamed.items():
        name = name.replace(old, new)
    return name


def _tensors(said: str, place: Path) -> dict[str, Tensor]:
    for name in _WEIGHTS:
        path = place / name
        if path.is_file() and path.suffix == ".safetensors":
            return load_safely(said, partial(load_file, path))
        if path.is_file():
            found: Any = load_safely(said, partial(torch.load, path, map_location="cpu", weights_only=True))
            return {name: tensor for name, tensor in found.items() if isinstance(tensor, Tensor)}
    raise TargetError(f"{said} has {CONFIG} but no {_WEIGHTS[0]}; get that file, too.")


def _of_a_pipeline(said: str, place: Path, peft: Any) -> tuple[Any, dict[str, Tensor]]:
    """The LoRA of a denoiser as diffusers saves it; without metadata its strength is 1, as there."""
    path = place / LORA

    def read() -> tuple[dict[str, Tensor], dict[str, Any]]:
        with safe_open(path, framework="pt") as file:
            about = parsed_json((file.metadata() or {}).get(_METADATA, "{}"))
        return load_file(path), about

    found, about = load_safely(said, read)
    strangers = sorted(name for name in found if not name.startswith(_DENOISERS) or not _INSIDE.search(name))
    if strangers or not found:
        raise TargetError(
            f"{path} holds {strangers[0] if strangers else 'nothing'}; tensors of a denoiser as diffusers saves them "
            "(unet.… or transformer.…, lora_A and lora_B) can be merged."
        )
    bare = {name.split(".", 1)[1]: tensor for name, tensor in found.items()}
    ranks = {name.split(".lora_A")[0]: len(tensor) for name, tensor in bare.items() if ".lora_A" in name}
    own = {name.split(".", 1)[1]: value for name, value in about.items() if name.startswith(_DENOISERS)}
    settings: dict[str, Any] = {"r": 1, "rank_pattern": ranks, "lora_alpha": 1, "alpha_pattern": ranks}
    if own:
        settings = {name: value for name, value in own.items() if name in _SAID}
    config = peft.LoraConfig(target_modules=sorted(ranks), **settings)
    return config, {_WRAPPED + name: tensor for name, tensor in bare.items()}


def _is_weights(path: Path) -> bool:
    return path.suffix in (".safetensors", ".bin") or path.name.endswith(".index.json")


def _weights_of(place: Path) -> Sequence[Path]:
    """The files of a network's own weights: those in safetensors, or else those in ``.bin``."""
    safe = [path for path in sorted(place.glob("*.safetensors")) if path.name != LORA and path.name not in _WEIGHTS]
    return safe or sorted(path for path in place.glob("*.bin") if _PICKLED.match(path.name))


def _read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of such a file; whatever lies in safetensors or a zip archive stays there until it is used."""
    if path.suffix == ".safetensors":
        return dict(load_file(path))
    found = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    return {name: value for name, value in found.items() if isinstance(value, Tensor)}


def _adapter_tensors(place: Path) -> Sequence[str]:
    """Tensors of an adapter among the weights of a network."""
    found: list[str] = []
    for path in _weights_of(place):
        try:
            if path.suffix == ".safetensors":
                with safe_open(path, framework="pt") as file:
                    names = list(file.keys())
            else:
                names = list(_read_weights(path))
        except Exception:  # whoever loads the file says what is wrong with it
            continue
        found += [name for name in names if _INSIDE.search(name)]
    return sorted(found, key=lambda name: ".lora_" not in name)


def _split(what: str, place: Path, bare: Path) -> None:
    """Write the weights of a wrapped model into two files: the network's own, and the adapter's."""
    files = _weights_of(place)
    stem = "diffusion_pytorch_model" if files[0].name.startswith("diffusion_") else "model"
    tensors: dict[str, Tensor] = {}
    for path in files:
        tensors |= load_safely(what, partial(_read_weights, path))
    tensors = {name.removeprefix(_WRAPPED): tensor for name, tensor in tensors.items()}
    adapter = {name: tensor for name, tensor in tensors.items() if _INSIDE.search(name) and ".base_layer." not in name}
    own = {name.replace(".base_layer.", "."): tensors[name] for name in tensors.keys() - adapter.keys()}
    metadata = {"format": "pt"}
    # Clones: what was read from a pickle may share memory, which safetensors refuses.
    save_file({name: own[name].clone() for name in own}, bare / f"{stem}.safetensors", metadata=metadata)
    named = {
        _WRAPPED + re.sub(r"(\.lora_\w+)\.\w+(?=\.weight$)", r"\1", name): adapter[name].clone() for name in adapter
    }
    apart = bare / _APART
    apart.mkdir()
    save_file(named, apart / _WEIGHTS[0], metadata=metadata)
    (apart / CONFIG).symlink_to((place / CONFIG).resolve())
