"""Ogg: where the files begin that were joined into one, and whether a file has its end.

Several Ogg files behind each other are a legal Ogg file ("chained"), of which libsndfile reads the
first alone; and it does not notice where only the last page is cut. Source: RFC 3533.
"""

from collections.abc import Iterator

_MARK = b"OggS"
_HEADER_BYTES = 27
_FLAGS, _SEGMENTS = 5, 26
_FIRST_PAGE, _LAST_PAGE = 0x02, 0x04


def links(data: bytes) -> list[bytes]:
    """Cut a chained Ogg file into the files it was joined from; any other file is one piece."""
    starts: list[int] = []
    in_headers = False
    for at, _, flags in _pages(data):
        first = bool(flags & _FIRST_PAGE)
        if first and not in_headers:  # streams side by side begin together, one first page behind the other
            starts.append(at)
        in_headers = first
    if len(starts) < 2:
        return [data]
    return [data[a:b] for a, b in zip([0, *starts[1:]], [*starts[1:], len(data)], strict=True)]


def has_end(data: bytes) -> bool:
    """Whether the last page that is whole says that it is the last."""
    whole = [flags for _, end, flags in _pages(data) if end <= len(data)]
    return bool(whole) and bool(whole[-1] & _LAST_PAGE)


def _pages(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Start, end and flags of every page."""
    at = 0
    while 0 <= at < len(data) - _HEADER_BYTES:
        if data[at : at + 4] != _MARK:
            at = data.find(_MARK, at + 1)  # damage between pages
            continue
        segments = data[at + _SEGMENTS]
        lengths = data[at + _HEADER_BYTES : at + _HEADER_BYTES + segments]
        end = at + _HEADER_BYTES + segments + sum(lengths)
        yield at, end, data[at + _FLAGS]
        at = end
