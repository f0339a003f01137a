"""A broken plug-in is named in one line and spoils nothing."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from earwitness.errors import EarwitnessError
from earwitness.measure.part import PartMeasurer
from earwitness.measure.passes.batch import Window
from earwitness.plug_ins import load_plug_ins
from earwitness.signals.denoising.losses import DenoisingLoss
from earwitness.signals.denoising.oracle import Oracle
from earwitness.signals.denoising.presets import denoising_preset, measure_batch
from earwitness.signals.denoising.schedule import Schedule
from earwitness.signals.registry import denoising_signals, registered_signals, token_signals
from earwitness.signals.tokens.excess_loss import ExcessLoss
from earwitness.signals.tokens.presets import token_preset
from earwitness.signals.tokens.reduction import reduce_logits
from earwitness.signals.tokens.scores import token_scores
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction, FeatureSpec


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


class Failing:
    """A signal of somebody else's that fails on short windows, and names one feature."""

    specs = (FeatureSpec(name="failing", member_is=Direction.HIGHER),)

    def measure(self, passes: Passes) -> list[float]:
        if passes.condition.codes.shape[-1] < 3:
            raise ZeroDivisionError("too short\nfor me")
        return [1.0]


def window(frames: int) -> Passes:
    codes = torch.zeros((1, frames), dtype=torch.long)
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(1, frames, 4)))
    quantities = {name: value.numpy() for name, value in reduce_logits(logits, codes).items()}
    return Passes(condition=token_scores(codes.numpy(), quantities))


def test_a_signal_that_fails_is_named_once_and_its_feature_missing(capsys: pytest.CaptureFixture[str]) -> None:
    preset = token_preset("default").with_signals({"failing": Failing()})
    short, long = (preset.measure(window(frames), guided=False) for frames in (2, 5))
    again = preset.measure(window(2), guided=False)
    assert np.isnan(short["failing/codebook=0"])
    assert np.isnan(again["failing/codebook=0"])
    assert long["failing/codebook=0"] == 1.0
    assert np.isfinite([value for name, value in short.items() if not name.startswith("failing")]).all()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "failed (ZeroDivisionError: too short\ufffdfor me)" in lines[0]
    assert "its features are missing (NaN)" in lines[0]


def test_a_signal_with_too_many_numbers_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    class Two(Failing):
        def measure(self, passes: Passes) -> list[float]:
            return [1.0, 2.0]

    found = token_preset("default").with_signals({"two": Two()}).measure(window(5), guided=False)
    assert np.isnan(found["failing/codebook=0"])
    assert "it gave numbers of shape (2,) in place of (1,)" in capsys.readouterr().err


def test_our_own_signals_fail_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(self: object, passes: Passes) -> list[float]:
        raise ZeroDivisionError

    monkeypatch.setattr(ExcessLoss, "measure", defect)
    with pytest.raises(ZeroDivisionError):
        token_preset("default").measure(window(5), guided=False)


class FailingOnNoise:
    """A signal of diffusion models, of somebody else's."""

    specs = (FeatureSpec(name="noisy", member_is=Direction.LOWER),)
    pairs = ()

    def measure(self, oracle: Oracle) -> NDArray[np.float64]:
        raise RuntimeError("no noise")


def test_a_signal_of_diffusion_models_that_fails_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    oracle = Oracle(
        latents=torch.zeros(2, 3), predict=lambda noisy, timesteps, rows: noisy,
        schedule=Schedule(np.linspace(0.99, 0.01, 10)), keys=["a", "b"], seed=0,
    )  # fmt: skip
    preset = replace(denoising_preset("default"), signals=(DenoisingLoss(),)).with_signals({"noisy": FailingOnNoise()})
    rows = measure_batch(preset, oracle)
    assert [np.isnan(row["noisy"]) for row in rows] == [True, True]
    assert [sum(map(np.isfinite, row.values())) for row in rows] == [len(rows[0]) - 1] * 2 != [0, 0]
    assert "failed (RuntimeError: no noise)" in capsys.readouterr().err


class FailingTarget:
    """Stands for a target of somebody else's."""


class FailingInstrument:
    """Measures nothing."""

    target = FailingTarget()
    specs = ()

    def measure(self, windows: Sequence[Window]) -> list[dict[str, float]]:
        raise KeyError("vocabulary")


def test_a_target_of_a_plug_in_that_fails_ends_with_one_line() -> None:
    window = Window(content=np.zeros(3, dtype=np.float32), prompt="", key="k")
    measurer = PartMeasurer(reader=None, instrument=FailingInstrument(), batch_size=1)  # type: ignore[arg-type]
    with pytest.raises(EarwitnessError, match=r"comes from a plug-in \(tests.test_plug_ins\) and failed \(KeyError"):
        measurer._measured([window])
