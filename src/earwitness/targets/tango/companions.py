"""What a release names but does not hold: its noise schedule, its T5's configuration and tokenizer.

Goal: find them in the release's own folder, then in the local hub cache, then among what was deleted
from the hub and comes with us, then on the hub, and otherwise say in one line what to put where. They
are small files; the T5's weights are in the release itself. Neither is guessed: with a wrong schedule nothing
fails, and every number is wrong.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from earwitness.errors import TargetError

PUBLISHED = Path(__file__).parent / "published"
"""Tables that releases name and that are no longer to be had, as they were published."""
_SHIPPED = {"stabilityai/stable-diffusion-2-1"}
_PUBLISHED_NAME = re.compile(r"(?:\w[\w.-]*/)?\w[\w.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """A part that lies elsewhere.

    Attributes
    ----------
    role
        What it is, for the reader.
    place
        Its subfolder of a release, besides one called like the published name.
    within
        The subfolder of the published repository that holds it; empty: its root.
    needed
        Of each group of file names one must be there.
    patterns
        The files to fetch.
    """

    role: str
    place: str
    within: str
    needed: tuple[tuple[str, ...], ...]
    patterns: tuple[str, ...]

    def find(self, folder: Path, name: str) -> Path:
        """Return the folder that holds it for the release in ``folder``, which calls it ``name``.

        Raises
        ------
        TargetError
            Where it is nowhere to be had.
        """
        if not _PUBLISHED_NAME.fullmatch(name):
            raise TargetError(f"{folder}: its {self.role} is called {name!r}, which is no published model's name.")
        own = folder / self.place
        for place in (own, folder / name.rsplit("/", 1)[-1] / self.within):
            if self._complete(place):
                return place
        shipped = PUBLISHED / name.rsplit("/", 1)[-1] / self.within
        reason = ""
        for offline in (True, False):
            # Before the hub is asked: what is deleted there came with us.
            if not offline and name in _SHIPPED and self._complete(shipped):
                return shipped
            found = self._snapshot(name, offline=offline)
            if isinstance(found, Path) and self._complete(found):
                return found
            reason = found if isinstance(found, str) else "its files are incomplete there"
        files = " and ".join(" or ".join(group) for group in self.needed)
        raise TargetError(
            f"{folder} needs the {self.role} of {name}, which its files name but do not hold; it is not in the hub "
            f"cache and could not be fetched ({reason}). Put its {files} into {own}."
        )

    def _complete(self, place: Path) -> bool:
        return all(any((place / name).is_file() for name in group) for group in self.needed)

    def _snapshot(self, name: str, *, offline: bool) -> Path | str:
        """The local copy of the published part, or the reason why there is none."""
        from huggingface_hub import snapshot_download

        wanted = [f"{self.within}/{pattern}" if self.within else pattern for pattern in self.patterns]
        try:
            return Path(snapshot_download(name, allow_patterns=wanted, local_files_only=offline)) / self.within
        except Exception as error:  # the hub client raises dozens of unrelated types
            return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def remark_on(companion: Companion, place: Path, name: str) -> list[str]:
    """A sentence for the reader where a companion is not the release's own, but came with us."""
    if PUBLISHED not in place.parents:
        return []
    return [
        f"The {companion.role} of {name}, which the release only names and which the hub no longer has, is the "
        "published one as it comes with earwitness (scaled linear, β .00085 to .012, 1000 steps, v prediction)."
    ]


TEXT_ENCODER = Companion(
    role="T5 configuration and tokenizer", place="text_encoder", within="",
    needed=(("config.json",), ("tokenizer.json", "spiece.model")),
    patterns=("config.json", "tokenizer*.json", "special_tokens_map.json", "spiece.model"),
)  # fmt: skip
SCHEDULER = Companion(
    role="noise schedule", place="scheduler", within="scheduler",
    needed=(("scheduler_config.json",),), patterns=("scheduler_config.json",),
)  # fmt: skip
