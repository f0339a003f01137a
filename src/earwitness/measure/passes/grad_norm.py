"""The norm of the loss gradient: a white-box pass, one window at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from earwitness.errors import TargetError
from earwitness.measure.passes.batch import Answer, Batch, logits_of
from earwitness.signals.tokens.requests import GradNormRequest, Request
from earwitness.targets.protocols import AnyTarget, WhiteBox


@dataclass(frozen=True, slots=True)
class GradNormPass:
    """Answers ``GradNormRequest``."""

    def answers(self, request: Request) -> bool:
        """Whether the request is for a gradient norm."""
        return isinstance(request, GradNormRequest)

    def ask(self, target: AnyTarget, batch: Batch, request: Request) -> Sequence[Answer | None]:
        """‖∇θ (−mean l)‖₂ of each window."""
        if not isinstance(target, WhiteBox):
            raise TargetError("The target does not give its parameters, which grad_norm needs; leave that signal out.")
        parameters = [parameter for parameter in target.parameters() if parameter.is_floating_point()]
        return [_norm(target, batch, i, parameters) for i in range(len(batch.keys))]


def _norm(target: AnyTarget, batch: Batch, i: int, parameters: list[torch.nn.Parameter]) -> float:
    with torch.inference_mode(mode=False), torch.enable_grad():
        codes = batch.codes[i : i + 1, :, : batch.lengths[i]].clone()
        alone = replace(batch, codes=codes, conditions=batch.conditions[i : i + 1])
        for parameter in parameters:
            parameter.requires_grad_()
        losses: list[Tensor] = []
        seen = 0
        for chunk in logits_of(target, alone):
            tokens = codes[:, :, seen : seen + chunk.condition.shape[2]]
            seen += chunk.condition.shape[2]
            log_probs = chunk.condition.float().log_softmax(-1)
            losses.append(-log_probs.gather(-1, tokens[..., None]).sum())
        loss = torch.stack(losses).sum() / codes.numel()
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return float(torch.stack([g.float().square().sum() for g in gradients if g is not None]).sum().sqrt())
