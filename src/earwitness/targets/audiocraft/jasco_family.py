"""Load JASCO from audiocraft's own files."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from earwitness.errors import TargetError
from earwitness.targets.audiocraft import files
from earwitness.targets.audiocraft.codec import codec_model
from earwitness.targets.audiocraft.flow_network import FlowNetwork, Sizes
from earwitness.targets.audiocraft.jasco import Jasco
from earwitness.targets.audiocraft.language_model import TRANSFORMER
from earwitness.targets.audiocraft.loading import Parts, read_parts
from earwitness.targets.audiocraft.settings import Needed, Settings
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.renamed import Origin, gather
from earwitness.targets.weights import identify, in_precision

_CONDITIONERS = "condition_provider.conditioners"
# The codec that hears the drums, which is the release's own, is kept in both of its files.
_CODEC = f"{_CONDITIONERS}.self_wav.compression_model."
_ONLY = (
    *TRANSFORMER,
    Needed("lm_model", "flow_matching", None),
    Needed("transformer_lm.causal", False, False),
    Needed("fuser.cross", ["description"], []),
    Needed("fuser.prepend", [], []),
    Needed("interleave_stereo_codebooks.use", False, False),
)
_BESIDE = {"chords": "chords_emb", "self_wav": "drum_latents", "melody": "melody"}
"""What may stand beside the latents, in the order in which it does, and the one way known of making each."""


class _Family:
    """Releases of audiocraft's solver ``jasco``."""

    name = "jasco"
    description = "JASCO in audiocraft's own files, asked under its text"

    def matches(self, folder: Path) -> bool:
        """Whether the files are there and of this solver."""
        if not files.is_release(folder) or "model_type" in read_config(folder):
            return False
        return files.read_language_model(folder).settings.get("solver") == "jasco"

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> Jasco:
        """Load network, codec and text encoder in evaluation mode; the codec in float32 whatever ``dtype`` is."""
        parts = read_parts(folder)
        settings = parts.language_model.settings
        network, tables = load_safely(f"The audiocraft release in {folder}", lambda: _network(parts))
        codec = parts.codec
        if isinstance(codec, files.Release):
            codec = load_safely(f"The codec in {folder}", lambda: codec_model(codec))
        _require_mono(codec, folder, settings)
        identity = identify(
            self.name, name, dtype, folders=parts.folders, settings=parts.settings(),
            parts={"model": network, "beside": tables, "codec": codec, "text_encoder": parts.text_encoder},
        )  # fmt: skip
        precision = getattr(torch, dtype)
        return Jasco(
            in_precision(network, precision).to(device).eval(), codec.to(device).eval(),
            in_precision(parts.text_encoder, precision).to(device).eval(), parts.tokenizer,
            _left_out(tables), settings, identity,
        )  # fmt: skip


JascoFamily = _Family()


def _network(parts: Parts) -> tuple[FlowNetwork, dict[str, Tensor]]:
    """The network with its weights, and the tables of what stands beside the latents."""
    release = parts.language_model
    settings = release.settings
    settings.require(_ONLY)
    known = [name for name in _BESIDE if name in settings.names("conditioners")]
    others = sorted({*settings.names("conditioners")} - {"args", "description", *known})
    if others:
        raise TargetError(
            f"{settings.where}: the model is conditioned on {others[0]}, too; this cannot be asked so far."
        )
    settings.require(Needed(f"conditioners.{name}.model", _BESIDE[name], None) for name in known)
    widths = {name: settings.integer(f"conditioners.{name}.{_BESIDE[name]}.out_dim") for name in known}
    with torch.device("meta"):
        network = FlowNetwork(_sizes(settings, beside=sum(widths.values()), text=parts.text_encoder.config.d_model))
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    shapes |= _tables(settings, widths)
    tensors = {name.replace(".mha.", "."): one for name, one in release.tensors.items() if not name.startswith(_CODEC)}
    found = {name: one.float() for name, one in gather(shapes, _origin, tensors, release.path).items()}
    tables = {name: found.pop(name) for name in [*found] if name.startswith("beside.")}
    network.load_state_dict(found, assign=True)
    return network, tables


def _sizes(settings: Settings, *, beside: int, text: int) -> Sizes:
    width = settings.integer("transformer_lm.dim")
    return Sizes(
        width=width, heads=settings.integer("transformer_lm.num_heads"),
        layers=settings.integer("transformer_lm.num_layers"),
        inner=int(settings.number("transformer_lm.hidden_scale") * width),
        latent=settings.integer("transformer_lm.flow_dim"), beside=beside, text=text,
        time=settings.integer("transformer_lm.time_embedding_dim", if_absent=128),
        skips=settings.flag("transformer_lm.skip_connections", if_absent=False),
    )  # fmt: skip


def _tables(settings: Settings, widths: dict[str, int]) -> dict[str, torch.Size]:
    """Shapes of what makes of chords, drums and melody what stands beside the latents."""
    shapes: dict[str, torch.Size] = {}
    for name, width in widths.items():
        if name == "chords":
            shapes["beside.chords.emb.weight"] = torch.Size(
                [settings.integer("conditioners.chords.chords_emb.card") + 1, width]
            )
            continue
        given = "transformer_lm.flow_dim" if name == "self_wav" else "conditioners.melody.melody.card"
        shapes[f"beside.{name}.output_proj.weight"] = torch.Size([width, settings.integer(given)])
        shapes[f"beside.{name}.output_proj.bias"] = torch.Size([width])
    return shapes


def _left_out(tables: dict[str, Tensor]) -> Tensor:
    """The null chord, and what silence and no melody are projected to: the biases alone."""
    found = []
    for name in _BESIDE:
        if name == "chords" and "beside.chords.emb.weight" in tables:
            found.append(tables["beside.chords.emb.weight"][-1])
        elif f"beside.{name}.output_proj.bias" in tables:
            found.append(tables[f"beside.{name}.output_proj.bias"])
    return torch.cat(found) if found else torch.zeros(0)


def _origin(parameter: str) -> Origin:
    if parameter.startswith("beside."):
        return Origin(parameter.replace("beside", _CONDITIONERS, 1))
    if parameter.startswith("text."):
        return Origin(parameter.replace("text", f"{_CONDITIONERS}.description.output_proj", 1))
    return Origin(parameter)


def _require_mono(codec: Any, folder: Path, settings: Settings) -> None:
    latent, found = settings.integer("transformer_lm.flow_dim"), int(codec.config.hidden_size)
    if latent != found or int(codec.config.audio_channels) != 1:
        raise TargetError(
            f"{folder}: the model was trained on mono latents of width {latent}, its codec gives {found} for "
            f"{codec.config.audio_channels} channel(s); the two files do not belong together."
        )
