"""What every tab of the page is made of."""

from typing import Any

import gradio as gr

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 4}
"""How every handler is bound: no address of its own, no bar over the page."""


def html(value: str = "", **more: Any) -> gr.HTML:
    """A place for a fragment."""
    return gr.HTML(value, js_on_load=None, elem_classes=["fragment"], **more)
