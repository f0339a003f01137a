"""An instrument for what only generates: a perfect memory, a stranger, and nothing at all."""

from collections.abc import Sequence

import numpy as np
import pytest

from earwitness.measure.generation import GeneratorInstrument
from earwitness.measure.passes.batch import Window
from earwitness.targets.protocols import GeneratorTarget, TargetIdentity
from tests.test_similarity import RATE, melody


class Parrot:
    """Knows some recordings; continues whatever begins like one of them."""

    identity = TargetIdentity(family="parrot", name="parrot", weights_sha256="0" * 64, dtype="float32")
    sample_rate = RATE
    channels = 1
    max_seconds: float | None = None

    def __init__(self, known: Sequence[np.ndarray], *, share: float = 1.0) -> None:
        self._known = known
        self._share = share

    def continue_audio(self, waves: np.ndarray, seconds: float, prompts: Sequence[str]) -> np.ndarray:
        made = np.full((len(waves), round(seconds * RATE)), np.nan, dtype=np.float32)
        for row, wave in zip(made, waves, strict=True):
            for known in self._known:
                if np.array_equal(known[: len(wave)], wave):
                    length = round(self._share * len(row))
                    row[:length] = 0.5 * known[len(wave) : len(wave) + length]
        return made


def test_it_tells_a_known_recording_from_a_changed_one_and_misses_what_is_not_answered() -> None:
    known = melody(0, 5.0)
    mixed = np.concatenate([melody(1, 5.0)[: 2 * RATE], known[2 * RATE :]])
    target = Parrot([known, mixed])
    assert isinstance(target, GeneratorTarget)
    true_end = np.concatenate([mixed[: 2 * RATE], melody(2, 5.0)[2 * RATE :]])
    windows = [Window(content=w, prompt="", key=str(i)) for i, w in enumerate((known, true_end, melody(3, 5.0)))]
    instrument = GeneratorInstrument(target=target)
    own, other, missing = instrument.measure(windows)
    assert [spec.name for spec in instrument.specs] == list(own)
    assert own["continuation/similarity"] == pytest.approx(1, abs=1e-5)
    assert own["continuation/similarity_gain"] > 0.3
    assert other["continuation/similarity"] < 0.5
    assert np.isnan(list(missing.values())).all()


def test_a_short_answer_is_compared_as_far_as_it_goes_if_that_is_half_the_way() -> None:
    window = Window(content=melody(0, 5.0), prompt="", key="0")
    values = [
        GeneratorInstrument(target=Parrot([melody(0, 5.0)], share=share)).measure([window])[0][
            "continuation/similarity"
        ]
        for share in (0.6, 0.4)
    ]
    assert values[0] == pytest.approx(1, abs=1e-5)
    assert np.isnan(values[1])
