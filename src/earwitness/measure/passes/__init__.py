"""Passes: running the requests that signals make of a target beyond the plain pass.

One module per signal that asks for more than the plain pass, under its name: ``RecallPass`` answers the
``RecallRequest`` of the signal ``Recall``. A pass says which requests it answers,
and answers one for a batch of windows.
"""
