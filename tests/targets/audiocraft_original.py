"""audiocraft's MusicGen and AudioGen written out in plain PyTorch over its own tensor names.

Goal: an answer that owes nothing to the code under test. The formulas are those of the papers
and of audiocraft's modules; ``save_release`` writes tiny releases in audiocraft's layout.
"""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor, nn
from transformers import T5Config, T5EncoderModel

from earwitness_bench.recipes.musicgen import caption_tokenizer
from tests.targets.audiocraft_codec import CODES, COMPRESSION, SAMPLE_RATE, Codec, Tensors, Tree

SECONDS = 2

LANGUAGE_MODEL: Tree = {
    "solver": "audiogen", "sample_rate": SAMPLE_RATE, "channels": 1, "lm_model": "transformer_lm",
    "dataset": {"segment_duration": SECONDS, "batch_size": 128},
    "interleave_stereo_codebooks": {"use": False, "per_timestep": False},
    "codebooks_pattern": {
        "modeling": "delay", "delay": {"delays": [0, 1, 2, 3], "flatten_first": 0, "empty_initial": 0},
    },
    "transformer_lm": {
        "dim": 24, "num_heads": 3, "num_layers": 2, "hidden_scale": 4, "n_q": 4, "card": CODES, "dropout": 0.0,
        "emb_lr": None, "activation": "gelu", "norm_first": True, "bias_ff": False, "bias_attn": False,
        "bias_proj": False, "past_context": None, "causal": True, "custom": False, "memory_efficient": True,
        "layer_scale": None, "positional_embedding": "sin", "xpos": False, "norm": "layer_norm",
        "cross_attention": False, "qk_layer_norm": False, "qk_layer_norm_cross": False, "kv_repeat": 1,
        "two_step_cfg": False,
    },
    "classifier_free_guidance": {"training_dropout": 0.1, "inference_coef": 3.0},
    "fuser": {
        "cross_attention_pos_emb": False, "cross_attention_pos_emb_scale": 1, "sum": [], "prepend": [],
        "cross": ["description"], "input_interpolate": [],
    },
    "conditioners": {
        "description": {
            "model": "t5",
            "t5": {"name": "t5-large", "finetune": False, "word_dropout": 0.0, "normalize_text": False},
        },
    },
}  # fmt: skip
_MELODY = {
    "model": "chroma_stem",
    "chroma_stem": {
        "sample_rate": "${sample_rate}", "n_chroma": 12, "radix2_exp": 14, "argmax": True, "match_len_on_eval": False,
        "eval_wavs": None, "n_eval_wavs": 100, "cache_path": None,
    },
}  # fmt: skip


def changed(tree: Tree, **values: object) -> Tree:
    """Settings with some values replaced; ``transformer_lm__dim=32`` names a nested one."""
    tree = deepcopy(tree)
    for name, value in values.items():
        *path, last = name.split("__")
        branch = tree
        for key in path:
            branch = branch.setdefault(key, {})
        branch[last] = value
    return tree


STEREO = changed(
    LANGUAGE_MODEL,
    solver="musicgen",
    interleave_stereo_codebooks__use=True,
    transformer_lm__n_q=8,
    codebooks_pattern__delay__delays=[0, 0, 1, 1, 2, 2, 3, 3],
)
MELODY = changed(
    LANGUAGE_MODEL,
    solver="musicgen",
    fuser__cross=[],
    fuser__prepend=["self_wav", "description"],
    conditioners__self_wav=_MELODY,
)


