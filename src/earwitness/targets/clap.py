"""CLAP, one space for texts and sounds, as the models of the AudioLDM family are conditioned on it.

Goal: a prompt's unit vector, and a clip's. AudioLDM and MusicLDM were trained on the vector of each
clip's own *sound*; a prompt's vector only stands in for it at generation. Where a directory holds the
side that hears (MusicLDM's does), or has it in a folder ``clap`` (for AudioLDM: a ``ClapModel`` and its
feature extractor), clips are asked about under what was trained.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize
from transformers import (
    ClapAudioModelWithProjection,
    ClapFeatureExtractor,
    ClapTextModelWithProjection,
    PreTrainedTokenizerBase,
)

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.networks import OTHER_SIDE_OF_CLAP
from earwitness.targets.pipeline_folder import load_tokenizer, load_transformers
from earwitness.targets.resampling import resample

OWN_FOLDER = "clap"
_SAME = 1e-2


class ClapText:
    """The side that reads: a prompt's unit vector [width]."""

    def __init__(self, encoder: ClapTextModelWithProjection, tokenizer: PreTrainedTokenizerBase) -> None:
        self.encoder = encoder
        self._tokenizer = tokenizer
        # Positions are counted from behind the padding's.
        places = int(encoder.config.max_position_embeddings) - int(encoder.config.pad_token_id) - 1
        self._longest = min(int(tokenizer.model_max_length), places)

    def __call__(self, prompt: str) -> Tensor:
        """The vector of one prompt, cut at the length that the encoder takes."""
        text = self._tokenizer([prompt], truncation=True, max_length=self._longest, return_tensors="pt")
        text = text.to(self.encoder.device)
        vectors = self.encoder(text.input_ids, attention_mask=text.attention_mask).text_embeds
        return normalize(vectors, dim=-1)[0]


class ClapAudio:
    """The side that hears: unit vectors [width] of clips [batch, samples] at ``sample_rate``.

    Of a clip longer than the encoder hears, the beginning: training took any ten of its 10.24 seconds.
    """

    def __init__(
        self, encoder: ClapAudioModelWithProjection, extractor: ClapFeatureExtractor, sample_rate: int
    ) -> None:
        self.encoder = encoder
        self._extractor = extractor
        self._sample_rate = sample_rate

    def __call__(self, clips: Tensor) -> list[Tensor]:
        """One vector a clip."""
        rate, longest = int(self._extractor.sampling_rate), int(self._extractor.nb_max_samples)
        waves = resample(clips, self._sample_rate, rate)[:, :longest].cpu().numpy()
        heard: Any = self._extractor(
            list(waves), sampling_rate=rate, truncation="rand_trunc", padding="repeatpad", return_tensors="pt"
        )
        vectors = self.encoder(
            heard.input_features.to(self.encoder.device), is_longer=heard.is_longer.to(self.encoder.device)
        ).audio_embeds
        return list(normalize(vectors, dim=-1))


def load_clap_text(folder: Path, *, device: str, part: str = "text_encoder") -> ClapText:
    """Load the side that reads of the CLAP in a pipeline directory."""
    encoder = load_transformers(folder, part, ClapTextModelWithProjection, unused=OTHER_SIDE_OF_CLAP)
    return ClapText(encoder.to(device), load_tokenizer(folder, "tokenizer"))


def load_clap_audio(folder: Path, text: ClapText, *, sample_rate: int, device: str) -> ClapAudio | None:
    """Load the side that hears, from the directory's own CLAP or from its folder ``clap``; ``None`` without one.

    Raises
    ------
    TargetError
        Where ``clap`` is not the CLAP whose other side ``text`` is: its vectors would mean something else.
    """
    part = "text_encoder" if read_config(folder / "text_encoder").get("model_type") == "clap" else OWN_FOLDER
    if not (folder / part).is_dir():
        return None
    if part == OWN_FOLDER:
        _require_same(folder, text, device)
    features = folder / ("feature_extractor" if (folder / "feature_extractor").is_dir() else part)
    extractor = load_safely(
        f"The feature extractor in {features}",
        lambda: ClapFeatureExtractor.from_pretrained(features, local_files_only=True),
    )
    encoder = load_transformers(folder, part, ClapAudioModelWithProjection, unused=OTHER_SIDE_OF_CLAP)
    return ClapAudio(encoder.to(device), extractor, sample_rate)


@torch.no_grad()
def _require_same(folder: Path, text: ClapText, device: str) -> None:
    own, given = text("slow piano"), load_clap_text(folder, device=device, part=OWN_FOLDER)("slow piano")
    if own.shape != given.shape or float((own - given).norm()) > _SAME:
        raise TargetError(
            f"{folder / OWN_FOLDER} is not the CLAP that this model was trained with: it reads a text otherwise than "
            "text_encoder/ does; put the right one there, or none to ask by prompts."
        )
