"""MIDI files written byte by byte: what no library would write."""

import numpy as np


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


def lively_file(seed: int) -> bytes:
    """Sixteen bars of four tracks: few pitches, struck again while they sound, over two tempi, a pedal and drums."""
    rng = np.random.default_rng(seed)
    tempi = [(0, b"\xff\x51\x03" + (480_000).to_bytes(3, "big")), (96 * 17 + 5, b"\xff\x51\x03\x07\xd0\x00")]
    tracks = [[(0, COMMON_TIME), *tempi]]
    for channel, program in ((0, 0), (1, 48), (2, 33), (9, 0)):
        events = [(0, bytes([0xC0 | channel, program]))]
        for beat in range(64):
            for pitch in rng.choice([60, 62, 64, 65, 67, 71], 2) - 12 * (channel == 2):
                start = 96 * beat + int(rng.integers(0, 90))
                length = int(rng.choice([0, 20, 48, 96, 150, 400]))
                events.append((start, on(int(pitch), int(rng.integers(30, 120)), channel)))
                if rng.random() < 0.95:
                    events.append((start + length, off(int(pitch), channel)))
            if channel == 0 and beat % 16 == 7:
                events += [(96 * beat + 3, b"\xb0\x40\x7f"), (96 * beat + 200, b"\xb0\x40\x00")]
        tracks.append(sorted(events, key=lambda event: event[0]))
    return midi_file(*tracks)
