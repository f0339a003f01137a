"""Blind listening: what is drawn, what is played, and what the answers are worth."""

import base64
import io
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.app import fragments
from earwitness.app.blind import SECONDS, Sitting, draw_sitting
from earwitness.errors import EarwitnessError
from earwitness.twins.mark import mark_folder
from earwitness.twins.seal import copy_path

RATE, WORKS = 8000, 3


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``masters`` of ten seconds, in stereo, and ``sealed``, their copies."""
    folder = tmp_path_factory.mktemp("case")
    (folder / "masters").mkdir()
    for work in range(WORKS):
        wave = np.random.default_rng(work).normal(scale=0.1, size=(10 * RATE, 2)).clip(-1, 1)
        soundfile.write(folder / "masters" / f"{work}.wav", wave, RATE)
    mark_folder(folder / "masters", folder / "sealed", bytes(range(32)), copies=3, kinds=["tilt"])
    return folder


def _wave(address: str) -> np.ndarray:
    head, _, sound = address.partition(",")
    assert head == "data:audio/flac;base64"
    return np.asarray(soundfile.read(io.BytesIO(base64.b64decode(sound)))[0])


def _answer(sitting: Sitting, right: int) -> Sitting:
    for number, trial in enumerate(sitting.trials):
        sitting = sitting.answered(trial.x_is_a if number < right else not trial.x_is_a)
    return sitting


def test_a_trial_plays_one_stretch_of_master_and_copy_and_one_of_them_again(case: Path) -> None:
    sitting = draw_sitting(case / "sealed", case / "masters", 40, seed=0)
    kinds = [(trial.a.parent.name == "masters", trial.x_is_a) for trial in sitting.trials]
    assert {(first, second) for first in (True, False) for second in (True, False)} == set(kinds)
    for trial in sitting.trials:
        assert sum(path.parent == case / "masters" for path in (trial.a, trial.b)) == 1
    trial = sitting.trials[0]
    waves = {name: _wave(sound) for name, sound in trial.sounds().items()}
    start = round(trial.begin * 2 * RATE)
    for name, path in (("A", trial.a), ("B", trial.b), ("X", trial.a if trial.x_is_a else trial.b)):
        whole, _ = soundfile.read(path)
        np.testing.assert_allclose(waves[name], whole[start : start + round(SECONDS * RATE)], atol=1e-6)
    assert not np.array_equal(waves["A"], waves["B"])


def test_a_folder_that_is_named_like_a_file_is_none(case: Path, tmp_path: Path) -> None:
    masters = tmp_path / "masters"
    shutil.copytree(case / "masters", masters)
    (masters / "stems.wav").mkdir()
    assert len(draw_sitting(case / "sealed", masters, 5).trials) == 5


def test_without_masters_two_copies_are_compared_and_every_work_comes_up(case: Path) -> None:
    sitting = draw_sitting(case / "sealed", None, WORKS + 2, seed=1)
    assert all(trial.a != trial.b and trial.a.parent == trial.b.parent for trial in sitting.trials)
    assert len({trial.a.parent for trial in sitting.trials[:WORKS]}) == WORKS


@pytest.mark.parametrize(("right", "p"), [(16, 2**-16), (12, 0.038406), (8, 0.598190), (0, 1.0)])
def test_the_answers_are_worth_what_the_binomial_says(right: int, p: float, case: Path) -> None:
    over = _answer(draw_sitting(case / "sealed", None, 16, seed=2), right)
    assert over.is_over
    assert over.right == right
    assert over.p_value == pytest.approx(p, rel=1e-4)
    assert over.answered(True) == over
    told = fragments.outcome(over)
    assert f"{right} of 16 answers were right" in told
    assert ("more than guessing gives" in told) is (p <= 0.05)


def test_nothing_is_told_of_an_answer_before_the_last(case: Path) -> None:
    sitting = draw_sitting(case / "sealed", case / "masters", 5, seed=3)

    class Words(HTMLParser):
        def handle_data(self, data: str) -> None:
            words.append(data)

    for answer in (True, False):
        words: list[str] = []
        Words().feed(fragments.trial(sitting.answered(answer)))
        assert words == ["Trial 2 of 5", "A ", "B ", "X "]


def test_what_cannot_be_played_is_refused(case: Path, tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match="4 trials were asked for; take 5 to 100"):
        draw_sitting(case / "sealed", None, 4)
    with pytest.raises(EarwitnessError, match=r"holds no seal\.json"):
        draw_sitting(case / "masters", None, 5)
    with pytest.raises(EarwitnessError, match="lacks the master of '0'"):
        draw_sitting(case / "sealed", case / "sealed", 5)
    mark_folder(case / "masters", tmp_path, bytes(range(32)), copies=2, kinds=["tilt"])
    copy_path(tmp_path, "1", 1).write_bytes(copy_path(tmp_path, "1", 0).read_bytes())
    with pytest.raises(EarwitnessError, match=r"does not hold: .*01\.flac.*Nothing is played"):
        draw_sitting(tmp_path, None, 5)


def test_the_page_goes_from_trial_to_outcome(case: Path) -> None:
    page = pytest.importorskip("earwitness.app.blind_page", reason="needs the extra app")
    sitting, shown, *buttons = page.begun(str(case / "sealed"), str(case / "masters"), 5)
    assert "Trial 1 of 5" in shown
    assert shown.count("<audio") == 3
    assert all(button["visible"] for button in buttons)
    for trial in sitting.trials:
        sitting, shown, *buttons = page.answered(sitting, trial.x_is_a)
    assert "5 of 5 answers were right" in shown
    assert "0.0313" in shown or "0.0312" in shown
    assert not any(button["visible"] for button in buttons)
    for found in (page.begun("", "", 5), page.begun(str(case / "sealed"), "nowhere", 5), page.answered(None, True)):
        assert found[0] is None
        assert 'role="alert"' in found[1]
