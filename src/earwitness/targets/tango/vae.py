"""The VAE of AudioLDM by its original names, as diffusers' ``AutoencoderKL``.

Goal: levels, blocks and attention are called differently in the two, and attention's projections
are convolutions of size 1 there and matrices here; the numbers are the same. The vocoder that lies
in the same file is left where it is: no waveform is made.
"""

import re
from pathlib import Path

import torch
from diffusers import AutoencoderKL

from earwitness.targets.audiocraft.settings import Needed, Settings
from earwitness.targets.renamed import Origin, gather
from earwitness.targets.tango.files import read_settings, read_tensors, weights_path

_VOCODER = "vocoder."
_SUPPORTED = (
    Needed("subband", 1, 1),
    Needed("ddconfig.double_z", True, True),
    Needed("ddconfig.attn_resolutions", [], None),
    Needed("ddconfig.attn_type", "vanilla", "vanilla"),
    Needed("ddconfig.use_linear_attn", False, False),
    Needed("ddconfig.resamp_with_conv", True, True),
    Needed("ddconfig.downsample_time_stride4_levels", [], []),
    Needed("ddconfig.in_channels", 1, None),
    Needed("ddconfig.out_ch", 1, None),
)
_RENAMED = (
    (r"mid_block\.resnets\.0\.", "mid.block_1."),
    (r"mid_block\.resnets\.1\.", "mid.block_2."),
    (r"mid_block\.attentions\.0\.group_norm\.", "mid.attn_1.norm."),
    (r"mid_block\.attentions\.0\.to_([qkv])\.", r"mid.attn_1.\1."),
    (r"mid_block\.attentions\.0\.to_out\.0\.", "mid.attn_1.proj_out."),
    (r"down_blocks\.(\d+)\.resnets\.", r"down.\1.block."),
    (r"down_blocks\.(\d+)\.downsamplers\.0\.", r"down.\1.downsample."),
    (r"up_blocks\.(\d+)\.resnets\.", r"up.\1.block."),
    (r"up_blocks\.(\d+)\.upsamplers\.0\.", r"up.\1.upsample."),
    (r"\.conv_shortcut\.", ".nin_shortcut."),
    (r"\.conv_norm_out\.", ".norm_out."),
)


def original_name(parameter: str, levels: int) -> str:
    """AudioLDM's name of a parameter of ``AutoencoderKL``; the decoder's levels are counted the other way round."""
    for pattern, original in _RENAMED:
        parameter = re.sub(pattern, original, parameter)
    return re.sub(r"\.up\.(\d+)\.", lambda level: f".up.{levels - 1 - int(level[1])}.", parameter)


def load_vae(folder: Path) -> AutoencoderKL:
    """Read ``vae_config.json`` and ``pytorch_model_vae.bin``, in float32 and evaluation mode.

    Raises
    ------
    TargetError
        Where they are damaged, do not belong together, or are of a variant that cannot be mapped.
    """
    settings = read_settings(folder, "vae")
    settings.require(_SUPPORTED)
    levels = len(settings.integers("ddconfig.ch_mult"))
    with torch.device("meta"):
        vae = AutoencoderKL(**_config(settings))
    shapes = {name: tensor.shape for name, tensor in vae.state_dict().items()}
    tensors = {
        name: tensor[..., 0, 0] if ".mid.attn_1." in name and tensor.ndim == 4 else tensor
        for name, tensor in read_tensors(folder, "vae").items()
        if not name.startswith(_VOCODER)
    }
    taken = gather(
        shapes, lambda parameter: Origin(original_name(parameter, levels)), tensors, weights_path(folder, "vae")
    )
    vae.load_state_dict({name: tensor.float() for name, tensor in taken.items()}, assign=True)
    return vae.eval()


def _config(settings: Settings) -> dict[str, object]:
    width, channels = settings.integer("ddconfig.ch"), settings.integer("ddconfig.z_channels")
    # diffusers has one number where AudioLDM has the width of the bottleneck and that of the latent.
    settings.require([Needed("embed_dim", channels, None)])
    multiples = settings.integers("ddconfig.ch_mult")
    if not multiples or 0 in multiples or width % 32:
        raise settings.wrong("ddconfig.ch_mult", multiples, "a list of widths that 32 groups divide")
    return {
        "in_channels": 1, "out_channels": 1, "latent_channels": channels,
        "down_block_types": ["DownEncoderBlock2D"] * len(multiples),
        "up_block_types": ["UpDecoderBlock2D"] * len(multiples),
        "block_out_channels": [width * multiple for multiple in multiples],
        "layers_per_block": settings.integer("ddconfig.num_res_blocks"), "norm_num_groups": 32,
        "scaling_factor": settings.number("scale_factor"),
    }  # fmt: skip
