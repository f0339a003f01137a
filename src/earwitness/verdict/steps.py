"""How far a verdict is, for who waits for it: relabellings done, of those that are to come.

Goal: a stage of a verdict repeats a test many times, and nothing but counting is added to it. Conventions: a stage
that turns out shorter than foreseen counts as done when the next begins; one that turns out longer waits at its end.
"""

from dataclasses import dataclass

from earwitness.types import OnProgress


@dataclass(slots=True, kw_only=True)
class Steps:
    """Counts relabellings and tells (done, ``total``)."""

    on_progress: OnProgress
    total: int
    done: int = 0
    end: int = 0

    def stage(self, relabellings: int) -> None:
        """Begin a stage of so many relabellings."""
        self.done = self.end
        self.end += relabellings
        self.on_progress(self.done, self.total)

    def take(self, relabellings: int) -> None:
        """Count so many of the stage as done."""
        self.done = min(self.done + relabellings, self.end)
        self.on_progress(self.done, self.total)
