"""Audio that a target makes itself, under captions of its collection: AI-generated suspects."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soxr
import torch

from earwitness.types import Wave

_BATCH = 16
SAMPLE_RATE = 16_000
_NOISE_STEPS, _GUIDANCE = 50, 3.0


def generated(model: Path, captions: Sequence[str], *, seed: int) -> list[Wave]:
    """Let a target make a clip of its own longest length for every caption.

    Parameters
    ----------
    model
        A folder with a diffusers AudioLDM pipeline, or with a MusicGen.
    captions
        One a clip.
    seed
        Of all that is drawn.

    Returns
    -------
    list of ndarray
        float32 [samples] at 16 kHz within ±1, all of one length.
    """
    sample = _diffused if (model / "model_index.json").exists() else _continued
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return [wave for start in range(0, len(captions), _BATCH) for wave in sample(model, captions[start:][:_BATCH])]


@torch.no_grad()
def _continued(model: Path, captions: Sequence[str]) -> list[Wave]:
    from transformers import AutoTokenizer, MusicgenForConditionalGeneration

    tokenizer = AutoTokenizer.from_pretrained(model)
    musicgen = MusicgenForConditionalGeneration.from_pretrained(model, dtype=torch.float32, use_safetensors=True).eval()
    text = tokenizer(list(captions), padding=True, return_tensors="pt")
    longest = musicgen.config.decoder.max_position_embeddings
    waves = musicgen.generate(**text, do_sample=True, guidance_scale=_GUIDANCE, max_new_tokens=longest)
    rate = musicgen.config.audio_encoder.sampling_rate
    return [soxr.resample(wave, rate, SAMPLE_RATE).clip(-1, 1) for wave in waves[:, 0].numpy()]


def _diffused(model: Path, captions: Sequence[str]) -> list[Wave]:
    from diffusers.pipelines.deprecated.audioldm.pipeline_audioldm import AudioLDMPipeline

    pipeline = AudioLDMPipeline.from_pretrained(model, dtype=torch.float32, use_safetensors=True)
    pipeline.set_progress_bar_config(disable=True)
    waves = pipeline(list(captions), num_inference_steps=_NOISE_STEPS, guidance_scale=_GUIDANCE, output_type="np")
    return list(np.asarray(waves.audios, dtype=np.float32).clip(-1, 1))
