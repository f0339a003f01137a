"""Signals of diffusion and flow models: what a denoiser answers about a latent, reduced to named numbers."""
