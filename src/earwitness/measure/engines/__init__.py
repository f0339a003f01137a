"""Engines: who measures the parts of a run, in this process, in several, or on a cluster."""
