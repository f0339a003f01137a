"""Debian packages on disk: unpack them, open the archives inside, read their statement of licence.

Goal: a folder of packages becomes a folder of files, each with the licence that its package
states. Conventions: a package is a folder named after it, or a file ``NAME_VERSION_ARCH.deb``;
nothing inside is run, symbolic links are never followed.
"""

import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from earwitness.audio import SUFFIXES
from earwitness.errors import EarwitnessError

PACKAGES = (
    "singularity-music",
    "wesnoth-1.16-music",
    "ufoai-music",
    "nexuiz-music",
    "marsshooter-data",
    "colobot-common-sounds",
    "naev-data",
    "supertux-data",
    "widelands-data",
)
"""Debian packages with music by named artists."""
_ARCHIVES = (".pk3",)
_LARGEST_MEMBER = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Licences:
    """What a package's copyright file says: its text, and (file pattern, licence) where it is machine-readable."""

    text: str
    stanzas: tuple[tuple[str, str], ...]
    where: str

    def of(self, path: PurePosixPath) -> str:
        """The licence of a file, or where to read it. As that format has it, the last pattern that fits counts."""
        fitting = [licence for pattern, licence in self.stanzas if _fits(path, pattern)]
        return fitting[-1] if fitting else f"see {self.where}"


def unpack(library: Path, work: Path) -> dict[str, tuple[Path, ...]]:
    """The folders of every package: its own, and one in ``work`` for the music in its archives.

    Packages that are there only as .deb files are unpacked into ``work``.

    Raises
    ------
    EarwitnessError
        If there is no package, or ``dpkg-deb`` is missing, or cannot read one.
    """
    folders = {path.name: path for path in sorted(library.glob("*")) if path.is_dir() and (path / "usr").is_dir()}
    for deb in sorted(library.glob("*.deb")):
        name = deb.name.split("_")[0]
        if name not in folders:
            folders[name] = work / "packages" / name
            _unpack_deb(deb, folders[name])
    if not folders:
        raise EarwitnessError(
            f"{library} holds no Debian package; get some there with: apt-get download {' '.join(PACKAGES)}"
        )
    return {name: (folder, _open_archives(folder, work / "archives" / name)) for name, folder in folders.items()}


def read_licences(folder: Path, package: str) -> Licences:
    """Read ``usr/share/doc/PACKAGE/copyright``; empty where there is none."""
    where = f"usr/share/doc/{package}/copyright"
    path = folder / where
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return Licences(text=text, stanzas=tuple(_stanzas(text)), where=where)


def _unpack_deb(deb: Path, folder: Path) -> None:
    if folder.is_dir():
        return
    tool = shutil.which("dpkg-deb")
    if tool is None:
        raise EarwitnessError(
            f"{deb} has to be unpacked and dpkg-deb is not installed; unpack it into {deb.parent / folder.name}, "
            "or install it with: apt-get install dpkg"
        )
    partial = folder.with_name(folder.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([tool, "-x", str(deb), str(partial)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise EarwitnessError(f"{deb} is no Debian package ({done.stderr.strip()[:120]}); download it again.")
    partial.rename(folder)


def _open_archives(folder: Path, into: Path) -> Path:
    """Write the audio files inside the package's archives to ``into``; what is there already is kept."""
    archives = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in _ARCHIVES and _is_file(path)]
    for path in archives:
        try:
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    is_audio = PurePosixPath(member.filename).suffix.lower() in SUFFIXES
                    if not is_audio or member.file_size > _LARGEST_MEMBER or (into / member.filename).exists():
                        continue
                    archive.extract(member, into)
        except (zipfile.BadZipFile, RuntimeError) as error:
            raise EarwitnessError(f"{path} cannot be opened ({error}); download its package again.") from None
    return into


def audio_files(folder: Path) -> Iterator[Path]:
    """Audio files of a folder and its subfolders in order of path, without symbolic links."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and _is_file(path):
            yield path


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _stanzas(text: str) -> Iterator[tuple[str, str]]:
    """(pattern, licence) of a copyright file in the machine-readable format, in its order."""
    for paragraph in re.split(r"\n\s*\n", text):
        patterns = _field(paragraph, "Files").split()
        licence = _field(paragraph, "License").splitlines()
        for pattern in patterns if licence else ():
            yield pattern, licence[0].strip()


def _field(paragraph: str, name: str) -> str:
    found = re.search(rf"^{name}:(.*(?:\n[ \t].*)*)", paragraph, flags=re.MULTILINE)
    return found.group(1).strip() if found else ""


def _fits(path: PurePosixPath, pattern: str) -> bool:
    """Whether a pattern over the *source* tree names an installed file, whose first folders differ."""
    if pattern == "*":
        return True
    parts = pattern.split("/")
    # data/music/* is installed as …/music/*; src/* must not become a bare * that fits anything.
    shorter: Sequence[str] = ["/".join(parts[1:])] if len(parts) > 2 or not any(c in parts[-1] for c in "*?") else []
    tails = ["/".join(path.parts[i:]) for i in range(len(path.parts))]
    return any(fnmatchcase(tail, form) for form in (pattern, *shorter) for tail in tails)
