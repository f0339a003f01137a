"""Options that several commands share, each written once."""

from pathlib import Path
from typing import Annotated, Any

import typer

_MEASURE = "What is measured"
_TEST = "How it is tested"
_MACHINE = "On which machine"
_CASE = "What the report states"

Target = Annotated[
    str, typer.Option("--target", help="A model directory, or a hub id such as owner/name.", rich_help_panel=_MEASURE)
]
Preset = Annotated[
    str, typer.Option(help="The feature set; `earwitness signals` lists them.", rich_help_panel=_MEASURE)
]
With = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        help="A further signal beside the preset's (repeatable), such as zlib, surp, neighbour_audio, grad_norm, "
        "recall and sdm (which need --anchors); `earwitness signals` lists them, and with --diffusion those of "
        "diffusion models.",
        rich_help_panel=_MEASURE,
    ),
]
Reference = Annotated[
    list[str] | None,
    typer.Option(
        "--reference",
        help="A model that certainly did not see the suspect set, to compare the target with (repeatable).",
        rich_help_panel=_MEASURE,
    ),
]
Anchors = Annotated[
    Path | None,
    typer.Option(
        "--anchors",
        help="Folder of further works that certainly were not trained on; recall and sdm measure against them, "
        "and the test leaves them out.",
        rich_help_panel=_MEASURE,
    ),
]
Contrast = Annotated[
    str,
    typer.Option(
        help="Also ask without a prompt, for contrasts: auto (if the preset wants it and prompts differ), on, off.",
        rich_help_panel=_MEASURE,
    ),
]
Seconds = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        help="Length of a window; by default 10 s, or less where the model takes less.",
        rich_help_panel=_MEASURE,
    ),
]


def _windows_per_track(text: str) -> int | str:
    """``all``, or a whole number from 1 on."""
    if str(text) == "all":
        return "all"
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise typer.BadParameter(f"{text} is no number of windows; give 1, 2, 3 … or all.")
    return count


WindowsPerTrack = Annotated[
    Any,
    typer.Option(
        parser=_windows_per_track,
        metavar="N|all",
        help="Windows of each track, spread over it; more read more of the music and cost as much more. "
        "all: as many as cover it.",
        rich_help_panel=_MEASURE,
    ),
]


def _harmonise(text: str) -> Any:
    """One of the steps of ``earwitness.settings.Harmonise``."""
    from earwitness.settings import Harmonise

    try:
        return Harmonise(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no way to harmonise; give {', '.join(Harmonise)}.") from None


Harmonise = Annotated[
    Any,
    typer.Option(
        parser=_harmonise,
        metavar="off|level|codec|full",
        help="Bring all tracks through one chain before asking: off, level (same loudness), codec (also one MP3 round "
        "trip), full (also one band limit). Where the sets differ in level, format or encoder.",
        rich_help_panel=_MEASURE,
    ),
]
Seed = Annotated[int, typer.Option(help="Fixes every random choice.", rich_help_panel=_MEASURE)]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.", rich_help_panel=_MACHINE)]
Dtype = Annotated[str, typer.Option(help="float32, bfloat16 or float16.", rich_help_panel=_MACHINE)]
BatchSize = Annotated[int, typer.Option(min=1, help="Windows per forward pass.", rich_help_panel=_MACHINE)]


def _shard(text: str) -> Any:
    """``earwitness.settings.Shard`` of "3/16"."""
    from earwitness.errors import EarwitnessError
    from earwitness.settings import Shard

    try:
        return Shard.parse(text)
    except EarwitnessError as error:
        raise typer.BadParameter(str(error)) from None


Engine = Annotated[
    str,
    typer.Option(
        help="Who measures: local (this machine), or ray (a Ray cluster; needs the extra ray).",
        rich_help_panel=_MACHINE,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Processes that measure, each with a copy of the model; by default one for each GPU, and on a cluster as "
        "many as it has room for.",
        rich_help_panel=_MACHINE,
    ),
]
CpusPerWorker = Annotated[
    int, typer.Option(min=1, help="Of a Ray worker: processor cores, and threads.", rich_help_panel=_MACHINE)
]
GpusPerWorker = Annotated[
    float | None,
    typer.Option(min=0.01, help="Of a Ray worker: GPUs, or a share of one such as 0.5.", rich_help_panel=_MACHINE),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address",
        help="A Ray cluster that runs already: auto, HOST:6379 or ray://HOST:10001. Without it one is begun on this "
        "machine.",
        rich_help_panel=_MACHINE,
    ),
]
Shard = Annotated[
    Any,
    typer.Option(
        parser=_shard,
        metavar="K/N",
        help="Measure the K-th of N shares alone; other machines measure the others into the same run folder, into "
        "copies of it (`earwitness merge`), or by way of --parts.",
        rich_help_panel=_MACHINE,
    ),
]
Parts = Annotated[
    str | None,
    typer.Option(
        "--parts",
        help="Folder or URL (file://, s3://, gs://) where workers leave what they measured, and from where it is "
        "fetched; for machines that do not share the run folder.",
        rich_help_panel=_MACHINE,
    ),
]


