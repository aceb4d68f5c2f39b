"""How fast a model in a GGUF file reads and writes, by kind of number: `python bench/generator_speed.py MODEL`.

MODEL is a known name (after `instill generator get`) or a .gguf file. The same weights are written as each kind and
asked the same questions in turn, so what else the machine does hits all alike. Rates are given by the processor's time
too: tokens a second on as many idle cores as there are threads. Replies are held against those of the float32 file.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

from instill.models.generators.gguf.generator import GgufGenerator
from instill.models.generators.gguf.known import KNOWN, place_of
from instill.models.generators.gguf.rewriting import requantised
from instill.models.generators.protocol import Message

KINDS = ("as it is", "F32", "F16", "Q8_0", "Q4_0")
QUESTIONS = (
    "What is the capital of France?", "Name three colours.", "How do I boil an egg?", "Why is the sky blue?",
    "What is 12 times 12?", "Who wrote Hamlet?", "Explain what a database index is.", "What is the opposite of cold?",
    "Give me a synonym of fast.", "Write a sentence about rain.",
)  # fmt: skip
DOCS = Path(__file__).parents[1] / "docs"


@dataclass(frozen=True)
class Figures:
    """Of one kind: tokens a second read and written, by processor and by clock, and replies as the float32 file's."""

    kind: str
    megabytes: float
    read_by_processor: float
    read_by_clock: float
    written_by_processor: float
    written_by_clock: float
    same_replies: int


def passages(count: int, words: int) -> list[str]:
    """Texts of so many words, each another."""
    text = " ".join((DOCS / name).read_text(encoding="utf-8") for name in ("compare.md", "train.md", "ask.md")).split()
    return [" ".join(text[words * at : words * (at + 1)]) for at in range(count)]


def asked(text: str) -> list[Message]:
    return [{"role": "user", "content": text}]


def measure(file: Path, threads: int, repeats: int) -> tuple[tuple[float, float, float, float], list[str]]:
    generator = GgufGenerator(file, threads=threads, context=4096)
    said = ["".join(generator.stream(asked(each), max_tokens=24)) for each in QUESTIONS]
    read = written = 0
    clock, processor = [0.0, 0.0], [0.0, 0.0]
    for text in passages(repeats, 400):
        for part, (prompt, most) in enumerate(((f"{text}\nSay yes.", 1), (f"Tell a story of {text[:20]}.", 64))):
            began, spent = perf_counter(), _spent(generator)
            "".join(generator.stream(asked(prompt), max_tokens=most))
            clock[part] += perf_counter() - began
            processor[part] += _spent(generator) - spent
            usage = generator.last_usage or (0, 0)
            read, written = read + usage[0] * (part == 0), written + usage[1] * (part == 1)
    generator.close()
    rates = (read / processor[0] * threads, read / clock[0], written / processor[1] * threads, written / clock[1])
    return rates, said


def _spent(generator: GgufGenerator) -> float:
    """Seconds of processor that the serving process has used."""
    assert generator._serving is not None
    fields = Path(f"/proc/{generator._serving._process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    source = place_of(KNOWN[given.model]) if given.model in KNOWN else Path(given.model).resolve()
    assert source is not None, f"run: instill generator get {given.model}"
    found: list[Figures] = []
    with tempfile.TemporaryDirectory() as folder:
        reference: list[str] = []
        for kind in sorted(given.kinds, key=lambda each: each != "F32"):
            file = source if kind == "as it is" else Path(folder) / f"{kind}.gguf"
            if kind != "as it is":
                requantised(source, file, kind)
            rates, said = measure(file, given.threads, given.repeats)
            reference = reference or said
            same = sum(one == other for one, other in zip(said, reference, strict=True))
            read, read_clock, written, written_clock = (round(each, 1) for each in rates)
            megabytes = file.stat().st_size / 1e6
            found.append(Figures(kind, megabytes, read, read_clock, written, written_clock, same))
            print(found[-1], flush=True)
    if "as it is" in given.kinds:
        first = next(each for each in found if each.kind == "as it is")
        for each in found:
            read = each.read_by_processor / first.read_by_processor
            written = each.written_by_processor / first.written_by_processor
            print(f"{each.kind}: reads {read:.2f} times, writes {written:.2f} times as fast as the file as it is")
    if given.out:
        given.out.write_text(json.dumps([asdict(each) for each in found], indent=2) + "\n")


if __name__ == "__main__":
    main()
