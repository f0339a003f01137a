"""Tiny Stable Audios as stable-audio-tools saves them, by the names and shapes that it gave its tensors."""

import json
from pathlib import Path

import torch
from torch import Tensor
from transformers import T5Config, T5EncoderModel

from earwitness.targets.stable_audio import StableAudioFamily
from earwitness.targets.stable_audio.conditions import Timed
from earwitness.targets.stable_audio.target import StableAudio
from earwitness_bench.recipes.musicgen import caption_tokenizer
from tests.targets.goldens import golden
from tests.targets.goldens.seeded import all_seeded, fill

KINDS = ("open", "small", "inpaint")
_FREQUENCIES = "model.model.transformer.rotary_pos_emb.inv_freq"


def save_release(kind: str, folder: Path, **training: object) -> Path:
    """``model_config.json`` and ``model.ckpt``, and the T5 that they name."""
    about, _ = golden.read(f"stable_audio_{kind}")
    folder.mkdir(parents=True)
    about["config"]["training"] |= training
    (folder / "model_config.json").write_text(json.dumps(about["config"]))
    tensors = all_seeded(about["tensors"])
    rotated = about["tensors"][_FREQUENCIES][0]
    tensors[_FREQUENCIES] = 10_000 ** (-torch.arange(0, 2 * rotated, 2) / (2 * rotated))
    torch.save({"state_dict": tensors}, folder / "model.ckpt")
    caption_tokenizer(about["prompts"]).save_pretrained(folder / "t5-base")
    text = T5EncoderModel(T5Config(**about["t5"]))
    fill(text, "t5.")
    text.save_pretrained(folder / "t5-base")
    return folder


def load(folder: Path) -> StableAudio:
    return StableAudioFamily.load(folder, name="tiny", device="cpu", dtype="float32")


def asked(target: StableAudio, kind: str, *, dropped: bool = False) -> tuple[Tensor, Tensor]:
    """ε here, and ε from the original's answers, under the original's own conditions or under none."""
    about, arrays = golden.read(f"stable_audio_{kind}")
    levels = torch.tensor(about["levels"] * len(about["told"]))
    told = [
        Timed("" if dropped else one["prompt"], one["seconds_start"], one["seconds_total"])
        for one in about["told"] for _ in about["levels"]
    ]  # fmt: skip
    time = ((levels + 0.5) / 1000)[:, None, None]
    state, answer = arrays["noisy"], arrays["dropped" if dropped else "answer"]
    if kind == "open":  # v = α ε − σ z
        angle = time * torch.pi / 2
        return target.predict_noise(state, levels, told), angle.sin() * state + angle.cos() * answer
    noisy = state / torch.sqrt((1 - time) ** 2 + time**2)
    return target.predict_noise(noisy, levels, told), state + (1 - time) * answer
