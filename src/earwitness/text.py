"""Strangers' text: names and tags made fit for a table or for a one-line message, or compared."""

import re
import unicodedata

# Control characters, lone surrogates, XML's two non-characters, and the bidirectional overrides and isolates.
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")

STATED_MACHINE_MADE = "say of themselves that a machine made them"
"""What indexing says of such tracks, and by which a verdict knows them."""


def printable(text: str) -> str:
    """Replace what is no printable character, line breaks and undecodable bytes included, by U+FFFD."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def storable(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot hold, by U+FFFD; everything else stays verbatim."""
    return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)


def same_text(text: str | None) -> str:
    """The form in which texts that mean the same are equal: case, spaces and Unicode form do not count."""
    return " ".join(unicodedata.normalize("NFKC", text or "").casefold().split())


def harmless(text: str) -> str:
    r"""Replace control, surrogate and direction-changing characters by U+FFFD; line breaks by a space.

    A title can then neither steer a terminal, break an XML drawing, nor turn the order of the letters around
    it; what is merely unusual (a no-break space, a joined emoji) stays.

    >>> harmless("a\nb\x1b[31m")
    'a b�[31m'
    """
    return _HARMFUL.sub("�", " ".join(text.splitlines()))


def counted(number: int, what: str) -> str:
    """A number of things, in words.

    >>> counted(1, "file"), counted(3, "file"), counted(1200, "file")
    ('1 file', '3 files', '1,200 files')
    """
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
