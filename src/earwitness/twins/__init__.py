"""Keyed twins: of every work several inaudibly different copies, of which a key drew one for publication."""
