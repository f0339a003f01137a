"""audiocraft's Encodec (SEANet, residual vector quantiser) as the transformers EncodecModel.

Both are the same network: weight-normed convolutions with asymmetric padding, residual
blocks, an LSTM with a skip connection, nearest-neighbour codebooks on residuals. Weight norm
is stored as magnitude and direction (``weight_g``, ``weight_v``; here ``original0``,
``original1``). Source: Défossez et al., 2022.
"""

import math
from collections.abc import Mapping, Set

import torch
from torch import Tensor, nn
from transformers import EncodecConfig, EncodecModel

from earwitness.errors import TargetError
from earwitness.targets.audiocraft.files import Release
from earwitness.targets.audiocraft.settings import Needed, Settings
from earwitness.targets.renamed import Origin, gather

_ONLY = (
    Needed("compression_model", "encodec", None),
    Needed("encodec.autoencoder", "seanet", None),
    Needed("encodec.quantizer", "rvq", None),
    Needed("encodec.channels", 1, None),
    Needed("seanet.activation", "ELU", "ELU"),
    Needed("seanet.activation_params", {"alpha": 1.0}, {"alpha": 1.0}),
    Needed("seanet.norm", "weight_norm", "none"),
    Needed("seanet.disable_norm_outer_blocks", 0, 0),
    Needed("seanet.encoder", {}, {}),
    Needed("seanet.decoder.final_activation", None, None),
)
_OF_THE_DECODER = {"trim_right_ratio", "final_activation", "final_activation_params"}


def codec_config(settings: Settings, codebooks: int) -> EncodecConfig:
    """Build the codec's configuration, encoding with its first ``codebooks`` codebooks.

    Raises
    ------
    TargetError
        Where a setting is missing or the codec computes something else than this class.
    """
    settings.require(_ONLY)
    others = sorted({*settings.names("seanet.decoder")} - _OF_THE_DECODER)
    settings.require(Needed(f"seanet.decoder.{name}", settings.get(f"seanet.{name}"), None) for name in others)
    codes = settings.integer("rvq.bins")
    if codes & (codes - 1):
        raise settings.wrong("rvq.bins", codes, "a power of two")
    seanet = {name: settings.integer(f"seanet.{name}") for name in (
        "dimension", "n_filters", "n_residual_layers", "kernel_size", "last_kernel_size", "residual_kernel_size",
        "dilation_base", "compress", "lstm",
    )}  # fmt: skip
    config = EncodecConfig(
        sampling_rate=settings.integer("encodec.sample_rate"), audio_channels=1,
        normalize=settings.flag("encodec.renormalize", if_absent=False),
        hidden_size=seanet["dimension"], codebook_dim=seanet["dimension"], num_filters=seanet["n_filters"],
        num_residual_layers=seanet["n_residual_layers"], upsampling_ratios=settings.integers("seanet.ratios"),
        norm_type="weight_norm", kernel_size=seanet["kernel_size"], last_kernel_size=seanet["last_kernel_size"],
        residual_kernel_size=seanet["residual_kernel_size"], dilation_growth_rate=seanet["dilation_base"],
        use_causal_conv=settings.flag("seanet.causal", if_absent=False), pad_mode=settings.text("seanet.pad_mode"),
        compress=seanet["compress"], num_lstm_layers=seanet["lstm"],
        trim_right_ratio=settings.number("seanet.decoder.trim_right_ratio"),
        use_conv_shortcut=not settings.flag("seanet.true_skip", if_absent=True),
        codebook_size=codes,
    )  # fmt: skip
    config.target_bandwidths = [_bandwidth(config, settings.integer("rvq.n_q"))]
    return encode_with(config, codebooks, settings.where)


def encode_with(config: EncodecConfig, codebooks: int, where: str) -> EncodecConfig:
    """Let the codec encode with its first ``codebooks`` codebooks, as its language model does."""
    if config.num_quantizers < codebooks:
        raise TargetError(
            f"{where}: the codec has {config.num_quantizers} codebooks, the language model asks for {codebooks} "
            "a channel; the two files do not belong together."
        )
    # The class builds as many codebooks as the last bandwidth needs and encodes with the first.
    config.target_bandwidths = [_bandwidth(config, codebooks), *config.target_bandwidths[-1:]]
    return config


def codec_model(release: Release) -> EncodecModel:
    """The codec of a file by itself, with all its codebooks.

    Raises
    ------
    TargetError
        Where it cannot be mapped.
    """
    config = codec_config(release.settings, release.settings.integer("rvq.n_q"))
    with torch.device("meta"):
        layout = EncodecModel(config)
    shapes = {name: tensor.shape for name, tensor in layout.state_dict().items()}
    tensors = codec_tensors(release, shapes, transposed_convolutions(layout))
    model: EncodecModel = EncodecModel.from_pretrained(None, config=config, state_dict=tensors)
    return model


def codec_tensors(release: Release, shapes: Mapping[str, torch.Size], transposed: Set[str]) -> dict[str, Tensor]:
    """Tensors of the codec's parameters in ``shapes``; ``transposed`` names its upsampling convolutions."""
    return gather(shapes, lambda parameter: _origin(parameter, transposed), release.tensors, release.path)


def transposed_convolutions(codec: nn.Module) -> set[str]:
    """Names of the modules that audiocraft calls ``convtr``."""
    return {name for name, module in codec.named_modules() if isinstance(module, nn.ConvTranspose1d)}


def _origin(parameter: str, transposed: Set[str]) -> Origin:
    if parameter.startswith("quantizer."):
        return Origin(parameter.replace("quantizer.", "quantizer.vq.", 1).replace(".codebook.", "._codebook."))
    name = parameter.replace(".layers.", ".model.", 1)
    convolution = parameter.rsplit(".conv.", 1)[0] + ".conv"
    name = name.replace(".conv.", ".convtr.convtr." if convolution in transposed else ".conv.conv.")
    for ours, theirs in (("original0", "weight_g"), ("original1", "weight_v")):
        name = name.replace(f"parametrizations.weight.{ours}", theirs)
    return Origin(name)


def _bandwidth(config: EncodecConfig, codebooks: int) -> float:
    """Kilobits per second of that many codebooks, a hair above so that rounding down finds them all."""
    return (codebooks + 1e-6) * float(config.frame_rate) * math.log2(config.codebook_size) / 1000
