"""The viewer: a run folder or a bundle, read and checked, never written.

Goal: what is shown is what the files of the run give today. The page that came along is not shown but rendered again,
so a stranger's bundle brings no page of its own; where the two differ, that is said.
"""

from pathlib import Path

import gradio as gr

from earwitness.app import fragments
from earwitness.app.listening import strongest_and_weakest
from earwitness.app.page import heading
from earwitness.app.widgets import html
from earwitness.errors import EarwitnessError
from earwitness.report.html import page_of
from earwitness.verdict.result import DatasetInferenceResult


def build_viewer(run: Path, name: str, *, with_audio: bool) -> gr.Blocks:
    """The page of one run.

    Parameters
    ----------
    run
        The run folder, or what a bundle was unpacked into.
    name
        What to call it.
    with_audio
        Whether the audio may be on this machine; a bundle brings none.

    Raises
    ------
    EarwitnessError
        Where it holds no result that can be read.
    """
    result = DatasetInferenceResult.read(run / "result.json")
    document = fragments.frame(page_of(run), "Report of the audit")
    with gr.Blocks(title="earwitness viewer", analytics_enabled=False, fill_width=True) as page:
        heading(name, "Read only. The report is rendered again from the run's files.")
        html("".join(_checks(run)))
        html(document, elem_id="report")
        if with_audio:
            listen = gr.Button("Listen to the strongest and the weakest evidence", elem_id="listen")
            players = html(elem_id="players")

            def hear() -> str:
                try:
                    return fragments.players(*strongest_and_weakest(run), result.alpha)
                except EarwitnessError as error:
                    return fragments.alert(error)

            listen.click(hear, None, players, api_visibility="private", show_progress="hidden")
    return page


def _checks(run: Path) -> list[str]:
    """What is wrong with the files, or that nothing is."""
    from earwitness.record.run_folder import inconsistencies
    from earwitness.verification.recompute import changed_files, other_page

    try:
        found = [*changed_files(run), *inconsistencies(run), *other_page(run)]
    except EarwitnessError as error:
        found = [str(error)]
    if found:
        return [fragments.alert(f"This run is not what it says it is: {problem}.") for problem in found]
    return [fragments.note("Files, log and page fit each other. `earwitness verify` computes the results again too.")]
