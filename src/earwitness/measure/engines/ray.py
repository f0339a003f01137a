"""Workers as actors of a Ray cluster.

Goal: the cluster's machines come and go; what they have written stays. Parts, batches and values are those of the
local engine. The index and the settings are put into the object store once; parts are handed out by number, so nothing
waits in a queue that a machine could take with it. Source: Moritz et al. 2018 (arXiv 1712.05889).
"""

import logging
from collections.abc import Hashable, Sequence
from typing import Any

from earwitness.errors import EarwitnessError, missing_extra
from earwitness.measure.engines.crew import Lost, Ready
from earwitness.measure.engines.worker import Order, Worker
from earwitness.settings import Machines


class RayActors:
    """A `Staff` of actors, each with a processor core or more and, where the cluster has GPUs, a share of one."""

    def __init__(self, order: Order, machines: Machines) -> None:
        self._ray, self._began = _connected(machines.address)
        self._machines = machines
        self._order = self._ray.put(order)
        has_gpus = self._ray.cluster_resources().get("GPU", 0) > 0 and order.settings.device != "cpu"
        self._gpus = (machines.gpus_per_worker or 1.0) if has_gpus else 0.0
        self._device = "cuda" if has_gpus else "cpu"
        self._actors: dict[Hashable, Any] = {}
        self._said: dict[Any, Hashable] = {}
        self._hired = 0

    def room(self) -> int:
        """As many as were asked for; else as many as the machines that are there now can hold."""
        if self._machines.workers is not None:
            return self._machines.workers
        there = self._ray.cluster_resources()
        needs = {"CPU": float(self._machines.cpus_per_worker), "GPU": self._gpus}
        return int(min(there.get(kind, 0.0) / need for kind, need in needs.items() if need))

    def hire(self) -> Hashable:
        """Ask the cluster for an actor; it begins when there is room."""
        actor = (
            self._ray.remote(Worker)
            .options(num_cpus=self._machines.cpus_per_worker, num_gpus=self._gpus, max_restarts=0)
            .remote(self._order, device=self._device, threads=self._machines.cpus_per_worker)
        )
        self._hired += 1
        self._actors[self._hired] = actor
        self._said[actor.open.remote()] = self._hired
        return self._hired

    def give(self, worker: Hashable, part: int) -> None:
        """Let the actor measure a part."""
        self._said[self._actors[worker].measure.remote(part)] = worker

    def wait(self, seconds: float) -> Sequence[Ready | Lost]:
        """See which answers have come."""
        answered, _ = self._ray.wait(list(self._said), num_returns=1, timeout=seconds)
        return [self._event(answer, self._said.pop(answer)) for answer in answered]

    def dismiss(self) -> None:
        """End all actors, and the cluster where it was begun for this."""
        if self._began:
            self._ray.shutdown()
            return
        for actor in self._actors.values():
            self._ray.kill(actor)

    def _event(self, answer: Any, worker: Hashable) -> Ready | Lost:
        errors = self._ray.exceptions
        try:
            self._ray.get(answer)
        except errors.RayTaskError as error:
            if isinstance(error.cause, EarwitnessError):
                raise error.cause from None
            raise
        except errors.RayError as error:
            del self._actors[worker]
            return Lost(worker, (str(error).splitlines() or [type(error).__name__])[0])
        return Ready(worker)


def _connected(address: str | None) -> tuple[Any, bool]:
    """Ray, and whether a cluster of this machine's own was begun."""
    try:
        import ray
    except ImportError:
        raise missing_extra("ray", "ray") from None
    if ray.is_initialized():
        return ray, False
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise EarwitnessError(
            f"No Ray cluster answers at {address or 'this machine'} ({reason}); begin one with `ray start --head`, or "
            "leave --ray-address out."
        ) from None
    return ray, True
