"""What reads strangers' input, each with well-formed examples to begin from.

A parser takes a folder of its own and the bytes of one input; it returns, or raises ``EarwitnessError``. Anything else
is a defect. ``share`` is the part of a campaign's inputs that it gets; what is cheap and simple gets most.
"""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import polars as pl
import soundfile
import torch
from safetensors.torch import save as save_tensors

from earwitness import audio, midi
from earwitness.audio.ogg import has_end, links
from earwitness.collection.manifest_text import read_lines
from earwitness.collection.tags import read_tags
from earwitness.collection.tracks import Collection
from earwitness.features import FeatureTable
from earwitness.features.reading import METADATA
from earwitness.measure.plan import Plan
from earwitness.record.case import Case
from earwitness.record.commitment import Commitment
from earwitness.report.archive import unpacked
from earwitness.targets.audiocraft.files import read as read_audiocraft
from earwitness.targets.audiocraft.settings import Settings
from earwitness.targets.checkpoint import read_config
from earwitness.targets.figaro.load import read_lightning
from earwitness.targets.tango.files import read_tensors as read_tango
from earwitness.targets.tango.files import weights_path
from earwitness.targets.weight_files import read_tensors
from earwitness.targets.weights import settings_sha256
from earwitness.twins.seal import Seal, read_key
from earwitness.verdict.attempts import read_attempts
from earwitness.verdict.inference import dataset_inference
from earwitness.verdict.result import DatasetInferenceResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """One reader: ``parse(folder, data)``, what makes its examples, and its share of the inputs.

    The examples are made in the process that uses them: a library's threads do not live on in a fork.
    """

    name: str
    parse: Callable[[Path, bytes], object]
    seeds: Callable[[], tuple[bytes, ...]]
    share: float


def parsers() -> list[Parser]:
    """All of them; the examples are made anew, from fixed seeds."""
    return [
        Parser(name="Ogg pages", parse=_ogg, seeds=lambda: (_encoded("OGG", "VORBIS")[:6000],), share=0.263),
        Parser(name="manifest", parse=_manifest, seeds=lambda: _MANIFESTS, share=0.25),
        Parser(name="key of twins", parse=_in("key", read_key), seeds=lambda: (b"ab" * 32 + b"\n",), share=0.10),
        Parser(name="MIDI", parse=_in("a.mid", midi.decode), seeds=lambda: (_midi(), _midi(running=True)), share=0.10),
        Parser(name="commitment, case", parse=_commitment, seeds=lambda: (_COMMITMENT, _CASE), share=0.07),
        Parser(name="seal of twins", parse=_in_folder("seal.json", Seal.read), seeds=lambda: (_SEAL,), share=0.03),
        Parser(
            name="attempts", parse=_in_folder("attempts.jsonl", read_attempts), seeds=lambda: (_ATTEMPTS,), share=0.03
        ),
        Parser(name="plan", parse=_in_folder("plan.json", Plan.read), seeds=lambda: (_PLAN,), share=0.02),
        Parser(
            name="result", parse=_in("result.json", DatasetInferenceResult.read), seeds=lambda: (_result(),), share=0.01
        ),
        Parser(name="config JSON", parse=_config, seeds=lambda: _CONFIGS, share=0.04),
        Parser(name="settings YAML", parse=_yaml, seeds=lambda: (_YAML,), share=0.005),
        Parser(name="feature table CSV", parse=_csv, seeds=lambda: (_table().write_csv().encode(),), share=0.008),
        Parser(name="feature table parquet", parse=_parquet, seeds=lambda: (_in_parquet(_table()),), share=0.006),
        Parser(name="parquet's own notes", parse=_notes, seeds=lambda: _NOTES, share=0.003),
        Parser(name="tracks' notes", parse=_collection, seeds=lambda: (_ABOUT,), share=0.002),
        Parser(name="bundle", parse=_bundle, seeds=lambda: (_zip(),), share=0.010),
        Parser(name="safetensors", parse=_safetensors, seeds=lambda: (save_tensors(_tensors()),), share=0.010),
        Parser(
            name="weights in .bin",
            parse=_bin,
            seeds=lambda: (_torch(_tensors()), _torch(_tensors(), old=True)),
            share=0.004,
        ),
        Parser(
            name="Lightning", parse=_in("a.ckpt", read_lightning), seeds=lambda: (_torch(_lightning()),), share=0.004
        ),
        Parser(
            name="audiocraft", parse=_in("a.bin", read_audiocraft), seeds=lambda: (_torch(_audiocraft()),), share=0.004
        ),
        Parser(name="declare-lab", parse=_tango, seeds=lambda: (_torch(_tensors()),), share=0.004),
        Parser(name="tags", parse=_in("a.audio", read_tags), seeds=lambda: (*_sndfile(), *_ffmpeg()), share=0.006),
        Parser(name="audio of libsndfile", parse=_in("a.audio", audio.decode), seeds=_sndfile, share=0.012),
        Parser(name="audio of FFmpeg", parse=_in("a.audio", audio.decode), seeds=_ffmpeg, share=0.008),
    ]


