"""The trainings of several arms: one after the other, or at the same time on the nodes of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock

from instill.common.progress_watch import Watch
from instill.compare.tuned.tuning_by_recipe import Tuned


@dataclass(frozen=True, slots=True)
class ArmTraining:
    """What one arm, or one part of it, needs.

    Args:
        name: under which the candidate is found.
        about: what is trained, for people.
        train: trains it. Several are called at the same time, each in a thread, if they run on a cluster.
    """

    name: str
    about: str
    train: Callable[[Watch], Tuned]


def trained(trainings: Sequence[ArmTraining], watch: Watch, *, on: str = "") -> dict[str, Tuned]:
    """The candidates by their names.

    Args:
        on: a Ray cluster, "ray" or "ray://HOST:PORT", whose nodes train. As many train at the same time as fit on it.

    Raises:
        MissingDependency: Ray is not installed.
        UsageError: there is no cluster at the address; or what a training raises. The others then end first.

    Example:
        >>> from pathlib import Path
        >>> tuned = Tuned("known-01", 2.0, 8, 4, Path("recipe.toml"), Path("known-01"))
        >>> trained([ArmTraining("known", "facts by heart", lambda _: tuned)], Watch(stage=print))["known"].steps
        facts by heart
        4
    """
    if not on or not trainings:
        found = {}
        for each in trainings:
            watch.stage(each.about)
            found[each.name] = each.train(watch)
        return found

    from instill.common.ray_cluster import RayCluster

    with RayCluster(on), ThreadPoolExecutor(len(trainings)) as threads:
        watch.stage(f"training on the cluster: {'; '.join(each.about for each in trainings)}")
        steps = _Sum(watch)
        running = {each.name: threads.submit(each.train, steps.watch_of(each.about)) for each in trainings}
        return {name: future.result() for name, future in running.items()}


class _Sum:
    """The progress of all trainings as that of one; each tells from its own thread."""

    def __init__(self, watch: Watch) -> None:
        self._watch, self._lock = watch, Lock()
        self._steps: dict[str, tuple[int, int]] = {}

    def watch_of(self, about: str) -> Watch:
        def told(done: int, total: int, what: str) -> None:
            with self._lock:
                self._steps[about] = (done, total)
                done_of_all, all_of_all = map(sum, zip(*self._steps.values(), strict=True))
                self._watch.progress(done_of_all, all_of_all, f"{about}: {what}")

        def warned(warning: object) -> None:
            with self._lock:
                self._watch.warning(warning)

        return replace(self._watch, stage=lambda _: None, progress=told, warning=warned)
