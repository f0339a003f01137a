"""ACE-Step v1 (3.5B): songs from a caption and lyrics, by a flow over latents of stereo mel spectrograms.

Source: Gong et al., arXiv 2506.00045; ace-step/ACE-Step.
"""

from earwitness.targets.ace_step_v1.family import AceStepV1Family

__all__ = ["AceStepV1Family"]
