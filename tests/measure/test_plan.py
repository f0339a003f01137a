"""The plan: what its hash covers, and what a used folder refuses."""

from pathlib import Path

import pytest

from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.measure.plan import AudioPlan, Plan, SetTestPlan, TargetPlan, WindowPlan


def plan(**changes: object) -> Plan:
    content: dict[str, object] = {
        "target": TargetPlan(family="musicgen", weights_sha256="ab" * 32, dtype="float32"),
        "preset": "default",
        "guided": False,
        "signals": ("Loss()",),
        "windows": WindowPlan(seconds=5.0, per_track=3),
        "audio": AudioPlan(sample_rate=16_000),
        "seed": 0,
    }
    return Plan.model_validate(content | changes)


SETTINGS = SetTestPlan(method="exact", alpha=0.01, permutations=999)


def test_the_hash_is_a_function_of_the_content() -> None:
    assert plan().hash == plan().hash
    assert plan().hash != plan(seed=1).hash
    assert plan(test=SETTINGS).hash != plan().hash
    assert plan(test=SETTINGS).measurement_hash == plan().measurement_hash


def test_a_plan_survives_the_disk(tmp_path: Path) -> None:
    plan(test=SETTINGS).claim(tmp_path)
    assert Plan.read(tmp_path) == plan(test=SETTINGS)


def test_a_used_folder_names_what_differs_and_stays_as_it_was(tmp_path: Path) -> None:
    plan().claim(tmp_path)
    before = (tmp_path / "plan.json").read_bytes()
    with pytest.raises(PlanMismatchError, match=r"windows\.per_track was 3, now 4"):
        plan(windows=WindowPlan(seconds=5.0, per_track=4)).claim(tmp_path)
    assert (tmp_path / "plan.json").read_bytes() == before
    plan().claim(tmp_path)


def test_test_settings_may_be_added_but_not_changed(tmp_path: Path) -> None:
    plan().claim(tmp_path)
    plan(test=SETTINGS).claim(tmp_path)
    assert Plan.read(tmp_path).test == SETTINGS
    plan().claim(tmp_path)
    with pytest.raises(PlanMismatchError, match=r"test\.alpha was 0\.01, now 0\.05"):
        plan(test=SETTINGS.model_copy(update={"alpha": 0.05})).claim(tmp_path)


def test_folders_without_a_plan_are_named(tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match=r"no plan\.json"):
        Plan.read(tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(EarwitnessError, match="not a plan of this version"):
        Plan.read(tmp_path)
