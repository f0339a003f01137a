"""FIGARO: an encoder-decoder over REMI+ tokens that is told of each bar by a description.

Goal: score MIDI files under the released checkpoints, or under a small model of the same shape.
``Piece`` and ``Description`` turn a score into what the model reads, ``FigaroModel`` is the model,
``BarEncoder`` makes the learned description, ``save_figaro`` and ``load_figaro`` keep both on disk,
``Figaro`` asks them. Source: von Rütte et al., arXiv 2201.10936.
"""

from earwitness.targets.figaro.config import FigaroConfig, VaeConfig
from earwitness.targets.figaro.description import Description
from earwitness.targets.figaro.load import Loaded, load_figaro, save_figaro
from earwitness.targets.figaro.model import FigaroModel
from earwitness.targets.figaro.remi import Piece
from earwitness.targets.figaro.target import Figaro, FigaroFamily
from earwitness.targets.figaro.vae import BarEncoder

__all__ = [
    "BarEncoder",
    "Description",
    "Figaro",
    "FigaroConfig",
    "FigaroFamily",
    "FigaroModel",
    "Loaded",
    "Piece",
    "VaeConfig",
    "load_figaro",
    "save_figaro",
]
