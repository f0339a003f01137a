"""The Piano Genie plug-in: the network's arithmetic, a tiny checkpoint in the published format, manifests."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import symusic
import torch

from earwitness.errors import AudioError, EarwitnessError, TargetError
from earwitness.testing import check_target
from earwitness_genie.networks import Genie
from earwitness_genie.prepare import COMPARISONS, prepare
from earwitness_genie.target import GenieFamily, GenieTarget

SETTINGS = {
    "num_buttons": 8, "model_rnn_dim": 8, "model_rnn_num_layers": 2, "seq_len": 16, "data_delta_time_max": 1.0,
}  # fmt: skip


def saved(folder: Path) -> Path:
    """What the published training saves: the state dict and the settings."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(Genie(SETTINGS).state_dict(), folder / "model.pt")
    (folder / "cfg.json").write_text(json.dumps(SETTINGS))
    return folder


def load(folder: Path) -> GenieTarget:
    return GenieFamily.load(folder, name="tiny", device="cpu", dtype="float32")


def piece(*starts: float, first_pitch: int = 21) -> symusic.Score:
    """Notes of half a second at the given seconds, each a key higher; 480 ticks are a second."""
    score = symusic.Score(240)
    score.tempos.append(symusic.Tempo(0, 120))
    track = symusic.Track("piano", 0, False)
    track.notes.extend([symusic.Note(round(480 * start), 240, first_pitch + i, 64) for i, start in enumerate(starts)])
    score.tracks.append(track)
    return score


def test_the_published_names_load_and_keep_the_contract_of_a_target(tmp_path: Path) -> None:
    assert GenieFamily.matches(saved(tmp_path))
    names = {name.split(".")[0] + "." + name.split(".")[1] for name in torch.load(tmp_path / "model.pt")}
    assert names == {f"{part}.{layer}" for part in ("enc", "dec") for layer in ("input", "lstm", "output")}
    with torch.no_grad():
        assert len(list(check_target(load(tmp_path)))) >= 4


def test_a_window_is_the_one_worked_out_by_hand(tmp_path: Path) -> None:
    (window,) = load(saved(tmp_path)).windows(piece(0, 0.25, 0.25, 3))
    assert window.codes.tolist() == [[0, 1, 2, 3]]
    condition = torch.as_tensor(window.condition)
    assert condition[:, 0].tolist() == [1.0, 0.25, 0.0, 1.0]  # the first, and what is over a second, are cut to one
    steps = (condition[:, 1] + 1) / 2 * 7
    np.testing.assert_allclose(steps, steps.round(), atol=1e-5)
    assert steps.min() >= 0
    assert steps.max() <= 7


def test_long_pieces_give_full_windows_that_overlap_by_half(tmp_path: Path) -> None:
    found = load(saved(tmp_path)).windows(piece(*np.arange(40) / 4))
    assert [(window.start, window.codes.shape[1]) for window in found] == [(0, 16), (8, 16), (16, 16), (24, 16)]
    assert float(torch.as_tensor(found[1].condition)[0, 0]) == 1.0  # every window begins as in training


def test_the_decoder_plays_from_what_stood_before(tmp_path: Path) -> None:
    """With weights that copy the button to one key's logit, the logits are those of the buttons."""
    network = Genie(SETTINGS)
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    torch.nn.init.ones_(network.dec.output.bias)
    keys, times, buttons = torch.tensor([[5, 7]]), torch.zeros(1, 2), torch.zeros(1, 2)
    assert network.dec(keys, times, buttons).tolist() == torch.ones(1, 2, 88).tolist()
    assert network.enc(keys, times).tolist() == [pytest.approx([2 * 4 / 7 - 1] * 2)]  # 0 lies between two buttons


def test_what_is_no_checkpoint_and_what_is_no_piano_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no key for"):
        load(saved(tmp_path)).windows(piece(0, 1, first_pitch=10))
    with pytest.raises(TargetError, match="no null condition"):
        next(load(tmp_path).logits(torch.zeros(1, 1, 2, dtype=torch.long), [torch.zeros(2, 2)], null=True))
    (tmp_path / "cfg.json").write_text(json.dumps({"num_buttons": 8}))
    with pytest.raises(TargetError, match="does not say model_rnn_dim"):
        load(tmp_path)


def test_manifests_follow_the_published_split(tmp_path: Path) -> None:
    (tmp_path / "maestro.csv").write_text("midi_filename,split\na.midi,train\nb.midi,validation\nc.midi,test\n")
    columns = "folder,midi_performance,maestro_midi_performance\n"
    lines = [f"P/{name},P/{name}/x.mid,{{maestro}}/{name}.midi\n" for name in "abc"]
    (tmp_path / "metadata.csv").write_text(columns + "".join(lines) + "Q/d,Q/d/x.mid,\n")
    said = list(prepare(tmp_path, tmp_path / "maestro.csv", tmp_path / "out"))
    assert len(said) == len(COMPARISONS)
    assert said[0].endswith("1 suspects, 2 held out")
    with (tmp_path / "out" / "train-v-others.csv").open() as file:
        rows = {(row["role"], row["group"]): Path(row["path"]) for row in csv.DictReader(file)}
    assert rows == {
        ("suspect", "P/a (suspect)"): tmp_path / "P/a/x.mid", ("held_out", "Q/d (held_out)"): tmp_path / "Q/d/x.mid",
    }  # fmt: skip
    (tmp_path / "maestro.csv").write_text("midi_filename,split\na.midi,train\n")
    with pytest.raises(EarwitnessError, match=r"does not list b\.midi"):
        list(prepare(tmp_path, tmp_path / "maestro.csv", tmp_path / "out"))
