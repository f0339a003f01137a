"""Mustango's U-Net: Tango's, in which beats and chords are listened to behind the text, wherever the text is.

Facts (AMAAI-Lab/mustango at d9354bd; Melechovsky et al., arXiv 2311.08355): behind each block's transformer for the
text (``attentions``) stand one for beats (``attentions2``) and one for chords (``attentions3``) with weights of their
own. Training read both off the music with two other programs, and dropped text, beats and chords in 5 clips of 100
each, and all three in another 5. What is dropped is told thus: no beat, 50 places of padding, all hidden, which
attention shares evenly and which are equal; and no chord, the one chord N at time 0. Both are therefore one vector
each, the same for every clip.

An audit does not read beats and chords off the music: it asks as those training steps did that dropped them.
"""

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import read_config

CONFIG = "configs/music_diffusion_model_config.json"
REMARK = (
    "Beats and chords, which Mustango is told beside the text, are not read off the music; it is asked as its training "
    "asked where it dropped both."
)
_BEATS, _CHORDS, _INVERSIONS = 7, 12, 4  # kinds; what is missing is 0 among beats, and 1 among the others
_BEAT, _CHORD, _ROOT = "beat_embedding_layer.beat_ffn.", "chord_embedding_layer.chord_ffn.", "FME.translation_bias"
UNUSED = (
    "PE.pe", "beat_embedding_layer.PE.pe", "chord_embedding_layer.PE.pe", "chord_embedding_layer.FME.translation_bias",
)  # fmt: skip
"""Tables of positions that are never looked up, and a second name of the roots' bias."""
_STREAMS = {"text": "attentions", "beats": "attentions2", "chords": "attentions3"}


class Nothing(nn.Module):
    """No beats and no chords, as the model knows them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.beat_ffn = nn.Linear(_BEATS + width, width)
        self.chord_ffn = nn.Linear(_CHORDS + _INVERSIONS + 2 * width, width)
        self.root_bias = nn.Parameter(torch.empty(1, width))

    def beats(self) -> Tensor:
        """What stands for no beat [1, width]: padding at time 0."""
        found: Tensor = self.beat_ffn(torch.cat([self._one_of(_BEATS, 0), self._turned(0.0)], dim=-1))
        return found

    def chords(self) -> Tensor:
        """What stands for no chord [1, width]: the root, kind and inversion of N at time 0."""
        parts = [
            self._turned(1.0) + self.root_bias, self._one_of(_CHORDS, 1), self._one_of(_INVERSIONS, 1),
            self._turned(0.0),
        ]  # fmt: skip
        found: Tensor = self.chord_ffn(torch.cat(parts, dim=-1))
        return found

    def _turned(self, angle: float) -> Tensor:
        """Sine and cosine of one angle in turns [1, width]: at time 0, and of roots, all rates give the same."""
        both = self.root_bias.new_tensor([angle, angle])
        pair = torch.stack([both[0].sin(), both[1].cos()])
        return pair.repeat(self.root_bias.shape[1] // 2)[None]

    def _one_of(self, kinds: int, which: int) -> Tensor:
        found = self.root_bias.new_zeros(1, kinds)
        found[:, which] = 1
        return found


class Listening(nn.Module):
    """A transformer for the text, and behind it those for beats and chords, of which there are none."""

    def __init__(self, text: nn.Module, nothing: Nothing) -> None:
        super().__init__()
        self.text, self.beats, self.chords = text, deepcopy(text), deepcopy(text)
        self._nothing = (nothing,)  # which belongs to the U-Net

    def forward(self, hidden_states: Tensor, encoder_hidden_states: Tensor, **how: Any) -> tuple[Tensor]:
        """As of the text's transformer."""
        how["return_dict"] = False
        states: Tensor = self.text(hidden_states, encoder_hidden_states=encoder_hidden_states, **how)[0]
        how["encoder_attention_mask"] = None
        nothing = self._nothing[0]
        for listen, heard in ((self.beats, nothing.beats()), (self.chords, nothing.chords())):
            states = listen(states, encoder_hidden_states=heard.to(states.dtype).expand(len(states), 1, -1), **how)[0]
        return (states,)


def unet_config(folder: Path) -> dict[str, object]:
    """The U-Net's configuration with the blocks of the library in the place of the original's."""
    found = read_config(folder, CONFIG)
    if found.get("_class_name") not in ("UNet2DConditionModel", "UNet2DConditionModelMusic"):
        raise TargetError(f"{folder} has no {CONFIG} of a U-Net; get that file, too.")
    plain = {
        name: [str(kind).removesuffix("Music") for kind in kinds]
        for name in ("down_block_types", "up_block_types")
        if isinstance(kinds := found.get(name), list)
    }
    middle = str(found.get("mid_block_type", "UNetMidBlock2DCrossAttn")).removesuffix("Music")
    return found | plain | {"mid_block_type": middle, "_class_name": "UNet2DConditionModel"}


def listening_unet(config: dict[str, object]) -> UNet2DConditionModel:
    """The library's U-Net with three streams in the place of each transformer, and with what stands for nothing."""
    unet: Any = UNet2DConditionModel.from_config(config)
    unet.nothing = Nothing(int(unet.config.cross_attention_dim))
    for block in (*unet.down_blocks, unet.mid_block, *unet.up_blocks):
        for i, attention in enumerate(getattr(block, "attentions", None) or ()):
            block.attentions[i] = Listening(attention, unet.nothing)
    found: UNet2DConditionModel = unet
    return found


def original_name(parameter: str) -> str:
    """What the release calls a parameter of such a U-Net, given with ``unet.`` before it."""
    known = {"unet.nothing.beat_ffn.": _BEAT, "unet.nothing.chord_ffn.": _CHORD, "unet.nothing.root_bias": _ROOT}
    for ours, theirs in known.items():
        if parameter.startswith(ours):
            return parameter.replace(ours, theirs)
    return re.sub(
        r"\.attentions\.(\d+)\.(text|beats|chords)\.", lambda found: f".{_STREAMS[found[2]]}.{found[1]}.", parameter
    )
