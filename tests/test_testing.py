"""The conformance suite: an honest target passes, each kind of broken one is caught."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from earwitness.targets import load_target
from earwitness.targets.protocols import LogitsChunk, TokenTarget
from earwitness.testing import check_target
from tests.tiny import save_tiny_musicgen


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> TokenTarget:
    return load_target(str(save_tiny_musicgen(tmp_path_factory.mktemp("model"))), device="cpu")


class Broken:
    """Passes everything on to a target, except for what a test breaks."""

    def __init__(self, target: TokenTarget) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def encode(self, waves: np.ndarray) -> torch.Tensor:
        return self._target.encode(waves)

    def logits(self, codes: torch.Tensor, prompts: Sequence[str], *, null: bool) -> Iterator[LogitsChunk]:
        return self._target.logits(codes, prompts, null=null)


class SeesTheToken(Broken):
    def logits(self, codes: torch.Tensor, prompts: Sequence[str], *, null: bool) -> Iterator[LogitsChunk]:
        seen = 0
        for chunk in self._target.logits(codes, prompts, null=null):
            stop = seen + chunk.condition.shape[2]
            leak = torch.nn.functional.one_hot(codes[:, :, seen:stop], chunk.condition.shape[-1])
            yield LogitsChunk(chunk.condition + leak, None if chunk.null is None else chunk.null + leak)
            seen = stop


class MindsItsBatchMates(Broken):
    def logits(self, codes: torch.Tensor, prompts: Sequence[str], *, null: bool) -> Iterator[LogitsChunk]:
        for chunk in self._target.logits(codes, prompts, null=null):
            yield LogitsChunk(chunk.condition * len(codes), chunk.null)


class TakesAnEmptyPromptForOne(Broken):
    def logits(self, codes: torch.Tensor, prompts: Sequence[str], *, null: bool) -> Iterator[LogitsChunk]:
        return self._target.logits(codes, [prompt or "a jig" for prompt in prompts], null=null)


class HearsNoWords(Broken):
    def logits(self, codes: torch.Tensor, prompts: Sequence[str], *, null: bool) -> Iterator[LogitsChunk]:
        return self._target.logits(codes, ["a jig" if prompt else "" for prompt in prompts], null=null)


class EncodesAtRandom(Broken):
    def encode(self, waves: np.ndarray) -> torch.Tensor:
        return torch.randint(16, self._target.encode(waves).shape)


def test_musicgen_keeps_the_contract(target: TokenTarget) -> None:
    assert len(list(check_target(target))) == 7


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (SeesTheToken, "do not see the token"),
        (MindsItsBatchMates, "batch-mates"),
        (TakesAnEmptyPromptForOne, "null condition"),
        (HearsNoWords, "two prompts are answered otherwise"),
        (EncodesAtRandom, "same codes"),
    ],
)
def test_a_broken_promise_is_named(target: TokenTarget, broken: type[Broken], promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        list(check_target(broken(target)))


def test_the_command_prints_what_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.cli.test_bad_input import run

    assert run(monkeypatch, "check", "--target", save_tiny_musicgen(tmp_path)) == 0
    assert "holds: batch-mates change nothing" in capsys.readouterr().out
