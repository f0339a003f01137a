"""Asking a model that answers with logits: its preset, its reader, who answers the signals, and the instrument.

Goal: one pass over the logits per condition serves every signal; what a signal asks for beyond it is answered by
passes of its own (``earwitness.measure.passes``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from earwitness.collection.index import DECODERS
from earwitness.collection.tracks import Collection, Role
from earwitness.collection.walk import walk_folder
from earwitness.errors import AudioError, EarwitnessError
from earwitness.measure.harmonise import LOUDNESS
from earwitness.measure.instrument import (
    Prepared,
    audio_plan,
    reference_name,
    refuse_itself,
    window_plan,
    window_seconds,
)  # fmt: skip
from earwitness.measure.passes.audio_neighbour import AudioNeighbourPass
from earwitness.measure.passes.batch import (
    Answer,
    Batch,
    Pass,
    SharedPass,
    Watch,
    Window,
    encode,
    logits_of,
    trimmed,
)
from earwitness.measure.passes.camia_full import CamiaFullPass
from earwitness.measure.passes.continuation import ContinuationPass
from earwitness.measure.passes.grad_norm import GradNormPass
from earwitness.measure.passes.neighbour import NeighbourPass
from earwitness.measure.passes.recall import RecallPass
from earwitness.measure.passes.reference import ReferencePass
from earwitness.measure.passes.sdm import SdmPass
from earwitness.measure.plan import Plan
from earwitness.measure.windows import AudioReader, Reader, ScoreReader
from earwitness.settings import DEFAULT_SECONDS, MeasureSettings
from earwitness.signals.registry import token_signals_named
from earwitness.signals.tokens.presets import TokenPreset, token_preset
from earwitness.signals.tokens.reduction import ScoreBuffer
from earwitness.signals.tokens.reference import Reference
from earwitness.signals.tokens.requests import (
    ContinuationAnswer,
    RecallRequest,
    Request,
    SdmRequest,
)
from earwitness.signals.tokens.scores import TokenScores
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import FeatureSpec
from earwitness.targets import load_target
from earwitness.targets.protocols import AnyTarget, SymbolicTarget, TellsKinds, TokenTarget, law_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInstrument:
    """A token model under a token preset: one pass over the logits per condition, and one per further request.

    ``guided`` also runs the null condition, for the contrast features; ``further`` answers what
    the preset's signals ask for beyond that.
    """

    target: AnyTarget
    preset: TokenPreset
    guided: bool
    further: tuple[Pass | SharedPass, ...] = ()

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """The preset's features for the target's codebooks."""
        return self.preset.specs(self.target.codebooks, guided=self.guided)

    def measure(self, windows: Sequence[Window]) -> list[dict[str, float]]:
        """Encode, score and reduce; a window without a prompt has no contrast (NaN)."""
        needs = self.preset.needs(guided=self.guided)
        with torch.inference_mode():
            batch = encode(self.target, windows)
            asked = {need: self._pass_for(need) for need in needs}
            watches = {
                need: who.watch(self.target, batch, need) for need, who in asked.items() if isinstance(who, SharedPass)
            }
            passes = self._passes(batch, list(watches.values()))
            answers = {need: watch.finish() for need, watch in watches.items()}
            answers |= {need: who.ask(self.target, batch, need) for need, who in asked.items() if isinstance(who, Pass)}
        return [self.preset.measure(_with_answers(own, answers, i), guided=self.guided) for i, own in enumerate(passes)]

    def _passes(self, batch: Batch, watches: Sequence[Watch]) -> list[Passes]:
        """The plain pass and, where guided, the null pass and their contrast, from one walk over the logits."""
        quantities = self.preset.quantities(guided=self.guided)
        condition, contrast, null = (ScoreBuffer(batch.codes, quantities) for _ in range(3))
        for chunk in logits_of(self.target, batch, null=self.guided):
            condition.add(chunk.condition)
            if chunk.null is not None:
                contrast.add(chunk.condition.float() - chunk.null.float())
                null.add(chunk.null)
            for watch in watches:
                watch.add(chunk.condition)
        plain = self._with_kinds(trimmed(condition, batch.lengths))
        if not self.guided:
            return [Passes(condition=scores) for scores in plain]
        others = zip(trimmed(contrast, batch.lengths), trimmed(null, batch.lengths), strict=True)
        return [
            Passes(condition=scores, contrast=ratio, null=without) if prompt else Passes(condition=scores)
            for scores, (ratio, without), prompt in zip(plain, others, batch.conditions, strict=True)
        ]

    def _with_kinds(self, windows: Sequence[TokenScores]) -> Sequence[TokenScores]:
        """The scores, with the kind of each token where the target tells kinds apart."""
        if not isinstance(self.target, TellsKinds):
            return windows
        number = np.unique(np.array(self.target.token_kinds), return_inverse=True)[1]
        return [replace(scores, kind=number[scores.codes]) for scores in windows]

    def _pass_for(self, request: Request) -> Pass | SharedPass:
        for further in self.further:
            if further.answers(request):
                return further
        raise EarwitnessError(
            f"A signal asks for {request!r}, which nothing here answers; give what it needs or leave it out."
        )


def _with_answers(passes: Passes, answers: Mapping[Request, Sequence[Answer | None]], i: int) -> Passes:
    mine = {request: given[i] for request, given in answers.items()}
    return Passes(
        condition=passes.condition,
        contrast=passes.contrast,
        null=passes.null,
        extra={request: answer for request, answer in mine.items() if isinstance(answer, TokenScores)},
        numbers={request: answer for request, answer in mine.items() if isinstance(answer, float)},
        continuations={request: answer for request, answer in mine.items() if isinstance(answer, ContinuationAnswer)},
    )


def target_passes(seed: int) -> tuple[Pass, ...]:
    """The further passes that need no anchors and no comparison model; ``seed`` fixes what is drawn."""
    return (
        CamiaFullPass(), NeighbourPass(seed=seed), AudioNeighbourPass(seed=seed), GradNormPass(), ContinuationPass(),
    )  # fmt: skip


def prompts_inform(prompts: Sequence[str]) -> bool:
    """Whether prompts tell tracks apart: at least two different ones that are not empty."""
    return len({prompt for prompt in prompts if prompt}) >= 2


def prepare_tokens(settings: MeasureSettings, target: AnyTarget, collection: Collection) -> Prepared:
    """A token model: one pass over the logits a condition, and whatever the signals ask for beyond it."""
    references = _references(settings, target)
    preset = token_preset(settings.preset)
    if isinstance(target, SymbolicTarget):
        preset = preset.for_scores()
    preset = preset.with_signals(token_signals_named(settings.further))
    preset = preset.with_signals({f"reference={model.name}": Reference(model.name) for model in references})
    wanted = preset.wants_null_pass and prompts_inform(collection.tracks["prompt"].to_list())
    guided = _guided(settings.contrast, wanted=wanted, possible=target.has_null_condition)
    reader = _reader(settings, target, references)
    anchors = _anchors(settings, reader, collection)
    needs = preset.needs(guided=guided)
    if not anchors and any(isinstance(need, RecallRequest | SdmRequest) for need in needs):
        raise EarwitnessError(
            "recall and sdm compare with works that are no part of the test; "
            "give some that were certainly not trained on with --anchors DIR."
        )
    plan = Plan(
        target=target.identity,
        preset=preset.name,
        guided=guided,
        signals=tuple(repr(signal) for signal in preset.chosen(guided=guided)),
        windows=window_plan(reader),
        audio=audio_plan(reader) if isinstance(reader, AudioReader) else None,
        references=tuple(model.model.identity for model in references),
        anchors=tuple(window.key for window in anchors),
        seed=settings.seed,
    )
    instrument = TokenInstrument(
        target=target, preset=preset, guided=guided,
        further=_further_passes(settings, target, anchors, references, needs),
    )  # fmt: skip
    return Prepared(reader, instrument, plan)


def _references(settings: MeasureSettings, target: AnyTarget) -> list[ReferencePass]:
    models = []
    for name in settings.references:
        model = load_target(name, device=settings.device, dtype=settings.dtype)
        if not (isinstance(model, TokenTarget | SymbolicTarget) and _comparable(model, target)):
            raise EarwitnessError(
                f"The reference {name} cannot be compared with the target; both must take audio, or both scores in the "
                "same tokens and windows of the same length."
            )
        refuse_itself(name, model.identity, target.identity)
        models.append(ReferencePass(name=reference_name(name, model), model=model))
    return models


def _comparable(model: AnyTarget, target: AnyTarget) -> bool:
    """Both take audio, or both read scores in one way: then a window's codes mean the same to both."""
    if isinstance(model, SymbolicTarget) and isinstance(target, SymbolicTarget):
        return (model.identity.family, model.window_tokens) == (target.identity.family, target.window_tokens)
    return isinstance(model, TokenTarget) and isinstance(target, TokenTarget)


