"""Tango and Tango 2 in declare-lab's own files.

Goal: the files that were published are loaded as they are, without the code they came with: a
mel front end, the VAE of AudioLDM, a U-Net over its latents under the states of a frozen T5.
"""

from earwitness.targets.tango.family import TangoFamily

__all__ = ["TangoFamily"]
