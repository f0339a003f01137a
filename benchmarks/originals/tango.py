"""What Tango's own code gives, for tests/targets/goldens/tango.json.

    python benchmarks/originals/tango.py CHECKOUT DIFFUSERS

CHECKOUT is declare-lab/tango, DIFFUSERS the ``src`` of the old diffusers that AMAAI-Lab/mustango brings along
(0.15.0.dev0); the rest is as in ``mustango``. Beside the answers under captions stand those under captions whose
states were zeroed, as the trainer does in one of ten where ``uncondition`` is set.
"""

import sys
import tempfile
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.originals import mustango as music
from tests.targets.goldens import golden, seeded

UNET = music.UNET | {
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "mid_block_type": "UNetMidBlock2DCrossAttn",
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
}  # fmt: skip
PROMPTS = music.PROMPTS[:2]


def main() -> None:
    theirs = music.prepared(Path(sys.argv[1]), Path(sys.argv[2]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = music.companions(folder, UNET)
        model = theirs.AudioDiffusion(
            str(folder / "t5"), str(folder / "sd"), unet_model_config_path=str(folder / "unet.json"), uncondition=True
        ).eval()
        seeded.fill(model)
        torch.save(model.state_dict(), folder / "pytorch_model_main.bin")
        saved = torch.load(folder / "pytorch_model_main.bin", weights_only=True)
        latent, tensors = music.heard(theirs, folder)
    levels = torch.tensor(music.LEVELS * len(PROMPTS))
    noisy = torch.randn(len(levels), 4, 16, 4, generator=torch.Generator().manual_seed(0))
    found: dict[str, list[torch.Tensor]] = {"answer": [], "dropped": []}
    with torch.no_grad():
        for i, prompt in enumerate(PROMPTS):
            part = slice(i * len(music.LEVELS), (i + 1) * len(music.LEVELS))
            states, mask = model.encode_text([prompt] * len(music.LEVELS))
            for kind, given in (("answer", states), ("dropped", torch.zeros_like(states))):
                found[kind].append(model.unet(noisy[part], levels[part], given, encoder_attention_mask=mask).sample)
    about = {
        "source": "declare-lab/tango at 34ecd38 with diffusers 0.15.0.dev0 of AMAAI-Lab/mustango; transformers 4.44.0",
        "unet": UNET, "vae": music.VAE, "stft": music.STFT, "scheduler": music.SCHEDULER, "t5": sizes,
        "prompts": PROMPTS, "levels": music.LEVELS, "samples": music.SAMPLES,
        "tensors": {"main": music.shapes(saved), **tensors},
    }  # fmt: skip
    golden.write("tango", about, {"latent": latent, "noisy": noisy, **{k: torch.cat(v) for k, v in found.items()}})


if __name__ == "__main__":
    main()
