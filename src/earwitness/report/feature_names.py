"""A feature's name taken apart: ``min_k/k=0.2/codebook=0/contrast``.

Goal: group features for the reader by signal family and by codebook, from the name alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureName:
    """The parts of a feature's name.

    Attributes
    ----------
    family
        The signal with its wrappers, if any: ``min_k``, ``min_k contrast``.
    codebook
        ``0``, ``1`` … or ``all``; ``None`` where the name states none.
    settings
        The other settings as written: ``k=0.2``.
    """

    family: str
    codebook: str | None
    settings: str

    @classmethod
    def parse(cls, name: str) -> "FeatureName":
        """Take a name apart; a name of another form is its own family."""
        signal, *rest = name.split("/")
        settings = [part for part in rest if "=" in part and not part.startswith("codebook=")]
        codebooks = [part.removeprefix("codebook=") for part in rest if part.startswith("codebook=")]
        wrappers = [part for part in rest if "=" not in part]
        return cls(
            family=" ".join([signal, *wrappers]),
            codebook=codebooks[-1] if codebooks else None,
            settings=" ".join(settings),
        )
