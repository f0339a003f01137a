"""What ACE-Step v1's own code gives, for tests/targets/goldens/ace_step_v1.json.

    python benchmarks/originals/ace_step_v1.py CHECKOUT

CHECKOUT is ace-step/ACE-Step; beside it in a Python 3.11: diffusers 0.42.1, transformers 5.23.0, torchaudio. Its
classes are built small, filled with the weights of ``seeded`` and saved by their own ``save_pretrained``; its
autoencoder reads them from there and encodes a file, its transformer answers under the conditions that its trainer
gives for a piece without words (a speaker of zeros, the lyric token 0) and under a caption that was dropped. The
lyric encoder's width, which is fixed in the code, is set from outside. torchvision is only asked to subtract ½ and
divide by ½, which a stand-in does.
"""

import sys
import tempfile
import types
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderDC, FlowMatchEulerDiscreteScheduler
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.originals.words import tokenizer_of
from tests.targets.goldens import golden, seeded

PROMPTS, LEVELS, SAMPLES = ["a slow reel in d major", "a jig"], [200, 700], 20_000
SHARES, DRAWS = [0.1, 0.2, 0.5, 0.9], 400_000
TRANSFORMER = {
    "in_channels": 8, "num_layers": 2, "inner_dim": 32, "attention_head_dim": 16, "num_attention_heads": 2,
    "mlp_ratio": 2.5, "out_channels": 8, "max_position": 64, "rope_theta": 1000000.0, "speaker_embedding_dim": 512,
    "text_embedding_dim": 12, "ssl_encoder_depths": [0, 0], "ssl_latent_dims": [4, 4], "lyric_encoder_vocab_size": 8,
    "lyric_hidden_size": 16, "patch_size": [16, 1], "max_height": 16, "max_width": 64,
}  # fmt: skip
DCAE = {
    "in_channels": 2, "latent_channels": 8, "attention_head_dim": 8,
    "encoder_block_types": ["ResBlock", "ResBlock", "ResBlock", "EfficientViTBlock"],
    "decoder_block_types": ["ResBlock", "ResBlock", "ResBlock", "EfficientViTBlock"],
    "encoder_block_out_channels": [8, 8, 16, 32], "decoder_block_out_channels": [8, 8, 16, 32],
    "encoder_layers_per_block": [1, 1, 1, 1], "decoder_layers_per_block": [1, 1, 1, 1],
    "encoder_qkv_multiscales": [[], [], [], [5]], "decoder_qkv_multiscales": [[], [], [], [5]],
    "downsample_block_type": "Conv", "upsample_block_type": "interpolate", "scaling_factor": 0.41407,
}  # fmt: skip
VOCODER = {
    "depths": [1], "dims": [8], "num_mels": 8, "upsample_initial_channel": 128, "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1, 3, 5]],
}  # fmt: skip
T5 = {"d_model": 12, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2}


def stand_ins() -> None:
    class Compose:
        def __init__(self, steps: list) -> None:
            self.steps = steps

        def __call__(self, x: torch.Tensor) -> torch.Tensor:
            for step in self.steps:
                x = step(x)
            return x

    vision = types.ModuleType("torchvision")
    transforms = types.ModuleType("torchvision.transforms")
    transforms.Compose, transforms.Normalize = Compose, lambda mean, std: lambda x: (x - mean) / std
    sys.modules |= {"torchvision": vision, "torchvision.transforms": transforms}


def saved(network: torch.nn.Module, folder: Path, prefix: str) -> dict[str, list[int]]:
    seeded.fill(network, prefix)
    network.save_pretrained(folder)
    return {name: list(value.shape) for name, value in network.state_dict().items()}


def main() -> None:
    sys.path.insert(0, str(Path(sys.argv[1]).resolve()))
    stand_ins()
    from acestep.models import ace_step_transformer as theirs
    from acestep.music_dcae.music_dcae_pipeline import MusicDCAE
    from acestep.music_dcae.music_vocoder import ADaMoSHiFiGANV1

    theirs.LyricEncoder = partial(theirs.LyricEncoder, output_size=16, linear_units=32, attention_heads=2, num_blocks=2)
    words: PreTrainedTokenizerFast = tokenizer_of(PROMPTS)
    text = UMT5EncoderModel(UMT5Config(**T5, vocab_size=len(words))).eval()
    seeded.fill(text, "text.")
    with tempfile.TemporaryDirectory() as name:
        folder, tensors = Path(name), {}
        network = theirs.ACEStepTransformer2DModel(**TRANSFORMER).eval()
        tensors["ace_step_transformer"] = saved(network, folder / "ace_step_transformer", "")
        tensors["music_dcae_f8c8"] = saved(AutoencoderDC(**DCAE).eval(), folder / "music_dcae_f8c8", "dcae.")
        vocoder = ADaMoSHiFiGANV1(**VOCODER).eval()
        vocoder.save_pretrained(folder / "music_vocoder")
        dcae = MusicDCAE(
            dcae_checkpoint_path=folder / "music_dcae_f8c8", vocoder_checkpoint_path=folder / "music_vocoder"
        ).eval()
    wave = torch.from_numpy(seeded.wave(SAMPLES).T.copy())[None]
    draw = torch.Generator().manual_seed(0)
    arrays: dict[str, torch.Tensor] = {}
    with torch.no_grad():
        arrays["latent"], _ = dcae.encode(wave, sr=44_100)
        for i, prompt in enumerate(PROMPTS):
            told = words([prompt], return_tensors="pt")
            states = text(input_ids=told.input_ids, attention_mask=told.attention_mask).last_hidden_state
            noisy = torch.randn(len(LEVELS), *arrays["latent"].shape[1:], generator=draw)
            for kind, given in (("answer", states), ("dropped", torch.zeros_like(states))):
                arrays[f"{kind}/{i}"] = network(
                    hidden_states=noisy, attention_mask=torch.ones(len(LEVELS), noisy.shape[-1]),
                    encoder_text_hidden_states=given.expand(len(LEVELS), -1, -1),
                    text_attention_mask=told.attention_mask.expand(len(LEVELS), -1),
                    speaker_embeds=torch.zeros(len(LEVELS), 512),
                    lyric_token_idx=torch.zeros(len(LEVELS), 1, dtype=torch.long),
                    lyric_mask=torch.ones(len(LEVELS), 1), timestep=torch.tensor(LEVELS) + 0.5,
                ).sample  # fmt: skip
            arrays[f"noisy/{i}"] = noisy
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0)
    torch.manual_seed(0)
    drawn = scheduler.sigmas[(torch.sigmoid(torch.randn(DRAWS)) * 1000).long()]
    arrays["times"] = torch.tensor(np.quantile(drawn.numpy(), SHARES))
    about = {
        "source": "ace-step/ACE-Step at d612523; diffusers 0.42.1, transformers 5.23.0, torchaudio 2.11",
        "transformer": TRANSFORMER, "dcae": DCAE, "t5": T5 | {"vocab_size": len(words)}, "prompts": PROMPTS,
        "vocoder": {name: value for name, value in vocoder.config.items() if not name.startswith("_")},
        "levels": LEVELS, "samples": SAMPLES, "shares": SHARES, "draws": DRAWS, "tensors": tensors,
    }  # fmt: skip
    golden.write("ace_step_v1", about, arrays)


if __name__ == "__main__":
    main()
