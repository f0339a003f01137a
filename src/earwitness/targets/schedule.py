"""The noise schedule of a diffusers directory, and what its network predicts.

Goal: whatever a checkpoint was trained to predict, the answer is the noise. Schedule and kind
of prediction are read from the checkpoint: with a wrong one nothing fails, and every number is
wrong.

Conventions: z_t = √ᾱ_t z + √(1 − ᾱ_t) ε, ᾱ_t = ``alphas_cumprod[t]``.
"""

from dataclasses import dataclass
from pathlib import Path

from diffusers import DDIMScheduler
from diffusers.schedulers import KarrasDiffusionSchedulers
from torch import Tensor

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import load_safely, read_config

_WITHOUT_TABLE = {"EDMEulerScheduler"}
_SAMPLERS = {scheduler.name for scheduler in KarrasDiffusionSchedulers} - _WITHOUT_TABLE
_PREDICTIONS = ("epsilon", "v_prediction", "sample")
# Of a sampler's settings, those that say how the model was trained; the others say how to draw from it.
_SETTINGS = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NoiseSchedule:
    """ᾱ of every step, float64 [T], and the ``prediction`` of the network: epsilon, v_prediction or sample."""

    alphas_cumprod: Tensor
    prediction: str

    def noise_in(self, noisy: Tensor, answer: Tensor, timesteps: Tensor) -> Tensor:
        """ε [batch, …] from the network's answer to z_t [batch, …] at timesteps [batch].

        v = √ᾱ ε − √(1 − ᾱ) z gives ε = √ᾱ v + √(1 − ᾱ) z_t; an answer in z gives ε = (z_t − √ᾱ z) / √(1 − ᾱ).
        """
        kept = self.alphas_cumprod[timesteps.cpu()].reshape(-1, *(1,) * (noisy.ndim - 1))
        signal, spread = kept.sqrt().to(noisy), (1 - kept).sqrt().to(noisy)
        match self.prediction:
            case "v_prediction":
                return signal * answer + spread * noisy
            case "sample":
                return (noisy - signal * answer) / spread
            case _:
                return answer


def read_schedule(folder: Path) -> NoiseSchedule:
    """Read ``scheduler_config.json`` in ``folder``, of whichever sampler.

    Raises
    ------
    TargetError
        Where there is none, or it is of a model that was not trained on such a table of steps.
    """
    config = read_config(folder, "scheduler_config.json")
    sampler, prediction = config.get("_class_name", "nothing"), config.get("prediction_type", "epsilon")
    if sampler not in _SAMPLERS:
        raise TargetError(f"{folder} holds the noise schedule of {sampler}; one of a DDPM-like sampler is needed.")
    if prediction not in _PREDICTIONS:
        raise TargetError(f"{folder} says that the model predicts {prediction!r}; known are {', '.join(_PREDICTIONS)}.")
    settings = {name: config[name] for name in _SETTINGS if name in config}
    alphas: Tensor = load_safely(
        f"The noise schedule in {folder}", lambda: DDIMScheduler(**settings).alphas_cumprod.double()
    )
    if not bool(((alphas >= 0) & (alphas <= 1)).all() and (alphas.diff() < 0).all()):
        raise TargetError(f"The noise schedule in {folder} does not fall from 1 towards 0; get the checkpoint again.")
    return NoiseSchedule(alphas_cumprod=alphas, prediction=prediction)
