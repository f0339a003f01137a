"""What each family is asked, beside what its original computes of the same file (docs/design/as-trained.md).

    python benchmarks/as_trained.py

Tiny random models in the families' own formats on disk; a stereo file whose channels differ; decode → window →
condition → number on both sides. The originals' side is either golden (what the published code itself gave,
stored beside the tests), the library class that the family was published with, or its formula written out a second
time in the tests. No network. Then the layouts that load, and the line with which each other one is refused.
"""

import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from math import pi
from pathlib import Path
from typing import NamedTuple

import librosa
import numpy as np
import soundfile
import torch
from torch import Tensor
from transformers import AutoTokenizer, ClapTextModelWithProjection, MusicgenForConditionalGeneration, T5EncoderModel

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench" / "src"), str(ROOT / "benchmarks")]
import beside_originals  # noqa: E402

SECONDS, PROMPT, LEVELS = 12.0, "a reel in d major", torch.tensor([100, 500, 900])
FORMULA, LIBRARY, GOLDEN = "formula written out", "library class", "golden of the original's code"


class Row(NamedTuple):
    """A number of a family, and how far it is from the original's."""

    family: str
    quantity: str
    apart: float
    reference: str


def stereo_file(folder: Path, rate: int, seconds: float = SECONDS) -> Path:
    rng = np.random.default_rng(0)
    time = np.arange(int(seconds * rate)) / rate
    tones = np.stack([np.sin(2 * np.pi * f * time) for f in (0.03 * rate, 0.011 * rate)], axis=1)
    path = folder / f"{rate}.wav"
    soundfile.write(path, 0.2 * tones + rng.normal(scale=0.05, size=tones.shape), rate, subtype="FLOAT")
    return path


def window(target: object, path: Path, seconds: float) -> np.ndarray:
    """A window of the file as a run cuts it (the reader's blind features need a higher rate than tiny models have)."""
    from earwitness import audio
    from earwitness.measure.placement import window_starts
    from earwitness.targets.protocols import law_of

    law = law_of(target)
    wave = audio.read_channels(path, target.sample_rate, target.channels, one=law.channel)
    length = min(round(seconds * target.sample_rate), wave.shape[1])
    starts = window_starts(
        wave.shape[1], length, 1, content_hash="0" * 64, seed=0, name=path.name, sample_rate=target.sample_rate
    )
    start = 0 if law.place == "first" else starts[0]
    found = wave[:, start : start + length]
    return found[None] if target.channels > 1 else found


def apart(ours: Tensor, theirs: Tensor) -> float:
    return float((ours.double() - theirs.double()).norm() / theirs.double().norm())


def of_file(path: Path, samples: int, start: int, channel: str) -> np.ndarray:
    wave = soundfile.read(path, dtype="float32")[0]
    wave = wave[:, 0] if channel == "first" else wave.mean(axis=1) if channel == "mean" else wave.T
    return wave[..., start : start + samples]


def place_of(given: np.ndarray, path: Path, channel: str) -> int:
    """Where in the file a window begins, found by its first samples."""
    whole = of_file(path, 10**9, 0, channel)
    whole, given = (whole, given) if whole.ndim == 1 else (whole[0], given[0])
    unlike = np.abs(np.lib.stride_tricks.sliding_window_view(whole, 16) - given[:16]).max(axis=1)
    assert unlike.min() < 1e-6, "the window is no stretch of the file"
    return int(unlike.argmin())


def musicgen(folder: Path) -> Iterator[Row]:
    from earwitness.targets import load_target
    from tests.tiny import all_logits, library_logits, save_tiny_musicgen

    target = load_target(str(save_tiny_musicgen(folder / "model")), device="cpu")
    path = stereo_file(folder, target.sample_rate)
    given = window(target, path, 1.0)
    wave = of_file(path, given.shape[-1], place_of(given[0], path, "mean"), "mean")
    model = MusicgenForConditionalGeneration.from_pretrained(folder / "model").eval()
    with torch.no_grad():
        theirs = model.audio_encoder.encode(torch.from_numpy(wave)[None, None]).audio_codes[0]
    ours = target.encode(given)
    yield Row("MusicGen", "codes that differ", float((ours != theirs).float().mean()), LIBRARY)
    text = AutoTokenizer.from_pretrained(folder / "model")([PROMPT], return_tensors="pt")
    expected = library_logits(model, theirs[0], **text)
    yield Row("MusicGen", "logits", apart(all_logits(target, ours, [PROMPT])[0], expected), LIBRARY)


