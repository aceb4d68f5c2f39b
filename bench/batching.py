"""Whether texts of several callers should share a run of the model: `python bench/batching.py`.

Processor time for a token, by the length of the text, of one text a run and of 16 texts of the same length in one run,
by the encoder's own graph; and whether a vector stays the same when another text is in its run. Rounds alternate; the
ratio is formed round by round.
"""

from __future__ import annotations

import argparse
import resource
from typing import Any

import numpy as np

from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.models.encoders.onnx_session import open_session
from instill.models.encoders.shipped_encoder import MODEL_FILE
from instill.models.weights import shipped

LENGTHS = (8, 16, 32, 64, 128, 256)
TOGETHER = 16


def cpu() -> float:
    """Processor seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def microseconds(session: Any, ids: np.ndarray) -> float:
    """Processor time for a token."""
    runs = max(1, 4096 // ids.size)
    began = cpu()
    for _ in range(runs):
        session.run(None, {"input_ids": ids})
    return 1e6 * (cpu() - began) / runs / ids.size


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=6)
    rounds = parser.parse_args().rounds
    session = open_session(shipped() / MODEL_FILE, what="The encoder", remedy="Install Instill again.")
    rng = np.random.default_rng(0)
    print("| tokens | alone, µs a token | 16 together, µs a token | together / alone [95%] |\n|---|---|---|---|")
    for length in LENGTHS:
        ids = rng.integers(1000, 20_000, (TOGETHER, length)).astype(np.int32)
        session.run(None, {"input_ids": ids})
        pairs = [(microseconds(session, ids[:1]), microseconds(session, ids)) for _ in range(rounds)]
        alone, together = np.array(pairs).T
        ratio = bootstrap_interval(together / alone, [str(number) for number in range(rounds)])
        print(f"| {length} | {alone.mean():.0f} | {together.mean():.0f} | {ratio} |", flush=True)
    pair = rng.integers(1000, 20_000, (2, 20)).astype(np.int32)
    one, two = (session.run(None, {"input_ids": ids})[0][0] for ids in (pair[:1], pair))
    same, most = np.array_equal(one, two), np.abs(one - two).max()
    print(f"the same vector beside another text: {same}; largest difference {most:.4f}")


if __name__ == "__main__":
    main()
