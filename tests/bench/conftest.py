"""Small tasks are done in this process: starting others would take longer than the tasks."""

import pytest

from earwitness.bench import parallel


@pytest.fixture(autouse=True, scope="session")
def _one_process() -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(parallel, "processors", lambda: 1)
