"""The collection of the ``hum`` target: whole fiddle tunes, split by a seed of its own.

Goal: the tunes of ``fiddle`` in the same four timbres, of which a diffusion model was trained on random windows. A
denoiser remembers a clip only after a thousand visits and more, so it was trained on few.

Conventions: as in `earwitness.ground_truth.fiddle.tunes`; a window has ``WINDOW_SAMPLES`` samples at ``SAMPLE_RATE``.
"""

from earwitness.ground_truth.fiddle.tunes import PROGRAMS, render, write_track
from earwitness.targets.mel import MEL_16K

SPLIT_SEED = 2513
LATENT_FRAME = 32  # mel frames that one latent frame of the shipped VAE stands for
WINDOW_SAMPLES = 16 * LATENT_FRAME * MEL_16K.hop

__all__ = ["LATENT_FRAME", "PROGRAMS", "SPLIT_SEED", "WINDOW_SAMPLES", "render", "write_track"]