def _reader(settings: MeasureSettings, target: AnyTarget, references: Sequence[ReferencePass]) -> Reader:
    if isinstance(target, SymbolicTarget):
        if settings.seconds is not None:
            raise EarwitnessError(
                f"The target takes scores in windows of {target.window_tokens} tokens; leave --seconds out."
            )
        return ScoreReader(target=target, per_track=settings.windows_per_track, seed=settings.seed)
    models = [target, *(reference.model for reference in references)]
    limits = [m.max_seconds for m in models if isinstance(m, TokenTarget) and m.max_seconds is not None]
    usual = law_of(target).seconds or DEFAULT_SECONDS
    return AudioReader(
        sample_rate=target.sample_rate,
        seconds=window_seconds(settings.seconds, min(limits, default=None), usual=usual),
        per_track=settings.windows_per_track, seed=settings.seed, channels=target.channels,
        harmonise=settings.harmonise, loudness=LOUDNESS if settings.loudness is None else settings.loudness,
    )  # fmt: skip


def _further_passes(
    settings: MeasureSettings,
    target: AnyTarget,
    anchors: Sequence[Window],
    references: Sequence[ReferencePass],
    needs: Sequence[Request],
) -> tuple[Pass | SharedPass, ...]:
    """What answers the signals' requests; anchors are asked about only where some signal needs them."""
    return (
        *target_passes(settings.seed),
        *references,
        *(RecallPass.of(target, anchors) for need in needs if isinstance(need, RecallRequest)),
        *(SdmPass.of(target, anchors, need) for need in needs if isinstance(need, SdmRequest)),
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
            windows = reader.read(entry.path, content_sha256=content)
        except AudioError:
            continue
        if content in tested:
            raise EarwitnessError(
                f"The anchor {entry.path.name} is also in the collection under test; anchors must be other works."
            )
        found[content] = Window(content=windows[0].content, prompt="", key=content)
    if not found:
        raise EarwitnessError(f"{settings.anchors} holds no usable anchor; give works the target takes.")
    return tuple(found[content] for content in sorted(found))


def _guided(contrast: str, *, wanted: bool, possible: bool) -> bool:
    if contrast == "on" and not possible:
        raise EarwitnessError(
            "This target was trained without condition dropout; it has no contrast. Use --contrast off."
        )
    return possible and (contrast == "on" or (contrast == "auto" and wanted))
