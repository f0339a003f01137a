"""audiocraft's own release files: MusicGen, AudioGen and MAGNeT as ``state_dict.bin`` and its codec."""

from earwitness.targets.audiocraft.family import AudiocraftMusicgenFamily, AudiogenFamily, MagnetFamily

__all__ = ["AudiocraftMusicgenFamily", "AudiogenFamily", "MagnetFamily"]
