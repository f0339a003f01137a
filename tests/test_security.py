"""What docs/security.md says: hostile files, hostile checkpoints, no network, and no claim without a test."""

import ast
import json
import re
import socket
import struct
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file

from earwitness import audio
from earwitness.collection.tracks import Collection
from earwitness.errors import AudioError, EarwitnessError, TargetError
from earwitness.features import FeatureTable
from earwitness.files import parsed_json
from earwitness.pipeline import extract_stage, index_stage, open_target
from earwitness.settings import MeasureSettings
from earwitness.targets.audiocraft.settings import Settings
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.weight_files import read_tensors
from earwitness.targets.weights import settings_sha256
from tests.tiny import save_tiny_musicgen

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


def test_every_line_of_the_page_names_tests_that_exist() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| What"))]
    assert len(rows) >= 25
    assert all("`tests/" in row or "nothing here" in row for row in rows)
    for file, name in NAMED:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"


# ---------------------------------------------------------------- hostile audio


@pytest.mark.parametrize("name", ["a.flac", "a.mp3"])
def test_a_small_file_that_plays_for_days_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / name
    soundfile.write(path, np.full(48_000 * 30, 0.25, dtype=np.float32), 48_000)
    assert path.stat().st_size * 10 < 48_000 * 30 * 4
    assert audio.decode(path).seconds == pytest.approx(30, abs=0.2)
    monkeypatch.setattr(audio, "MOST_SAMPLES", 48_000 * 20)
    with pytest.raises(AudioError, match=r"goes on for more than 0\.0 hours") as caught:
        audio.decode(path)
    assert "\n" not in str(caught.value)


def test_a_thousand_channels_are_refused(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(scale=0.1, size=(8, 1000))
    soundfile.write(tmp_path / "a.wav", samples, 48_000)
    with pytest.raises(AudioError, match="1000 channels"):
        audio.decode(tmp_path / "a.wav")


def test_a_header_that_promises_terabytes_gets_no_memory(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(scale=0.1, size=800), 16_000)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", 0x7FFE_0000)
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(AudioError, match="is cut off: its header promises"):
        audio.decode(tmp_path / "a.wav")


# ---------------------------------------------------------------- hostile checkpoints


def test_code_beside_a_checkpoint_is_never_run(tmp_path: Path) -> None:
    folder = save_tiny_musicgen(tmp_path / "model")
    ran = tmp_path / "ran"
    (folder / "evil.py").write_text(f"open({str(ran)!r}, 'w')\nclass Evil: pass\n", encoding="utf-8")
    maps = {"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil", "AutoTokenizer": ["evil.Evil", "evil.Evil"]}
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        path = folder / name
        content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        path.write_text(json.dumps(content | {"auto_map": maps, "custom_pipeline": "evil"}), encoding="utf-8")
    try:
        target = open_target(MeasureSettings(target=str(folder)))
    except TargetError:  # a library may refuse what it is not allowed to follow
        pass
    else:
        assert target.identity.family == "musicgen"
    assert not ran.exists()
    assert "evil" not in sys.modules


def _calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _dangers(source: str) -> list[str]:
    """What in a source would follow a stranger's code."""
    found = []
    for call in _calls(ast.parse(source)):
        name = ast.unparse(call.func)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        arguments = [ast.unparse(one) for one in call.args]
        if name in ("torch.load", "partial") and (name == "torch.load" or "torch.load" in arguments):
            found += [] if given.get("weights_only") == "True" else [f"{name} without weights_only"]
        if given.get("trust_remote_code", "False") != "False" or "custom_pipeline" in given:
            found.append(f"{name} follows remote code")
        if name in ("eval", "exec", "pickle.load", "pickle.loads", "yaml.load", "os.system", "joblib.load", "np.load"):
            found.append(name)
        if name.endswith("DiffusionPipeline.from_pretrained") or given.get("shell") == "True":
            found.append(name)
    return found


def test_no_source_follows_a_strangers_code() -> None:
    sources = sorted((ROOT / "src" / "earwitness").rglob("*.py"))
    assert len(sources) > 300
    assert {str(path): found for path in sources if (found := _dangers(path.read_text(encoding="utf-8")))} == {}


def test_that_the_search_for_code_can_fail() -> None:
    for line in (
        "torch.load(path)", "partial(torch.load, weights_only=False)", "A.from_pretrained(p, trust_remote_code=True)",
        "DiffusionPipeline.from_pretrained(p)", "load(p, custom_pipeline='x')", "pickle.loads(b)", "yaml.load(t)",
    ):  # fmt: skip
        assert _dangers(line), line


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[1048576,1048576],"data_offsets":',
        struct.pack("<Q", 70) + b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'.ljust(70) + b"\0" * 4,
        struct.pack("<Q", 120)
        + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
        .ljust(120)
        + b"\0" * 4,
        b"",
    ],
    ids=["a header beyond all memory", "a shape beyond all memory", "data that are not there", "overlapping", "empty"],
)  # fmt: skip
def test_absurd_headers_of_safetensors_are_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(TargetError, match="could not be loaded") as caught:
        read_tensors("A network", tmp_path, ("model", "pytorch_model"))
    assert "\n" not in str(caught.value)


