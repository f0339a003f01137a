"""The one word for each thing: what the report explains at its end, and what docs/glossary.md lists.

Goal: a reader meets one word per thing, in the report, in help, in messages and in names. A term that a
report uses is explained there; the others are for those who read or write the code.

    python -m earwitness.report.glossary > docs/glossary.md
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word, what it means, which words are not used for it, and whether a report explains it."""

    word: str
    meaning: str
    instead_of: str = ""
    in_report: bool = False


GLOSSARY = {
    "The two sets": (
        Term(word="suspect set", in_report=True, meaning="Published works that may have been trained on."),
        Term(
            word="held-out set",
            in_report=True,
            instead_of="control, non-members, H",
            meaning="Works of the same origin that certainly were not trained on.",
        ),
        Term(
            word="track",
            in_report=True,
            instead_of="item, entry, sample, piece",
            meaning="One file of audio or one score, and what is known of it: set, group, prompt, title, content hash.",
        ),
        Term(
            word="group",
            in_report=True,
            instead_of="album (as a test's unit), cluster",
            meaning="Tracks that belong together, as those of an album do. A group is exchanged as a whole.",
        ),
        Term(
            word="role",
            meaning="`suspect` or `held_out`; where the truth is known, `member` or `non_member`.",
        ),
        Term(
            word="member",
            instead_of="positive, seen, trained",
            meaning="A track that the model was trained on. Only ground truth knows its members.",
        ),
        Term(
            word="anchor",
            meaning="A further work that certainly was not trained on; some signals measure against it, no test does.",
        ),
        Term(
            word="collection",
            meaning="The tracks of both sets as a run lists them, and the files that could not be used.",
        ),
    ),
    "The model": (
        Term(word="target", in_report=True, instead_of="victim, model under test", meaning="The model that is asked."),
        Term(
            word="family",
            meaning="What knows a kind of checkpoint on disk and loads it. (`earwitness family` joins claims.)",
        ),
        Term(
            word="comparison model",
            in_report=True,
            instead_of="reference model",
            meaning="A model that certainly saw neither set, asked about the same windows (`--reference`).",
        ),
        Term(
            word="ground truth",
            instead_of="reference target",
            meaning="A model whose training set is known to the last track (`earwitness reference list`).",
        ),
        Term(word="recipe", meaning="How a ground-truth target was trained, in the distribution `earwitness-bench`."),
        Term(
            word="prompt",
            in_report=True,
            instead_of="condition, caption (where the model reads it)",
            meaning="The words given to the model with a track; without any, it is asked under its null condition.",
        ),
        Term(
            word="contrast",
            in_report=True,
            instead_of="guided, null difference",
            meaning="A feature of the difference between asking with the track's prompt and without one.",
        ),
    ),
    "From a file to a number": (
        Term(
            word="window",
            in_report=True,
            instead_of="crop, chunk, segment",
            meaning="A stretch of a track, of one length in a run. Each is asked by itself.",
        ),
        Term(
            word="plan",
            in_report=True,
            instead_of="config",
            meaning="Everything that fixes the numbers of a run. Its hash names the run.",
        ),
        Term(
            word="pass",
            instead_of="run of the model, provider",
            meaning="One question to the model about a window: the plain one, or one that a signal requests. "
            "In code, signal, request and pass share a name: `Recall`, `RecallRequest`, `RecallPass`.",
        ),
        Term(
            word="instrument",
            instead_of="measurer, evaluator",
            meaning="What asks one kind of model about a batch of windows, and gives their features.",
        ),
        Term(
            word="signal",
            instead_of="attack, metric, score function",
            meaning="One idea of how training shows, such as loss, Min-K % or PIA. It has one or several features.",
        ),
        Term(
            word="feature",
            in_report=True,
            instead_of="column, metric",
            meaning="One named number of each window, with its unit and the direction in which training moves it.",
        ),
        Term(
            word="direction",
            in_report=True,
            instead_of="sign, polarity",
            meaning="Whether training makes a feature higher or lower. It is declared before any number is seen.",
        ),
        Term(
            word="headline",
            meaning="A feature that belongs to the one score which is fixed before any number is seen.",
        ),
        Term(
            word="blind feature",
            in_report=True,
            instead_of="confounder, model-free feature",
            meaning="A number of the file, such as loudness or bandwidth, for which the model is not asked.",
        ),
        Term(
            word="score",
            in_report=True,
            instead_of="member-likeness",
            meaning="A track's features joined to one number; higher is more member-like. (Of MIDI: the notes.)",
        ),
        Term(
            word="preset",
            meaning="A named set of signals: `default`, `full`, `flow`, `iar`, `iar-codebooks`, `cdi`, `cdi-gray`.",
        ),
    ),
    "The verdict": (
        Term(
            word="verdict",
            in_report=True,
            meaning="One of four answers: evidence of use, no evidence, inconclusive, cannot be tested.",
        ),
        Term(
            word="p-value",
            in_report=True,
            meaning="How often chance gives a difference as large, were the sets exchangeable for the model.",
        ),
        Term(
            word="level",
            in_report=True,
            instead_of="alpha, significance",
            meaning="The share of false alarms a test may give.",
        ),
        Term(
            word="relabelling",
            in_report=True,
            instead_of="permutation, shuffle",
            meaning="One exchange of the labels `suspect` and `held-out` between whole groups.",
        ),
        Term(
            word="AUC",
            in_report=True,
            meaning="The chance that a track of one set scores above a track of the other; .5 is a coin.",
        ),
        Term(
            word="blind gate",
            in_report=True,
            meaning="Whether the two sets can be told apart by their blind features alone, without the model.",
        ),
        Term(
            word="adjusted analysis",
            in_report=True,
            instead_of="correction, deconfounding",
            meaning="The test once more, with what the blind features explain taken out.",
        ),
        Term(
            word="companion test",
            in_report=True,
            instead_of="unconstrained, undirected, free test",
            meaning="The test without directions. Where it alone rejects, the sets differ otherwise than by training.",
        ),
        Term(
            word="A/A control",
            in_report=True,
            instead_of="calibration run",
            meaning="The test on held-out against held-out tracks, many times: how often it gives a false alarm.",
        ),
        Term(
            word="power",
            in_report=True,
            meaning="The chance that a difference of a stated size is found.",
        ),
        Term(
            word="e-value",
            in_report=True,
            meaning="The wealth of a bet that the sets differ; it may be looked at, and stopped, at any time.",
        ),
        Term(
            word="near-copy",
            in_report=True,
            meaning="A track that the model continues as it truly goes on, beyond what repetition explains.",
        ),
        Term(
            word="attempt",
            in_report=True,
            meaning="One test of a run folder. Every one is a line of its log.",
        ),
    ),
}


def report_terms() -> tuple[Term, ...]:
    """The terms that a report explains, in their order."""
    return tuple(term for terms in GLOSSARY.values() for term in terms if term.in_report)


def markdown() -> str:
    """The page docs/glossary.md."""
    lines = [
        "# One word for each thing",
        "",
        "Names, help, messages and reports use the word on the left. The page is made by",
        "`python -m earwitness.report.glossary`, and a report explains the terms marked with a dot from the same list.",
    ]
    for title, terms in GLOSSARY.items():
        lines += ["", f"## {title}", "", "| word | meaning | not |", "| --- | --- | --- |"]
        lines += [
            f"| **{term.word}**{' ·' if term.in_report else ''} | {term.meaning} | {term.instead_of} |"
            for term in terms
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
