"""The trainings of a data curve on a Ray cluster: `instill curve --on ray`.

Sizes and seeds are measured in their order, as on one machine, and what is left out is decided from the same results.
But while one training is waited for, those that come next are under way on other cores. So the curve is the same, and
the trainings that turn out not to be needed are the price.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from instill.common.ray_cluster import Mistake, RayCluster, attempted
from instill.curve.material import By, Material
from instill.curve.trainings import Trainings
from instill.train.generator.on_ray import for_a_node, on_this_node
from instill.train.generator.run import Prepared

Scored = tuple[list[float], dict[str, Any]]
"""What `Trainings.run` gives."""


class Ahead:
    """Trains on the nodes of a cluster, some trainings ahead of the one that is asked for.

    Args:
        order: (size, seed) in the order in which they are asked for; some may never be.
    """

    def __init__(
        self,
        cluster: RayCluster,
        order: Sequence[tuple[int, int]],
        material: Material,
        prepared: Prepared,
        by: By,
        identity: str,
    ) -> None:
        self._cluster, self._order = cluster, list(order)
        self._what = (material, for_a_node(prepared), by, identity)
        self._begun: dict[tuple[int, int], Future[Scored | Mistake]] = {}

    def run(self, size: int, seed: int) -> Scored:
        """As `Trainings.run`.

        Raises:
            InstillError: the training found a mistake, or its nodes were lost again and again.
        """
        place = self._order.index((size, seed))
        for each in self._order[place : place + self._cluster.cores]:
            if each not in self._begun:
                self._begun[each] = self._cluster.submit(_trained, *self._what, *each)
        return self._cluster.result(self._begun[size, seed])


def _trained(material: Material, prepared: Prepared, by: By, identity: str, size: int, seed: int) -> Scored | Mistake:
    def train() -> Scored:
        with tempfile.TemporaryDirectory() as folder:
            return Trainings(Path(folder), material, on_this_node(prepared), by, identity).run(size, seed)

    return attempted(train)
