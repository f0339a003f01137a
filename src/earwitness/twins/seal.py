"""The seal: what is fixed before publication, and the draw that nobody could choose.

Goal: whoever made the copies, whoever owns the model and a court compute the same draw. Conventions: hashes are
SHA-256 in hexadecimal, of a file's bytes. The key stays secret until the works were published; the seal holds a
commitment to it. ``beacon`` is a text that nobody could know when the seal was promised (a lottery's numbers, a
public randomness beacon's round): with it even the owner of the key could not try keys until the draw pleased.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, field_validator

from earwitness.errors import EarwitnessError
from earwitness.files import file_sha256, read_record, write_text
from earwitness.twins.media import medium_of

SEAL_NAME = "seal.json"
COPIES, PUBLISHED = "copies", "published"
_KEY_BYTES = 32


class SealedWork(BaseModel):
    """One work: its name, the hash of its master, and those of its copies in the order of their numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    master_sha256: str
    copies: tuple[str, ...]

    @field_validator("name")
    @classmethod
    def _stays_inside(cls, name: str) -> str:
        """A seal may come from a stranger: a name must not lead out of its folder."""
        parts = name.split("/")
        if not all(parts) or {".", ".."} & set(parts) or "\\" in name:
            raise ValueError(f"a work is named {name!r}, which leads out of the folder")
        return name


class Seal(BaseModel):
    """Everything that is fixed before publication; ``seal.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithm: str = "earwitness-twins-1"
    key_commitment: str
    beacon: str = ""
    marks: tuple[str, ...]
    strength: float
    works: tuple[SealedWork, ...]

    def write(self, folder: Path) -> None:
        """Write ``seal.json``, atomically."""
        write_text(folder / SEAL_NAME, self.model_dump_json(indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Seal":
        """Read the seal of a folder back; raises ``EarwitnessError`` where there is none or it is not one."""
        path = folder / SEAL_NAME
        found = read_record(path, cls, is_not="is not a seal of this version")
        if found is None:
            raise EarwitnessError(f"{folder} holds no {SEAL_NAME}; make one with `earwitness mark`.")
        return found

    @property
    def suffix(self) -> str:
        """Of the copies' files; what was marked follows from the marks."""
        return medium_of(self.marks).copy_suffix

    @property
    def sha256(self) -> str:
        """What to have stamped by somebody before publication: a hash over all that the seal holds."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the seal says; ``what`` names the file or the piece."""

    what: str
    problem: str

    def __str__(self) -> str:
        return f"{self.what}: {self.problem}"


def new_key(path: Path) -> bytes:
    """Return the key of a file, made with 256 random bits if it does not exist yet, readable for its owner alone.

    Raises
    ------
    EarwitnessError
        Where the file holds something else.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(_KEY_BYTES) + "\n", encoding="ascii")
    return read_key(path)


def read_key(path: Path) -> bytes:
    """Read a key file: 64 hexadecimal digits."""
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        raise EarwitnessError(f"There is no key file {path}; give the one that `earwitness mark` made.") from None
    except (ValueError, OSError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise EarwitnessError(f"{path} is not a key file: it should hold {2 * _KEY_BYTES} hexadecimal digits.")
    return key


def commitment(key: bytes) -> str:
    """Return what binds to a key without showing it."""
    return hashlib.sha256(b"earwitness twins, commitment\0" + key).hexdigest()


def mark_seed(key: bytes, master_sha256: str, copy: int) -> bytes:
    """Return the seed of the marks of one copy: 32 bytes, of no use for guessing the draw."""
    return hmac.digest(key, f"mark\0{master_sha256}\0{copy}".encode(), "sha256")


def drawn(key: bytes, beacon: str, master_sha256: str, copies: int) -> int:
    """Return the number of the copy that is published: uniform over ``0 … copies − 1`` for whoever lacks the key."""
    digest = hmac.digest(key, f"draw\0{beacon}\0{master_sha256}".encode(), "sha256")
    # 256 bits over a handful of copies: no copy is likelier than another by more than 2^-250.
    return int.from_bytes(digest, "big") % copies


def inconsistencies(folder: Path, seal: Seal, key: bytes | None) -> list[Finding]:
    """Return what is not as the seal says: copies, published files, and with the key the commitment and the draw.

    Without the key the copies alone can be checked.
    """
    found = []
    if key is not None and commitment(key) != seal.key_commitment:
        found.append(Finding("the key", "it is not the one that the seal commits to"))
    for work in seal.works:
        for number, sha256 in enumerate(work.copies):
            found += _changed(copy_path(folder, work.name, number, seal.suffix), sha256)
        if key is not None and not found:
            published = work.copies[drawn(key, seal.beacon, work.master_sha256, len(work.copies))]
            found += _changed(
                folder / PUBLISHED / f"{work.name}{seal.suffix}", published, "is not the copy that the key drew"
            )
    return found


def copy_path(folder: Path, work: str, number: int, suffix: str = ".flac") -> Path:
    """Return where a copy lies."""
    return folder / COPIES / work / f"{number:02d}{suffix}"


def _changed(path: Path, sha256: str, otherwise: str = "was changed since it was sealed") -> list[Finding]:
    try:
        return [] if file_sha256(path) == sha256 else [Finding(str(path), otherwise)]
    except OSError:
        return [Finding(str(path), "is missing or cannot be read")]
