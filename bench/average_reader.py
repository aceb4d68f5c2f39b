"""The shipped reader, made of two:

    python bench/average_reader.py --run DIR --with DIR --share 0.6 --data FILE ... --out DIR

A reader that is trained on other kinds of text reads these far better, and prose a little worse. The mean of its
weights and of those that it began from keeps what both know (Wortsman et al., "Robust fine-tuning of zero-shot
models", CVPR 2022). --run is the folder of `instill train reader`, --with an exported reader from which that run began,
--share how much of the run is taken. --data are the run's rows: the reader is measured on those that were held out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from instill.answer.reading.reader import MANIFEST_FILE, Reader
from instill.models.encoders.minilm import find_minilm
from instill.train.reader.export import add_metrics, export_reader
from instill.train.reader.reading_quality import figures, judge
from instill.train.reader.rows import read_rows, split_rows
from instill.train.reader.shipped_weights import begin_from_reader


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--with", dest="other", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.6)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    about = json.loads((chosen.run / "reader" / MANIFEST_FILE).read_text(encoding="utf-8"))
    known = json.loads((chosen.other / MANIFEST_FILE).read_text(encoding="utf-8"))
    about = {key: value for key, value in about.items() if key not in ("fingerprint", "metrics")}
    about["averaged"] = {"with": known["fingerprint"], "share": chosen.share}
    with tempfile.TemporaryDirectory() as folder:
        start = begin_from_reader(chosen.other, Path(folder))
        export_reader(chosen.run, find_minilm(), chosen.out, about, start=start, average=chosen.share)
    split = about["split"]
    _, held = split_rows(read_rows(chosen.data), split["share"], seed=split["seed"])
    found = figures(judge(Reader(chosen.out), held))
    add_metrics(chosen.out, {key: asdict(each) for key, each in found.items()})
    print({key: (each.value, each.low, each.high) for key, each in found.items()})


if __name__ == "__main__":
    main()
