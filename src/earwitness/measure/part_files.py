"""Where workers leave parts for others to fetch: a folder or an object store, by a URL that fsspec takes.

Goal: a part is there whole or not at all, whoever writes it and however often. Names are those of the run's
``features`` folder; equal parts have equal bytes, so it does not matter which of two writers came last.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earwitness.errors import EarwitnessError
from earwitness.files import write_bytes


@dataclass(frozen=True, slots=True)
class PartFiles:
    """The parts under a URL (``file:///shared/run``, ``s3://bucket/run``, ``gs://…``) or in a plain folder."""

    url: str

    def names(self) -> set[str]:
        """The parts that are there."""
        system, root = self._system()
        try:
            found = system.ls(root, detail=False)
        except FileNotFoundError:
            return set()
        except Exception as error:
            raise self._unusable("cannot be listed", error) from None
        names = {str(path).rstrip("/").rsplit("/", 1)[-1] for path in found}
        return {name for name in names if name.startswith("part-") and name.endswith(".parquet")}

    def read(self, name: str) -> bytes:
        """The bytes of a part."""
        system, root = self._system()
        try:
            content: bytes = system.cat_file(f"{root}/{name}")
        except Exception as error:
            raise self._unusable(f"holds {name}, which cannot be read", error) from None
        return content

    def write(self, name: str, content: bytes) -> None:
        """Put a part there; in a folder atomically, as object stores do by themselves."""
        system, root = self._system()
        if _is_folder(system):
            write_bytes(Path(root) / name, content)
            return
        try:
            system.pipe_file(f"{root}/{name}", content)
        except Exception as error:
            raise self._unusable("cannot be written", error) from None

    def _system(self) -> tuple[Any, str]:
        import fsspec

        try:
            system, root = fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise EarwitnessError(
                f"{self.url} is no place for parts ({error}); give a folder, or a URL whose file system is installed."
            ) from None
        system.invalidate_cache()  # others write there
        return system, str(root).rstrip("/")

    def _unusable(self, what: str, error: Exception) -> EarwitnessError:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return EarwitnessError(
            f"{self.url} {what} ({reason}); see that it is reachable with the right to write, and run the same again. "
            "Finished parts are kept."
        )


def _is_folder(system: Any) -> bool:
    protocol = system.protocol
    return "file" in ((protocol,) if isinstance(protocol, str) else protocol)
