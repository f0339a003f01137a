"""The plan: what its hash covers, and what a used folder refuses."""

from pathlib import Path

import pytest

from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.identity import TargetIdentity
from earwitness.measure.plan import AudioPlan, Plan, TrackPlan, WindowPlan
from earwitness.settings import Harmonise


def plan(**changes: object) -> Plan:
    content: dict[str, object] = {
        "target": TargetIdentity(family="musicgen", weights_sha256="ab" * 32, dtype="float32"),
        "preset": "default",
        "guided": False,
        "signals": ("Loss()",),
        "windows": WindowPlan(seconds=5.0, per_track=3),
        "audio": AudioPlan(sample_rate=16_000),
        "seed": 0,
        "tracks": (
            TrackPlan(track_id="a", role="suspect", group="A"),
            TrackPlan(track_id="b", role="held_out", group="B"),
        ),
    }
    return Plan.model_validate(content | changes)


SETTINGS = {"method": "exact", "alpha": 0.01, "permutations": 999}


def test_the_hash_is_a_function_of_the_content() -> None:
    assert plan().hash == plan().hash
    assert plan().hash != plan(seed=1).hash
    assert plan(test=SETTINGS).hash != plan().hash
    assert plan(test=SETTINGS).measurement_hash == plan().measurement_hash


def test_plans_from_before_a_loudness_was_in_them_keep_their_hash(tmp_path: Path) -> None:
    plan().claim(tmp_path)
    assert "loudness" not in (tmp_path / "plan.json").read_text()
    assert plan().hash == "14beee4d9d463f1307459bc42ee876429ae66a0a4bd8dbcee334feaae9660655"
    levelled = plan(audio=AudioPlan(sample_rate=16_000, harmonise=Harmonise.LEVEL, loudness=-14.5))
    assert levelled.differences(plan()) == ["audio.harmonise was level, now off", "audio.loudness was -14.5, now None"]


def test_what_the_user_called_the_target_is_no_part_of_the_plan(tmp_path: Path) -> None:
    named = TargetIdentity(family="musicgen", weights_sha256="ab" * 32, dtype="float32", name="my model")
    assert plan(target=named).hash == plan().hash
    plan(target=named, references=(named,)).claim(tmp_path)
    assert "my model" not in (tmp_path / "plan.json").read_text()
    assert Plan.read(tmp_path) == plan(references=(named,))


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
        plan(test=SETTINGS | {"alpha": 0.05}).claim(tmp_path)


def test_folders_without_a_plan_are_named(tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match=r"no plan\.json"):
        Plan.read(tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(EarwitnessError, match="not a plan of this version"):
        Plan.read(tmp_path)


def tracks(**changes: object) -> tuple[TrackPlan, TrackPlan]:
    first, second = plan().tracks
    return first.model_copy(update=changes), second


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"group": "B"}, "the group of 1 track(s) was changed: a had A, now B"),
        ({"role": "held_out"}, "the role of 1 track(s) was changed: a had suspect, now held_out"),
        ({"pair": "p"}, "the pair of 1 track(s) was changed: a had None, now p"),
        ({"stratum": "s"}, "the stratum of 1 track(s) was changed: a had None, now s"),
        ({"prompt": "new"}, "the prompt of 1 track(s) was changed: a had , now new"),
        ({"track_id": "c"}, "1 track(s) were left out: a; 1 track(s) were added: c"),
    ],
)
def test_the_hash_covers_where_every_track_belongs(tmp_path: Path, changes: dict[str, str], said: str) -> None:
    changed = plan(tracks=tracks(**changes))
    assert changed.hash != plan().hash
    assert changed.measurement_hash == plan().measurement_hash
    plan().claim(tmp_path)
    with pytest.raises(PlanMismatchError) as caught:
        changed.claim(tmp_path)
    assert said in str(caught.value)
    assert Plan.read(tmp_path) == plan()


def test_the_measurement_hash_covers_the_seed() -> None:
    assert plan(seed=1).measurement_hash != plan().measurement_hash
