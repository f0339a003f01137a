"""Score tokens beside those that the published preparations made of the same files.

``originals.json`` holds what FIGARO's ``InputRepresentation`` (dvruette/figaro at 9da3029, pretty_midi 0.2.11) and the
Anticipatory Music Transformer's ``midi_to_compound``, ``compound_to_events`` and ``pad`` (jthickstun/anticipation,
at af37397) gave for two files of our own, ``lively_file(0)`` and ``lively_file(1)``: nothing of theirs, and no
music of anyone's. Aria's tokens are those of ``AbsTokenizer`` (EleutherAI/aria-utils at e122d03) with its draws made
plain (no shuffling, the end announced a hundred tokens before it), instruments sorted; ``aria_network`` is what
``TransformerLM`` (EleutherAI/aria at b0486c8) answered with the weights of ``aria_tiny`` to the first 60 tokens of
file 0: the log-probability of each next token, and every 1,500th logit of every sixth position. ``yue`` is every
seventh token that ``encode_codec_stage_2`` (multimodal-art-projection/YuE at 9f1394b, with teacher forcing) made of
``yue_tiny.golden_codes``. ``magnet`` is what ``MagnetLMModel`` (facebookresearch/audiocraft at 896ec7c; attention in
plain PyTorch) answered with the weights of ``magnet_tiny`` to its question: every third frame of each codebook.
``jasco`` is what its ``FlowMatchingModel`` answered with the weights of ``jasco_tiny``, chords, drums and melody left
out, under two texts and under none.
"""

import json
from pathlib import Path

import pytest

from earwitness.targets.causal_lm.anticipation import events
from earwitness.targets.figaro import Description, Piece
from earwitness.targets.figaro.vocabulary import DESCRIPTION
from earwitness.targets.scores.as_pretty_midi import read_as_pretty_midi
from earwitness.targets.scores.in_hundredths import read_in_hundredths
from tests.targets.scores.midi_bytes import lively_file

ORIGINALS = json.loads((Path(__file__).parent / "originals.json").read_text())


def by_bar(ids: list[int]) -> list[list[str]]:
    """A description's tokens bar by bar, sorted: where percussion stands among the instruments is chance there."""
    bars: list[list[str]] = []
    for token in DESCRIPTION.decode(ids):
        if token.startswith("Bar_"):
            bars.append([])
        bars[-1].append(token)
    return [sorted(bar) for bar in bars]


@pytest.mark.parametrize("seed", [0, 1])
def test_figaros_tokens_and_descriptions_are_the_originals(seed: int) -> None:
    original = ORIGINALS[str(seed)]
    piece = Piece.from_score(read_as_pretty_midi(lively_file(seed)))
    assert piece.tokens[1:-1].tolist() == original["figaro"]
    assert by_bar(Description.of(piece.bars).tokens[1:-1].tolist()) == by_bar(original["figaro_description"])


@pytest.mark.parametrize("seed", [0, 1])
def test_anticipated_events_are_the_originals(seed: int) -> None:
    assert events(read_in_hundredths(lively_file(seed))).reshape(-1).tolist() == ORIGINALS[str(seed)]["anticipation"]
