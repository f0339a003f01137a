"""``hum``: an AudioLDM-architecture diffusion model trained on excerpts of fiddle tunes."""
