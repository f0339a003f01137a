"""``hum``: an AudioLDM-architecture diffusion model trained on random windows of fiddle tunes."""
