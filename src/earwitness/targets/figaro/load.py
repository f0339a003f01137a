"""FIGARO checkpoints on disk: the released Lightning files, and this project's own folders.

Goal: read weights without running anything. A released folder holds one ``figaro*.ckpt`` and, for
a learned description, ``vq-vae.ckpt``, which no other checkpoint contains; ``figaro.json`` beside it may say
``{"bar_codes": "precomputed"}`` (see `VaeConfig`). An own folder holds
config.json (``"model_type": "figaro"``, the fields of `FigaroConfig`, and under ``"vae"`` those of
`VaeConfig`), model.safetensors and, for a learned description, vq-vae.safetensors.

Conventions: Lightning files are read by PyTorch's restricted unpickler. Objects of the training
libraries that stand in them (callbacks, progress) become empty placeholders; anything else that
is no tensor or plain value is refused. Weights are stored in float16 and loaded in float32.
"""

import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.figaro.config import FigaroConfig, VaeConfig
from earwitness.targets.figaro.model import FigaroModel
from earwitness.targets.figaro.vae import BarEncoder

VAE_CHECKPOINT = "vq-vae.ckpt"
_CHOICES = "figaro.json"
_WEIGHTS, _VAE_WEIGHTS = "model.safetensors", "vq-vae.safetensors"
_BOOKKEEPING = re.compile(r"(pytorch_lightning|lightning|lightning_fabric|lightning_utilities|torchmetrics|numpy)\.")
_UNUSED = re.compile(
    r"(.*\.embeddings\.(word_embeddings\.weight|position_embeddings\.weight|position_ids|token_type_ids)"
    r"|transformer\.encoder\.pooler\..*|transformer\.decoder\.cls\..*)$"
)
_UNUSED_IN_VAE = re.compile(
    r"(.*\.embeddings\.(word_embeddings\.weight|position_embeddings\.weight|position_ids|token_type_ids)"
    r"|(encoder|decoder|transformer\.decoder|out_layer|unpooling|attention_proj)\..*|vq_embed\.cluster_(size|sum))$"
)
_Model = TypeVar("_Model", bound=nn.Module)
Weights = Mapping[str, Tensor]


class Loaded(NamedTuple):
    """A FIGARO in evaluation mode and, where it reads a learned description, what makes that."""

    model: FigaroModel
    vae: BarEncoder | None


def checkpoints(folder: Path) -> list[Path]:
    """The released models in a folder."""
    return sorted(path for path in folder.glob("figaro*.ckpt") if path.is_file())


def load_figaro(folder: Path) -> Loaded:
    """Load what a folder holds.

    Raises
    ------
    TargetError
        One line: where files are missing, damaged, of another model, or would run code.
    """
    if read_config(folder).get("model_type") == "figaro":
        return _load_own(folder)
    found = checkpoints(folder)
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise TargetError(
            f"{folder} must hold exactly one figaro*.ckpt (found: {names}); put the one to be asked in a folder of "
            f"its own, with {VAE_CHECKPOINT} beside it if it reads a learned description."
        )
    settings, weights = read_lightning(found[0])
    config = _fitted(FigaroConfig.read(settings, found[0].name), weights)
    model = _filled(FigaroModel, config, weights, _UNUSED, found[0])
    return Loaded(model, _load_vae(folder / VAE_CHECKPOINT, config) if config.reads_latents else None)


def save_figaro(folder: Path, model: FigaroModel, vae: BarEncoder | None = None) -> None:
    """Write a folder in this project's layout, weights in float16."""
    folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, object] = {"model_type": "figaro", **asdict(model.config)}
    _save(model, folder / _WEIGHTS)
    if vae is not None:
        config["vae"] = asdict(vae.config)
        _save(vae, folder / _VAE_WEIGHTS)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def read_lightning(path: Path) -> tuple[Mapping[str, object], Weights]:
    """Hyper-parameters and weights of a Lightning checkpoint.

    Raises
    ------
    TargetError
        Where it is none, where it would run code, or where its hyper-parameters are no plain values.
    """
    content = load_safely(str(path), lambda: _unpickle(path))
    if not isinstance(content, Mapping) or not isinstance(content.get("state_dict"), Mapping):
        raise TargetError(f"{path} is no Lightning checkpoint (it has no state_dict); give the released file.")
    weights, settings = content["state_dict"], content.get("hyper_parameters")
    if not isinstance(settings, Mapping):
        found = "absent" if settings is None else f"an object of kind {type(settings).__name__}"
        raise TargetError(
            f"The hyper-parameters in {path} are {found}, where plain values are needed that can be read without "
            "running code; convert the checkpoint to config.json and model.safetensors."
        )
    if not all(isinstance(name, str) and isinstance(value, Tensor) for name, value in weights.items()):
        raise TargetError(f"The state_dict in {path} holds other things than named tensors; get it again.")
    return settings, weights