def audiocraft(folder: Path) -> Iterator[Row]:
    from tests.targets.audiocraft_original import save_release
    from tests.targets.test_audiocraft import PROMPT as WORDS
    from tests.targets.test_audiocraft import load, original_logits
    from tests.tiny import all_logits

    original = save_release(folder / "model")
    target = load(folder / "model")
    path = stereo_file(folder, target.sample_rate)
    given = window(target, path, 1.0)
    wave = of_file(path, given.shape[-1], place_of(given[0], path, "mean"), "mean")
    theirs = original.codec.encode(torch.from_numpy(wave)[None, None], 4)
    ours = target.encode(given)
    yield Row("AudioGen (audiocraft)", "codes that differ", float((ours != theirs).float().mean()), FORMULA)
    expected = original_logits(original, target, theirs, [WORDS])
    yield Row("AudioGen (audiocraft)", "logits", apart(all_logits(target, ours, [WORDS]), expected), FORMULA)


def magnet(folder: Path) -> Iterator[Row]:
    from earwitness.targets import load_target
    from earwitness.targets.musicgen import Text
    from tests.targets.magnet_tiny import golden_question, save_tiny_magnet

    target = load_target(str(save_tiny_magnet(folder / "model").folder), device="cpu")
    asked, states, mask, masks = golden_question()
    with torch.no_grad():
        text = Text(target._model.enc_to_dec_proj(states) * mask[..., None], mask)
        hidden = target._hidden(asked, [own[None] for own in masks], text)
        pairs = zip(target._model.decoder.lm_heads, hidden, strict=True)
        found = torch.stack([head(passes[0])[0, ::3] for head, passes in pairs])
    theirs = torch.tensor(json.loads((ROOT / "tests" / "targets" / "originals.json").read_text())["magnet"])
    yield Row("MAGNeT (audiocraft)", "logits under given masks", apart(found, theirs), GOLDEN)


def jasco(folder: Path) -> Iterator[Row]:
    from earwitness.targets import load_target
    from tests.targets.jasco_tiny import golden_question, save_tiny_jasco

    codec = save_tiny_jasco(folder / "model")
    target = load_target(str(folder / "model"), device="cpu")
    path = stereo_file(folder, target.sample_rate)
    given = window(target, path, 1.0)
    wave = of_file(path, given.shape[-1], place_of(given[0], path, "mean"), "mean")
    with torch.no_grad():
        theirs = (codec.latents(torch.from_numpy(wave)[None, None]).transpose(1, 2) + 0.05) / 1.5
        yield Row("JASCO (audiocraft)", "latent", apart(target.encode(given), theirs), FORMULA)
        latents, times, states = golden_question()
        beside = target._beside.expand(*latents.shape[:2], -1)
        found = target._network(latents, times, beside, target._network.text(states))
    golden = json.loads((ROOT / "tests" / "targets" / "originals.json").read_text())["jasco"]
    yield Row("JASCO (audiocraft)", "velocity", apart(found, torch.tensor(golden["velocity"])), GOLDEN)


