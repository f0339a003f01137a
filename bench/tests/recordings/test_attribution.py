"""Names of persons and of pieces, as strangers write them."""

import pytest

from earwitness_bench.recordings.attribution import person_named, piece_of


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Gerd (elysis) Raudenbusch", "Gerd Raudenbusch"),
        ("elysis", "Gerd Raudenbusch"),
        ("www.elysis.de", "Gerd Raudenbusch"),
        ('Braden Walters; Braden "m1" Walters', "Braden Walters"),
        ("Klaus Halfmann aka Hasi50", "Klaus Halfmann"),
        ("Joshua O'Leary", "Joshua O'Leary"),
        ("Ada; Bob", "Ada and Bob"),
        ("Unknown Artist", None),
        ("<unknown>", None),
        ("http://example.org/", None),
        ("Various artists", None),
    ],
)
def test_a_person_has_one_name_and_a_label_none(label: str, name: str | None) -> None:
    assert person_named(label) == name


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Humanitarian", "Humanitarian v2 - The Box"),
        ("sixtyfour", "SixtyFour_Revisited"),
        ("The Cave", "The Cave (Milestone 2 Version)"),
        ("Castlesketch", "Castlesketch 1.2"),
        ("Sirius", "Sirius Remix"),
    ],
)
def test_versions_of_a_piece(first: str, second: str) -> None:
    assert piece_of(first) == piece_of(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Crystan-Battlescape01", "Crystan-Battlescape02"),
        ("Widelands 1", "Widelands 6"),
        ("Ghost Forest", "Ghost Forest 2"),
        ("Remixed Dawn", "Dusk"),
    ],
)
def test_numbered_pieces_are_different_pieces(first: str, second: str) -> None:
    assert piece_of(first) != piece_of(second)
