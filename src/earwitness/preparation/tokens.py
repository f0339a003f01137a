"""Preparing a target that answers with logits: its preset, its reader, and who answers the signals."""

from collections.abc import Sequence

from earwitness.collection import DECODERS
from earwitness.entries import Role, walk_folder
from earwitness.errors import AudioError, EarwitnessError
from earwitness.instrument import TokenInstrument, prompts_inform
from earwitness.passes.anchors import Behind, Distance
from earwitness.passes.batch import Provider, Watcher, Window
from earwitness.passes.own import own_passes
from earwitness.passes.references import ReferenceModel
from earwitness.plan import AudioPlan, Plan
from earwitness.preparation.shared import (
    Prepared,
    reference_name,
    refuse_itself,
    target_plan,
    test_plan,
    window_plan,
    window_seconds,
)  # fmt: skip
from earwitness.readers import AudioReader, Reader, ScoreReader, Source
from earwitness.settings import MeasureSettings, VerdictSettings
from earwitness.signals.registry import signals_named
from earwitness.signals.tokens.presets import token_preset
from earwitness.signals.tokens.reference import Reference
from earwitness.signals.tokens.requests import AnchorDistance, Perturbed, Prefixed, Request
from earwitness.targets import load_target
from earwitness.targets.protocols import AnyTarget, SymbolicTarget, TokenTarget
from earwitness.tracks import Collection


def prepare_tokens(
    settings: MeasureSettings, target: AnyTarget, collection: Collection, test: VerdictSettings | None
) -> Prepared:
    """A token model: one pass over the logits a condition, and whatever the signals ask for beyond it."""
    references = _references(settings, target)
    preset = token_preset(settings.preset)
    if isinstance(target, SymbolicTarget):
        preset = preset.answerable(lambda request: not isinstance(request, Perturbed))  # a score has no audio to change
    preset = preset.with_signals(signals_named(settings.further))
    preset = preset.with_signals({f"reference={model.name}": Reference(model.name) for model in references})
    wanted = preset.wants_null_pass and prompts_inform(collection.tracks["prompt"].to_list())
    guided = _guided(settings.contrast, wanted=wanted, possible=target.has_null_condition)
    reader = _reader(settings, target, references)
    anchors = _anchors(settings, reader, collection)
    needs = preset.needs(guided=guided)
    if not anchors and any(isinstance(need, Prefixed | AnchorDistance) for need in needs):
        raise EarwitnessError(
            "recall and sdm compare with works that are no part of the test; "
            "give some that were certainly not trained on with --anchors DIR."
        )
    plan = Plan(
        target=target_plan(target.identity),
        preset=preset.name,
        guided=guided,
        signals=tuple(repr(signal) for signal in preset.chosen(guided=guided)),
        windows=window_plan(reader),
        audio=AudioPlan(sample_rate=reader.sample_rate, channels=reader.channels)
        if isinstance(reader, AudioReader)
        else None,
        references=tuple(target_plan(model.model.identity) for model in references),
        anchors=tuple(window.key for window in anchors),
        seed=settings.seed,
        test=test_plan(test),
    )
    instrument = TokenInstrument(
        target=target, preset=preset, guided=guided,
        providers=_providers(settings, target, anchors, references, needs),
    )  # fmt: skip
    return Prepared(reader, instrument, plan)


def _references(settings: MeasureSettings, target: AnyTarget) -> list[ReferenceModel]:
    models = []
    for name in settings.references:
        model = load_target(name, device=settings.device, dtype=settings.dtype)
        if not (isinstance(model, TokenTarget | SymbolicTarget) and _comparable(model, target)):
            raise EarwitnessError(
                f"The reference {name} cannot be compared with the target; both must take audio, or both scores in the "
                "same tokens and windows of the same length."
            )
        refuse_itself(name, model.identity, target.identity)
        models.append(ReferenceModel(name=reference_name(name, model), model=model))
    return models


def _comparable(model: AnyTarget, target: AnyTarget) -> bool:
    """Both take audio, or both read scores in one way: then a window's codes mean the same to both."""
    if isinstance(model, SymbolicTarget) and isinstance(target, SymbolicTarget):
        return (model.identity.family, model.window_tokens) == (target.identity.family, target.window_tokens)
    return isinstance(model, TokenTarget) and isinstance(target, TokenTarget)


def _reader(settings: MeasureSettings, target: AnyTarget, references: Sequence[ReferenceModel]) -> Reader:
    if isinstance(target, SymbolicTarget):
        if settings.seconds is not None:
            raise EarwitnessError(
                f"The target takes scores in windows of {target.window_tokens} tokens; leave --seconds out."
            )
        return ScoreReader(target=target, per_track=settings.windows_per_track, seed=settings.seed)
    models = [target, *(reference.model for reference in references)]
    limits = [m.max_seconds for m in models if isinstance(m, TokenTarget) and m.max_seconds is not None]
    return AudioReader(
        sample_rate=target.sample_rate, seconds=window_seconds(settings.seconds, min(limits, default=None)),
        per_track=settings.windows_per_track, seed=settings.seed, grid=target.hop_length, channels=target.channels,
    )  # fmt: skip


def _providers(
    settings: MeasureSettings,
    target: AnyTarget,
    anchors: Sequence[Window],
    references: Sequence[ReferenceModel],
    needs: Sequence[Request],
) -> tuple[Provider | Watcher, ...]:
    """Who answers the signals' requests; anchors are asked about only where some signal needs them."""
    return (
        *own_passes(settings.seed),
        *references,
        *(Behind.of(target, anchors) for need in needs if isinstance(need, Prefixed)),
        *(Distance.of(target, anchors, need) for need in needs if isinstance(need, AnchorDistance)),
    )


def _anchors(settings: MeasureSettings, reader: Reader, collection: Collection) -> tuple[Window, ...]:
    """The first window of every usable anchor, in order of content hash."""
    if settings.anchors is None:
        return ()
    tested = set(collection.tracks["content_sha256"].to_list())
    found: dict[str, Window] = {}
    for entry in walk_folder(settings.anchors, Role.HELD_OUT, DECODERS.keys()).entries:
        try:
            content = DECODERS[entry.path.suffix.lower()](entry.path).content_hash
            cuts = reader.read(Source(track_id=content, path=entry.path, content_sha256=content, prompt=""))
        except AudioError:
            continue
        if content in tested:
            raise EarwitnessError(
                f"The anchor {entry.path.name} is also in the collection under test; anchors must be other works."
            )
        found[content] = Window(content=cuts[0].content, prompt="", key=content)
    if not found:
        raise EarwitnessError(f"{settings.anchors} holds no usable anchor; give works the target takes.")
    return tuple(found[content] for content in sorted(found))


def _guided(contrast: str, *, wanted: bool, possible: bool) -> bool:
    if contrast not in ("auto", "on", "off"):
        raise EarwitnessError(f"There is no contrast setting {contrast!r}; choose auto, on or off.")
    if contrast == "on" and not possible:
        raise EarwitnessError(
            "This target was trained without condition dropout; it has no contrast. Use --contrast off."
        )
    return possible and (contrast == "on" or (contrast == "auto" and wanted))
