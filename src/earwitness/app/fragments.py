"""Fragments: what the page shows of an audit, as HTML in which every text from outside is escaped.

Conventions: a document (report, findings) is shown in a frame that may run no script, open no window and reach no
network; nothing of it becomes part of the page.
"""

from collections.abc import Sequence
from html import escape

from earwitness.app.audits import Audit
from earwitness.app.blind import Sitting
from earwitness.app.jobs import Job
from earwitness.app.listening import Heard
from earwitness.text import harmless
from earwitness.verdict.numbers import decimal, p_value

_HEARD = 0.05
_STEPS = {"look": "Looking at the files", "audit": "The audit"}


def text(value: object) -> str:
    """Text from outside as text."""
    return escape(harmless(str(value)))


def frame(document: str, name: str) -> str:
    """A whole HTML document, locked into a frame of the page."""
    return (
        f'<iframe class="document" title="{text(name)}" sandbox="" referrerpolicy="no-referrer" '
        f'srcdoc="{escape(document)}"></iframe>'
    )


def alert(message: object) -> str:
    """What went wrong, in one line."""
    return f'<p class="alert" role="alert">{text(message)}</p>'


def note(message: object) -> str:
    """A plain sentence."""
    return f"<p>{text(message)}</p>"


def status(audit: Audit) -> str:
    """What was asked for, and how both commands stand."""
    asked = audit.asked
    facts = (
        ("Model", asked.target), ("Suspect set", _set(asked.suspect, audit)),
        ("Held-out set", _set(asked.held_out, audit)), ("Run folder", audit.run),
    )  # fmt: skip
    rows = "".join(f"<div><dt>{name}</dt><dd>{text(value)}</dd></div>" for name, value in facts)
    lines = "".join(_line(_STEPS[step], job) for step, job in (("look", audit.look), ("audit", audit.audit)))
    return f'<h2>{text(asked.title)}</h2><dl>{rows}</dl><div role="status">{lines}</div>'


def _set(folder: str, audit: Audit) -> str:
    return "uploaded files" if folder.startswith(str(audit.folder)) else folder


def _line(what: str, job: Job) -> str:
    state = job.state
    if state == "new":
        return ""
    if state == "failed":
        return alert(f"{what} could not be finished. {job.message}")
    if state == "stopped":
        return note(f"{what} was stopped; finished parts are kept, and it can go on from there.")
    said = "".join(f"<li>{text(warning)}</li>" for warning in dict.fromkeys(job.warnings))
    warned = f"<ul>{said}</ul>" if said else ""
    if state == "done":
        return f"{note(f'{what} is finished.')}{warned}"
    return f"{_bar(what, job)}{warned}"


def _bar(what: str, job: Job) -> str:
    at = job.progress
    if at is None:
        return note(f"{what}: starting.")
    how_far = f" ({at.done:,} of {at.total:,})" if at.total else ""
    value = f' value="{at.done}" max="{at.total}"' if at.total else ""
    return f'<label class="progress">{text(f"{what}: {at.doing}{how_far}")} <progress{value}></progress></label>'


def players(strongest: Sequence[Heard], weakest: Sequence[Heard], alpha: float) -> str:
    """The tracks at both ends, each with a player."""
    sides = (("The strongest evidence", strongest), ("The weakest evidence", weakest))
    return "".join(
        f"<h3>{name}</h3><ol>{''.join(_player(track, alpha) for track in tracks)}</ol>" for name, tracks in sides
    )


def _player(track: Heard, alpha: float) -> str:
    p = "" if track.p_value is None else f", p = {text(p_value(track.p_value, alpha=alpha))}"
    figures = f'<span class="quiet">score {decimal(track.score, 2)}{p}</span>'
    if track.sound is None:
        sound = f'<span class="quiet">{text(track.why_not)}</span>'
    else:
        sound = f'<audio controls preload="none" src="{escape(track.sound)}" aria-label="{text(track.title)}"></audio>'
    return f'<li><span class="title">{text(track.title)}</span> {figures} {sound}</li>'


def trial(sitting: Sitting) -> str:
    """The players of the trial that is next."""
    number = len(sitting.answers)
    sounds = "".join(
        f'<li>{name} <audio controls preload="none" src="{escape(sound)}" aria-label="{name}"></audio></li>'
        for name, sound in sitting.trials[number].sounds().items()
    )
    return f"<h3>Trial {number + 1} of {len(sitting.trials)}</h3><ul>{sounds}</ul>"


def outcome(sitting: Sitting) -> str:
    """What the answers of a finished sitting are worth."""
    trials = len(sitting.trials)
    p = sitting.p_value
    heard = "That is more than guessing gives" if p <= _HEARD else "Guessing does as well often enough"
    return "<h3>The sitting is over</h3>" + note(
        f"{sitting.right} of {trials} answers were right. Whoever hears no difference has as many or more right with "
        f"probability {decimal(p, 4)} (binomial, one-sided). {heard}; it says what one listener heard of these "
        "excerpts over this equipment."
    )
