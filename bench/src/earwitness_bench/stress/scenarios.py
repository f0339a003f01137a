"""The scenarios: which tracks are suspects, which are held out, and what is true of them.

Goal: everything that distinguishes one row of the table from another, as data. Conventions:
every part of a set is of whole groups, and no group is on both sides; sizes are groups per side.
``used`` means that recordings of the suspect set were trained on; ``the tune, not the recording``
that only another recording of the same tune was, so that neither answer is wrong.
"""

from dataclasses import dataclass
from typing import Literal

from earwitness_bench.stress.treatments import TAKES

Truth = Literal["used", "not used", "the tune, not the recording"]
SIZE = 60
ALBUMS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A share of a set: tunes that were trained on or not, in one or several treatments, of these dances or of any."""

    member: bool
    treatments: tuple[str, ...] = ("base",)
    dances: tuple[str, ...] = ()
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One question put to every method.

    Attributes
    ----------
    name, setting
        Together they name it.
    suspects, held_out
        The parts of each set; their shares sum to 1.
    size
        Groups per side where the pools give so many.
    unused
        ``name, setting`` of the same sets with suspects that were not trained on.
    """

    name: str
    setting: str
    truth: Truth
    suspects: tuple[Part, ...]
    held_out: tuple[Part, ...]
    size: int = SIZE
    unused: tuple[str, str] | None = None


_MEMBERS, _OTHERS = Part(member=True), Part(member=False)
_REELS, _SLOWER_DANCES = ("reel",), ("jig", "hornpipe")
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
SMALL = (8, 12, 16)
_SHIFTS = {
    "other instrument": "flute",
    "MP3": "mp3",
    "Ogg Vorbis at low quality": "ogg",
    "6 dB quieter": "quieter",
}
_GENRES = "reels against jigs and hornpipes"


def _contamination() -> list[Scenario]:
    return [
        Scenario(
            name="contamination",
            setting=f"{share:.0%} of the suspects",
            truth="used" if share else "not used",
            suspects=(Part(member=True, share=share), Part(member=False, share=1 - share)),
            held_out=(_OTHERS,),
            unused=("contamination", "0% of the suspects") if share else None,
        )
        for share in SHARES
    ]


def _small() -> list[Scenario]:
    return [
        scenario
        for size in SMALL
        for scenario in _both("small sets", f"{size} a side", _MEMBERS, _OTHERS, held_out=_OTHERS, size=size)
    ]


def _albums() -> list[Scenario]:
    inside, outside = Part(member=True, treatments=TAKES), Part(member=False, treatments=TAKES)
    setting = f"{ALBUMS} of {len(TAKES)} takes per side"
    return _both("albums", setting, inside, outside, held_out=outside, size=ALBUMS)


def _shifts() -> list[Scenario]:
    treated = [
        scenario
        for setting, treatment in _SHIFTS.items()
        for scenario in _both(
            "shift", setting, Part(member=True, treatments=(treatment,)), Part(member=False, treatments=(treatment,)),
            held_out=_OTHERS, truth="the tune, not the recording" if treatment == "flute" else "used",
        )
        if treatment != "ogg" or scenario.truth == "not used"
    ]  # fmt: skip
    reels, trained = Part(member=False, dances=_REELS), Part(member=True, dances=_REELS)
    return treated + _both("shift", _GENRES, trained, reels, held_out=Part(member=False, dances=_SLOWER_DANCES))


def _copies() -> list[Scenario]:
    copies: list[tuple[str, str, str, Truth]] = [
        ("near-duplicates and covers", "another take, 2 % faster", "faster", "the tune, not the recording"),
        ("near-duplicates and covers", "other instrument", "flute", "the tune, not the recording"),
        ("altered copies", "two semitones higher", "raised", "the tune, not the recording"),
        ("altered copies", "MP3", "mp3", "used"),
    ]
    return [
        Scenario(
            name=name,
            setting=f"{setting}, both sets",
            truth=truth,
            suspects=(Part(member=True, treatments=(treatment,)),),
            held_out=(Part(member=False, treatments=(treatment,)),),
        )
        for name, setting, treatment, truth in copies
    ]


def _wrong_sets() -> list[Scenario]:
    return [
        Scenario(
            name="AI-generated suspects",
            setting="the model's own output against openings of tunes",
            truth="not used",
            suspects=(Part(member=False, treatments=("generated",)),),
            held_out=(Part(member=False, treatments=("opening",)),),
        ),
        *_both(
            "wrong held-out set", "another collection", _MEMBERS, _OTHERS,
            held_out=Part(member=False, treatments=("airs",)),
        ),
        Scenario(
            name="held-out set that was trained on",
            setting="all of it, suspects not used",
            truth="not used",
            suspects=(_OTHERS,),
            held_out=(_MEMBERS,),
        ),
        Scenario(
            name="held-out set that was trained on",
            setting="half of it, suspects used",
            truth="used",
            suspects=(_MEMBERS,),
            held_out=(Part(member=True, share=0.5), Part(member=False, share=0.5)),
        ),
    ]  # fmt: skip


def _both(
    name: str, setting: str, inside: Part, outside: Part, *, held_out: Part, size: int = SIZE, truth: Truth = "used"
) -> list[Scenario]:
    """Return the scenario with suspects that were not trained on, and the same with suspects that were."""
    not_used, used = f"{setting}, not used", f"{setting}, {'used' if truth == 'used' else 'the tunes used'}"
    return [
        Scenario(
            name=name, setting=not_used, truth="not used", suspects=(outside,), held_out=(held_out,), size=size
        ),
        Scenario(
            name=name, setting=used, truth=truth, suspects=(inside,), held_out=(held_out,), size=size,
            unused=(name, not_used),
        ),
    ]  # fmt: skip


SCENARIOS: tuple[Scenario, ...] = (
    *_contamination(), *_small(), *_albums(), *_shifts(), *_copies(), *_wrong_sets(),
)  # fmt: skip
