"""Releases of audiocraft that are refused: in one line that names what is wrong, with nothing run."""

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from earwitness.errors import TargetError
from earwitness.targets.audiocraft import AudiogenFamily
from tests.targets.audiocraft_codec import CODES, Tensors
from tests.targets.audiocraft_original import Original, changed, save_file, save_release


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return save_release(tmp_path_factory.mktemp("audiogen"))


def load(folder: Path) -> None:
    AudiogenFamily.load(folder, name=str(folder), device="cpu", dtype="float32")


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["state_dict.bin", "compression_state_dict.bin"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_runs_code_is_refused_and_not_run(
    tmp_path: Path, original: Original, name: str, zipped: bool
) -> None:
    folder = shutil.copytree(original.folder, tmp_path / "release")
    content = {"best_state": {"emb.0.weight": _Bomb(tmp_path / "ran")}, "xp.cfg": "solver: audiogen"}
    if zipped:
        torch.save(content, folder / name)
    else:
        (folder / name).write_bytes(pickle.dumps(content, 2))
    with pytest.raises(TargetError, match="pickle that would run code") as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def refused(tmp_path: Path, original: Original, needed: str, **files: tuple[dict[str, object], Tensors]) -> None:
    """Expect one line that says ``needed`` from the release with some of its files replaced."""
    folder = shutil.copytree(original.folder, tmp_path / "release")
    for name, (settings, tensors) in files.items():
        save_file(folder / f"{name}.bin", settings, tensors)
    with pytest.raises(TargetError, match=needed) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        (lambda t: t.pop("transformer.layers.1.norm_cross.bias"), r"lacks 1 tensors .*layers\.1\.norm_cross\.bias"),
        (
            lambda t: t.update({"linears.2.weight": torch.zeros(CODES, 23)}),
            r"linears\.2\.weight has shape \[16, 23\], its settings ask for \[16, 24\]",
        ),
        (
            lambda t: t.update({"transformer.layers.0.self_attn.in_proj_weight": torch.zeros(24, 24)}),
            r"in_proj_weight has shape \[24, 24\], its settings ask for \[72, 24\]",
        ),
        (lambda t: t.update({"linears.0.bias": torch.zeros(CODES)}), r"1 tensors .*do not explain .*linears\.0\.bias"),
    ],
)
def test_tensors_that_do_not_fit_the_settings_are_named(
    tmp_path: Path, original: Original, change: Callable[[Tensors], object], needed: str
) -> None:
    tensors = dict(original.language_model.tensors)
    change(tensors)
    refused(tmp_path, original, needed, state_dict=(original.language_model.settings, tensors))


def test_tensors_of_the_codec_are_named_too(tmp_path: Path, original: Original) -> None:
    tensors = dict(original.codec.tensors)
    tensors["decoder.model.3.convtr.convtr.weight_v"] = torch.zeros(32, 15, 16)
    refused(
        tmp_path, original, r"decoder\.model\.3\.convtr\.convtr\.weight_v has shape",
        compression_state_dict=(original.codec.settings, tensors),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        ({"transformer_lm__norm_first": False}, "transformer_lm.norm_first is False"),
        ({"transformer_lm__positional_embedding": "rope"}, "positional_embedding is 'rope'"),
        ({"transformer_lm__bias_ff": None}, "transformer_lm.bias_ff is None"),
        ({"transformer_lm__dim": "wide"}, "transformer_lm.dim is 'wide', a whole number"),
        ({"transformer_lm__dim": "${dim}", "dim": "${dim}"}, "refers to itself"),
        ({"transformer_lm__n_q": 5}, "codec has 4 codebooks, the language model asks for 5"),
        ({"transformer_lm__card": 8}, "models 8 codes per codebook, its codec has 16"),
        ({"transformer_lm__num_layers": 1}, "12 tensors that its settings do not explain"),
        ({"dataset__segment_duration": None}, "segment_duration is None, a number"),
        ({"codebooks_pattern__modeling": "parallel"}, "codebook pattern is 'parallel'"),
        ({"codebooks_pattern__delay__delays": [0, 1, 1, 2]}, r"delayed by \[0, 1, 1, 2\]"),
        ({"lm_model": "transformer_lm_other"}, "lm_model is 'transformer_lm_other'"),
        ({"fuser__prepend": ["description"], "fuser__cross": []}, r"fuser.cross is \[\]"),
        ({"conditioners__self_wav": {"model": "style"}, "fuser__cross": []}, r"fuser.prepend is \[\]"),
        ({"conditioners__genre": {"model": "lut"}}, "conditioned on description, genre; only"),
        ({"conditioners__description__t5__name": "../../secrets"}, "which is no published model"),
    ],
)
def test_settings_that_cannot_be_mapped_are_named(
    tmp_path: Path, original: Original, change: dict[str, object], needed: str
) -> None:
    settings = changed(original.language_model.settings, **change)
    refused(tmp_path, original, needed, state_dict=(settings, original.language_model.tensors))


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        ({"seanet__norm": "time_group_norm"}, "seanet.norm is 'time_group_norm'"),
        ({"seanet__encoder": {"n_filters": 4}}, "seanet.encoder is {'n_filters': 4}"),
        ({"seanet__decoder__n_filters": 4}, "seanet.decoder.n_filters is 4"),
        ({"channels": 2}, "encodec.channels is 2"),
        ({"rvq__bins": 17}, "rvq.bins is 17, a power of two"),
    ],
)
def test_settings_of_the_codec_are_named_too(
    tmp_path: Path, original: Original, change: dict[str, object], needed: str
) -> None:
    settings = changed(original.codec.settings, **change)
    refused(tmp_path, original, needed, compression_state_dict=(settings, original.codec.tensors))


@pytest.mark.parametrize(
    ("content", "needed"),
    [
        ([1, 2], "holds list"),
        ({"model": {}}, "holds model; a released model holds best_state and xp.cfg"),
        ({"pretrained": "t5"}, "holds a pointer to t5"),
        ({"best_state": {"emb.0.weight": 3}, "xp.cfg": "a: 1"}, "'emb.0.weight', which is no tensor"),
        ({"best_state": {}, "xp.cfg": "a: [1"}, "not readable YAML"),
        ({"best_state": {}, "xp.cfg": "!!python/object/apply:os.getcwd []"}, "not readable YAML"),
        ({"best_state": {}, "xp.cfg": "1"}, "hold no names"),
    ],
)
def test_other_contents_are_refused_in_one_line(
    tmp_path: Path, original: Original, content: object, needed: str
) -> None:
    folder = shutil.copytree(original.folder, tmp_path / "release")
    torch.save(content, folder / "state_dict.bin")
    with pytest.raises(TargetError, match=needed) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_damaged_and_absent_files_are_refused_in_one_line(tmp_path: Path, original: Original) -> None:
    folder = shutil.copytree(original.folder, tmp_path / "release")
    weights = folder / "state_dict.bin"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(TargetError) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    weights.unlink()
    with pytest.raises(TargetError, match="holds no audiocraft release"):
        load(folder)
