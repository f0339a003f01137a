"""The errors a user can cause, each carrying one line that says what to do.

Goal: anything wrong with the user's input raises ``EarwitnessError``; the command
line prints its message and exits with status 2. Anything else is a defect of ours
and shows a traceback. A message says what was found, what was needed and what to do.
"""

from earwitness.text import harmless


class EarwitnessError(Exception):
    """A user's mistake: the message is one line, complete and actionable, whatever names stand in it."""

    def __init__(self, message: str) -> None:
        super().__init__(harmless(message))


class AudioError(EarwitnessError):
    """A single file that cannot be used; becomes a row of the failures table."""


class TargetError(EarwitnessError):
    """A model directory that cannot be loaded or is not of the stated family."""


class PlanMismatchError(EarwitnessError):
    """A run folder that was made with other settings than the ones given now."""


def missing_extra(package: str, extra: str) -> EarwitnessError:
    """Say which pip line brings a package that is not installed."""
    return EarwitnessError(
        f"The package {package!r} is not installed; it comes with: pip install 'earwitness[{extra}]'."
    )
