"""What a run cannot know and its author states: whose case it is, who made it, who vouches for the held-out set.

Goal: a page that can be filed says who says what. Conventions: ``case.json`` in the run folder, hashed with
the rest; what nobody stated stays ``None`` and is printed as "not stated", never guessed.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from earwitness.files import read_record, write_text

CASE_NAME = "case.json"


class Case(BaseModel):
    """What is stated about an audit beside its numbers.

    Attributes
    ----------
    title
        The heading of the report.
    reference
        The case's number or name where it is filed.
    author
        Who made the audit and answers for it.
    held_out_statement
        Who vouches that the held-out works were not trained on, and how they know.
    report_made
        When the page was last rendered by hand, as text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str | None = None
    reference: str | None = None
    author: str | None = None
    held_out_statement: str | None = None
    report_made: str | None = None

    @classmethod
    def read(cls, run: Path) -> "Case":
        """Read ``run/case.json``; nothing is stated where there is none."""
        path = run / CASE_NAME
        return read_record(path, cls, is_not="is no statement of a case") or cls()

    @classmethod
    def note(cls, run: Path, **stated: Any) -> "Case":
        """Add what is stated to the run folder's ``case.json``; what is ``None`` stays as it was."""
        there = cls.read(run)
        now = there.model_copy(update={name: value for name, value in stated.items() if value is not None})
        if now != there:
            write_text(run / CASE_NAME, now.model_dump_json(indent=2) + "\n")
        return now