def machines(**given: Any) -> Any:
    """``earwitness.settings.Machines`` of these options."""
    from earwitness.errors import EarwitnessError
    from earwitness.settings import ENGINES, Machines

    if given["engine"] not in ENGINES:
        raise EarwitnessError(f"There is no engine {given['engine']!r}; choose {' or '.join(ENGINES)}.")
    return Machines(**given)


Alpha = Annotated[
    float, typer.Option(help="Level of the test: the share of false alarms it may give.", rich_help_panel=_TEST)
]
Method = Annotated[str, typer.Option(help="exact, or a published one: cdi, iar, llm-di.", rich_help_panel=_TEST)]
Permutations = Annotated[
    int, typer.Option(min=99, help="Relabellings; p is at least 1/(1 + this).", rich_help_panel=_TEST)
]
ExcludeSpanning = Annotated[
    bool,
    typer.Option(
        "--exclude-spanning",
        help="Leave out groups with tracks in both sets instead of refusing.",
        rich_help_panel=_TEST,
    ),
]
Comparable = Annotated[
    str | None,
    typer.Option(
        "--comparable",
        help="In words, why the sets are comparable where no blind features checked it; stands in the result.",
        rich_help_panel=_TEST,
    ),
]
TestSeed = Annotated[int, typer.Option("--seed", help="Fixes every random choice.", rich_help_panel=_TEST)]

Suspect = Annotated[
    Path | None, typer.Option("--suspect", help="Folder of published works that may have been trained on.")
]
HeldOut = Annotated[
    Path | None, typer.Option("--held-out", help="Folder of works of the same origin that certainly were not.")
]
Manifest = Annotated[
    Path | None,
    typer.Option(help="CSV with path,role[,group,pair,stratum,prompt,title,artist,album] instead of the two folders."),
]
CaseReference = Annotated[
    str | None,
    typer.Option("--case", help="Reference of the case, for the report's first page.", rich_help_panel=_CASE),
]
Author = Annotated[
    str | None, typer.Option("--author", help="Who made the audit, for the report's first page.", rich_help_panel=_CASE)
]
HeldOutStatement = Annotated[
    str | None,
    typer.Option(
        "--held-out-statement",
        help="Who vouches that the held-out works were not trained on, and how they know; printed as 'not stated' "
        "otherwise.",
        rich_help_panel=_CASE,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Higher = Annotated[
    list[str] | None,
    typer.Option("--higher", help="Columns (GLOB) that a member moves up, where the file does not say."),
]
Lower = Annotated[
    list[str] | None,
    typer.Option("--lower", help="Columns (GLOB) that a member moves down, where the file does not say."),
]
