"""A broken plug-in is named in one line and spoils nothing."""

from importlib.metadata import EntryPoint

import pytest

from earwitness.plug_ins import load_plug_ins


def test_a_broken_plug_in_is_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [
        EntryPoint(name="good", value="math:sqrt", group="g"),
        EntryPoint(name="bad", value="no_such_module_at_all:x", group="g"),
    ]
    monkeypatch.setattr("earwitness.plug_ins.entry_points", lambda group: entries)
    assert load_plug_ins("g")["good"](9) == 3
    assert list(load_plug_ins("g")) == ["good"]
    lines = set(capsys.readouterr().err.splitlines())
    assert lines == {
        "earwitness: the plug-in bad (no_such_module_at_all:x) cannot be loaded (ModuleNotFoundError: "
        "No module named 'no_such_module_at_all') and is left out; mend or uninstall it."
    }