def _in(name: str, read: Callable[[Path], object]) -> Callable[[Path, bytes], object]:
    def parse(folder: Path, data: bytes) -> object:
        path = folder / name
        path.write_bytes(data)
        return read(path)

    return parse


def _in_folder(name: str, read: Callable[[Path], object]) -> Callable[[Path, bytes], object]:
    def parse(folder: Path, data: bytes) -> object:
        (folder / name).write_bytes(data)
        return read(folder)

    return parse


def _ogg(folder: Path, data: bytes) -> object:
    return [has_end(part) for part in links(data)]


def _manifest(folder: Path, data: bytes) -> object:
    path = folder / "manifest.csv"
    path.write_bytes(data)
    return read_lines(path, ("path", "role"), ("group", "title"))


def _commitment(folder: Path, data: bytes) -> object:
    if b"plan_hash" in data:
        return _in_folder("commitment.json", Commitment.read)(folder, data)
    return _in_folder("case.json", Case.read)(folder, data)


def _config(folder: Path, data: bytes) -> object:
    (folder / "config.json").write_bytes(data)
    return read_config(folder), settings_sha256([folder])


def _yaml(folder: Path, data: bytes) -> object:
    settings = Settings.parse(data.decode("utf-8", errors="replace"), "xp.cfg")
    return settings.get("transformer_lm.dim")


def _csv(folder: Path, data: bytes) -> object:
    path = folder / "features.csv"
    path.write_bytes(data)
    return FeatureTable.read(path, higher=["score*"]).pooled()


def _parquet(folder: Path, data: bytes) -> object:
    path = folder / "features.parquet"
    path.write_bytes(data)
    return FeatureTable.read(path, higher=["score*"]).pooled()


def _notes(folder: Path, data: bytes) -> object:
    path = folder / "features.parquet"
    _table().write_parquet(path, metadata={METADATA + "specs": data.decode("utf-8", errors="replace")})
    return FeatureTable.read(path, higher=["score*"])


def _collection(folder: Path, data: bytes) -> object:
    _table().write_parquet(
        folder / "tracks.parquet", metadata={"earwitness.collection": data.decode("utf-8", errors="replace")}
    )
    pl.DataFrame({"track_id": ["a"]}).write_parquet(folder / "failures.parquet")
    return Collection.read(folder)


def _bundle(folder: Path, data: bytes) -> object:
    path = folder / "a.zip"
    path.write_bytes(data)
    with unpacked(path) as run:
        return sorted(run.rglob("*"))


def _safetensors(folder: Path, data: bytes) -> object:
    (folder / "model.safetensors").write_bytes(data)
    return read_tensors("a network", folder, ("model", "pytorch_model"))


def _bin(folder: Path, data: bytes) -> object:
    (folder / "pytorch_model.bin").write_bytes(data)
    return read_tensors("a network", folder, ("model", "pytorch_model"))


def _tango(folder: Path, data: bytes) -> object:
    weights_path(folder, "main").write_bytes(data)
    return read_tango(folder, "main")


def _tensors() -> dict[str, torch.Tensor]:
    return {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.float16)}


def _lightning() -> dict[str, object]:
    return {"state_dict": {"a": torch.ones(2)}, "hyper_parameters": {"d_model": 8, "name": "x"}, "epoch": 1}


def _audiocraft() -> dict[str, object]:
    return {"best_state": {"a": torch.ones(2)}, "xp.cfg": "transformer_lm: {dim: 8}"}


def _torch(content: object, *, old: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not old)
    return buffer.getvalue()


def _midi(*, running: bool = False) -> bytes:
    events = b"\x00\xff\x51\x03\x07\xa1\x20\x00\xff\x58\x04\x04\x02\x18\x08\x00\xc0\x05"
    for pitch in (60, 64, 67, 72):
        again = b"" if running and pitch > 60 else b"\x90"
        events += b"\x00" + again + bytes([pitch, 80]) + b"\x60" + (b"" if running else b"\x80") + bytes([pitch, 0])
    events += b"\x00\xff\x2f\x00"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96)
    return header + b"MTrk" + struct.pack(">I", len(events)) + events


def _encoded(container: str, subtype: str, *, channels: int = 1, frames: int = 800) -> bytes:
    noise = np.random.default_rng(0).normal(scale=0.1, size=(frames, channels))
    buffer = io.BytesIO()
    soundfile.write(buffer, noise, 16_000, format=container, subtype=subtype)
    return buffer.getvalue()


