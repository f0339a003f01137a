"""What fixes the shape of a FIGARO model and of its VQ-VAE, and reading it from strangers' files.

Conventions: fields bear the names of the released checkpoints' hyper-parameters, so that a
configuration is read from them and from config.json alike; what only concerns training is ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, Self, get_args

from earwitness.errors import TargetError
from earwitness.targets.figaro.description import Parts

Flavor = Literal["description", "latent", "both", "none"]
BarCodes = Literal["training", "precomputed"]
_LARGEST = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """Sizes, each a whole number from 1 to 65 536 (layers: from 0)."""

    @classmethod
    def read(cls, values: Mapping[str, object], where: str) -> Self:
        """Read a configuration; missing fields take their defaults.

        Raises
        ------
        TargetError
            Where a value is not of its kind or is absurd.
        """
        known = {field.name: field.default for field in fields(cls)}
        read = {name: values[name] for name in known if name in values}
        for name, value in read.items():
            smallest = 0 if name.endswith("_layers") else 1
            if isinstance(known[name], bool):
                valid = isinstance(value, bool)
            elif isinstance(known[name], int):
                valid = isinstance(value, int) and not isinstance(value, bool) and smallest <= value <= _LARGEST
            else:
                continue
            if not valid:
                raise TargetError(f"{where} has {name} = {value!r:.60}, which no FIGARO model can have; get it again.")
        return cls(**read)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigaroConfig(_Shape):
    """Sizes of the encoder-decoder.

    Attributes
    ----------
    d_model, num_attention_heads, intermediate_size, encoder_layers, decoder_layers
        The transformers' sizes.
    context_size
        Tokens of music that a window has, tokens of description it is given, and the last bar that can be embedded.
    d_latent
        Width of a bar's learned description.
    description_flavor
        What the encoder reads: the expert ``description``, the ``latent`` of the VQ-VAE, ``both``, or ``none``.
    description_options
        Which parts the expert description has: ``instruments``, ``chords``, ``meta``; ``None`` for all.
    max_position_embeddings
        Distances between positions reach to one less, either way.
    max_positions
        The last position in a bar that can be embedded.
    relative_cross_attention
        Whether cross-attention knows distances too; so in what transformers before 4.13 trained.
    dropout
        In training only.
    """

    d_model: int = 512
    num_attention_heads: int = 8
    intermediate_size: int = 2048
    encoder_layers: int = 6
    decoder_layers: int = 12
    context_size: int = 512
    d_latent: int = 512
    description_flavor: Flavor = "description"
    description_options: Mapping[str, bool] | None = None
    max_position_embeddings: int = 1024
    max_positions: int = 512
    relative_cross_attention: bool = True
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.description_flavor not in get_args(Flavor):
            raise TargetError(
                f"There is no FIGARO with the description {self.description_flavor!r:.60}; "
                f"known are {', '.join(get_args(Flavor))}."
            )
        options = self.description_options
        if options is not None and not (
            isinstance(options, Mapping)
            and options.keys() <= {"instruments", "chords", "meta"}
            and all(isinstance(value, bool) for value in options.values())
        ):
            raise TargetError(f"The description options {options!r:.90} are no choice of instruments, chords and meta.")
        if not isinstance(self.dropout, (int, float)) or not 0 <= self.dropout < 1:
            raise TargetError(f"A FIGARO cannot have dropout {self.dropout!r:.60}; its configuration is damaged.")
        if self.d_model % self.num_attention_heads:
            raise TargetError(
                f"A FIGARO of width {self.d_model} cannot have {self.num_attention_heads} attention heads; "
                "its configuration is damaged."
            )
        if self.context_size > self.max_position_embeddings:
            raise TargetError(
                f"A FIGARO with {self.max_position_embeddings} distances cannot have a context of "
                f"{self.context_size} tokens; its configuration is damaged."
            )

    @property
    def reads_description(self) -> bool:
        """Whether the encoder is given the expert description."""
        return self.description_flavor in ("description", "both")

    @property
    def reads_latents(self) -> bool:
        """Whether the encoder is given the learned description."""
        return self.description_flavor in ("latent", "both")

    @property
    def parts(self) -> Parts:
        """Which parts the expert description has."""
        return Parts(**(self.description_options or {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class VaeConfig(_Shape):
    """Sizes of the VQ-VAE's encoding half; ``n_groups`` codes of ``n_codes`` kinds make a bar's ``d_latent``.

    Attributes
    ----------
    bar_codes
        Which of FIGARO's two ways of describing a bar the decoder was trained with. ``training``: as its training
        script does (``get_latent_representation``), each bar by itself, with its number. ``precomputed``: as its
        script ``precompute_latents`` does beforehand, eight bars in a row at a time, numbers masked, padding
        attended to, and the last column cut off, which is the ``<eos>`` of the longest.
    """

    d_model: int = 512
    num_attention_heads: int = 8
    encoder_ffn_dim: int = 2048
    encoder_layers: int = 6
    context_size: int = 256
    n_codes: int = 1024
    n_groups: int = 2
    d_latent: int = 1024
    max_position_embeddings: int = 1024
    bar_codes: BarCodes = "training"

    def __post_init__(self) -> None:
        if self.bar_codes not in get_args(BarCodes):
            raise TargetError(
                f"FIGARO has no bar codes of the kind {self.bar_codes!r:.60}; "
                f"known are {', '.join(get_args(BarCodes))}."
            )
        if self.d_model % self.num_attention_heads or self.d_latent % self.n_groups:
            raise TargetError(
                f"A VQ-VAE of width {self.d_model} with {self.num_attention_heads} heads and {self.d_latent} latents "
                f"in {self.n_groups} groups does not divide evenly; its configuration is damaged."
            )
