"""Strangers' text: names and tags made fit for a table or for a one-line message, or compared."""

import unicodedata


def printable(text: str) -> str:
    """Replace what is no printable character, line breaks and undecodable bytes included, by U+FFFD."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def storable(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot hold, by U+FFFD; everything else stays verbatim."""
    return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)


def same_text(text: str | None) -> str:
    """The form in which texts that mean the same are equal: case, spaces and Unicode form do not count."""
    return " ".join(unicodedata.normalize("NFKC", text or "").casefold().split())