def _sndfile() -> tuple[bytes, ...]:
    kinds = (("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "IMA_ADPCM"), ("AIFF", "PCM_24"), ("FLAC", "PCM_16"),
             ("OGG", "VORBIS"), ("OGG", "OPUS"), ("CAF", "ALAC_16"), ("AU", "ULAW"), ("RF64", "PCM_16"))  # fmt: skip
    return tuple(_encoded(container, subtype) for container, subtype in kinds)


def _ffmpeg() -> tuple[bytes, ...]:
    kinds = (("mp4", "aac"), ("mp4", "alac"), ("matroska", "flac"), ("asf", "wmav2"), ("tta", "tta"),
             ("wv", "wavpack"), ("adts", "aac"))  # fmt: skip
    written = tuple(_muxed(container, codec) for container, codec in kinds)
    return (_encoded("MP3", "MPEG_LAYER_III", frames=2000), _dsf(), *written)


def _muxed(container: str, codec: str) -> bytes:
    buffer, noise = io.BytesIO(), np.random.default_rng(0).normal(scale=0.1, size=(1, 4096)).astype(np.float32)
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(codec, rate=16_000)
        stream.layout, stream.bit_rate = "mono", 64_000
        if codec in ("wavpack", "tta"):
            stream.format = "s16p" if codec == "wavpack" else "s16"
        frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 16_000, 0
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=16_000)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return buffer.getvalue()


def _dsf() -> bytes:
    data = np.random.default_rng(0).integers(0, 256, 4096, dtype=np.uint8).tobytes()
    form = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 1, 1, 2_822_400, 1, 8 * len(data), 4096, 0)
    body = form + struct.pack("<4sQ", b"data", 12 + len(data)) + data
    return struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(body), 0) + body


def _table() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "track_id": [f"t{i}" for i in range(8)],
            "role": ["suspect", "held_out"] * 4,
            "group": [f"g{i}" for i in range(8)],
            "score": rng.normal(size=8).round(3),
            "blind/tempo": rng.normal(size=8).round(3),
        }
    )


def _in_parquet(table: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _result() -> bytes:
    table = FeatureTable.from_frame(_table(), higher=["score"])
    return dataset_inference(table, alpha=0.1, permutations=99, a_a_runs=20, effect_runs=0).model_dump_json().encode()


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (("plan.json", _PLAN), ("result.json", b"{}")):
            archive.writestr(zipfile.ZipInfo(f"run/{name}"), content)
    return buffer.getvalue()


_MANIFESTS = (
    b'path,role,group,title\na.wav,suspect,one,"A, B"\nb.wav,held_out,two,C\n',
    "sep=;\npath;role;title\nä.wav;published;Lied\n".encode("cp1252"),
    "path\trole\na.wav\tmember\nb.wav\tnon_member\n".encode("utf-16"),
)
_COMMITMENT = b'{"plan_hash": "ab12", "made": "2026-01-01T00:00:00+00:00", "version": "0.1.0"}'
_CASE = b'{"title": "A", "reference": null, "author": "B", "held_out_statement": "C", "report_made": null}'
_SEAL = json.dumps(
    {"algorithm": "earwitness-twins-1", "key_commitment": "0" * 64, "beacon": "", "marks": ["gain"], "strength": 1.0,
     "works": [{"name": "a", "master_sha256": "1" * 64, "copies": ["2" * 64, "3" * 64]}]}
).encode()  # fmt: skip
_ATTEMPTS = (
    json.dumps(
        {"number": 1, "made": "2026", "settings": {"alpha": 0.01}, "differs": [], "verdict": "no_evidence",
         "p_value": 0.5, "target": None, "plan_hash": "a", "features_sha256": "b", "result": "result.json",
         "result_sha256": "c", "version": "0.1.0", "previous": "0" * 64}
    ).encode()
    + b"\n"
)  # fmt: skip
_PLAN = json.dumps(
    {"target": {"family": "a", "name": "b", "weights_sha256": "0" * 64, "dtype": "float32"}, "preset": "default",
     "guided": True, "signals": ["Loss()"], "windows": {"per_track": 2, "seconds": 8.0}, "seed": 0,
     "tracks": [{"track_id": "t", "role": "suspect", "group": "g"}], "test": {"alpha": 0.01}}
).encode()  # fmt: skip
_CONFIGS = (b'{"model_type": "musicgen", "decoder": {"hidden_size": 16, "layers": [1, 2.5e3, null, true]}}', b"{}")
_YAML = b"transformer_lm:\n  dim: 1024\n  n_q: ${n_q}\nn_q: 4\nlist: [1, 2]\nanchor: &a {x: 1}\nagain: *a\n"
_NOTES = (
    json.dumps([{"name": "score", "member_is": "higher", "unit": "", "headline": False}]).encode(),
    b"[]",
)
_ABOUT = json.dumps(
    {"roots": {"suspect": "/a", "held_out": "/b"}, "left_out": {"suspect": {"failed": 0, "duplicates": 0},
     "held_out": {"failed": 0, "duplicates": 0}}, "ignored": 0, "symlinks": 0, "warnings": [], "couples": [],
     "refusal": None, "sources": ""}
).encode()  # fmt: skip
