"""Passes: running the requests that signals make of a target beyond the plain pass.

One module per kind of request. Each offers a ``Provider``: it says which requests it answers
and answers one for a batch of windows.
"""