def audioldm(folder: Path) -> Iterator[Row]:
    from diffusers import AutoencoderKL, UNet2DConditionModel

    from tests.targets.test_audioldm import _load, save_tiny

    target = _load(save_tiny("audioldm", folder / "model"))
    path = stereo_file(folder, 16_000)
    given = window(target, path, target.max_seconds)
    wave = of_file(path, given.shape[-1], place_of(given[0], path, "first"), "first").astype(np.float64)
    wave = wave - wave.mean()
    wave = 0.5 * wave / (np.abs(wave).max() + 1e-8)
    padded = np.pad(wave, (1024 - 160) // 2, mode="reflect")
    spectra = librosa.stft(padded, n_fft=1024, hop_length=160, center=False, window="hann")
    mel = librosa.filters.mel(sr=16_000, n_fft=1024, n_mels=64, fmin=0, fmax=8000) @ np.abs(spectra)
    vae = AutoencoderKL.from_pretrained(folder / "model" / "vae")
    with torch.no_grad():
        log_mel = torch.from_numpy(np.log(np.maximum(mel, 1e-5)).T).float()
        latent = vae.encode(log_mel[None, None]).latent_dist.mean * vae.config.scaling_factor
    ours = target.encode(given)
    yield Row("AudioLDM", "latent", apart(ours, latent), f"{FORMULA} (librosa), {LIBRARY} (VAE)")
    clap = ClapTextModelWithProjection.from_pretrained(folder / "model" / "text_encoder")
    words = AutoTokenizer.from_pretrained(folder / "model" / "tokenizer")([PROMPT], return_tensors="pt")
    unet = UNet2DConditionModel.from_pretrained(folder / "model" / "unet")
    with torch.no_grad():
        vector = torch.nn.functional.normalize(clap(**words).text_embeds, dim=-1).expand(len(LEVELS), -1)
        noisy = noised(latent, target.alphas_cumprod)
        theirs = unet(noisy, LEVELS, encoder_hidden_states=None, class_labels=vector).sample
        found = target.predict_noise(noisy, LEVELS, [PROMPT] * len(LEVELS))
    yield Row("AudioLDM", "ε (text)", apart(found, theirs), LIBRARY)


def noised(latent: Tensor, alphas: Tensor) -> Tensor:
    draw = torch.randn(latent.shape, generator=torch.Generator().manual_seed(0))
    kept = alphas[LEVELS].float().reshape(-1, *[1] * (latent.ndim - 1))
    return kept.sqrt() * latent + (1 - kept).sqrt() * draw


def tango(folder: Path) -> Iterator[Row]:
    from tests.targets.tango_original import save_release
    from tests.targets.test_tango import load

    original = save_release(folder / "model")
    target = load(original.folder)
    path = stereo_file(folder, target.sample_rate)
    given = window(target, path, 10.24)
    wave = of_file(path, int(10.24 * target.sample_rate), 0, "first")
    with torch.no_grad():
        latent = original.latent(wave)
        yield Row("Tango", "latent", apart(target.encode(given), latent), FORMULA)
        noisy = noised(latent, target.alphas_cumprod)
        states, mask = original.heard([PROMPT] * len(LEVELS))
        velocity = original.unet(noisy, LEVELS, states, encoder_attention_mask=mask).sample
        betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
        kept = torch.from_numpy(np.cumprod(1 - betas))[LEVELS][:, None, None, None]
        theirs = kept.sqrt() * velocity + (1 - kept).sqrt() * noisy
        found = target.predict_noise(noisy, LEVELS, [PROMPT] * len(LEVELS))
    yield Row("Tango", "ε", apart(found, theirs), f"{FORMULA}, {LIBRARY} (U-Net, T5)")


def stable_audio(folder: Path) -> Iterator[Row]:
    from safetensors.torch import load_file

    from tests.targets.test_stable_audio_release import FRAMES, HOP, LATENT, load, means, save_release, velocity

    target = load(save_release(folder / "model"))
    tensors = load_file(folder / "model" / "model.safetensors")
    path = stereo_file(folder, target.sample_rate)
    given = window(target, path, target.max_seconds)
    wave = of_file(path, FRAMES * HOP, place_of(given[0], path, "both"), "both")
    with torch.no_grad():
        latent = means(tensors, torch.from_numpy(wave)[None])
        yield Row("Stable Audio Open (release)", "latent", apart(target.encode(given), latent), FORMULA)
        tokens = AutoTokenizer.from_pretrained(folder / "model" / "t5-base")(
            ["slow piano"] * 3, padding="max_length", max_length=7, return_tensors="pt"
        )
        states = T5EncoderModel.from_pretrained(folder / "model" / "t5-base")(**tokens).last_hidden_state
        projection = "conditioner.conditioners.prompt.proj_out"
        states = states @ tensors[f"{projection}.weight"].T + tensors[f"{projection}.bias"]
        states = states * tokens.attention_mask[..., None]
        noisy, time = torch.randn(3, LATENT, FRAMES), (LEVELS + 0.5) / 1000
        v = velocity(tensors, noisy, time, states, seconds=4, drop=torch.zeros(3, dtype=torch.bool))
        alpha, sigma = (f(time * pi / 2)[:, None, None] for f in (torch.cos, torch.sin))
        found = target.predict_noise(noisy, LEVELS, ["slow piano"] * 3)
    yield Row("Stable Audio Open (release)", "ε", apart(found, sigma * noisy + alpha * v), FORMULA)


def stable_audio_small(folder: Path) -> Iterator[Row]:
    from tests.targets import test_stable_audio_release as release

    def change(config: dict, tensors: dict) -> None:
        for whole, part in ((config, release.small_config()), (tensors, release.small_tensors())):
            whole.clear()
            whole.update(part)

    place = release.altered(release.save_release(folder / "large"), folder / "model", change)
    target, tensors = release.load(place), release.load_file(place / "model.safetensors")
    tokens = AutoTokenizer.from_pretrained(folder / "large" / "t5-base")(
        ["slow piano"] * 3, padding="max_length", max_length=7, return_tensors="pt"
    )
    noisy, sigma = torch.randn(3, release.LATENT, release.FRAMES), ((LEVELS + 0.5) / 1000)[:, None, None]
    with torch.no_grad():
        states = T5EncoderModel.from_pretrained(folder / "large" / "t5-base")(**tokens).last_hidden_state
        projection = "conditioner.conditioners.prompt.proj_out"
        states = states @ tensors[f"{projection}.weight"].T + tensors[f"{projection}.bias"]
        states = states * tokens.attention_mask[..., None]
        state = noisy * torch.sqrt((1 - sigma) ** 2 + sigma**2)
        drop = torch.zeros(3, dtype=torch.bool)
        u = release.velocity(tensors, state, sigma[:, 0, 0], states, seconds=4, drop=drop)
        found = target.predict_noise(noisy, LEVELS, ["slow piano"] * 3)
    yield Row("Stable Audio Open Small (release)", "ε", apart(found, state + (1 - sigma) * u), FORMULA)


def stable_audio_3(folder: Path) -> Iterator[Row]:
    from diffusers import StableAudio3Pipeline

    from earwitness.targets import load_target
    from tests.targets.test_stable_audio_3 import save_tiny

    target = load_target(str(save_tiny(folder / "model")), device="cpu")
    path = stereo_file(folder, target.sample_rate)
    given = window(target, path, 4.0)
    wave = of_file(path, given.shape[-1], place_of(given[0], path, "both"), "both")
    pipeline = StableAudio3Pipeline.from_pretrained(folder / "model")
    with torch.no_grad():
        latent = pipeline.vae.encode(torch.from_numpy(np.ascontiguousarray(wave))[None]).latents
        yield Row("Stable Audio 3", "latent", apart(target.encode(given), latent), LIBRARY)
        sigma = ((LEVELS + 0.5) / 1000)[:, None, None]
        state = (1 - sigma) * latent + sigma * torch.randn(len(LEVELS), *latent.shape[1:])
        states, mask = pipeline.encode_prompt(["slow piano"] * 3, torch.device("cpu"), 1)
        length = pipeline.encode_duration(4.0, torch.device("cpu"), 1, 3)
        context, heard = pipeline.prepare_cross_attention(states, mask, length)
        u = pipeline.transformer(
            state, sigma[:, 0, 0], encoder_hidden_states=context, global_hidden_states=length,
            encoder_attention_mask=heard, return_dict=False,
        )[0]  # fmt: skip
        noisy = state / torch.sqrt((1 - sigma) ** 2 + sigma**2)
        found = target.predict_noise(noisy, LEVELS, ["slow piano"] * 3)
    yield Row("Stable Audio 3", "ε", apart(found, state + (1 - sigma) * u), "library pipeline's own parts")


def ace_step(folder: Path) -> Iterator[Row]:
    from diffusers import AceStepPipeline, AutoencoderOobleck

    from tests.targets.ace_step_tiny import load, save_tiny_ace_step
    from tests.targets.test_ace_step import PROMPTS, _heard

    target = load(save_tiny_ace_step(folder / "model"))
    path = stereo_file(folder, target.sample_rate)
    given = window(target, path, 5.0)
    wave = of_file(path, given.shape[-1], place_of(given[0], path, "both"), "both")
    vae = AutoencoderOobleck.from_pretrained(folder / "model" / "vae")
    pipeline = AceStepPipeline.from_pretrained(folder / "model")
    with torch.no_grad():
        mean = vae.encoder(torch.from_numpy(np.ascontiguousarray(wave))[None]).chunk(2, dim=1)[0].transpose(1, 2)
        yield Row("ACE-Step 1.5", "latent", apart(target.encode(given), mean), LIBRARY)
        steps = _heard(pipeline, prompt=PROMPTS[2], audio_duration=5.0, guidance_scale=1.0, timesteps=[0.8005, 0.3005])
        ours, theirs = [], []
        for step in steps:
            sigma = float(step["timestep"][0])
            t = int(sigma * len(target.alphas_cumprod))
            at = target.alphas_cumprod[t]
            noisy = step["hidden_states"][:1] * float(at.sqrt() + (1 - at).sqrt())
            ours.append(target.predict_noise(noisy, torch.tensor([t]), [PROMPTS[2]]))
            theirs.append(step["hidden_states"][:1] + (1 - sigma) * step["u"][:1])
    yield Row("ACE-Step 1.5", "ε", apart(torch.cat(ours), torch.cat(theirs)), "library pipeline's own call")


def scores(folder: Path) -> Iterator[Row]:
    from earwitness.targets.causal_lm.anticipation import events
    from earwitness.targets.figaro import Description, Piece
    from earwitness.targets.scores.as_pretty_midi import read_as_pretty_midi
    from earwitness.targets.scores.in_hundredths import read_in_hundredths
    from tests.targets.scores.midi_bytes import lively_file
    from tests.targets.test_originals import by_bar

    del folder
    originals = json.loads((ROOT / "tests" / "targets" / "originals.json").read_text())
    wrong = {"REMI+": 0, "description": 0, "events": 0}
    for seed in (0, 1):
        piece, golden = Piece.from_score(read_as_pretty_midi(lively_file(seed))), originals[str(seed)]
        wrong["REMI+"] += piece.tokens[1:-1].tolist() != golden["figaro"]
        told = Description.of(piece.bars).tokens[1:-1].tolist()
        wrong["description"] += by_bar(told) != by_bar(golden["figaro_description"])
        wrong["events"] += events(read_in_hundredths(lively_file(seed))).reshape(-1).tolist() != golden["anticipation"]
    yield Row("FIGARO", "files of 2 whose tokens differ", wrong["REMI+"], GOLDEN)
    yield Row("FIGARO", "files of 2 whose descriptions differ", wrong["description"], GOLDEN)
    yield Row("Anticipatory Music Transformer", "files of 2 whose events differ", wrong["events"], GOLDEN)


def aria(folder: Path) -> Iterator[Row]:
    from earwitness.targets import load_target
    from earwitness.targets.aria.reading import read_in_milliseconds
    from earwitness.targets.aria.tokens import tokens_of
    from tests.targets.aria_tiny import LENGTH, save_tiny_aria
    from tests.targets.scores.midi_bytes import lively_file

    originals = json.loads((ROOT / "tests" / "targets" / "originals.json").read_text())
    found = [tokens_of(read_in_milliseconds(lively_file(seed))) for seed in (0, 1)]
    wrong = sum([[*own.opening[:-1]], own.body] != originals[str(seed)]["aria"] for seed, own in enumerate(found))
    yield Row("Aria", "files of 2 whose tokens differ", wrong, GOLDEN)
    target, (opening, body) = load_target(str(save_tiny_aria(folder / "model")), device="cpu"), found[0]
    codes = torch.tensor([[body[: LENGTH - len(opening)]]])
    with torch.no_grad():
        chunks = target.logits(codes, [torch.tensor(opening)], null=False)
        logits = torch.cat([chunk.condition for chunk in chunks], dim=2)[0, 0]
    theirs = torch.tensor(originals["aria_network"]["logits"])[1:]
    yield Row("Aria", "logits", apart(logits[6 - len(opening) + 1 :: 6, ::1500], theirs), GOLDEN)


def yue(folder: Path) -> Iterator[Row]:
    from transformers import LlamaForCausalLM

    from earwitness.targets import load_target
    from earwitness.targets.causal_lm.audio import layout_of
    from earwitness.targets.causal_lm.description import YueTokens
    from earwitness.targets.causal_lm.yue import as_audio_tokens
    from tests.targets.yue_tiny import golden_codes, save_tiny_yue
    from tests.tiny import all_logits

    golden = json.loads((ROOT / "tests" / "targets" / "originals.json").read_text())["yue"]["every_seventh"]
    description = as_audio_tokens(YueTokens(tokens="yue", codec="xcodec"))
    layout = layout_of(description, 1024)
    found = [*description.prefix_ids, *layout.tokens(golden_codes()[None])[0].tolist()][::7]
    wrong = sum(a != b for a, b in zip(found, golden, strict=True))
    yield Row("YuE, second stage", "tokens that differ, of every seventh", wrong, GOLDEN)
    target = load_target(str(save_tiny_yue(folder / "model")), device="cpu")
    codes = target.encode(window(target, stereo_file(folder, target.sample_rate), 1.0))
    ids = torch.tensor([[*description.prefix_ids, *layout.tokens(codes)[0].tolist()]])
    with torch.no_grad():
        whole = LlamaForCausalLM.from_pretrained(folder / "model").eval()(ids).logits[0]
    at = layout.places(codes.shape[2]) + len(description.prefix_ids) - 1
    blocks = [whole[at[k], first : first + 1024] for k, first in enumerate(layout.first_code_ids)]
    yield Row(
        "YuE, second stage", "logits", apart(all_logits(target, codes, [PROMPT])[0], torch.stack(blocks)), LIBRARY
    )


FAMILIES: tuple[Callable[[Path], Iterator[Row]], ...] = (
    musicgen, audiocraft, magnet, jasco, audioldm, tango, stable_audio, stable_audio_small, stable_audio_3, ace_step,
    scores, aria, yue,
)  # fmt: skip


def layouts(folder: Path) -> Iterator[tuple[str, str]]:
    """What loads (with the first digits of its weights' name), and the line that refuses the others."""
    import shutil

    from earwitness.errors import TargetError
    from earwitness.targets import load_target
    from tests.targets import test_not_supported, test_weight_files, test_weights
    from tests.tiny import save_tiny_musicgen

    def outcome(place: Path) -> str:
        try:
            return f"loads, weights {load_target(str(place), device='cpu').identity.weights_sha256[:12]}"
        except TargetError as error:
            return str(error).replace(str(place), "FOLDER")

    base = save_tiny_musicgen(folder / "as saved")
    yield "MusicGen as saved", outcome(base)
    changes = (
        *((change.__name__.replace("_", " "), change) for change in (
            test_weights.in_shards, test_weights.in_a_pickle, test_weights.with_litter, test_weights.told_elsewhere
        )),
        *((name, change) for name, (change, _) in test_weight_files.REFUSED.items()),
    )  # fmt: skip
    for name, change in changes:
        copy = shutil.copytree(base, folder / f"with {name}")
        change(copy)
        yield f"MusicGen, {name}", outcome(copy)
    for name, files in test_not_supported.FOLDERS.items():
        place = folder / f"release of {name}"
        for file, content in files.items():
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            (place / file).write_text(json.dumps(content))
        yield name, outcome(place)


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        print("| family | number | apart (relative L2, or a count) | the original's side |\n|---|---|---|---|")
        for family in FAMILIES:
            place = Path(name) / family.__name__
            place.mkdir()
            for row in family(place):
                print(f"| {row.family} | {row.quantity} | {row.apart:.2g} | {row.reference} |", flush=True)
        for measured in beside_originals.FAMILIES:
            place = Path(name) / f"{measured.__name__} beside its original"
            place.mkdir()
            for family, quantity, distance in measured(place):
                print(f"| {family} | {quantity} | {distance:.2g} | {GOLDEN} |", flush=True)
        print("\n| a folder | what becomes of it |\n|---|---|")
        (Path(name) / "layouts").mkdir()
        for what, becomes in layouts(Path(name) / "layouts"):
            print(f"| {what} | {becomes} |", flush=True)


if __name__ == "__main__":
    main()
