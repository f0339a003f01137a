"""MusicGen Melody, mono and stereo: alignment with transformers' own forward and guidance, batching."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import AutoTokenizer, MusicgenMelodyForConditionalGeneration

from earwitness.errors import TargetError
from earwitness.targets.musicgen_melody import MusicgenMelodyFamily
from earwitness.targets.protocols import TokenTarget
from earwitness.testing import check_target
from tests.tiny import CHROMA_LENGTH, SAMPLE_RATE, all_logits, library_logits, save_tiny_musicgen_melody

# Of three lengths, in an order that grouping by length undoes; going there twice does not lead back.
PROMPTS = ["a reel in d major", "a jig", "a jig in", "a jig in g minor"]


@pytest.fixture(scope="module", params=[1, 2], ids=["mono", "stereo"])
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    return save_tiny_musicgen_melody(tmp_path_factory.mktemp("tiny"), channels=request.param)


@pytest.fixture(scope="module")
def target(folder: Path) -> TokenTarget:
    return load(folder)


@pytest.fixture(scope="module")
def model(folder: Path) -> MusicgenMelodyForConditionalGeneration:
    return MusicgenMelodyForConditionalGeneration.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def codes(target: TokenTarget) -> Tensor:
    shape = (4, SAMPLE_RATE) if target.channels == 1 else (4, 2, SAMPLE_RATE)
    return target.encode(np.random.default_rng(0).normal(scale=0.3, size=shape).astype(np.float32))


def load(folder: Path, dtype: str = "float32") -> TokenTarget:
    return MusicgenMelodyFamily.load(folder, name="tiny", device="cpu", dtype=dtype)


def words(folder: Path, prompt: str) -> dict[str, Tensor]:
    return dict(AutoTokenizer.from_pretrained(folder)(prompt, return_tensors="pt"))


def test_it_says_what_it_is(target: TokenTarget, folder: Path, codes: Tensor) -> None:
    assert MusicgenMelodyFamily.matches(folder)
    assert not MusicgenMelodyFamily.matches(folder.parent)
    assert (target.sample_rate, target.codebooks, target.hop_length) == (SAMPLE_RATE, 3 * target.channels, 320)
    assert target.max_seconds == 2.0
    assert target.identity.family == "musicgen_melody"
    assert codes.shape == (4, target.codebooks, 50)


def test_logits_are_aligned_with_transformers_own_text_only_forward(
    target: TokenTarget, model: MusicgenMelodyForConditionalGeneration, folder: Path, codes: Tensor
) -> None:
    together = all_logits(target, codes, PROMPTS)
    for row, prompt in enumerate(PROMPTS):
        theirs = library_logits(model, codes[row], **words(folder, prompt))
        torch.testing.assert_close(together[row], theirs, rtol=1e-4, atol=1e-5)


def test_the_null_pass_is_that_of_transformers_own_guidance(
    target: TokenTarget, model: MusicgenMelodyForConditionalGeneration, folder: Path, codes: Tensor
) -> None:
    states: list[Tensor] = []
    hook = model.decoder.register_forward_pre_hook(
        lambda module, args, inputs: states.append(inputs["encoder_hidden_states"]), with_kwargs=True
    )
    text = words(folder, PROMPTS[0])
    model.generate(**text, guidance_scale=3.0, do_sample=False, max_new_tokens=8)
    hook.remove()
    assert states[0].shape[:2] == (2, CHROMA_LENGTH + text["input_ids"].shape[1])
    for null, theirs in enumerate(states[0]):
        ours = all_logits(target, codes[:1], PROMPTS[:1], null=bool(null))[0]
        torch.testing.assert_close(
            ours, library_logits(model, codes[0], encoder_hidden_states=theirs[None]), rtol=1e-4, atol=1e-5
        )


def test_an_empty_prompt_is_transformers_own_unconditional_input(
    target: TokenTarget, model: MusicgenMelodyForConditionalGeneration, folder: Path, codes: Tensor
) -> None:
    empty = words(folder, "")
    theirs = library_logits(
        model, codes[1], input_ids=empty["input_ids"], attention_mask=torch.zeros_like(empty["attention_mask"])
    )
    prompts = [PROMPTS[0], "", *PROMPTS[2:]]
    for null in (False, True):
        ours = all_logits(target, codes, prompts, null=null)[1]
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_null_pass_hears_how_long_a_prompt_is_and_not_what_it_says(target: TokenTarget, codes: Tensor) -> None:
    swapped = [PROMPTS[3], "a reel", "a reel in", PROMPTS[0]]
    null = all_logits(target, codes, PROMPTS, null=True)
    assert torch.equal(all_logits(target, codes, swapped, null=True), null)
    prompted = all_logits(target, codes, PROMPTS)
    assert ((prompted - all_logits(target, codes, swapped)).abs().amax(dim=(1, 2, 3)) > 0.01).all()
    assert ((prompted - null).abs().amax(dim=(1, 2, 3)) > 0.01).all()


def test_batch_mates_change_nothing(target: TokenTarget, codes: Tensor) -> None:
    for null in (False, True):
        together = all_logits(target, codes, PROMPTS, null=null)
        for i, prompt in enumerate(PROMPTS):
            alone = all_logits(target, codes[i : i + 1], [prompt], null=null)[0]
            torch.testing.assert_close(alone, together[i], rtol=1e-4, atol=1e-5)


def test_no_token_sees_itself_or_what_follows(target: TokenTarget, codes: Tensor) -> None:
    delays = torch.arange(target.codebooks) // target.channels
    position = torch.arange(50)[None] + delays[:, None]  # at which (k, t) is predicted
    for k in range(target.codebooks):
        changed = codes[:1].clone()
        changed[0, k, 20] = (codes[0, k, 20] + 1) % 16
        differences = all_logits(target, codes[:1], PROMPTS[:1]) - all_logits(target, changed, PROMPTS[:1])
        moved = differences.abs().amax(-1)[0] > 1e-6
        assert not moved[position <= 20 + delays[k]].any()
        assert moved[position == 20 + delays[k] + 1].all()


def test_chunks_join_to_the_whole(target: TokenTarget, codes: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = all_logits(target, codes, PROMPTS)
    monkeypatch.setattr("earwitness.targets.delay._CHUNK_BYTES", {"cuda": 7 * 4 * target.codebooks * 16 * 4})
    with torch.no_grad():
        chunks = [chunk.condition for chunk in target.logits(codes, PROMPTS, null=False)]
    assert [chunk.shape[2] for chunk in chunks] == [7] * 7 + [1]
    torch.testing.assert_close(torch.cat(chunks, dim=2), whole)


def test_a_window_of_full_length_needs_no_position_beyond_the_configured(
    target: TokenTarget, model: MusicgenMelodyForConditionalGeneration
) -> None:
    frames = round(target.max_seconds * 50)
    columns = frames + target.codebooks // target.channels  # as transformers counts them, with the last tokens
    assert CHROMA_LENGTH + columns == model.config.decoder.max_position_embeddings


def test_a_prompt_may_go_beyond_the_configured_positions(
    target: TokenTarget, model: MusicgenMelodyForConditionalGeneration, folder: Path, codes: Tensor
) -> None:
    longest = codes[:1].repeat(1, 1, 2)
    ours = all_logits(target, longest, PROMPTS[:1])[0]
    theirs = library_logits(model, longest[0], **words(folder, PROMPTS[0]))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_widths_that_agree_need_no_projection(tmp_path: Path) -> None:
    folder = save_tiny_musicgen_melody(tmp_path, width=12)  # as many as there are chroma classes
    model = MusicgenMelodyForConditionalGeneration.from_pretrained(folder).eval()
    assert not hasattr(model, "audio_enc_to_dec_proj")
    codes = torch.arange(150).view(1, 3, 50) % 16
    ours = all_logits(load(folder), codes, PROMPTS[:1])[0]
    theirs = library_logits(model, codes[0], **words(folder, PROMPTS[0]))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_gradients_reach_all_that_was_trained(target: TokenTarget, codes: Tensor) -> None:
    loss = sum(chunk.condition.square().mean() for chunk in target.logits(codes, PROMPTS, null=False))
    gradients = torch.autograd.grad(loss, list(target.parameters()))
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_bfloat16_is_close(folder: Path, target: TokenTarget, codes: Tensor) -> None:
    rough = all_logits(load(folder, dtype="bfloat16"), codes, PROMPTS).float()
    assert (rough - all_logits(target, codes, PROMPTS)).abs().mean() < 0.05


def test_the_contract_is_kept(target: TokenTarget) -> None:
    with torch.no_grad():
        assert len(list(check_target(target))) == 7


def test_damaged_weights_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "musicgen_melody"}')
    with pytest.raises(TargetError, match="could not be loaded") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)
