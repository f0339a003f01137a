"""The page: a form for a new audit, the audits there are, watched while they run, and blind listening.

Conventions: every handler takes and gives plain values, reads the work directory anew, and keeps nothing between two
clicks; errors of the user's are one escaped line on the page.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr

from earwitness.app import fragments
from earwitness.app.audits import Asked, Audit, WorkDirectory, existing_folder
from earwitness.app.blind_page import Blind
from earwitness.app.listening import strongest_and_weakest
from earwitness.app.uploads import Upload, checked, keep
from earwitness.app.widgets import PRIVATE, html
from earwitness.collection.reading import DECODERS
from earwitness.errors import EarwitnessError
from earwitness.ground_truth.registry import TARGETS
from earwitness.report.html import page_of
from earwitness.text import harmless

OTHER = "another model"
_SECONDS_BETWEEN_LOOKS = 1.0


def build(work: WorkDirectory) -> gr.Blocks:
    """The page of a work directory."""
    with gr.Blocks(
        title="earwitness", analytics_enabled=False, fill_width=True, delete_cache=(3600, 24 * 3600)
    ) as page:
        heading("earwitness", "Has this model heard your music? Everything here stays on this machine.")
        with gr.Tabs() as tabs:
            with gr.Tab("New audit", id="new"):
                form = _Form(work)
            with gr.Tab("Audits", id="audits"):
                watch = _Watch(work)
            with gr.Tab("Blind listening", id="blind"):
                Blind()
        form.on_begun(watch, tabs)
        page.load(watch.listed, None, [watch.chosen, tabs], **PRIVATE)
    return page


def heading(title: str, sentence: str) -> None:
    """The head of a page."""
    html(f"<h1>{fragments.text(title)}</h1><p>{fragments.text(sentence)}</p>")


class _Form:
    """What an audit needs."""

    def __init__(self, work: WorkDirectory) -> None:
        self.work = work
        html("<h2>What is asked</h2>")
        title = gr.Textbox(label="Name of the audit", placeholder="Case 17", max_length=200)
        with gr.Row():
            shipped = gr.Dropdown(
                [*((f"{name} (ships with earwitness)", name) for name in TARGETS), (OTHER, OTHER)],
                value=OTHER, label="Model", min_width=240,
            )  # fmt: skip
            other = gr.Textbox(label="Its folder (or hub id, which is downloaded)", min_width=240)
        shipped.change(lambda name: gr.update(interactive=name == OTHER), shipped, other, **PRIVATE)
        suspect = self._set("Suspect set", "published works that may have been trained on")
        held_out = self._set("Held-out set", "works of the same origin that certainly were not")
        with gr.Accordion("Settings and statements", open=False):
            alpha = gr.Number(0.01, label="Level α", minimum=0.0001, maximum=0.5)
            simulated = gr.Number(100, label="Simulated audits before the model is asked", precision=0, minimum=0)
            windows = gr.Textbox("6", label="Windows per track (a number, or all)")
            harmonise = gr.Dropdown(["off", "level", "codec", "full"], value="off", label="Harmonise")
            device = gr.Textbox("auto", label="Device (auto, cpu, cuda)")
            author = gr.Textbox(label="Who makes the audit")
            statement = gr.Textbox(label="Who vouches for the held-out set, and how they know", lines=2)
        self.button = gr.Button("Look at the files", variant="primary", elem_id="look")
        self.said = html(elem_id="form-said")
        self.inputs = [
            title,
            shipped,
            other,
            *suspect,
            *held_out,
            alpha,
            simulated,
            windows,
            harmonise,
            device,
            author,
            statement,
        ]
        self.uploads = [suspect[1], held_out[1]]

    def _set(self, name: str, what: str) -> tuple[gr.Textbox, gr.File]:
        html(f"<h2>{name}</h2>")
        folder = gr.Textbox(label=f"{name}: folder on this machine", info=what)
        with gr.Accordion(f"{name}: upload files instead", open=False):
            files = gr.File(file_count="multiple", file_types=sorted(DECODERS), label=f"{name}: files", height=140)
        return folder, files

    def on_begun(self, watch: "_Watch", tabs: gr.Tabs) -> None:
        """Show a begun audit in the other tab."""

        def begin(*values: Any) -> list[Any]:
            try:
                self.work.need_idle()
                filled: list[Any] = ["" if value is None else value for value in values]
                audit = self._new(*filled)
                audit.begin_look()
            except EarwitnessError as error:
                return [fragments.alert(error), *[gr.skip()] * 4]
            return ["", *watch.listed(audit.name), None, None]

        outputs = [self.said, watch.chosen, tabs, *self.uploads]
        self.button.click(begin, self.inputs, outputs, **PRIVATE)

    def _new(
        self, title: str, shipped: str, other: str, suspect: str, suspect_files: list[str], held_out: str,
        held_out_files: list[str], alpha: Any, simulated: Any, windows: str, harmonise: str, device: str, author: str,
        statement: str,
    ) -> Audit:  # fmt: skip
        target = other.strip() if shipped == OTHER else shipped
        if not target:
            raise EarwitnessError("The model is missing: choose a shipped one, or give its folder.")
        if "" in (alpha, simulated):
            raise EarwitnessError("The level α or the number of simulated audits is missing; give 0.01 and 100.")
        if (folder := Path(target).expanduser()).is_dir():
            target = str(folder.resolve())
        sets = [
            self._chosen(suspect, suspect_files, "suspect set"),
            self._chosen(held_out, held_out_files, "held-out set"),
        ]

        def fill(folder: Path) -> Asked:
            first, second = (
                chosen if isinstance(chosen, str) else str(keep(chosen, folder / name))
                for chosen, name in zip(sets, ("suspect", "held-out"), strict=True)
            )
            return Asked(
                title=title, target=target, suspect=first, held_out=second, alpha=alpha, simulated=simulated,
                windows_per_track=windows.strip(), harmonise=harmonise, device=device.strip(), author=author,
                held_out_statement=statement,
            )  # fmt: skip

        return self.work.new(title, fill)

    def _chosen(self, folder: str, files: list[str], what: str) -> str | list[Upload]:
        """A folder that was typed, or files that were uploaded."""
        if files and folder.strip():
            raise EarwitnessError(f"The {what} is given twice; keep the folder or the uploaded files.")
        return checked(files, inside=self.work.uploads) if files else existing_folder(folder, what)


class _Watch:
    """The audits there are, and all of one of them."""

    def __init__(self, work: WorkDirectory) -> None:
        self.work = work
        self.chosen = gr.Dropdown([], label="Audit", elem_id="chosen")
        seen = gr.State("")
        status = html(elem_id="status")
        with gr.Row():
            begin = gr.Button("Start the audit", variant="primary", visible=False, elem_id="start")
            stop = gr.Button("Stop", visible=False, elem_id="stop")
        said = html(elem_id="watch-said")
        report = html(elem_id="report")
        listen = gr.Button("Listen to the strongest and the weakest evidence", visible=False, elem_id="listen")
        players = html(elem_id="players")
        findings = html(elem_id="findings")
        shown = [seen, status, begin, stop, report, listen, findings, self.chosen]
        self.chosen.change(self.shown, [self.chosen, gr.State("")], shown, **PRIVATE)
        self.chosen.change(lambda: ("", ""), None, [said, players], **PRIVATE)
        gr.Timer(_SECONDS_BETWEEN_LOOKS).tick(self.shown, [self.chosen, seen], shown, **PRIVATE)
        begin.click(self._doing(self._begin), self.chosen, said, **PRIVATE)
        stop.click(self._doing(self._stop), self.chosen, said, **PRIVATE)
        listen.click(self._listen, self.chosen, players, **PRIVATE)

    def listed(self, name: str | None = None) -> list[Any]:
        """The list of audits, the named or the latest one chosen, and the tab that shows it."""
        choices = self._choices()
        if not choices:
            return [gr.skip(), gr.skip()]
        return [gr.update(choices=choices, value=name or choices[0][1]), gr.update(selected="audits")]

    def _choices(self) -> list[tuple[str, str]]:
        return [(label(audit), audit.name) for audit in self.work.audits()]

    def shown(self, name: str | None, seen: str) -> list[Any]:
        """All of an audit; what is as it was seen before is left alone."""
        if not name:
            return [gr.skip()] * 8
        try:
            audit = self.work.find(name)
            status = fragments.status(audit)
            states = f"{name} {audit.look.state} {audit.audit.state}"
        except EarwitnessError as error:
            return ["", fragments.alert(error), *[gr.skip()] * 6]
        if seen.partition("\n")[0] == states:
            same = seen == f"{states}\n{status}"
            return [gr.skip() if same else f"{states}\n{status}", gr.skip() if same else status, *[gr.skip()] * 6]
        finished = audit.audit.state == "done"
        word = {"new": "Start the audit", "done": "Start the audit"}.get(audit.audit.state, "Go on with the audit")
        return [
            f"{states}\n{status}", status, gr.update(value=word, visible=not (audit.is_busy or finished)),
            gr.update(visible=audit.is_busy), _document(audit, finished), gr.update(visible=finished), _findings(audit),
            gr.update(choices=self._choices()),
        ]  # fmt: skip

    def _begin(self, audit: Audit) -> None:
        self.work.need_idle()
        audit.begin_audit()

    def _stop(self, audit: Audit) -> None:
        audit.look.stop()
        audit.audit.stop()

    def _doing(self, act: Callable[[Audit], object]) -> Callable[[str | None], str]:
        def handler(name: str | None) -> str:
            with _said() as lines:
                act(self.work.find(name))
            return "".join(lines)

        return handler

    def _listen(self, name: str | None) -> str:
        with _said() as lines:
            audit = self.work.find(name)
            lines.append(fragments.players(*strongest_and_weakest(audit.run), audit.asked.alpha))
        return "".join(lines)


@contextmanager
def _said() -> Iterator[list[str]]:
    """What to show of an act: its fragments, or its error."""
    lines: list[str] = []
    try:
        yield lines
    except EarwitnessError as error:
        lines.append(fragments.alert(error))


def label(audit: Audit) -> str:
    """What the list calls an audit, one that cannot be read too."""
    try:
        return harmless(audit.label)
    except EarwitnessError:
        return f"unreadable · {audit.name}"


def _document(audit: Audit, finished: bool) -> str:
    return f"<h2>Report</h2>{fragments.frame(page_of(audit.run), 'Report of the audit')}" if finished else ""


def _findings(audit: Audit) -> str:
    if audit.look.state != "done" or not audit.findings.exists():
        return ""
    document = fragments.frame(audit.findings.read_text(encoding="utf-8"), "What the files are and can show")
    return f"<h2>What the files are and can show</h2>{document}"
