"""One thread per process, and small tasks in this process: starting others would take longer than the tasks."""

import pytest
import torch

from earwitness_bench import parallel

torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _one_process() -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(parallel, "processors", lambda: 1)
