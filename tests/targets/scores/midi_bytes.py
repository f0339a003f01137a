"""MIDI files written byte by byte: what no library would write."""


def number(value: int) -> bytes:
    """A number of seven bits a byte."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))


def track(events: list[tuple[int, bytes]]) -> bytes:
    """A track of events at ticks from the start, with its end."""
    content, last = b"", 0
    for tick, event in events:
        content += number(tick - last) + event
        last = tick
    content += b"\0\xff\x2f\0"
    return b"MTrk" + len(content).to_bytes(4, "big") + content


def midi_file(*tracks: list[tuple[int, bytes]], resolution: int = 96) -> bytes:
    """A file of several tracks."""
    header = b"MThd\0\0\0\x06\0\x01" + len(tracks).to_bytes(2, "big") + resolution.to_bytes(2, "big")
    return header + b"".join(track(events) for events in tracks)


def on(pitch: int, velocity: int = 64, channel: int = 0) -> bytes:
    """A note-on."""
    return bytes([0x90 | channel, pitch, velocity])


def off(pitch: int, channel: int = 0) -> bytes:
    """A note-off."""
    return bytes([0x80 | channel, pitch, 0])


COMMON_TIME = b"\xff\x58\x04\x04\x02\x18\x08"
