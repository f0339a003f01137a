"""A fuzzing campaign over everything that reads strangers' input; it can be stopped and taken up again.

Usage: ``python benchmarks/fuzz.py [--inputs 1000000] [--seed 0] [--state fuzz.json] [--only NAME]``.

Input number i of a parser follows from the seed, the parser's name and i alone: a well-formed example, changed one to
six times (bits, bytes, numbers at their limits, slices cut, doubled or taken from another example, deep nesting).
Parsers run in a process of their own with 6 GiB of address space, so that a crash of a native library, a hang (10 s
of processor) or a bomb is seen and named. What is neither a clean result nor ``EarwitnessError`` is a crash, kept
with its input in ``--crashes``. The state holds how far every parser has come.
"""

import argparse
import json
import mmap
import os
import random
import resource
import shutil
import signal
import struct
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from fuzz_parsers import Parser, parsers

from earwitness.errors import EarwitnessError

_HANG_SECONDS = 10
_MEMORY = 6 << 30
_LIMITS = (0, 1, 2**7 - 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
_TOKENS = (b"[" * 3000, b"{" * 3000, b'{"a":' * 2000, b"NaN", b"1e999", b"-1", b"null", b"\x00", b"\xff\xfe", b"\n",
           b'"', b",", b"9" * 5000, b"../", b"\xed\xa0\x80", b"OggS", b"data", b"PK\x03\x04")  # fmt: skip


def mutated(rng: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    """Return an example, changed."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        span = rng.randrange(1, 1 + min(64, 1 + len(data)))
        kind = rng.randrange(9)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 2:
            number, size = rng.choice(_LIMITS), rng.choice((1, 2, 4, 8))
            order = rng.choice(("little", "big"))
            data[at : at + size] = (number & (2 ** (8 * size) - 1)).to_bytes(size, order)
        elif kind == 3:
            del data[at : at + span]
        elif kind == 4:
            data[at:at] = data[at : at + span] * rng.randint(1, 4)
        elif kind == 5:
            data[at:at] = rng.choice(_TOKENS)
        elif kind == 6:
            other = rng.choice(seeds)
            start = rng.randrange(len(other) + 1)
            data[at : at + span] = other[start : start + span]
        elif kind == 7:
            data[at:at] = rng.randbytes(span)
        elif rng.random() < 0.3:
            del data[at:]
    return bytes(data)


def input_of(parser: Parser, seeds: tuple[bytes, ...], seed: int, number: int) -> bytes:
    """Return one input of a campaign."""
    return mutated(random.Random(f"{seed}/{parser.name}/{number}"), seeds)


def run(parser: Parser, seed: int, start: int, stop: int, crashes: Path) -> Counter[str]:
    """Run inputs ``start … stop − 1`` in processes of their own; count what became of them."""
    outcomes: Counter[str] = Counter()
    shared = mmap.mmap(-1, 24)
    while start < stop:
        shared[:] = struct.pack("<qqq", start, 0, 0)
        child = os.fork()
        if child == 0:
            _child(parser, seed, start, stop, crashes, shared)
        status, beat, since = None, -1, time.monotonic()
        while status is None:
            done, found = os.waitpid(child, os.WNOHANG)
            if done:
                status = found
                break
            number = struct.unpack("<qqq", shared[:])[0]
            if number != beat:
                beat, since = number, time.monotonic()
            elif time.monotonic() - since > 60 * _HANG_SECONDS:  # native code did not let Python answer, or it waits
                os.kill(child, signal.SIGKILL)
            time.sleep(0.02)
        number, clean, refused = struct.unpack("<qqq", shared[:])
        outcomes["clean"] += clean
        outcomes["refused"] += refused
        start = number
        if status != 0:
            said = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {status >> 8}"
            _keep(crashes, parser, f"the process ended: {said}", number, b"")
            start += 1
    return outcomes


def _child(parser: Parser, seed: int, start: int, stop: int, crashes: Path, shared: mmap.mmap) -> None:
    folder, code = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)), 1
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGPROF, _late)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        warnings.simplefilter("ignore")
        seeds = parser.seeds()
        clean = refused = 0
        for number in range(start, stop):
            shared[:] = struct.pack("<qqq", number, clean, refused)
            data = input_of(parser, seeds, seed, number)
            signal.setitimer(signal.ITIMER_PROF, _HANG_SECONDS)
            try:
                parser.parse(folder, data)
                clean += 1
            except EarwitnessError as error:
                refused += 1
                if len(str(error).splitlines()) > 1:
                    _keep(crashes, parser, "a message of several lines", number, data)
            except BaseException as error:
                _keep(crashes, parser, _named(error), number, data)
            signal.setitimer(signal.ITIMER_PROF, 0)
            for path in folder.iterdir():
                path.unlink() if path.is_file() else shutil.rmtree(path)
        shared[:] = struct.pack("<qqq", stop, clean, refused)
        code = 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(code)


class _TooLate(BaseException):
    """An input took longer than is allowed."""


def _late(*_: object) -> None:
    raise _TooLate


def _named(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/earwitness/" in frame.filename]
    where = f"{Path(frames[-1].filename).stem}.{frames[-1].name}" if frames else "?"
    return f"{type(error).__name__} in {where}"


def _keep(crashes: Path, parser: Parser, what: str, number: int, data: bytes) -> None:
    crashes.mkdir(parents=True, exist_ok=True)
    with (crashes / "crashes.jsonl").open("a", encoding="utf-8") as file:
        print(json.dumps({"parser": parser.name, "what": what, "number": number, "hex": data.hex()[:4000]}), file=file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--state", type=Path, help="counts so far; the same file takes a campaign up again")
    parser.add_argument("--crashes", type=Path, default=Path("fuzz-crashes"))
    parser.add_argument("--only", help="part of a parser's name")
    parser.add_argument("--step", type=int, default=20_000, help="inputs between two notes of the state")
    options = parser.parse_args()
    state: dict[str, dict[str, int]] = {}
    if options.state and options.state.exists():
        state = json.loads(options.state.read_text(encoding="utf-8"))
    known = [one for one in parsers() if options.only is None or options.only in one.name]
    whole = sum(one.share for one in known)
    for one in known:
        wanted = max(round(options.inputs * one.share / whole), 1)
        counts = state.setdefault(one.name, {"inputs": 0, "clean": 0, "refused": 0})
        while counts["inputs"] < wanted:
            stop = min(counts["inputs"] + options.step, wanted)
            found = run(one, options.seed, counts["inputs"], stop, options.crashes)
            counts["inputs"] = stop
            for kind in ("clean", "refused"):
                counts[kind] += found[kind]
            if options.state:
                options.state.write_text(json.dumps(state, indent=1), encoding="utf-8")
    _print(state, options.crashes)
    failed = sum(counts["inputs"] - counts["clean"] - counts["refused"] for counts in state.values())
    raise SystemExit(1 if failed else 0)


def _print(state: dict[str, dict[str, int]], crashes: Path) -> None:
    print(f"{'parser':<24}{'inputs':>10}{'clean':>10}{'refused':>10}{'crashes':>9}")
    rows = [
        *state.items(),
        ("all", {key: sum(c[key] for c in state.values()) for key in ("inputs", "clean", "refused")}),
    ]
    for name, counts in rows:
        failed = counts["inputs"] - counts["clean"] - counts["refused"]
        print(f"{name:<24}{counts['inputs']:>10}{counts['clean']:>10}{counts['refused']:>10}{failed:>9}")
    path = crashes / "crashes.jsonl"
    if path.exists():
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for (name, what), times in Counter((one["parser"], one["what"]) for one in found).items():
            print(f"{name}: {what}, {times} times")


if __name__ == "__main__":
    main()
