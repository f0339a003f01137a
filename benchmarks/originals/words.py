"""The tokenizer of the goldens: one token a word, ``</s>`` behind them, as the tests make it."""

from collections.abc import Sequence

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast


def tokenizer_of(prompts: Sequence[str]) -> PreTrainedTokenizerFast:
    """A tokenizer that knows the words of these prompts."""
    known = sorted({word for prompt in prompts for word in prompt.split()})
    vocabulary = {token: i for i, token in enumerate(["<pad>", "</s>", "<unk>", *known])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=16
    )
