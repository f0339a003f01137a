"""Scores as a model's own preparation read them from MIDI files.

Goal: which notes a file holds depends on who reads it, wherever a pitch is struck twice before it
is released once. A target that was trained on one reading is asked about that reading.
"""
