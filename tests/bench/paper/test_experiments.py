"""The table of experiments names what there is."""

import pytest

from earwitness.bench.paper.datasets import DATASETS
from earwitness.bench.paper.experiments import EXPERIMENTS, experiments_named
from earwitness.errors import EarwitnessError
from earwitness.signals.denoising import presets as denoising
from earwitness.signals.tokens import presets as tokens
from earwitness.targets.registry import families


def test_the_models_of_the_paper_and_the_two_beside_them() -> None:
    assert [(one.name, one.dataset) for one in EXPERIMENTS] == [
        ("audiogen", "audiocaps"),
        ("musicgen", "audiocaps"),
        ("audioldm", "audiocaps"),
        ("audioldm2", "audiocaps"),
        ("tango", "audiocaps"),
        ("tango2", "audiocaps"),
        ("figaro", "lakh"),
        ("stable-audio-open-freesound", "freesound"),
        ("stable-audio-open-fma", "fma"),
    ]


def test_every_name_in_the_table_is_known() -> None:
    for one in EXPERIMENTS:
        assert one.dataset in DATASETS
        assert set(one.families) <= set(families())
        known = tokens.PRESETS if one.presets[0] == "iar" else denoising.PRESETS
        assert set(one.presets) <= set(known)


def test_a_model_that_was_not_trained_on_the_data_has_no_members() -> None:
    roles = {one.name: one.roles for one in EXPERIMENTS}
    assert roles["musicgen"] == ("suspect", "held_out")
    assert roles["tango"] == ("member", "non_member")


def test_experiments_are_found_by_name() -> None:
    assert [one.name for one in experiments_named(["figaro", "audiogen"])] == ["audiogen", "figaro"]
    assert experiments_named([]) == EXPERIMENTS
    with pytest.raises(EarwitnessError, match="There is no experiment 'tangoo'; there are audiogen, musicgen"):
        experiments_named(["tangoo"])
