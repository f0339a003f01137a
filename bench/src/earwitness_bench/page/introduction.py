"""What the benchmark is, how to run it, and its size; and how to run the paper's own experiments."""

from earwitness_bench.page.blocks import Section, Table
from earwitness_bench.page.markdown import code, listed
from earwitness_bench.page.tables import Tables
from earwitness_bench.scale import ALPHA, Scale

_COMMANDS = {
    "quick": "earwitness bench",
    "full": "earwitness bench --full --work bench-work --recordings recordings --out docs",
}


def introduction(tables: Tables, scale: Scale) -> Section:
    """The command and the scale's numbers."""
    targets = tables.targets["target"].unique(maintain_order=True).to_list()
    most = max(tables.targets.group_by("target").len()["len"])
    lengths = "one training length each" if most == 1 else f"up to {most} training lengths each"
    command = _COMMANDS.get(scale.name, _COMMANDS["quick"])
    size = [
        ("tracks of a side that a target is asked about, at most", f"{scale.tracks:,}"),
        ("windows of a track of audio (twice as many of a score)", f"{scale.windows:,}"),
        ("tracks per side of the sets drawn from them", ", ".join(map(str, scale.sizes))),
        ("draws of a size, suspects trained on", f"{scale.draws:,}"),
        ("draws of a size, suspects not trained on", f"{scale.null_draws:,}"),
        ("relabellings of the exact test in a draw", f"{scale.permutations:,}"),
        ("draws of a stress scenario", f"{scale.stress_draws:,}"),
        ("tracks of a side rendered for the stress scenarios", f"{scale.stress_tracks:,}"),
        ("nominal level α", f"{ALPHA:g}"),
    ]
    return Section(
        heading="What this is",
        blocks=(
            "Models whose training set is known to the last piece "
            f"({listed([code(target) for target in targets])}; see [ground-truth.md](ground-truth.md)), at {lengths}, "
            "and what every attack and every method of dataset inference says of them. This page, its tables "
            "(`bench/*.csv`) and its plots are what one command leaves behind:",
            f"    {command}",
            f"The figures below are of the {scale.name} size. Brackets hold 95 % intervals: DeLong for an AUC, "
            "Clopper–Pearson for a share.",
            Table(("what", "how much"), size),
            "`exact` is this package's test; `cdi`, `iar` and `llm-di` are published procedures, run as published.",
        ),
    )


def paper_experiments() -> Section:
    """How to run the experiments of the paper itself."""
    return Section(
        heading="The paper's own experiments",
        blocks=(
            "The targets above are small and ours. The experiments of the paper need its models and its data, which "
            "cannot be shipped: AudioGen, MusicGen, AudioLDM and AudioLDM 2, Tango and Tango 2 on AudioCaps, FIGARO on "
            "Lakh MIDI, and Stable Audio Open on its published attribution lists. `earwitness bench paper` lists them; "
            "given a folder, such as `earwitness bench paper --audiocaps DIR`, it checks the layout, the splits and "
            "the groups and says exactly what is missing. "
            "[design/paper-experiments.md](design/paper-experiments.md) has the details.",
        ),
    )
