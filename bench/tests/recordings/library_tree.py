"""A miniature library: two packages on disk, one with its music in an archive."""

import zipfile
from pathlib import Path

import mutagen
import numpy as np
import soundfile

RATE = 8_000
COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: the team
License: GPL-2+

Files: data/music/*
Copyright: Ada
License: CC-BY-3.0
 The full text
 of the licence.

Files: src/*
Copyright: the programmers
License: MIT
"""
UFO_COPYRIGHT = """Files:
 base/music/PsymongA.ogg
Copyright:
 Simon Green (Psymong)
License: GPL-2
"""


def tone(seconds: float, pitch: float) -> np.ndarray:
    """Quiet random notes, others for every pitch."""
    rng = np.random.default_rng(round(pitch))
    lengths = rng.integers(RATE // 8, RATE // 2, size=round(8 * seconds))
    phase = np.cumsum(np.repeat(rng.uniform(200, 3000, size=len(lengths)), lengths))[: round(seconds * RATE)]
    return (0.3 * np.sin(2 * np.pi * phase / RATE)).astype(np.float32)


def song(path: Path, pitch: float, *, seconds: float = 31, **tags: str) -> Path:
    """Write a tagged recording."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(seconds, pitch), RATE)
    file = mutagen.File(path)
    for name, value in tags.items():
        file[name] = value
    file.save()
    return path


def miniature(library: Path, scratch: Path) -> None:
    """Write the packages ``game-music`` and ``ufoai-music`` into the folder."""
    game = library / "game-music"
    music = game / "usr/share/games/game/music"
    first = song(music / "first.ogg", 220, title="Dawn", artist='Ada "The Ear" Byron')
    song(music / "second.ogg", 330, title="Dawn v2 - Noon", composer="Ada Byron")
    song(music / "nobody.ogg", 440, artist="<Unknown>")
    song(music / "web.ogg", 450, artist="www.example.org")
    song(music / "effect.ogg", 550, seconds=2, artist="Ada Byron")
    (music / "z_copy.ogg").write_bytes(first.read_bytes())
    (music / "link.ogg").symlink_to(first)
    (music / "broken.ogg").write_bytes(b"OggS but not really")
    _state(game, "game-music", COPYRIGHT)
    ufo = library / "ufoai-music"
    archive = ufo / "usr/share/games/ufoai/base/0music.pk3"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as pk3:
        pk3.write(song(scratch / "a.ogg", 660), "music/PsymongA.ogg")
        pk3.write(song(scratch / "b.ogg", 770), "music/Crystan-B.ogg")
        pk3.writestr("music/readme.txt", "no music")
    _state(ufo, "ufoai-music", UFO_COPYRIGHT)


def _state(package: Path, name: str, text: str) -> None:
    path = package / "usr/share/doc" / name / "copyright"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
