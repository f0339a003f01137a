"""Strangers' text made harmless to look at, whatever the medium.

Goal: a title or file name can neither steer a terminal, break an XML drawing, nor turn the
order of the letters around it. Every such character becomes U+FFFD, so that its presence shows.
"""

import re

# Control characters, lone surrogates, XML's two non-characters, and the bidirectional overrides and isolates.
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""Replace control, surrogate and direction-changing characters by U+FFFD; line breaks by a space.

    >>> printable("a\nb\x1b[31m")
    'a b�[31m'
    """
    return _HARMFUL.sub("�", " ".join(text.splitlines()))
