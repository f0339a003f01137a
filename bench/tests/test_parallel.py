import pytest

from earwitness_bench import parallel


def power(base: int, exponent: int) -> int:
    return base**exponent


@pytest.mark.parametrize("processors", [1, 2])
def test_results_come_in_the_order_of_the_tasks_on_any_number_of_processors(
    processors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "processors", lambda: processors)
    seen: list[tuple[int, int]] = []
    found = parallel.spread(power, [(2, 3), (3, 2), (5, 1)], on_progress=lambda *step: seen.append(step))
    assert found == [8, 9, 5]
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_an_error_in_a_task_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "processors", lambda: 2)
    with pytest.raises(ZeroDivisionError):
        parallel.spread(power, [(2, 1), (0, -1)], on_progress=lambda done, total: None)
