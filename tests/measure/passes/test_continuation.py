"""Continuations of a real tiny model: what is compared with what, and a model that knows one clip by heart."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch

from earwitness.errors import TargetError
from earwitness.features import FeatureTable
from earwitness.measure.passes.batch import Batch, Window, encode
from earwitness.measure.passes.continuation import ContinuationPass, longest_run
from earwitness.measure.tokens import TokenInstrument, target_passes
from earwitness.signals.tokens.continuation import continuation
from earwitness.signals.tokens.presets import token_preset
from earwitness.signals.tokens.requests import ContinuationAnswer, ContinuationRequest
from earwitness.targets import load_target
from earwitness.targets.protocols import TokenTarget
from earwitness.verdict.near_copies import near_copies
from earwitness_bench.recipes.musicgen import caption_tokenizer, sequence_loss, small_musicgen
from tests.tiny import SAMPLE_RATE, save_tiny_musicgen, tiny_codec

SECONDS = 2.0
PRESET = token_preset("default").with_signals({"continuation": continuation()})


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> TokenTarget:
    return load_target(str(save_tiny_musicgen(tmp_path_factory.mktemp("target"))), device="cpu")


def window(i: int, seconds: float = SECONDS) -> Window:
    """Bursts of noise of random loudness and colour, five a second."""
    rng = np.random.default_rng(i)
    bursts = [
        rng.uniform(0.1, 0.5) * np.convolve(rng.normal(size=SAMPLE_RATE // 5), np.ones(n) / n, mode="same")
        for n in rng.integers(1, 12, size=round(5 * seconds))
    ]
    return Window(content=np.concatenate(bursts).astype(np.float32), prompt="a reel in d major", key=f"track {i}/0")


class Recital:
    """A target that continues with given codes and otherwise is the real one."""

    def __init__(self, target: TokenTarget, new: torch.Tensor) -> None:
        self._target = target
        self._new = new

    def __getattr__(self, name: str) -> object:
        return getattr(self._target, name)

    def continue_codes(self, codes: torch.Tensor, prompts: list[str], frames: int) -> torch.Tensor:
        return self._new[:, :, codes.shape[2] : codes.shape[2] + frames]

    def decode(self, codes: torch.Tensor) -> np.ndarray:
        decoded: np.ndarray = self._target.decode(codes)  # type: ignore[attr-defined]
        return decoded


def ask(target: TokenTarget, batch: Batch, share: float = 0.4) -> ContinuationAnswer:
    answer = ContinuationPass().ask(target, batch, ContinuationRequest(share))[0]
    assert isinstance(answer, ContinuationAnswer)
    return answer


def test_the_true_end_agrees_in_everything(target: TokenTarget) -> None:
    batch = encode(target, [window(0)])
    found = ask(Recital(target, batch.codes), batch)  # type: ignore[arg-type]
    assert found.token_agreement.tolist() == [1, 1, 1]
    assert found.longest_match == pytest.approx(1.2)  # three fifths of two seconds
    assert found.similarity == pytest.approx(1, abs=1e-6)
    assert found.loop_match < found.longest_match


def test_a_difference_breaks_the_match_where_it_stands(target: TokenTarget) -> None:
    batch = encode(target, [window(0)])
    changed = batch.codes.clone()
    changed[0, 0, 50] = (changed[0, 0, 50] + 1) % 16  # 10 frames after the border at 40
    changed[0, 1, 60:] = (changed[0, 1, 60:] + 1) % 16
    found = ask(Recital(target, changed), batch)  # type: ignore[arg-type]
    assert found.token_agreement.tolist() == pytest.approx([59 / 60, 20 / 60, 1])
    assert found.longest_match == pytest.approx(49 * 320 / SAMPLE_RATE)
    assert found.similarity < 0.999


def test_a_loop_is_explained_by_its_own_prompt(target: TokenTarget) -> None:
    batch = encode(target, [window(0)])
    batch.codes[:] = batch.codes[:, :, :10].repeat(1, 1, 10)
    found = ask(Recital(target, batch.codes), batch)  # type: ignore[arg-type]
    assert found.loop_match == found.longest_match == pytest.approx(1.2)


def test_the_model_is_asked_behind_the_windows_own_beginning(target: TokenTarget) -> None:
    batch = encode(target, [window(0), window(1)])
    new = target.continue_codes(batch.codes[:, :, :25], list(batch.conditions), 75)  # type: ignore[attr-defined]
    answers = ContinuationPass().ask(target, batch, ContinuationRequest(0.25))
    for answer, theirs, own in zip(answers, new, batch.codes, strict=True):
        assert isinstance(answer, ContinuationAnswer)
        np.testing.assert_allclose(answer.token_agreement, (theirs == own[:, 25:]).double().mean(dim=1))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_window_that_cannot_be_divided_has_no_answer(target: TokenTarget, share: float) -> None:
    assert ContinuationPass().ask(target, encode(target, [window(0)]), ContinuationRequest(share)) == [None]


def test_a_target_that_does_not_generate_is_named(target: TokenTarget) -> None:
    with pytest.raises(TargetError, match="does not generate"):
        ContinuationPass().ask(SimpleNamespace(), encode(target, [window(0)]), ContinuationRequest())  # type: ignore[arg-type]


@pytest.mark.parametrize(("bits", "longest"), [("", 0), ("000", 0), ("1", 1), ("0110111", 3), ("1110110", 3)])
def test_the_longest_run(bits: str, longest: int) -> None:
    assert longest_run(np.array([bit == "1" for bit in bits], dtype=bool)) == longest


@pytest.mark.slow
def test_a_clip_known_by_heart_is_found_and_strangers_are_not(tmp_path: Path) -> None:
    windows = [window(i) for i in range(24)]
    target = load_target(str(_knowing(windows[5], tmp_path)), device="cpu")
    instrument = TokenInstrument(target=target, preset=PRESET, guided=False, further=target_passes(0))
    rows = [row for start in (0, 12) for row in instrument.measure(windows[start : start + 12])]
    names = [f"t{i:02d}" for i in range(24)]
    frame = pl.DataFrame(rows).with_columns(
        track_id=pl.Series(names), group=pl.Series(names), role=pl.Series(["suspect"] * 8 + ["held_out"] * 16)
    )
    found = near_copies(FeatureTable.from_frame(frame))
    assert found is not None
    assert [copy.track_id for copy in found.found] == ["t05"]
    assert found.found[0].seconds == pytest.approx(1.2)
    assert found.found[0].token_agreement == 1
    assert found.found[0].similarity == pytest.approx(1, abs=1e-6)
    swapped = frame.with_columns(role=pl.Series(["held_out"] * 8 + ["suspect"] * 16))
    nothing = near_copies(FeatureTable.from_frame(swapped))
    assert nothing is not None
    assert not nothing.found


def _knowing(clip: Window, folder: Path) -> Path:
    """A MusicGen that was trained on one clip until it knew it."""
    tokenizer = caption_tokenizer([clip.prompt])
    codec = tiny_codec()
    model = small_musicgen(codec, len(tokenizer), max_frames=100, seed=0, width=48, layers=2)
    values = torch.from_numpy(np.asarray(clip.content))[None, None]
    with torch.no_grad():
        codes = codec.encode(values).audio_codes[0]
    text = tokenizer([clip.prompt], return_tensors="pt")
    optimizer = torch.optim.Adam([p for n, p in model.named_parameters() if not n.startswith("audio_encoder")], lr=3e-3)
    for _ in range(150):
        loss = sequence_loss(model, codes, text.input_ids, text.attention_mask, torch.tensor([False]))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
