"""A broken plug-in is named in one line and spoils nothing."""

from importlib.metadata import EntryPoint

import pytest

from earwitness.plug_ins import load_plug_ins
from earwitness.signals.registry import denoising_signals, registered_signals, token_signals


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


def test_what_is_no_signal_of_either_kind_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [
        EntryPoint(name="zlib", value="earwitness.signals.tokens.zlib:Zlib", group="earwitness.signals"),
        EntryPoint(name="pia", value="earwitness.signals.denoising.pia:Pia", group="earwitness.signals"),
        EntryPoint(name="number", value="builtins:int", group="earwitness.signals"),
        EntryPoint(name="fails", value="builtins:next", group="earwitness.signals"),
    ]
    monkeypatch.setattr("earwitness.plug_ins.entry_points", lambda group: entries)
    registered_signals.cache_clear()
    try:
        assert (list(token_signals()), list(denoising_signals())) == (["zlib"], ["pia"])
    finally:
        registered_signals.cache_clear()
    lines = capsys.readouterr().err
    assert "the plug-in number (builtins:int) cannot be loaded (TypeError: int has no specs and no measure" in lines
    assert "the plug-in fails (builtins:next) cannot be loaded" in lines
