"""Sources: a hash over the files of a collection and what is said of them.

Goal: a collection that was read once need not be decoded again; reading bytes is enough to know that
nothing changed. Conventions: whatever could change the outcome is in the hash: what the walk or the manifest says,
the bytes of each file, the versions of this program and of the decoders.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import astuple

import av
import soundfile

from earwitness import __version__
from earwitness.collection.walk import Entry, Gathered
from earwitness.files import file_sha256


def sources_sha256(gathered: Sequence[Gathered], sha256s: Sequence[str]) -> str:
    """Return the hash (hex) of what was gathered, given that of each entry's file, in order."""
    digest = hashlib.sha256(repr((__version__, soundfile.__libsndfile_version__, av.library_versions)).encode())
    for source in gathered:
        about = [source.ignored, source.symlinks, source.warnings, [astuple(failure) for _, failure in source.failures]]
        digest.update(repr(about).encode(errors="surrogatepass"))
    entries = [entry for source in gathered for entry in source.entries]
    for entry, sha256 in zip(entries, sha256s, strict=True):
        said = (
            entry.name, str(entry.role), entry.folder, entry.group, entry.pair, entry.stratum, entry.prompt,
            entry.title, entry.artist, entry.album, sha256,
        )  # fmt: skip
        digest.update(repr(said).encode(errors="surrogatepass"))
    return digest.hexdigest()


def sha256_of(entry: Entry) -> str:
    """The hash of a file's bytes; of one that cannot be read, what stands in the way."""
    try:
        return file_sha256(entry.path)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