@dataclass
class LanguageModel:
    """A transformer over delayed codebooks, pre-norm, conditioned by cross-attention or by a prefix."""

    settings: Tree
    tensors: Tensors

    @classmethod
    def random(cls, settings: Tree, *, text_width: int, seed: int) -> "LanguageModel":
        torch.manual_seed(seed)
        lm = settings["transformer_lm"]
        width, inner, codes = lm["dim"], lm["hidden_scale"] * lm["dim"], lm["card"]
        shapes = {f"emb.{k}.weight": (codes + 1, width) for k in range(lm["n_q"])}
        shapes |= {f"linears.{k}.weight": (codes, width) for k in range(lm["n_q"])}
        projection = "condition_provider.conditioners.description.output_proj"
        shapes |= {f"{projection}.weight": (width, text_width), f"{projection}.bias": (width,)}
        attentions, norms = ["self_attn", "cross_attention"], ["out_norm"]
        if settings["fuser"]["prepend"]:
            attentions.pop()
            projection = projection.replace("description", "self_wav")
            shapes |= {f"{projection}.weight": (width, 12), f"{projection}.bias": (width,)}
            shapes["condition_provider.conditioners.self_wav.chroma.spec.window"] = (2**14,)
        for i in range(lm["num_layers"]):
            layer = f"transformer.layers.{i}"
            for attention in attentions:
                shapes[f"{layer}.{attention}.in_proj_weight"] = (3 * width, width)
                shapes[f"{layer}.{attention}.out_proj.weight"] = (width, width)
            shapes |= {f"{layer}.linear1.weight": (inner, width), f"{layer}.linear2.weight": (width, inner)}
            norms += [f"{layer}.{norm}" for norm in ("norm1", "norm2", "norm_cross")[: 1 + len(attentions)]]
        tensors = {name: 0.3 * torch.randn(shape) for name, shape in shapes.items()}
        tensors |= {f"{norm}.weight": 1 + 0.2 * torch.randn(width) for norm in norms}
        tensors |= {f"{norm}.bias": 0.2 * torch.randn(width) for norm in norms}
        return cls(settings, tensors)

    def logits(self, codes: Tensor, text: Tensor, mask: Tensor) -> Tensor:
        """Logits [B, K, T, V] of codes [B, K, T] under T5 states [B, L, D], whose mask [B, L] zeroes them."""
        lm, delays = self.settings["transformer_lm"], self.settings["codebooks_pattern"]["delay"]["delays"]
        batch, codebooks, frames = codes.shape
        steps = [[None] * codebooks]
        steps += [
            [step - delay if 0 <= step - delay < frames else None for delay in delays]
            for step in range(frames + max(delays))
        ]
        special = torch.full((batch,), lm["card"])
        x = sum(
            torch.stack(
                [self._at(f"emb.{k}", special if (t := places[k]) is None else codes[:, k, t]) for places in steps], 1
            )
            for k in range(codebooks)
        )
        condition = self._linear("condition_provider.conditioners.description.output_proj", text) * mask[..., None]
        prefix = self._prefix(condition)
        x = torch.cat([prefix, x], dim=1)
        half = lm["dim"] // 2
        phase = torch.arange(x.shape[1])[:, None] / 10_000 ** (torch.arange(half) / (half - 1))
        x = x + torch.cat([phase.cos(), phase.sin()], dim=1)
        for i in range(lm["num_layers"]):
            layer = f"transformer.layers.{i}"
            normed = self._norm(f"{layer}.norm1", x)
            x = x + self._attend(f"{layer}.self_attn", normed, normed, causal=True)
            if self.settings["fuser"]["cross"]:
                normed = self._norm(f"{layer}.norm_cross", x)
                x = x + self._attend(f"{layer}.cross_attention", normed, condition, causal=False)
            inner = nn.functional.gelu(self._linear(f"{layer}.linear1", self._norm(f"{layer}.norm2", x)))
            x = x + self._linear(f"{layer}.linear2", inner)
        x = self._norm("out_norm", x)[:, prefix.shape[1] :]
        # What is said in step s is about step s + 1.
        where = {(k, t): step - 1 for step, places in enumerate(steps) for k, t in enumerate(places) if t is not None}
        rows = [
            torch.stack([self._linear(f"linears.{k}", x[:, where[k, t]]) for t in range(frames)], 1)
            for k in range(codebooks)
        ]
        return torch.stack(rows, dim=1)

    def _prefix(self, condition: Tensor) -> Tensor:
        """A silent melody, whose chroma is a tie that the first class wins, then the text."""
        if not self.settings["fuser"]["prepend"]:
            return condition[:, :0]
        silence = torch.zeros(SAMPLE_RATE * SECONDS)
        window = 2 ** self.settings["conditioners"]["self_wav"]["chroma_stem"]["radix2_exp"]
        spectrum = torch.stft(silence, window, window // 4, window=torch.ones(window), return_complex=True)
        chroma = nn.functional.one_hot(torch.zeros(len(condition), spectrum.shape[1], dtype=torch.long), 12)
        melody = self._linear("condition_provider.conditioners.self_wav.output_proj", chroma.float())
        return torch.cat([melody, condition], dim=1)

    def _at(self, name: str, index: Tensor) -> Tensor:
        return self.tensors[f"{name}.weight"][index]

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.tensors[f"{name}.weight"], self.tensors.get(f"{name}.bias"))

    def _norm(self, name: str, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scale = (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return centred / scale * self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]

    def _attend(self, name: str, queries: Tensor, others: Tensor, *, causal: bool) -> Tensor:
        width, heads = queries.shape[-1], self.settings["transformer_lm"]["num_heads"]
        projections = self.tensors[f"{name}.in_proj_weight"].split(width)
        q, k, v = (
            nn.functional.linear(x, weight).unflatten(-1, (heads, -1)).transpose(1, 2)
            for x, weight in zip((queries, others, others), projections, strict=True)
        )
        scores = q @ k.transpose(-1, -2) / (width // heads) ** 0.5
        if causal:
            future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
            scores = scores.masked_fill(future, -torch.inf)
        return self._linear(f"{name}.out_proj", (scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


def save_text_encoder(folder: Path, *, width: int = 12, seed: int = 0) -> T5EncoderModel:
    """Save a T5 encoder with its tokenizer, as the hub holds one."""
    tokenizer = caption_tokenizer(["a dog barks in the rain", "slow piano"])
    torch.manual_seed(seed)
    model = T5EncoderModel(
        T5Config(vocab_size=len(tokenizer), d_model=width, d_kv=4, d_ff=16, num_layers=1, num_heads=2)
    ).eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


@dataclass
class Original:
    """A release on disk beside the plain models whose tensors it holds."""

    folder: Path
    language_model: LanguageModel
    codec: Codec
    text_encoder: T5EncoderModel


def save_release(
    folder: Path,
    *,
    language_model: Tree = LANGUAGE_MODEL,
    compression: Tree = COMPRESSION,
    text_width: int = 12,
    seed: int = 0,
    half: bool = False,
) -> Original:
    """Write both files and the text encoder; with ``half`` the language model is stored in float16."""
    folder.mkdir(parents=True, exist_ok=True)
    lm = LanguageModel.random(language_model, text_width=text_width, seed=seed)
    if half:
        lm.tensors = {name: tensor.half() for name, tensor in lm.tensors.items()}
    codec = Codec.random(compression, seed=seed)
    save_file(folder / "state_dict.bin", lm.settings, lm.tensors)
    save_file(folder / "compression_state_dict.bin", codec.settings, codec.tensors)
    return Original(folder, lm, codec, save_text_encoder(folder / "t5-large", width=text_width, seed=seed))


def save_file(path: Path, settings: Tree, tensors: Tensors) -> None:
    """Write one file as audiocraft exports it."""
    content = {"best_state": tensors, "xp.cfg": yaml.safe_dump(settings), "version": "1.3.0", "exported": True}
    torch.save(content, path)


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Gaussian noise as float32."""
    return np.random.default_rng(seed).normal(scale=0.3, size=shape).astype(np.float32)
