"""The groove plug-in: the grid by hand, tiny checkpoints in the published format, what a clone becomes."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import symusic
import torch

from earwitness.errors import AudioError, EarwitnessError, TargetError
from earwitness.testing import check_target
from earwitness_groove.grid import VOICES, WINDOW, windows
from earwitness_groove.measure import measure
from earwitness_groove.networks import build
from earwitness_groove.prepare import prepare
from earwitness_groove.repository import MODELS, Clone, Performance
from earwitness_groove.summary import summary
from earwitness_groove.target import GrooveFamily, GrooveTarget

DIRECT = {"d_model": 8, "embedding_size_src": 27, "nhead": 2, "dim_feedforward": 8, "num_encoder_layers": 1}
VARIATIONAL = {
    "d_model_enc": 8, "d_model_dec": 8, "embedding_size_src": 3, "nhead_enc": 2, "nhead_dec": 2,
    "dim_feedforward_enc": 8, "dim_feedforward_dec": 8, "num_encoder_layers": 1, "num_decoder_layers": 1,
    "latent_dim": 4,
}  # fmt: skip
WITH_DENSITY = {**VARIATIONAL, "embedding_size_src": 27, "n_params": 1}


def beat(bars: int = 4, *, seed: int = 0) -> symusic.Score:
    """A kick on every quarter, and random notes of the other voices in sixteenths."""
    rng = np.random.default_rng(seed)
    score = symusic.Score(480)
    score.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    track = symusic.Track("drums", 0, True)
    track.notes.extend([symusic.Note(480 * i, 60, 36, 100) for i in range(4 * bars)])
    pitches = rng.choice([38, 42, 46, 43, 47, 50, 49, 51], 8 * bars)
    track.notes.extend([symusic.Note(120 * int(rng.integers(16 * bars)), 60, int(pitch), 70) for pitch in pitches])
    score.tracks.append(track)
    return score


def checkpoint(params: dict[str, int], seed: int = 0) -> bytes:
    """What the published training saves: weights, sizes and settings of the training."""
    torch.manual_seed(seed)
    content = io.BytesIO()
    saved = {"model_state_dict": build(params, "here").state_dict(), "params": params, "additional_info": None}
    torch.save(saved | {"params": {**params, "dropout": 0.1, "device": "cuda", "max_len": 32}}, content)
    return content.getvalue()


def saved(folder: Path, params: dict[str, int]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "groove.pt").write_bytes(checkpoint(params))
    (folder / "groove.json").write_text('{"densities": [0.0, 0.25]}')
    return folder


def load(folder: Path) -> GrooveTarget:
    return GrooveFamily.load(folder, name="tiny", device="cpu", dtype="float32")


def test_a_window_is_the_one_worked_out_by_hand() -> None:
    score = symusic.Score(480)
    track = symusic.Track("drums", 0, True)
    track.notes.extend([
        symusic.Note(0, 60, 36, 127),
        symusic.Note(130, 60, 40, 64),  # a snare a twelfth of a step behind the second
        symusic.Note(180, 60, 42, 32),  # half-way: the step before
        symusic.Note(125, 60, 38, 20),  # the same voice and step, and earlier: it counts
        symusic.Note(3830, 60, 51, 90),  # nearest to the step after the last
        symusic.Note(60, 60, 90, 90),  # no voice has it
    ])  # fmt: skip
    score.tracks.append(track)
    first, *others = windows(score)
    assert np.argwhere(first.hits).tolist() == [[0, 0], [1, 1], [1, 2]]
    assert first.velocities[1, 1] == pytest.approx(20 / 127)
    assert first.offsets[1].tolist() == pytest.approx([0, 0.042, 0.5, 0, 0, 0, 0, 0, 0])
    assert first.density == pytest.approx(3 / 288)
    tapped = first.tapped()
    assert tapped[:2].tolist() == [[1, 1, 0], pytest.approx([1, 32 / 127, 0.5])]
    assert not tapped[2:].any()
    assert not others  # the last note begins in the second bar, and a window has two


def test_windows_begin_at_every_bar_and_say_where() -> None:
    found = windows(beat(4))
    assert [groove.start for groove in found] == [0, 16, 32]
    assert np.array_equal(found[0].hits[16:], found[1].hits[:16])
    assert windows(beat(1))[0].hits[16:].sum() == 0


def test_other_metres_and_other_instruments_are_refused() -> None:
    score = beat()
    score.time_signatures.append(symusic.TimeSignature(1920, 3, 4))
    with pytest.raises(AudioError, match="not in 4/4"):
        windows(score)
    score = beat()
    for note in score.tracks[0].notes:
        note.pitch = 90
    with pytest.raises(AudioError, match="no drum notes"):
        windows(score)


@pytest.mark.parametrize("params", [DIRECT, VARIATIONAL, WITH_DENSITY])
def test_every_kind_of_checkpoint_keeps_the_contract_of_a_target(tmp_path: Path, params: dict[str, int]) -> None:
    folder = saved(tmp_path, params)
    assert GrooveFamily.matches(folder)
    target = load(folder)
    with torch.no_grad():
        assert len(list(check_target(target))) >= 4
        window = target.windows(beat())[0]
        (chunk,) = target.logits(window.codes[None], [window.condition], null=False)
    assert chunk.condition.shape == (1, len(VOICES), WINDOW, 2)
    assert not chunk.condition[..., 0].any()


def test_a_model_hears_what_it_was_trained_to_hear(tmp_path: Path) -> None:
    groove = windows(beat())[0]
    one = load(saved(tmp_path / "one", VARIATIONAL)).window(groove).condition
    nine = load(saved(tmp_path / "nine", WITH_DENSITY)).window(groove).condition
    assert isinstance(one, torch.Tensor)
    assert isinstance(nine, torch.Tensor)
    assert nine.shape == (WINDOW, 28)
    assert torch.equal(nine[:, [2, 11, 20]], one)  # the closed hi-hat's hit, velocity and offset
    assert nine[:, :27].count_nonzero() == one.count_nonzero()
    assert nine[:, 27].unique().tolist() == pytest.approx([groove.density / 0.25])


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    torch.save({"weights": 1}, tmp_path / "groove.pt")
    with pytest.raises(TargetError, match="no params"):
        load(tmp_path)
    with pytest.raises(TargetError, match="latent_dim = 0"):
        build(VARIATIONAL | {"latent_dim": 0}, "here")
    (saved(tmp_path, WITH_DENSITY) / "groove.json").unlink()
    with pytest.raises(TargetError, match="densit"):
        load(tmp_path)
    window = load(saved(tmp_path, DIRECT)).windows(beat())[0]
    with pytest.raises(TargetError, match="no null condition"):
        next(load(tmp_path).logits(window.codes[None], [window.condition], null=True))


class TinyClone:
    """What stands for a clone: six tiny models and beats of three splits."""

    def weights(self, model: str) -> bytes:
        return checkpoint({"c": WITH_DENSITY, "s": DIRECT, "v": VARIATIONAL}[model[0]])

    def performances(self) -> list[tuple[Performance, bytes]]:
        sessions = [("train", "a/s1"), ("train", "b/s1"), ("train", "c/s1"), ("validation", "a/s1"),
                    ("validation", "b/s1"), ("test", "a/s1"), ("test", "b/s1"), ("test", "b/eval_session")]  # fmt: skip
        return [
            (
                Performance(path=f"{session}/{split}{i}.mid", session=session, split=split, is_beat=i < 2),
                beat(2, seed=8 * n + i).dumps_midi(),
            )
            for n, (split, session) in enumerate(sessions)
            for i in range(3)
        ]


def test_from_a_clone_to_a_table(tmp_path: Path) -> None:
    prepare(TinyClone(), tmp_path)  # type: ignore[arg-type]
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == sorted(MODELS)
    with (tmp_path / "train-v-unseen.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 2 * (3 + 4)  # beats of the training sessions; the unseen ones but the evaluation's
    assert {line["group"] for line in lines if line["role"] == "held_out"} == {"a/s1 (held_out)", "b/s1 (held_out)"}
    assert all((tmp_path / line["path"]).is_file() for line in lines)
    said: list[str] = []
    tables = measure(tmp_path, report=said.append)
    assert len(tables) == 5 * len(MODELS)
    head, _, line = summary([path for path in tables if path.stem == "v280-train-v-unseen"])
    assert head.startswith("| table | performances |")
    assert line.startswith("| v280-train-v-unseen | 6 / 8 | 3 / 2 |")
    assert line.endswith("cannot_be_tested |")


def test_a_folder_that_is_no_clone_is_named(tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match=r"clone https://github\.com/behzadhaki") as caught:
        Clone(tmp_path).weights("v280")
    assert "\n" not in str(caught.value)
