"""Build and train a small MusicGen-architecture model whose training set is known.

Goal: a ``MusicgenForConditionalGeneration`` of about four million parameters, trained
the way the originals are: T5 text condition dropped for one example in ten, codebook
delay pattern, cross-entropy on every real token. Codes are int [codebooks, frames].
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor, nn
from transformers import (
    AutoTokenizer,
    EncodecFeatureExtractor,
    EncodecModel,
    MusicgenConfig,
    MusicgenDecoderConfig,
    MusicgenForConditionalGeneration,
    PreTrainedTokenizerFast,
    T5Config,
)

from earwitness_bench.recipes.augment import Crop, draw_by_length, random_crop
from earwitness_bench.recipes.codec import encode
from earwitness_bench.recipes.progress import Checkpoint

WIDTH, LAYERS, TEXT_WIDTH = 192, 4, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What fixes a training run, besides its data.

    The learning rate falls over ``epochs``; training stops after the last epoch in ``keep``.
    """

    epochs: int
    keep: tuple[int, ...]
    frames: int = 120
    batch: int = 4
    store: int = 128
    peak_rate: float = 1.5e-3
    condition_dropout: float = 0.1
    seed: int = 0


def caption_tokenizer(captions: Sequence[str], max_length: int = 16) -> PreTrainedTokenizerFast:
    """A word-level tokenizer over the captions' words, T5-style: no prefix, ``</s>`` at the end."""
    words = sorted({word for caption in captions for word in caption.lower().split()})
    vocabulary = {token: i for i, token in enumerate(["<pad>", "</s>", "<unk>", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=max_length
    )


def small_musicgen(
    codec: EncodecModel, vocabulary: int, *, max_frames: int, seed: int, width: int = WIDTH, layers: int = LAYERS
) -> MusicgenForConditionalGeneration:
    """An untrained model around a trained codec."""
    torch.manual_seed(seed)
    codes, codebooks = codec.config.codebook_size, codec.config.num_quantizers
    config = MusicgenConfig(
        text_encoder=T5Config(
            vocab_size=vocabulary, d_model=TEXT_WIDTH, d_kv=16, d_ff=2 * TEXT_WIDTH, num_layers=2, num_heads=4,
            dropout_rate=0.0,
        ).to_dict(),
        audio_encoder={key: value for key, value in codec.config.to_dict().items() if key != "_name_or_path"},
        decoder=MusicgenDecoderConfig(
            vocab_size=codes, num_codebooks=codebooks, hidden_size=width, num_hidden_layers=layers,
            num_attention_heads=max(1, width // 48), ffn_dim=4 * width, max_position_embeddings=max_frames + codebooks,
            dropout=0.0, attention_dropout=0.0, activation_dropout=0.0, pad_token_id=codes, bos_token_id=codes,
        ).to_dict(),
    )  # fmt: skip
    model = MusicgenForConditionalGeneration(config)
    model.audio_encoder.load_state_dict(codec.state_dict())
    model.generation_config.decoder_start_token_id = codes
    return model


def train_musicgen(
    model: MusicgenForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    waves: Sequence[NDArray[np.float32]],
    captions: Sequence[str],
    schedule: Schedule,
    *,
    rate_hz: int,
    state: Path,
    at_epoch: Callable[[int, float], None],
    crop: Crop = random_crop,
) -> None:
    """Train on ``waves`` [samples] of whole tracks (members only), at ``rate_hz``.

    Every step a crop at any sample offset is made by ``crop`` and encoded into a store that
    forgets the oldest, and a batch is drawn from the store. One epoch hears as many seconds as the
    members hold. ``at_epoch(epoch, mean_loss)`` is called after each epoch; what a step sees depends
    on (seed, step) alone, so an interrupted run goes on as if it had not stopped.
    """
    codec = model.audio_encoder
    samples = schedule.frames * codec.config.hop_length * rate_hz // codec.config.sampling_rate
    lengths = [len(wave) for wave in waves]
    steps_per_epoch = max(1, sum(lengths) // (samples * schedule.batch))
    total = schedule.epochs * steps_per_epoch
    parameters = [p for n, p in model.named_parameters() if not n.startswith("audio_encoder.")]
    optimizer = torch.optim.AdamW(parameters, lr=schedule.peak_rate, betas=(0.9, 0.95), weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, schedule.peak_rate, total_steps=total, pct_start=0.05)
    checkpoint = Checkpoint(state, {"model": model, "optimizer": optimizer, "rate": rate})
    text = tokenizer(list(captions), padding=True, return_tensors="pt")
    first = checkpoint.restore()
    store: deque[tuple[Tensor, int]] = deque(maxlen=schedule.store)
    model.train()
    losses = []
    for step in range(first, steps_per_epoch * max(schedule.keep)):
        # What is in store depends on the steps before, so a run that goes on encodes them again.
        for past in range(max(0, step - schedule.store + 1) if not store else step, step + 1):
            fresh = np.random.default_rng([schedule.seed, past, 1])
            (row,) = draw_by_length(lengths, 1, fresh).tolist()
            heard = resample(crop(waves[row], samples, rate_hz, fresh), rate_hz, codec.config.sampling_rate)
            store.append((encode(codec, [heard])[0], row))
        rng = np.random.default_rng([schedule.seed, step])
        picked = [store[i] for i in rng.integers(len(store), size=schedule.batch)]
        crops, rows = torch.stack([codes for codes, _ in picked]), [row for _, row in picked]
        dropped = torch.from_numpy(rng.random(schedule.batch) < schedule.condition_dropout)
        loss = sequence_loss(model, crops, text.input_ids[rows], text.attention_mask[rows], dropped)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        rate.step()
        losses.append(loss.item())
        if (step + 1) % steps_per_epoch == 0:
            checkpoint.save(step + 1)
            at_epoch((step + 1) // steps_per_epoch, float(np.mean(losses)))
            losses.clear()
            model.train()


def save_half(
    folder: Path, tokenizer_folder: Path, out: Path
) -> tuple[MusicgenForConditionalGeneration, PreTrainedTokenizerFast]:
    """Save a trained model with its tokenizer as an ordinary float16 directory; give both, with the saved weights."""
    model = MusicgenForConditionalGeneration.from_pretrained(folder).half()
    model.save_pretrained(out)
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    tokenizer.save_pretrained(out)
    rate_hz = model.audio_encoder.config.sampling_rate
    EncodecFeatureExtractor(feature_size=1, sampling_rate=rate_hz).save_pretrained(out)
    return model.float(), tokenizer


def resample(wave: NDArray[np.float32], source: int, wanted: int) -> NDArray[np.float32]:
    """The waveform [samples] at another rate, as the tool's own reader makes it."""
    return np.asarray(soxr.resample(wave, source, wanted, quality="HQ"), dtype=np.float32)


def sequence_loss(
    model: MusicgenForConditionalGeneration, codes: Tensor, text: Tensor, text_mask: Tensor, dropped: Tensor
) -> Tensor:
    """Mean cross-entropy over all codes [batch, codebooks, frames]; see `sequence_logits`."""
    losses = [
        nn.functional.cross_entropy(logits.transpose(1, 2), codes[:, k])
        for k, logits in enumerate(sequence_logits(model, codes, text, text_mask, dropped))
    ]
    return torch.stack(losses).mean()


def sequence_logits(
    model: MusicgenForConditionalGeneration, codes: Tensor, text: Tensor, text_mask: Tensor, dropped: Tensor
) -> list[Tensor]:
    """Logits of every codebook's codes [batch, frames, codes], from what the delay pattern lets them see.

    ``dropped`` [batch] marks the examples whose condition is replaced by the null
    condition (zeroed text states), as classifier-free guidance needs it.
    """
    batch, codebooks, frames = codes.shape
    start = model.config.decoder.pad_token_id
    inputs = codes.new_full((batch, codebooks, frames + codebooks), start)
    for k in range(codebooks):
        inputs[:, k, k + 1 : k + 1 + frames] = codes[:, k]
    states = model.text_encoder(text, attention_mask=text_mask).last_hidden_state
    states = model.enc_to_dec_proj(states) * (text_mask * ~dropped[:, None])[..., None]
    hidden = model.decoder.model(
        inputs[..., :-1].reshape(batch * codebooks, -1),
        encoder_hidden_states=states,
        encoder_attention_mask=text_mask,
        use_cache=False,
    ).last_hidden_state
    return [head(hidden[:, k : k + frames]).float() for k, head in enumerate(model.decoder.lm_heads)]


@torch.no_grad()
def window_scores(
    model: MusicgenForConditionalGeneration, codes: Tensor, text: Tensor, text_mask: Tensor
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Loss and excess loss (loss minus the entropy of the prediction), nats per token, means of each window [batch]."""
    model.eval()
    kept = torch.zeros(len(codes), dtype=torch.bool)
    loss, entropy = [], []
    for k, logits in enumerate(sequence_logits(model, codes, text, text_mask, kept)):
        log_probs = logits.log_softmax(dim=2)
        loss.append(-log_probs.gather(2, codes[:, k, :, None])[..., 0].mean(dim=1))
        entropy.append(-(log_probs.exp() * log_probs).sum(dim=2).mean(dim=1))
    losses, entropies = (torch.stack(each).mean(dim=0).double().numpy() for each in (loss, entropy))
    return losses, losses - entropies
