"""What the public repository holds, taken out of a clone that the user made.

Goal: model folders, performances and their published split, byte for byte, from two fixed commits. ``git`` is
asked for files by commit, so it matters neither what is checked out nor whether the clone is a bare one.
"""

import csv
import io
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from earwitness.errors import EarwitnessError

SOURCE = "https://github.com/behzadhaki/GrooveTransformer"
_MAIN, _VAE_BRANCH = "eb2ee23e3d5d572269ce9a24d51fc0881ce64bbd", "0f53deb58cc9c5e3f9e06ff8ffbad46e54eead14"
_DIRECT = "model/Base/saved/monotonic_groove_transformer_v1/latest"
_ARTIFACTS = "Experiments/VAE/V0_TransformerEncoderOnlyVAE/artifacts"
MODELS = {
    "cool_25_ep200": (_MAIN, "model/VAE/vae_checkpoints/Density1D/cool_25_ep200.pth"),
    "colorful_sweep_41": (_MAIN, f"{_DIRECT}/colorful_sweep_41.pth"),
    "solar_shadow_247": (_MAIN, f"{_DIRECT}/solar_shadow_247.pth"),
    "v242": (_VAE_BRANCH, f"{_ARTIFACTS}/model_epoch_100:v242/100.pth"),
    "v280": (_VAE_BRANCH, f"{_ARTIFACTS}/model_epoch_100:v280/100.pth"),
    "summer_13_ep290": (_MAIN, "model/VAE/vae_checkpoints/Density2D/summer_13_ep290.pth"),
}
"""Where each model's weights are: commit and path."""
_DATA = "data/gmd/resources/source_dataset/groove-v1.0.0-midionly.zip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """A line of the data set's list.

    ``split`` is ``train``, ``validation`` or ``test``; ``session`` names the drummer too.
    """

    path: str
    session: str
    split: str
    is_beat: bool

    @property
    def is_evaluation(self) -> bool:
        """Whether it is one of the forty takes that four drummers played from a list, for a listening test."""
        return self.session.endswith("eval_session")


@dataclass(frozen=True, slots=True)
class Clone:
    """A clone of the repository."""

    folder: Path

    def weights(self, model: str) -> bytes:
        """A model's checkpoint."""
        return self._file(*MODELS[model])

    def performances(self) -> Iterator[tuple[Performance, bytes]]:
        """The performances in 4/4, each with its MIDI file."""
        with zipfile.ZipFile(io.BytesIO(self._file(_MAIN, _DATA))) as archive:
            lines = io.StringIO(archive.read("groove/info.csv").decode())
            for line in csv.DictReader(lines):
                if line["time_signature"] == "4-4":
                    yield (
                        Performance(
                            path=line["midi_filename"], session=line["session"], split=line["split"],
                            is_beat=line["beat_type"] == "beat",
                        ),
                        archive.read(f"groove/{line['midi_filename']}"),
                    )  # fmt: skip

    def _file(self, commit: str, path: str) -> bytes:
        asked = ["git", "-C", str(self.folder), "show", f"{commit}:{path}"]
        try:
            return subprocess.run(asked, check=True, capture_output=True).stdout
        except (subprocess.CalledProcessError, OSError) as error:
            said = error.stderr.decode(errors="replace") if hasattr(error, "stderr") else str(error)
            reason = said.strip().splitlines()[0][:200] if said.strip() else "git gave no reason"
            raise EarwitnessError(
                f"{self.folder} has no {path} at commit {commit[:7]} ({reason}); clone {SOURCE} with all its branches."
            ) from None
