"""Tests on plain arrays, NumPy and SciPy alone: no audio, no models, no files."""
