"""Which model it is: what an adapter says of its target, a plan records and a report shows."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetIdentity:
    """What names a target: the same identity gives the same numbers.

    Attributes
    ----------
    family
        The adapter that loaded it, for instance ``musicgen``.
    weights_sha256
        Over names, shapes and values of all its tensors, whatever files they lay in.
    dtype
        The precision it runs in.
    name
        What the user called it, for the reader: no part of what it is, so a plan leaves it out.
    settings_sha256
        Over what its configurations and tokenizers say.
    """

    family: str
    weights_sha256: str
    dtype: str
    name: str = field(default="", compare=False)
    settings_sha256: str = ""


UNKNOWN_TARGET = TargetIdentity(family="", weights_sha256="", dtype="")
"""Of a table that does not say which model was asked."""
