"""What Mustango's own code gives, for tests/targets/goldens/mustango.json.

    python benchmarks/originals/mustango.py CHECKOUT

CHECKOUT is AMAAI-Lab/mustango, which brings its own diffusers along; beside it in a Python 3.11: transformers 4.44.0,
huggingface_hub 0.24, einops, librosa, torchaudio, soundfile. Its model, AudioLDM's autoencoder and the STFT that it
uses are built small and filled with the weights of ``seeded``. A file goes through its ``wav_to_fbank`` and the
autoencoder (the posterior's mode), noise through its U-Net under its encodings of a caption and of no beats and no
chords, which is what its trainer puts where it drops them. The vocoder is left out, and ``cuda`` does nothing.
"""

import json
import sys
import tempfile
import types
from pathlib import Path

import librosa
import soundfile
import torch
from transformers import T5Config, T5EncoderModel

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.originals.words import tokenizer_of
from tests.targets.goldens import golden, seeded

PROMPTS, LEVELS, SAMPLES = ["a slow reel in d major", "a jig", ""], [100, 500, 900], 100_000
STFT = {
    "filter_length": 512, "hop_length": 160, "win_length": 512, "n_mel_channels": 16, "sampling_rate": 16_000,
    "mel_fmin": 0, "mel_fmax": 8000,
}  # fmt: skip
VAE = {
    "image_key": "fbank", "subband": 1, "embed_dim": 4, "time_shuffle": 1, "scale_factor": 0.9227914214134216,
    "ddconfig": {
        "double_z": True, "z_channels": 4, "resolution": 256, "downsample_time": False, "in_channels": 1, "out_ch": 1,
        "ch": 32, "ch_mult": [1, 2, 2], "num_res_blocks": 1, "attn_resolutions": [], "dropout": 0.0,
    },
}  # fmt: skip
UNET = {
    "_class_name": "UNet2DConditionModel", "_diffusers_version": "0.10.0.dev0", "act_fn": "silu",
    "attention_head_dim": [2, 4], "block_out_channels": [16, 32], "center_input_sample": False,
    "cross_attention_dim": 12, "down_block_types": ["CrossAttnDownBlock2DMusic", "DownBlock2D"],
    "downsample_padding": 1, "dual_cross_attention": False, "flip_sin_to_cos": True, "freq_shift": 0, "in_channels": 4,
    "layers_per_block": 1, "mid_block_type": "UNetMidBlock2DCrossAttnMusic", "mid_block_scale_factor": 1,
    "norm_eps": 1e-05, "norm_num_groups": 8, "num_class_embeds": None, "only_cross_attention": False,
    "out_channels": 4, "sample_size": [32, 2], "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2DMusic"],
    "use_linear_projection": True, "upcast_attention": True,
}  # fmt: skip
SCHEDULER = {
    "_class_name": "DDIMScheduler", "_diffusers_version": "0.8.0", "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "beta_start": 0.00085, "clip_sample": False, "num_train_timesteps": 1000, "prediction_type": "v_prediction",
    "set_alpha_to_one": False, "steps_offset": 1, "trained_betas": None,
}  # fmt: skip
T5 = {"d_model": 12, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2}


def prepared(checkout: Path, diffusers: Path) -> types.ModuleType:
    """The original's ``models``, on any machine, with today's librosa, torchaudio and without its vocoder."""
    sys.path[:0] = [str(diffusers.resolve()), str(checkout.resolve())]
    for kind in (torch.Tensor, torch.nn.Module):
        kind.cuda = lambda self, *_, **__: self
    for name in ("matplotlib", "matplotlib.pyplot", "audioldm", "audioldm.utils"):
        sys.modules[name] = types.ModuleType(name)
    # The package's own __init__ and utilities load what is not asked here.
    sys.modules["audioldm"].__path__ = [str(checkout.resolve() / "audioldm")]
    sys.modules["audioldm.utils"].__getattr__ = lambda name: None
    import models as theirs
    from audioldm.variational_autoencoder import autoencoder
    from tools import torch_tools

    def read(path: str) -> tuple[torch.Tensor, int]:
        values, rate = soundfile.read(path, dtype="float32", always_2d=True)
        return torch.from_numpy(values.T.copy()), rate

    torch_tools.torchaudio.load = read  # which needs another package for it
    autoencoder.get_vocoder = lambda *_, **__: torch.nn.Identity()
    # librosa has since made these arguments keywords.
    stft = sys.modules["audioldm.audio.stft"]
    stft.pad_center = lambda window, size: librosa.util.pad_center(window, size=size)
    stft.librosa_mel_fn = lambda rate, fft, bands, low, high: librosa.filters.mel(
        sr=rate, n_fft=fft, n_mels=bands, fmin=low, fmax=high
    )
    return theirs


