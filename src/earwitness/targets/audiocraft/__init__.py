"""audiocraft's own release files: MusicGen, AudioGen, MAGNeT and JASCO as ``state_dict.bin`` and its codec."""

from earwitness.targets.audiocraft.family import AudiocraftMusicgenFamily, AudiogenFamily, MagnetFamily
from earwitness.targets.audiocraft.jasco_family import JascoFamily

__all__ = ["AudiocraftMusicgenFamily", "AudiogenFamily", "JascoFamily", "MagnetFamily"]
