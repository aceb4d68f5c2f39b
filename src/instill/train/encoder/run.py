"""Training an encoder from its rows to the folder, in stages that a stopped run does not do twice."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tokenizers import Tokenizer

from instill.common.durable_files import write_json
from instill.common.extras import how_to_install
from instill.common.progress_watch import Counted
from instill.errors import MissingDependency, UsageError
from instill.models.encoders.minilm import find_minilm, verify_minilm
from instill.models.encoders.sentence_transformers_folder import SentenceFolder, read_folder
from instill.settings import EncoderSettings
from instill.settings.location import expanded
from instill.train.encoder.averaging import Candidates, must_be_trainable
from instill.train.encoder.choosing import Chosen, choose_share
from instill.train.encoder.ranking_quality import built_in, from_rows, read_beir
from instill.train.encoder.settings import SHARES, EncoderHyperparameters
from instill.train.interpolated_weights import trained_weights
from instill.train.progress import TrainingStep, logged
from instill.train.reader.hard_negatives import kept_negatives, with_told
from instill.train.reader.rows import Row, read_rows, rows_hash, split_rows

"""Called with `(done, total)`."""

_MOST_HELD_OUT = 400


@dataclass(frozen=True, slots=True)
class EncoderRun:
    """Everything that decides an encoder that is trained from files.

    Args:
        data: files of rows (see `instill.train.reader.rows`).
        out: folder of the run; one that holds a checkpoint is taken up again. The finished encoder is `out/encoder`,
            a sentence-transformers folder, and `out/shipped`, the same in the form that comes with the package.
        held_out: share of the groups that is kept for measuring; `split_seed`: which groups those are.
        unrelated: folders in BEIR's layout; none for the built-in set.
        attribution: one line a source, for the card.
        command: what was typed, for the card.
        base: the encoder to begin from.
        rows: more of them, from questions of people (`instill.fit.question_rows`).
    """

    data: Sequence[Path]
    out: Path
    held_out: float = 0.12
    split_seed: int = 0
    chosen: EncoderHyperparameters = field(default_factory=EncoderHyperparameters)
    unrelated: Sequence[Path] = ()
    attribution: Sequence[str] = ()
    command: str = ""
    base: EncoderSettings = field(default_factory=lambda: EncoderSettings(model="minilm"))
    rows: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class EncoderWatch:
    """Who is told how far a run is."""

    mining: Counted | None = None
    training: Callable[[TrainingStep], None] | None = None
    measuring: Counted | None = None


def train_encoder(run: EncoderRun, watch: EncoderWatch | None = None) -> tuple[Chosen, Path | None]:
    """Mine hard negatives, train, choose how much of it to take over, write the folder.

    Returns:
        What was measured, and the folder; None when the base is better than all that came out.

    Raises:
        UsageError: the rows cannot be used, or nothing is left to measure with.
        WorkspaceError: files of the run are damaged.
        MissingDependency: PyTorch or sentence-transformers is not installed.
    """
    need_torch()
    from instill.train.encoder.shipped_form import ship_encoder

    rows, held = split_rows(read_rows(run.data, run.rows), run.held_out, seed=run.split_seed)
    asked = from_rows("held out", held, most=_MOST_HELD_OUT) if held else None
    if not any(row.answerable for row in rows) or asked is None or not asked.questions:
        raise UsageError(
            f"The split leaves {len(rows)} rows to train on and {len(held)} to measure with.",
            remedy="Give rows of more groups, or change --held-out or --split-seed.",
        )
    unrelated = [read_beir(folder) for folder in run.unrelated] or [built_in()]
    run.out.mkdir(parents=True, exist_ok=True)
    base = base_folder(run.base)
    candidates = trained_candidates(rows, base, run.base, run.chosen, run.out, watch or EncoderWatch())
    chosen = choose_share(candidates.encoder, asked, unrelated, progress=(watch or EncoderWatch()).measuring)
    about = {**_about(run, rows, held), "share": asdict(chosen.share), "measured": asdict(chosen)}
    write_json(run.out / "metrics.json", about)
    if chosen.share.alpha == 0:
        return chosen, None
    candidates.save(chosen.share, run.out / "encoder")
    ship_encoder(run.out / "encoder", run.out / "shipped", about)
    return chosen, run.out / "encoder"


def trained_candidates(
    rows: Sequence[Row],
    base: SentenceFolder,
    settings: EncoderSettings,
    chosen: EncoderHyperparameters,
    run: Path,
    watch: EncoderWatch,
) -> Candidates:
    """Train on `rows` in the folder `run`; what lies between base and trained weights."""
    from instill.train.encoder.loop import open_model, train
    from instill.train.encoder.triples import TripleMaker

    chosen = replace(chosen, passage_tokens=min(chosen.passage_tokens, base.max_tokens))
    data = rows_hash(rows)
    mined = kept_negatives(rows, run / f"negatives-{data}.json", settings, progress=watch.mining)
    negatives = with_told(rows, mined)
    tokenizer = Tokenizer.from_file(str(base.tokenizer))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    model = open_model(base)
    train(
        model,
        TripleMaker(rows, negatives, tokenizer, chosen),
        chosen,
        run,
        identity=f"{data} {base.path.name} {chosen}",
        pad=int(base.config.get("pad_token_id") or 0),
        progress=logged(run / "metrics.jsonl", watch.training),
    )
    del model
    return Candidates(base, trained_weights(run), run / "candidates")


def base_folder(settings: EncoderSettings) -> SentenceFolder:
    """The folder with the weights that training begins from; that of the shipped encoder is MiniLM's.

    Raises:
        UsageError: the encoder cannot be trained.
    """
    if settings.model in ("minilm", "instill"):
        path = find_minilm()
        verify_minilm(path)
    else:
        path = expanded(settings.model).absolute()
    folder = read_folder(path)
    must_be_trainable(folder)
    return folder


def need_torch() -> None:
    """Raise MissingDependency unless the packages for training are there."""
    if not all(importlib.util.find_spec(name) for name in ("torch", "transformers", "sentence_transformers")):
        raise MissingDependency(
            "Training needs PyTorch and sentence-transformers.",
            remedy=how_to_install("train"),
        )


def _about(run: EncoderRun, rows: Sequence[Row], held: Sequence[Row]) -> dict[str, object]:
    return {
        "made": time.strftime("%Y-%m-%d"),
        "base": run.base.model,
        "rows": {"trained": len(rows), "held out": len(held), "hash": rows_hash(rows)},
        "split": {"share": run.held_out, "seed": run.split_seed},
        "hyperparameters": asdict(run.chosen),
        "attribution": list(run.attribution),
        "command": run.command,
        "shares": [asdict(share) for share in SHARES],
    }
