"""A model that is known and cannot be asked is called by its name, in one line."""

import json
from pathlib import Path

import pytest

from earwitness.errors import TargetError
from earwitness.targets import load_target

FOLDERS = {
    "LongCat Audio": {"model_index.json": {"_class_name": "LongCatAudioDiTPipeline"}},
    "a model of stable-audio-tools": {"model_config.json": {"model_type": "autoencoder"}},
    "YuE without a description": {"config.json": {"model_type": "llama", "vocab_size": 83_734}},
}


@pytest.mark.parametrize("name", FOLDERS)
def test_it_is_called_by_its_name(tmp_path: Path, name: str) -> None:
    for file, content in FOLDERS[name].items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(json.dumps(content))
    with pytest.raises(TargetError, match=f"holds {name}, which is not supported: ") as caught:
        load_target(str(tmp_path), device="cpu")
    assert "\n" not in str(caught.value)


def test_another_folder_is_told_what_is_known(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(TargetError, match=r"no model of a known family \(found: bert"):
        load_target(str(tmp_path), device="cpu")
