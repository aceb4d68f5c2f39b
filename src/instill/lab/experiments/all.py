"""All experiments, in the order of the report."""

from __future__ import annotations

from collections.abc import Mapping

from instill.lab.experiments.amounts import AMOUNTS
from instill.lab.experiments.direction import DIRECTION
from instill.lab.experiments.experiment import Experiment
from instill.lab.experiments.material import MATERIAL
from instill.lab.experiments.methods_and_ranks import METHODS
from instill.lab.experiments.mixing import MIXING
from instill.lab.experiments.order import ORDER
from instill.lab.experiments.replay import REPLAY_EXPERIMENT
from instill.lab.experiments.retrieval import RETRIEVAL
from instill.lab.experiments.unknown import UNKNOWN_EXPERIMENT
from instill.lab.experiments.wordings import WORDINGS

EXPERIMENTS: Mapping[str, Experiment] = {
    each.name: each
    for each in (
        WORDINGS,
        MIXING,
        DIRECTION,
        MATERIAL,
        REPLAY_EXPERIMENT,
        ORDER,
        METHODS,
        RETRIEVAL,
        AMOUNTS,
        UNKNOWN_EXPERIMENT,
    )
}
