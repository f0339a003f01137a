"""The server: one address on this machine, no account, no measurement of use, nothing sent anywhere."""

import os
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earwitness.app.audits import WorkDirectory
from earwitness.app.guard import LOOPBACK, Guard
from earwitness.app.uploads import FILE_BYTES
from earwitness.errors import EarwitnessError, missing_extra

if TYPE_CHECKING:
    import gradio as gr

_WAITING = 32
_STYLE = Path(__file__).with_name("page.css")


def serve_app(folder: Path, *, host: str, port: int | None, say: Callable[[str], None]) -> None:
    """Serve the app over a work directory until it is interrupted; audits go on without it."""
    work = WorkDirectory(folder)
    _prepare(work.uploads)
    from earwitness.app.page import build

    _serve(build(work), host, port, say)


def serve_viewer(path: Path, *, host: str, port: int | None, say: Callable[[str], None]) -> None:
    """Serve a run folder or a bundle, read only, until it is interrupted."""
    from earwitness.report.archive import unpacked

    with unpacked(path) as run, tempfile.TemporaryDirectory(prefix="earwitness-") as cache:
        _prepare(Path(cache))
        from earwitness.app.viewer import build_viewer

        _serve(build_viewer(run, path.resolve().name, with_audio=path.is_dir()), host, port, say)


def _prepare(cache: Path) -> None:
    """Set what Gradio reads when it is imported, and see whether it is there."""
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED="False", GRADIO_TEMP_DIR=str(cache), HF_HUB_DISABLE_TELEMETRY="1", DO_NOT_TRACK="1"
    )
    try:
        import gradio as gr  # noqa: F401
    except ImportError:
        raise missing_extra("gradio", "app") from None


def _theme(gr: Any) -> Any:
    """The machine's own fonts (nothing is fetched), and colours with enough contrast in both modes."""
    colours = {
        "body_text_color_subdued": ("#5c5c58", "#b5b5b0"), "block_info_text_color": ("#5c5c58", "#b5b5b0"),
        "block_label_text_color": ("#3a3a38", "#d0d0cc"), "block_title_text_color": ("#3a3a38", "#d0d0cc"),
        "input_placeholder_color": ("#6b6b66", "#a5a5a0"), "button_primary_background_fill": ("#1d4ed8", "#1d4ed8"),
        "button_primary_background_fill_hover": ("#1e3a8a", "#1e3a8a"), "button_primary_text_color": ("#fff", "#fff"),
    }  # fmt: skip
    both = {f"{name}{ending}": pair[i] for name, pair in colours.items() for i, ending in enumerate(("", "_dark"))}
    return gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(**both)


def _serve(page: "gr.Blocks", host: str, port: int | None, say: Callable[[str], None]) -> None:
    import gradio as gr
    from starlette.middleware import Middleware

    is_local = host in LOOPBACK
    password = None if is_local else secrets.token_urlsafe(12)
    page.queue(max_size=_WAITING, default_concurrency_limit=2, api_open=False)
    try:
        page.launch(
            server_name=host, server_port=port, share=False, inbrowser=False, quiet=True, prevent_thread_lock=True,
            auth=None if password is None else ("earwitness", password), allowed_paths=[], footer_links=[],
            max_file_size=FILE_BYTES, strict_cors=True, enable_monitoring=False, run_history=False, ssr_mode=False,
            pwa=False, mcp_server=False, root_path="", state_session_capacity=100, css_paths=_STYLE,
            theme=_theme(gr),
            app_kwargs={"middleware": [Middleware(Guard, hosts=LOOPBACK if is_local else ())]},
        )  # fmt: skip
    except OSError as error:
        taken = f"{host} is not this machine's, or port {port or '7860 to 7959'} is taken"
        raise EarwitnessError(f"No server could be started: {taken}; choose with --host and --port.") from error
    try:
        say(f"The page is {page.local_url}")
        if password is not None:
            say(f"It can be reached from other machines: user earwitness, password {password}")
        say("Ctrl-C ends the page; an audit that runs goes on, and is there when the page is opened again.")
        while True:  # a wait without end would not hear a Ctrl-C that another thread took
            time.sleep(0.5)
    finally:
        page.close(verbose=False)
