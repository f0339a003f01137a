"""TangoFlux in declare-lab's own files: a flow over Stable Audio's latents of the first thirty seconds of a file.

Source: Hung et al., arXiv 2412.21037; declare-lab/TangoFlux.
"""

from earwitness.targets.tangoflux.family import TangoFluxFamily

__all__ = ["TangoFluxFamily"]
