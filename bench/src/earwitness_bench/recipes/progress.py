"""Resumable training state: one file, replaced atomically, loaded without pickles."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch


class Stateful(Protocol):
    """Anything with a state: a module, an optimizer, a schedule."""

    def state_dict(self) -> Mapping[str, Any]:
        """Return the state."""

    def load_state_dict(self, state_dict: Any) -> Any:
        """Take a state back."""


class Checkpoint:
    """Save and restore named ``Stateful`` parts together with the step they belong to."""

    def __init__(self, path: Path, parts: Mapping[str, Stateful]) -> None:
        self.path = path
        self.parts = parts

    def restore(self) -> int:
        """Load the last saved state, if any, and return the step to go on from (0: from the start)."""
        if not self.path.exists():
            return 0
        state = torch.load(self.path, weights_only=True)
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        return int(state["step"])

    def save(self, step: int) -> None:
        """Write the state after ``step`` steps; an interruption leaves the former one whole."""
        state = {name: part.state_dict() for name, part in self.parts.items()}
        partial = self.path.with_suffix(".partial")
        torch.save({"step": step, **state}, partial)
        partial.replace(self.path)
