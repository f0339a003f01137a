"""The tab for blind listening: a sealed folder, then trial after trial, and at the end what the answers are worth.

Conventions: which of two is X stays in the server's state of the session until the last answer; the page holds the
sounds alone.
"""

from pathlib import Path
from typing import Any

import gradio as gr

from earwitness.app import fragments
from earwitness.app.audits import existing_folder
from earwitness.app.blind import Sitting, draw_sitting
from earwitness.app.widgets import PRIVATE, html
from earwitness.errors import EarwitnessError

TRIALS = 16


class Blind:
    """The form, the trial, and what was found."""

    def __init__(self) -> None:
        html(
            "<h2>Can you hear the marks?</h2><p>In each trial A and B are a master and a marked copy of it, or two "
            "copies, in an order that was drawn, and X is one of the two again. Say which. How many were right is told "
            "after the last.</p>"
        )
        sealed = gr.Textbox(label="Sealed folder on this machine", info="what `earwitness mark` made")
        masters = gr.Textbox(label="Folder of the masters (optional)", info="without it two copies are compared")
        count = gr.Number(TRIALS, label="Trials", precision=0, minimum=1)
        begin = gr.Button("Begin", variant="primary", elem_id="blind-begin")
        sitting = gr.State(None)
        trial = html(elem_id="blind-trial")
        with gr.Row():
            is_a = gr.Button("X is A", visible=False, elem_id="blind-a")
            is_b = gr.Button("X is B", visible=False, elem_id="blind-b")
        shown = [sitting, trial, is_a, is_b]
        begin.click(begun, [sealed, masters, count], shown, **PRIVATE)
        is_a.click(lambda now: answered(now, True), sitting, shown, **PRIVATE)
        is_b.click(lambda now: answered(now, False), sitting, shown, **PRIVATE)


def begun(sealed: str | None, masters: str | None, count: float | None) -> list[Any]:
    """Draw a sitting and show its first trial, or say what is missing."""
    try:
        folder = Path(existing_folder(sealed or "", "sealed folder"))
        typed = (masters or "").strip()
        originals = Path(existing_folder(typed, "folder of masters")) if typed else None
        return _shown(draw_sitting(folder, originals, int(count or 0)))
    except EarwitnessError as error:
        return [None, fragments.alert(error), *_buttons(False)]


def answered(sitting: Sitting | None, x_is_a: bool) -> list[Any]:
    """Take an answer, and show the next trial or the outcome."""
    if sitting is None:
        return [None, fragments.alert("Begin a sitting first."), *_buttons(False)]
    try:
        return _shown(sitting.answered(x_is_a))
    except EarwitnessError as error:
        return [None, fragments.alert(error), *_buttons(False)]


def _shown(sitting: Sitting) -> list[Any]:
    if sitting.is_over:
        return [sitting, fragments.outcome(sitting), *_buttons(False)]
    return [sitting, fragments.trial(sitting), *_buttons(True)]


def _buttons(visible: bool) -> list[Any]:
    return [gr.update(visible=visible), gr.update(visible=visible)]