def _unpickle(path: Path) -> object:
    """Read a checkpoint without running any of it."""
    is_archive = zipfile.is_zipfile(path)  # all since PyTorch 1.6
    unknown = torch.serialization.get_unsafe_globals_in_checkpoint(path) if is_archive else []
    harmless: list[Callable[..., object] | tuple[Callable[..., object], str]] = [
        (_placeholder(name), name) for name in unknown if _BOOKKEEPING.match(name)
    ]
    with torch.serialization.safe_globals(harmless):
        # Mapped, so that the optimiser's state, twice the weights, is not read.
        content: object = torch.load(path, map_location="cpu", weights_only=True, mmap=is_archive)
    return content


def _placeholder(name: str) -> type:
    """An empty class that takes anything and does nothing, in the place of one that will not be loaded."""

    def ignore(self: object, *_: object) -> None:
        del self

    def make(cls: type, *_: object) -> object:
        return object.__new__(cls)

    return type(name.rpartition(".")[2], (), {"__new__": make, "__init__": ignore, "__setstate__": ignore})


def _load_own(folder: Path) -> Loaded:
    settings = read_config(folder)
    config = FigaroConfig.read(settings, "config.json")
    model = _filled(FigaroModel, config, _read_weights(folder / _WEIGHTS), None, folder)
    if not config.reads_latents:
        return Loaded(model, None)
    described = settings.get("vae")
    if not isinstance(described, dict):
        raise TargetError(f"{folder} reads a learned description, but its config.json has no vae entry; get it again.")
    vae_config = VaeConfig.read(described, "config.json")
    vae = _filled(BarEncoder, vae_config, _read_weights(folder / _VAE_WEIGHTS), None, folder)
    return Loaded(model, _matched(vae, config, folder))


def _load_vae(path: Path, config: FigaroConfig) -> BarEncoder:
    if not path.is_file():
        raise TargetError(
            f"{path.parent} holds a FIGARO with a learned description but no {path.name}, the released VQ-VAE that "
            "makes it; put that file beside the checkpoint."
        )
    settings, weights = read_lightning(path)
    if settings.get("disable_vq"):
        raise TargetError(f"{path} is an autoencoder without codes (disable_vq); give the VQ-VAE of the checkpoint.")
    rows = _distances(weights)
    vae_config = VaeConfig.read({**settings, **read_config(path.parent, _CHOICES)}, path.name)
    vae_config = replace(vae_config, max_position_embeddings=rows) if rows else vae_config
    return _matched(_filled(BarEncoder, vae_config, weights, _UNUSED_IN_VAE, path), config, path)


def _matched(vae: BarEncoder, config: FigaroConfig, where: Path) -> BarEncoder:
    if vae.config.d_latent != config.d_latent:
        raise TargetError(
            f"The VQ-VAE in {where} describes a bar by {vae.config.d_latent} numbers and the model reads "
            f"{config.d_latent}; they do not belong together."
        )
    return vae


def _fitted(config: FigaroConfig, weights: Weights) -> FigaroConfig:
    """A configuration with what released hyper-parameters leave unsaid and the weights show."""
    config = replace(
        config,
        relative_cross_attention=any("crossattention.self.distance_embedding" in name for name in weights),
        max_position_embeddings=_distances(weights) or config.max_position_embeddings,
    )
    positions = weights.get("pos_embedding.weight")
    return config if positions is None else replace(config, max_positions=max(1, len(positions) - 1))


def _distances(weights: Weights) -> int:
    tables = (value for name, value in weights.items() if name.endswith("attention.self.distance_embedding.weight"))
    return max(((len(table) + 1) // 2 for table in tables), default=0)


def _filled(
    make: "type[_Model]", config: FigaroConfig | VaeConfig, weights: Weights, unused: re.Pattern[str] | None,
    where: Path,
) -> _Model:  # fmt: skip
    """A model in evaluation mode with the weights given; all of its own are needed, and no others but unused ones."""
    with torch.device("meta"):  # nothing is allocated before the sizes are known to fit
        model = make(config)
    given = {name: value for name, value in weights.items() if unused is None or not unused.match(name)}
    needed = model.state_dict()
    missing, foreign = needed.keys() - given.keys(), given.keys() - needed.keys()
    misshapen = [name for name in needed.keys() & given.keys() if needed[name].shape != given[name].shape]
    for names, fault in ((missing, "lacks"), (foreign, "has unknown"), (misshapen, "has other sizes in its")):
        if names:
            raise TargetError(
                f"The FIGARO checkpoint {where} {fault} weights (for instance {min(names)!s:.120}); it is damaged or "
                "of another model."
            )
    model.load_state_dict({name: value.float() for name, value in given.items()}, assign=True)
    return model.eval()


def _read_weights(path: Path) -> Weights:
    if not path.is_file():
        raise TargetError(f"{path} is not there; get the checkpoint again.")
    weights: Weights = load_safely(str(path), lambda: load_file(path))
    return weights


def _save(model: nn.Module, path: Path) -> None:
    save_file({name: value.detach().half().contiguous() for name, value in model.state_dict().items()}, path)
