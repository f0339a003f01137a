"""Stable Audio Open: a diffusion transformer over latents of whole, silence-padded clips.

Source of the model: Evans et al., arXiv 2407.14358. `target` says what is asked of it, `latents`
how a window becomes a clip, `parametrisation` how levels and noise are translated.
"""

from earwitness.targets.stable_audio.family import StableAudioFamily

__all__ = ["StableAudioFamily"]
