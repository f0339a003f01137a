"""ACE-Step 1.5: songs from a caption and lyrics, by rectified flow over Oobleck latents."""

from earwitness.targets.ace_step.family import AceStepFamily

__all__ = ["AceStepFamily"]
