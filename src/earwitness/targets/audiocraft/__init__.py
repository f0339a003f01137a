"""audiocraft's own release files: MusicGen and AudioGen as ``state_dict.bin`` and its codec."""

from earwitness.targets.audiocraft.family import AudiocraftMusicgenFamily, AudiogenFamily

__all__ = ["AudiocraftMusicgenFamily", "AudiogenFamily"]
