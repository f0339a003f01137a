"""A plan that was laid down before the model was asked, and the hash that proves it to others.

Goal: pre-registration. ``earwitness plan --commit`` writes the plan and prints its hash before any score exists;
whoever is given the hash can later see that the run kept to it. Conventions: ``commitment.json`` says when;
the proof is the hash in another's hands, because whoever holds the folder can write the file anew.
"""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from earwitness.errors import EarwitnessError
from earwitness.files import read_record, write_text

COMMITMENT_NAME = "commitment.json"


class Commitment(BaseModel):
    """The hash of a plan, and when it was laid down (UTC, ISO 8601)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan_hash: str
    made: str
    version: str

    @classmethod
    def read(cls, run: Path) -> "Commitment | None":
        """Read ``run/commitment.json``; ``None`` where the plan was not committed."""
        path = run / COMMITMENT_NAME
        return read_record(path, cls, is_not="is no commitment")

    @classmethod
    def make(cls, run: Path, plan_hash: str) -> "Commitment":
        """Write the commitment of a run whose model was not asked yet; the same plan again changes nothing.

        Raises
        ------
        EarwitnessError
            Where features were measured already, or another plan was committed.
        """
        from earwitness import __version__

        there = cls.read(run)
        if there is not None and there.plan_hash == plan_hash:
            return there
        if there is not None:
            raise EarwitnessError(
                f"{run} holds the commitment to another plan ({there.plan_hash[:16]}…); choose another --out folder."
            )
        if any((run / "features").glob("part-*.parquet")):
            raise EarwitnessError(
                f"{run} holds features already, so its plan can no longer be committed before they are seen; "
                "choose another --out folder."
            )
        made = datetime.now(UTC).isoformat(timespec="seconds")
        now = cls(plan_hash=plan_hash, made=made, version=__version__)
        write_text(run / COMMITMENT_NAME, now.model_dump_json(indent=2) + "\n")
        return now
