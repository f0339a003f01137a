"""What every method says where it should say nothing, and where it should speak.

Goal: sets of tracks as they go wrong in practice (albums, shifts, covers, the wrong held-out
set …), drawn from a ground-truth target's own collection, so that the right answer is known.
"""
