"""What is left for others to run: a manifest that can be read, and commands that can be parsed."""

import shlex
from pathlib import Path

import typer.main
from typer.core import TyperGroup

from earwitness.bench.paper.check import check
from earwitness.bench.paper.commands import Machine, command_lines, write_manifest
from earwitness.cli.app import app
from earwitness.collection.manifest import read_manifest
from tests.bench.paper.layouts import write_attributions, write_audiocaps
from tests.bench.paper.test_check import sized


def test_the_manifest_says_what_was_drawn(tmp_path: Path) -> None:
    write_attributions(tmp_path / "data")
    (found,) = check(sized(["stable-audio-open-freesound"], 4), {"--stable-audio": tmp_path / "data"}, {})
    entries = read_manifest(write_manifest(found, tmp_path / "out")).entries
    assert {entry.path for entry in entries} == {track.path for track in found.tracks}
    by_path = {entry.path: entry for entry in entries}
    for track in found.tracks:
        entry = by_path[track.path]
        assert entry.role == ("member" if track.member else "non_member")
        assert (entry.group, entry.prompt, entry.title, entry.artist) == (
            track.group, track.prompt, track.title, track.artist,
        )  # fmt: skip


def test_the_commands_are_those_of_the_program(tmp_path: Path) -> None:
    write_audiocaps(tmp_path / "my data")
    (found,) = check(sized(["tango"]), {"--audiocaps": tmp_path / "my data"}, {})
    lines = command_lines(found, tmp_path / "out put", Machine(device="cpu", batch_size=2))
    assert [shlex.split(line)[1] for line in lines] == 2 * ["index", "extract", "mia", *4 * ["test", "curve"]]
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    for line in lines:
        words = shlex.split(line.split(" > ")[0])
        program.commands[words[1]].make_context(words[1], words[2:])  # refuses what it does not know
    assert shlex.split(lines[1])[1:] == [
        "extract", str(tmp_path / "out put" / "tango" / "cdi"), "--target", "declare-lab/tango", "--preset", "cdi",
        "--windows-per-track", "1", "--seconds", "1", "--seed", "0", "--device", "cpu", "--dtype", "float32",
        "--batch-size", "2",
    ]  # fmt: skip
