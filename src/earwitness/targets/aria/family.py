"""Load Aria from the hub's folder: ``config.json`` and ``model.safetensors``; its Python files are not run."""

from pathlib import Path

import torch

from earwitness.errors import TargetError
from earwitness.targets.aria.network import is_aria, load_network
from earwitness.targets.aria.target import Aria
from earwitness.targets.aria.vocabulary import LONGEST_OPENING, TOKENS
from earwitness.targets.causal_lm.scorer import CodeScorer
from earwitness.targets.checkpoint import read_config
from earwitness.targets.weights import identify, in_precision


class _Family:
    """Directories whose configuration says that they are this Aria."""

    name = "aria"
    description = "Aria of EleutherAI: piano performances, MIDI files in its own tokens"

    def matches(self, folder: Path) -> bool:
        """Whether the configuration is of this model."""
        return is_aria(read_config(folder))

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> Aria:
        """Load it in evaluation mode."""
        precision = getattr(torch, dtype)
        network = load_network(folder, precision)
        identity = identify(self.name, name, dtype, parts={"model": network}, folders=[folder])
        network = in_precision(network, precision).to(device).eval()
        scorer = CodeScorer(network, first_code_ids=[0], codes=TOKENS, what=f"The Aria checkpoint in {folder}")
        longest = scorer.longest(None) or 0
        if longest <= LONGEST_OPENING + 1:
            raise TargetError(f"{folder / 'config.json'} says max_seq_len {longest}; pieces do not fit into that.")
        return Aria(scorer, identity, max_tokens=longest)


AriaFamily = _Family()
