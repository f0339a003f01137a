"""YuE's second stage: a LLaMA that refines the first codebook of X-Codec into eight.

Goal: the published preparation in terms of a description. A clip is six seconds of one track (the mix, or a separated
one): the begin of audio, the first codebook's 300 codes behind a token that says so, then behind another all eight
codebooks frame by frame. No text and no lyrics go in. Songs were cut at multiples of six seconds; a window may begin
anywhere.

Source: Yuan et al., arXiv 2503.08638; ``codecmanipulator.py`` and ``preprocess_data_conditional_xcodec_segment.py`` of
multimodal-art-projection/YuE (at 9f1394b).
"""

from earwitness.targets.causal_lm.description import AudioTokens, YueTokens

_BEGIN_OF_AUDIO, _FIRST_STAGE, _SECOND_STAGE, _XCODEC = 32_001, 32_013, 32_017, 45_334
_CODEBOOKS, _SECONDS = 8, 6.0


def as_audio_tokens(description: YueTokens) -> AudioTokens:
    """The description of the second stage's tokens."""
    return AudioTokens(
        tokens="audio", codec=description.codec, codebooks=_CODEBOOKS, first_code_id=_XCODEC,
        prefix_ids=[_BEGIN_OF_AUDIO, _FIRST_STAGE], interleaving="coarse_first", pad_token_id=_SECOND_STAGE,
        seconds=_SECONDS,
    )  # fmt: skip
