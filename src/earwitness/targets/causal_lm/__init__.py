"""Any Hugging Face causal language model over audio or MIDI tokens.

Goal: a directory that ``save_pretrained`` wrote, with a file ``earwitness.json`` that says which
of its tokens are music (see ``description``), becomes a target without an adapter of its own.
"""

from pathlib import Path

from earwitness.targets.causal_lm.anticipation import AnticipatoryLm, load_anticipation
from earwitness.targets.causal_lm.audio import AudioCausalLm, load_audio
from earwitness.targets.causal_lm.description import (
    FILE_NAME,
    AnticipatedEvents,
    AudioTokens,
    YueTokens,
    read_description,
)
from earwitness.targets.causal_lm.midi import MidiCausalLm, load_midi
from earwitness.targets.causal_lm.yue import as_audio_tokens

__all__ = ["AnticipatoryLm", "AudioCausalLm", "CausalLmFamily", "MidiCausalLm"]


class _Family:
    """Directories with an ``earwitness.json``."""

    name = "causal-lm"
    description = "any causal language model over audio or MIDI tokens, told of in earwitness.json"

    def matches(self, folder: Path) -> bool:
        """Whether the description is there."""
        return (folder / FILE_NAME).is_file()

    def load(
        self, folder: Path, *, name: str, device: str, dtype: str
    ) -> AudioCausalLm | MidiCausalLm | AnticipatoryLm:
        """Load what the description says, in evaluation mode."""
        description = read_description(folder)
        if isinstance(description, YueTokens):
            description = as_audio_tokens(description)
        if isinstance(description, AudioTokens):
            return load_audio(folder, description, name=name, device=device, dtype=dtype)
        if isinstance(description, AnticipatedEvents):
            return load_anticipation(folder, description, name=name, device=device, dtype=dtype)
        return load_midi(folder, description, name=name, device=device, dtype=dtype)


CausalLmFamily = _Family()
