"""The card of a ground-truth target: what it was trained on, how, and how much it shows."""

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTune:
    """One tune of the split: its name, group, content hash as it is written, and whether it was trained on."""

    name: str
    group: str
    content_sha256: str
    member: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The facts about one ground-truth target, as ``card.json`` holds them.

    ``renderer`` says what turns the collection into files. ``losses`` are means of the tunes'
    losses in ``loss_unit``, each the mean over windows of the tune; ``loss_auc`` is the chance
    that a member's loss lies below a non-member's, with its 95 % interval.
    """

    name: str
    data: str
    renderer: dict[str, str]
    licence: str
    split_seed: int
    epochs: int
    recipe: dict[str, Any]
    losses: dict[str, float]
    loss_auc: dict[str, float]
    loss_unit: str = "nats per token"
    tunes: tuple[CardTune, ...]

    def summary(self) -> str:
        """Two lines for the terminal."""
        members = sum(tune.member for tune in self.tunes)
        return (
            f"{self.name}: trained on {members} of {len(self.tunes)} tunes for {self.epochs} epochs ({self.data})\n"
            f"loss of a member {self.losses['member']:.3f}, of a non-member {self.losses['non_member']:.3f} "
            f"{self.loss_unit}; per-track loss AUC {self.loss_auc['estimate']:.3f} "
            f"[{self.loss_auc['low']:.3f}, {self.loss_auc['high']:.3f}]"
        )

    def markdown(self) -> str:
        """The model card that lies beside the weights."""
        members = sum(tune.member for tune in self.tunes)
        rows = {
            "data": self.data,
            "renderer": ", ".join(f"{key} {value}" for key, value in self.renderer.items()),
            "split": f"half of the {len({tune.group for tune in self.tunes})} tune groups, seed {self.split_seed}: "
            f"{members} tunes trained on, {len(self.tunes) - members} not; each by content hash in card.json",
            "training": f"{self.epochs} epochs of the schedule "
            + ", ".join(f"{key} {value}" for key, value in self.recipe.items()),
            f"loss, {self.loss_unit}": f"{self.losses['member']:.3f} on members, "
            f"{self.losses['non_member']:.3f} on non-members",
            "per-track loss AUC": f"{self.loss_auc['estimate']:.3f} "
            f"[{self.loss_auc['low']:.3f}, {self.loss_auc['high']:.3f}]",
            "licence": self.licence,
            "purpose": "a known answer for membership and dataset inference; no use as a music generator is meant",
        }
        table = "\n".join(f"| {key} | {value} |" for key, value in rows.items())
        return f"# {self.name}\n\n| | |\n| --- | --- |\n{table}\n"

    def write(self, path: Path) -> None:
        """Write the card as JSON, a line per tune."""
        content = asdict(self)
        tunes = content.pop("tunes")
        head = json.dumps(content, indent=2)[:-2]
        lines = ",\n".join(f"    {json.dumps(tune)}" for tune in tunes)
        path.write_text(f'{head},\n  "tunes": [\n{lines}\n  ]\n}}\n', encoding="utf-8")


@cache
def read_card(path: Path) -> Card:
    """Read a card."""
    content = json.loads(path.read_text(encoding="utf-8"))
    content["tunes"] = tuple(CardTune(**tune) for tune in content["tunes"])
    return Card(**content)
