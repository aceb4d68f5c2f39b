"""How well the reader reads: `python bench/reader.py --data rows/squad2.jsonl [--data ...] [--reader shipped|FOLDER]`.

Each file is in SQuAD's layout or JSON lines (`bench/reading_sets.py` makes them). Only articles that the shipped reader
was not trained on are read (`--all`: everything, for sets that none of it comes from). Printed for each file, with 95%
intervals (bootstrap over articles): word F1 and exact match on questions that their passage answers; AUC of the score
between these and the ones that it does not; the same questions beside the passages that search ranks high and that do
not hold the answer ("not in the corpus"); and the time for 20 passages.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from instill.answer.reading.opening import open_reader
from instill.answer.reading.reader import Reader
from instill.cli.output import columns
from instill.models.encoders import open_encoder
from instill.settings import EncoderSettings
from instill.train.reader.hard_negatives import mine_negatives
from instill.train.reader.reading_quality import Figure, ReadPassage, answerability_auc, figures, interval, judge
from instill.train.reader.rows import Row, read_rows, split_rows


def not_in_corpus(reader: Reader, rows: Sequence[Row], judged: Sequence[ReadPassage], count: int) -> Figure:
    """AUC of the best score among a question's passages: its own and three mined ones against the mined ones alone."""
    negatives = mine_negatives(rows, open_encoder(EncoderSettings()))
    picked = random.Random(0).sample(sorted(negatives), min(count, len(negatives)))
    compared: list[ReadPassage] = []
    for place in picked:
        row = rows[place]
        mined = [(rows[other].title, rows[other].passage) for other in negatives[place][:3]]
        if not mined:
            continue
        without = max(found.score for found in reader.read(row.question, mined))
        own = judged[place].score
        compared.append(ReadPassage(row.group, True, np.nan, np.nan, max(own, without), 0.0))
        compared.append(ReadPassage(row.group, False, np.nan, np.nan, without, 0.0))
    return interval(compared, answerability_auc)


def milliseconds(reader: Reader, rows: Sequence[Row]) -> str:
    """Median and 95th percentile of reading 20 passages."""
    passages = [(row.title, row.passage) for row in rows]
    reader.read("warm up", passages[:2])
    times = []
    for start in range(0, 200, 10):
        began = time.perf_counter()
        reader.read(rows[start].question, passages[start : start + 20])
        times.append(1e3 * (time.perf_counter() - began))
    return f"{np.median(times):.0f} ms, 95th percentile {np.percentile(times, 95):.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--reader", default="shipped")
    parser.add_argument("--all", action="store_true", help="read every row of the files")
    parser.add_argument("--most", type=int, default=100_000, help="rows read of a file, drawn by a fixed seed")
    parser.add_argument("--absent", type=int, default=600, help="questions for 'not in the corpus'")
    options = parser.parse_args()
    reader = open_reader(options.reader)
    if reader is None:
        raise SystemExit("Choose a reader.")
    table = [("set", "F1", "exact", "AUC own unanswerable", "AUC not in the corpus")]
    for path in options.data:
        rows = read_rows([path])
        if not options.all:
            rows = split_rows(rows, 0.12, seed=24)[1]
        rows = random.Random(0).sample(rows, min(options.most, len(rows)))
        judged = judge(reader, rows)
        found = figures(judged)
        absent = not_in_corpus(reader, rows, judged, options.absent)
        table.append((path.stem, str(found["f1"]), str(found["exact"]), str(found.get("auc", "-")), str(absent)))
        print(columns(table[-1:]), flush=True)
    print()
    print(columns(table))
    print(f"20 passages: {milliseconds(reader, rows)}")


if __name__ == "__main__":
    main()