def test_tensors_cannot_share_memory_with_another_file(tmp_path: Path) -> None:
    # Storages that a pickle maps from elsewhere (mmap by name, shared memory) are no tensors of the file.
    class Elsewhere:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return torch.UntypedStorage._new_shared_filename_cpu, (b"/manager", b"/torch_1", 8)

    torch.save({"a": Elsewhere()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(TargetError, match="pickle that would run code"):
        read_tensors("A network", tmp_path, ("model", "pytorch_model"))


def test_names_in_an_index_of_shards_stay_inside_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    save_file({"a": torch.ones(2)}, tmp_path / "elsewhere.safetensors")
    index = {"weight_map": {"a": "../elsewhere.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(TargetError, match="outside"):
        read_tensors("A network", folder, ("model", "pytorch_model"))


# ---------------------------------------------------------------- hostile records


def test_nested_json_is_one_line_wherever_it_comes(tmp_path: Path) -> None:
    deep = '{"a":' * 100_000
    with pytest.raises(ValueError, match="nested too deeply"):
        parsed_json("[" * 100_000)
    (tmp_path / "config.json").write_text(deep, encoding="utf-8")
    with pytest.raises(TargetError, match=r"config\.json is not readable JSON"):
        read_config(tmp_path)
    assert settings_sha256([tmp_path])
    (tmp_path / "config.json").write_text("[" * 900 + "]" * 900, encoding="utf-8")
    assert settings_sha256([tmp_path])


@pytest.mark.parametrize("about", ["[]", "3", '{"roots": 3}', '{"roots": {}, "warnings": 5}', "[" * 100_000, "{"])
def test_strangers_notes_in_a_table_are_one_line(tmp_path: Path, about: str) -> None:
    import polars as pl

    table = pl.DataFrame({"track_id": ["a"], "role": ["suspect"], "group": ["g"]})
    table.write_parquet(tmp_path / "tracks.parquet", metadata={"earwitness.collection": about})
    table.write_parquet(tmp_path / "failures.parquet")
    with pytest.raises(EarwitnessError, match="damaged"):
        Collection.read(tmp_path)
    (tmp_path / "features").mkdir()
    scores = pl.DataFrame({"track_id": ["a"], "score": [1.0]})
    scores.write_parquet(tmp_path / "features" / "part-00000.parquet", metadata={"earwitness.specs": "[3]"})
    with pytest.raises(EarwitnessError):
        FeatureTable.read(tmp_path)


@pytest.mark.parametrize("error", [MemoryError(), AssertionError("x"), OverflowError("y"), struct.error("z")])
def test_whatever_a_library_trips_over_is_one_line(error: Exception) -> None:
    def load() -> None:
        raise error

    with pytest.raises(TargetError, match="A network could not be loaded"):
        load_safely("A network", load)


# ---------------------------------------------------------------- no network


@pytest.mark.slow
def test_nothing_is_asked_of_the_network_once_the_weights_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = save_tiny_musicgen(tmp_path / "model")
    for number, side in enumerate(("suspect", "held-out")):
        path = tmp_path / side / "a.wav"
        path.parent.mkdir()
        soundfile.write(path, np.random.default_rng(number).normal(scale=0.1, size=16_000), 16_000)

    def refused(*arguments: object, **_: object) -> None:
        raise AssertionError(f"the network was asked: {arguments}")

    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    with pytest.raises(AssertionError, match="the network was asked"):
        socket.create_connection(("127.0.0.1", 9))
    run = tmp_path / "run"
    index_stage(run, suspect=tmp_path / "suspect", held_out=tmp_path / "held-out")
    summary = extract_stage(run, MeasureSettings(target=str(model), seconds=0.5, windows_per_track=1))
    assert summary.measured == 2


@pytest.mark.parametrize(
    "level", ["[*{0},*{0},*{0},*{0},*{0},*{0},*{0},*{0}]", "{{<<: [*{0},*{0},*{0},*{0},*{0},*{0},*{0},*{0}]}}"]
)
def test_settings_that_unfold_to_billions_are_one_short_line(level: str) -> None:
    names = [f"n{i}" for i in range(30)]
    text = "n0: &n0 {x: 1}\n" + "".join(f"{name}: &{name} {level.format(before)}\n" for before, name in pairwise(names))
    with pytest.raises(TargetError) as caught:
        Settings.parse(text, "a.bin").integer("n29")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.slow
def test_a_short_campaign_of_changed_files_finds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "fuzz.py"), "--inputs", "3000", "--seed", "7"]
    done = subprocess.run(
        [*command, "--crashes", str(tmp_path / "crashes")], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^all +(29\d\d|3\d\d\d) ", done.stdout, re.MULTILINE)


def test_weights_that_are_no_tensors_under_names_are_one_line(tmp_path: Path) -> None:
    torch.save([torch.ones(2)], tmp_path / "pytorch_model.bin")
    with pytest.raises(TargetError, match="holds no tensors under names") as caught:
        read_tensors("a network", tmp_path, ("model", "pytorch_model"))
    assert "\n" not in str(caught.value)
