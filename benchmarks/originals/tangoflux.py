"""What TangoFlux's own code gives, for tests/targets/goldens/tangoflux.json.

    python benchmarks/originals/tangoflux.py CHECKOUT

CHECKOUT is declare-lab/TangoFlux; beside it in a Python 3.11: diffusers 0.30.0, transformers 4.44.0, accelerate 0.34.2,
peft 0.12.0, soundfile. Its model is built small, its weights are those of ``seeded``, and it is saved by its trainer's
``Accelerator.save_state``. A file is read by its ``read_wav_file`` (torchaudio, which is only asked to read at the
file's own rate, is soundfile here), encoded by the VAE's class, and given to the model's own ``forward``, the
training step; what its transformer was given and gave is what is stored.
"""

import importlib.util
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import soundfile
import torch
from accelerate import Accelerator
from diffusers import AutoencoderOobleck, FluxTransformer2DModel  # noqa: F401  (before the stand-ins)
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.originals.words import tokenizer_of
from tests.targets.goldens import golden, seeded

PROMPTS, SECONDS, SAMPLES = ["a slow reel in d major", "a jig"], [0.8, 4.0], 40_000
CONFIG = {
    "num_layers": 1, "num_single_layers": 1, "in_channels": 4, "attention_head_dim": 128, "joint_attention_dim": 8,
    "num_attention_heads": 1, "audio_seq_len": 21, "max_duration": 1, "uncondition": False,
    "text_encoder_name": "google/flan-t5-large",
}  # fmt: skip
T5 = {"d_model": 8, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2, "feed_forward_proj": "gated-gelu"}
VAE = {
    "encoder_hidden_size": 8, "downsampling_ratios": [2, 4, 4, 8, 8], "channel_multiples": [1, 1, 1, 1, 1],
    "decoder_channels": 4, "decoder_input_channels": 4,
}  # fmt: skip


def original(checkout: Path, name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"original_{name}", checkout / "tangoflux" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stand_ins() -> None:
    torchaudio = types.ModuleType("torchaudio")
    torchaudio.info = lambda path: types.SimpleNamespace(sample_rate=soundfile.info(path).samplerate)

    def load(path: str, num_frames: int = -1) -> tuple[torch.Tensor, int]:
        values, rate = soundfile.read(path, frames=num_frames, dtype="float32", always_2d=True)
        return torch.from_numpy(values.T.copy()), rate

    class Resample:
        def __init__(self, orig_freq: int, new_freq: int) -> None:
            assert orig_freq == new_freq

        def __call__(self, waveform: torch.Tensor) -> torch.Tensor:
            return waveform

    torchaudio.load, torchaudio.transforms = load, types.SimpleNamespace(Resample=Resample)
    sys.modules["torchaudio"] = torchaudio
    for name in ("datasets", "pandas"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["datasets"].load_dataset = sys.modules["datasets"].Audio = None


def words(folder: Path) -> int:
    tokenizer = tokenizer_of(PROMPTS)
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def main() -> None:
    checkout = Path(sys.argv[1])
    stand_ins()
    theirs, files = original(checkout, "model"), original(checkout, "utils")
    # Its own tokenizer class needs a T5's vocabulary; the words of these two prompts are read by a plain one.
    theirs.T5TokenizerFast = PreTrainedTokenizerFast
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        t5 = T5 | {"vocab_size": words(folder / "t5")}
        T5EncoderModel(T5Config(**t5)).save_pretrained(folder / "t5")
        model = theirs.TangoFlux(CONFIG, text_encoder_dir=str(folder / "t5")).eval()
        seeded.fill(model)
        accelerator = Accelerator(cpu=True)
        accelerator.prepare(model)
        accelerator.save_state(str(folder / "saved"))
        saved = {key: list(value.shape) for key, value in load_file(folder / "saved" / "model.safetensors").items()}
        vae = AutoencoderOobleck(**VAE).eval()
        seeded.fill(vae, "vae.")
        save_file(vae.state_dict(), folder / "vae.safetensors")
        of_vae = {key: list(value.shape) for key, value in load_file(folder / "vae.safetensors").items()}
        soundfile.write(folder / "a.wav", seeded.wave(SAMPLES), 44_100, subtype="FLOAT")
        heard = files.read_wav_file(str(folder / "a.wav"), CONFIG["max_duration"])
    seen: list[dict[str, torch.Tensor]] = []
    model.transformer.register_forward_hook(
        lambda module, _, given, answer: seen.append({**given, "velocity": answer[0]}), with_kwargs=True
    )
    with torch.no_grad():
        latent = vae.encode(heard[None]).latent_dist.mean
        for seed, (prompt, seconds) in enumerate(zip(PROMPTS, SECONDS, strict=True)):
            torch.manual_seed(seed)
            length = torch.clamp(torch.tensor([seconds]), max=CONFIG["max_duration"])
            model(latent.transpose(1, 2), [prompt], duration=length)
    about = {
        "source": "declare-lab/TangoFlux at 164420f; diffusers 0.30.0, transformers 4.44.0, accelerate 0.34.2",
        "config": CONFIG, "t5": t5, "vae": VAE, "prompts": PROMPTS, "seconds": SECONDS, "samples": SAMPLES,
        "tensors": {"tangoflux.safetensors": saved, "vae.safetensors": of_vae},
    }  # fmt: skip
    arrays = {"latent": latent}
    for name in ("hidden_states", "timestep", "pooled_projections", "encoder_hidden_states", "velocity"):
        arrays |= {f"{name}/{i}": one[name].numpy() for i, one in enumerate(seen)}
    golden.write("tangoflux", about, {key: np.asarray(value) for key, value in arrays.items()})


if __name__ == "__main__":
    main()
