"""``earwitness app`` where it cannot be served: one line."""

import sys
from pathlib import Path

import pytest

from tests.cli.test_bad_input import one_line, run


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("GRADIO_ANALYTICS_ENABLED", "GRADIO_TEMP_DIR", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        monkeypatch.setenv(name, "")
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert run(monkeypatch, "app", "--work", tmp_path) == 2
    assert "pip install 'earwitness[app]'" in one_line(capsys)


def test_what_cannot_be_viewed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no.zip").write_bytes(b"PK nothing")
    assert run(monkeypatch, "app", "--view", tmp_path / "no.zip") == 2
    assert "cannot be read as a bundle" in one_line(capsys)
    assert run(monkeypatch, "app", "--view", tmp_path / "nowhere") == 2
    assert "does not exist" in one_line(capsys)
