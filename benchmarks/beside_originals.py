"""Families beside the outputs that their published code gave, which lie in tests/targets/goldens.

Goal: one function a family, each giving (family, number, relative L2) for benchmarks/as_trained.py. The programs in
benchmarks/originals computed the goldens, on weights drawn from tensor names; nothing of the originals is needed here.
"""

from collections.abc import Iterator
from pathlib import Path

import soundfile
import torch
from torch import Tensor

Measured = tuple[str, str, float]


def heard(folder: Path, samples: int, target: object, rate: int) -> Tensor:
    """The golden's file, written and read by the package [1, channels, samples]."""
    from earwitness import audio
    from tests.targets.goldens.seeded import wave

    soundfile.write(folder / "a.wav", wave(samples), rate, subtype="FLOAT")
    return audio.read_channels(folder / "a.wav", target.sample_rate, target.channels)[None]


def in_variance_form(target: object, state: Tensor, level: int) -> Tensor:
    """A state of a flow, scaled as signals give it."""
    alpha = target.alphas_cumprod[level]
    return state * float(alpha.sqrt() + (1 - alpha).sqrt())


@torch.no_grad()
def tangoflux(folder: Path) -> Iterator[Measured]:
    from earwitness.targets.tangoflux.target import Heard
    from tests.targets.goldens.golden import relative
    from tests.targets.tangoflux_tiny import ABOUT, ARRAYS, load, save_release

    target = load(save_release(folder / "model"))
    latent = target.encode(heard(folder, ABOUT["samples"], target, 44_100))
    yield "TangoFlux", "latent", relative(latent, ARRAYS["latent"][..., : latent.shape[-1]])
    ours, theirs = [], []
    for i, (prompt, seconds) in enumerate(zip(ABOUT["prompts"], ABOUT["seconds"], strict=True)):
        state, velocity = (ARRAYS[f"{name}/{i}"].transpose(1, 2) for name in ("hidden_states", "velocity"))
        sigma = float(ARRAYS[f"timestep/{i}"][0])
        level = round(1000 * sigma) - 1
        given = in_variance_form(target, state, level)
        ours.append(target.predict_noise(given, torch.tensor([level]), [Heard(prompt, seconds)]))
        theirs.append(state + (1 - sigma) * velocity)
    yield "TangoFlux", "ε", relative(torch.cat(ours), torch.cat(theirs))


@torch.no_grad()
def stable_audio(folder: Path) -> Iterator[Measured]:
    from tests.targets import stable_audio_beside_original as beside
    from tests.targets.goldens import golden

    for kind, name in zip(beside.KINDS, ("Open", "Open Small", "for inpainting"), strict=True):
        (folder / kind).mkdir()
        target = beside.load(beside.save_release(kind, folder / kind / "model"))
        latent = target.encode(heard(folder / kind, 640, target, 160))
        yield (
            f"Stable Audio {name}",
            "latent",
            golden.relative(latent, golden.read(f"stable_audio_{kind}")[1]["latent"]),
        )
        for dropped in (False, True):
            quantity = "ε without a condition" if dropped else "ε"
            yield f"Stable Audio {name}", quantity, golden.relative(*beside.asked(target, kind, dropped=dropped))


@torch.no_grad()
def ace_step_v1(folder: Path) -> Iterator[Measured]:
    from tests.targets import ace_step_v1_tiny as beside
    from tests.targets.goldens.golden import relative

    target = beside.load(beside.save_release(folder / "model"))
    latent = target.encode(heard(folder, beside.ABOUT["samples"], target, 44_100))
    yield "ACE-Step v1", "latent", relative(latent, beside.ARRAYS["latent"])
    for dropped in (False, True):
        ours, theirs = zip(*(beside.asked(target, i, dropped=dropped) for i in (0, 1)), strict=True)
        quantity = "ε without a condition" if dropped else "ε"
        yield "ACE-Step v1", quantity, relative(torch.cat(ours), torch.cat(theirs))


def _in_first_channel(folder: Path, samples: int, target: object) -> Tensor:
    from earwitness import audio
    from tests.targets.goldens.seeded import wave

    soundfile.write(folder / "a.wav", wave(samples), target.sample_rate, subtype="FLOAT")
    return audio.read_channels(folder / "a.wav", target.sample_rate, 1, one="first")


@torch.no_grad()
def tango(folder: Path) -> Iterator[Measured]:
    from tests.targets import tango_beside_original as beside
    from tests.targets.goldens.golden import relative

    target = beside.load(beside.save_release(folder / "model"))
    latent = target.encode(_in_first_channel(folder, beside.ABOUT["samples"], target))
    yield "Tango", "latent", relative(latent, beside.ARRAYS["latent"])
    yield "Tango", "ε", relative(*beside.asked(target, dropped=False))
    yield "Tango", "ε without a condition", relative(*beside.asked(target, dropped=True))


@torch.no_grad()
def mustango(folder: Path) -> Iterator[Measured]:
    from tests.targets import mustango_tiny as beside
    from tests.targets.goldens.golden import relative

    target = beside.load(beside.save_release(folder / "model"))
    latent = target.encode(_in_first_channel(folder, beside.ABOUT["samples"], target))
    yield "Mustango", "latent", relative(latent, beside.ARRAYS["latent"])
    yield "Mustango", "ε", relative(*beside.asked(target))


FAMILIES = (tango, mustango, tangoflux, stable_audio, ace_step_v1)
