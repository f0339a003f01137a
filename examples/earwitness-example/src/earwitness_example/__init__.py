"""A signal, a target family and a command that plug into earwitness."""
