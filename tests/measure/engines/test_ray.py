"""A real Ray cluster of several nodes on this machine: the local engine's table byte for byte, whatever dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from earwitness import pipeline
from earwitness.errors import EarwitnessError
from earwitness.settings import Machines, MeasureSettings
from tests.measure.engines.runs import copy, files, indexed

pytest.importorskip("ray", reason="the extra ray is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

PATIENT = {  # a machine that runs other tests beside these is slow, not dead
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_health_check_timeout_ms": "60000",
    "RAY_gcs_server_request_timeout_seconds": "120",
    "RAY_worker_register_timeout_seconds": "300",
}

Run = tuple[Path, MeasureSettings]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return indexed(tmp_path_factory.mktemp("ray"), 16)  # four parts of eight tracks


@pytest.fixture(scope="module")
def whole(run: Run) -> dict[str, bytes]:
    path = copy(run[0], "whole")
    pipeline.extract_stage(path, run[1])
    return files(path)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that measures nothing, and a node for one worker; others come and go."""
    os.environ |= PATIENT
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 10**8})
    made.add_node(num_cpus=1, object_store_memory=10**8)
    yield made
    import ray

    ray.shutdown()
    made.shutdown()


def machines(cluster: Any, **more: Any) -> Machines:
    return Machines(engine="ray", address=cluster.address, **more)


def test_nodes_and_workers_come_and_go_and_the_table_is_the_local_ones(
    run: Run, whole: dict[str, bytes], cluster: Any
) -> None:
    path = copy(run[0], "shared")
    joined = cluster.add_node(num_cpus=1, object_store_memory=10**8)
    seen: list[int] = []

    def on_progress(done: int, total: int) -> None:
        if done and not seen:
            cluster.remove_node(joined, allow_graceful=False)  # with the worker on it
            cluster.add_node(num_cpus=1, object_store_memory=10**8)
        if done == 16:
            workers = [line.split() for line in _processes() if "ray::Worker" in line]
            os.kill(int(workers[0][0]), signal.SIGKILL)
        seen.append(done)

    summary = pipeline.extract_stage(path, run[1], machines=machines(cluster), on_progress=on_progress)
    assert (summary.measured, seen[-1]) == (32, 32)
    assert files(path) == whole


def test_a_killed_driver_goes_on_from_what_its_workers_wrote(
    run: Run, whole: dict[str, bytes], cluster: Any, tmp_path: Path
) -> None:
    path, parts = copy(run[0], "driver"), tmp_path / "parts"
    script = (
        "import sys; from pathlib import Path; from earwitness import pipeline; "
        "from earwitness.settings import Machines, MeasureSettings; "
        "pipeline.extract_stage(Path(sys.argv[1]), MeasureSettings(target=sys.argv[2], seconds=1.0, "
        "windows_per_track=2, device='cpu'), machines=Machines(engine='ray', address=sys.argv[3], parts=sys.argv[4]))"
    )
    arguments = [str(path), run[1].target, cluster.address, f"file://{parts}"]
    driver = subprocess.Popen([sys.executable, "-W", "ignore", "-c", script, *arguments])
    while driver.poll() is None and not list(parts.glob("part-*.parquet")):
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    kept = len(list(parts.glob("part-*.parquet")))
    assert kept >= 1
    summary = pipeline.extract_stage(path, run[1], machines=machines(cluster, parts=f"file://{parts}"))
    assert summary.resumed >= 8 * kept
    assert files(path) == whole


def test_a_workers_error_is_one_line(run: Run, cluster: Any, tmp_path: Path) -> None:
    import shutil
    from dataclasses import replace

    path = copy(run[0], "other")
    model = tmp_path / "model"
    shutil.copytree(run[1].target, model)

    def changes_the_model(done: int, total: int) -> None:
        """Between the plan and the first worker."""
        weights = next(model.glob("*.safetensors"))
        content = bytearray(weights.read_bytes())
        content[-4] ^= 1
        weights.write_bytes(bytes(content))

    with pytest.raises(EarwitnessError, match="is another than here"):
        pipeline.extract_stage(
            path, replace(run[1], target=str(model)), machines=machines(cluster), on_progress=changes_the_model
        )
    assert not list(path.glob("features/*"))


def _processes() -> list[str]:
    return subprocess.run(["ps", "-eo", "pid,args"], check=True, capture_output=True, text=True).stdout.splitlines()