def companions(folder: Path, unet: dict) -> dict:
    """Write T5, schedule and the U-Net's configuration where the original reads them; returns the T5's sizes."""
    words = tokenizer_of(PROMPTS)
    words.save_pretrained(folder / "t5")
    sizes = T5 | {"vocab_size": len(words)}
    T5EncoderModel(T5Config(**sizes)).save_pretrained(folder / "t5")
    (folder / "sd" / "scheduler").mkdir(parents=True)
    (folder / "sd" / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER))
    (folder / "unet.json").write_text(json.dumps(unet))
    return sizes


def heard(theirs: types.ModuleType, folder: Path) -> tuple[torch.Tensor, dict[str, dict[str, list[int]]]]:
    """The latent of the file by the original, and the tensors of its autoencoder and its front end."""
    from audioldm.variational_autoencoder import autoencoder
    from tools import torch_tools

    vae = autoencoder.AutoencoderKL(**VAE).eval()
    seeded.fill(vae, "vae.")
    stft = theirs.TacotronSTFT(*STFT.values()).eval()
    soundfile.write(folder / "a.wav", seeded.wave(SAMPLES), 16_000, subtype="FLOAT")
    mel, _, _ = torch_tools.wav_to_fbank([str(folder / "a.wav")], 1024, stft)
    with torch.no_grad():
        latent = vae.encode_first_stage(mel[:, None]).mode() * VAE["scale_factor"]
    return latent, {name: shapes(part.state_dict()) for name, part in (("vae", vae), ("stft", stft))}


def shapes(state: dict[str, torch.Tensor]) -> dict[str, list[int]]:
    return {key: list(value.shape) for key, value in state.items()}


def main() -> None:
    checkout = Path(sys.argv[1])
    theirs = prepared(checkout, checkout / "diffusers" / "src")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = companions(folder, UNET)
        model = theirs.MusicAudioDiffusion(
            str(folder / "t5"), str(folder / "sd"), unet_model_config_path=str(folder / "unet.json"),
            d_fme=12, d_pe=12, d_beat=12, d_chord=12,
        ).eval()  # fmt: skip
        seeded.fill(model)
        torch.save(model.state_dict(), folder / "pytorch_model_ldm.bin")
        saved = torch.load(folder / "pytorch_model_ldm.bin", weights_only=True)
        latent, tensors = heard(theirs, folder)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        levels = torch.tensor(LEVELS * len(PROMPTS))
        noisy = torch.randn(len(levels), 4, 16, 4, generator=draw)
        answers = []
        for i, prompt in enumerate(PROMPTS):
            part = slice(i * len(LEVELS), (i + 1) * len(LEVELS))
            states, mask = model.encode_text([prompt] * len(LEVELS))
            beats, beat_mask = model.encode_beats([[[], []]] * len(LEVELS))
            chords, chord_mask = model.encode_chords([[] for _ in LEVELS], [[] for _ in LEVELS])
            answers.append(
                model.unet(
                    noisy[part], levels[part], states, beats, chords, encoder_attention_mask=mask,
                    beat_attention_mask=beat_mask, chord_attention_mask=chord_mask,
                ).sample
            )  # fmt: skip
    about = {
        "source": "AMAAI-Lab/mustango at d9354bd with its own diffusers 0.15.0.dev0; transformers 4.44.0",
        "unet": UNET, "vae": VAE, "stft": STFT, "scheduler": SCHEDULER, "t5": sizes, "prompts": PROMPTS,
        "levels": LEVELS, "samples": SAMPLES, "tensors": {"ldm": shapes(saved), **tensors},
    }  # fmt: skip
    golden.write("mustango", about, {"latent": latent, "noisy": noisy, "answer": torch.cat(answers)})


if __name__ == "__main__":
    main()
