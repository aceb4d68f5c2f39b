"""Encoder speed and fidelity: ours in int8 and float32 beside sentence-transformers in float32 and bfloat16.

    python bench/encoder.py                                 speed on synthetic passages of 247 tokens
    python bench/encoder.py --data DIR [DIR ...]            ranking loss of int8 on BEIR-layout folders

Speed: the arms take turns, round after round, so that a busy machine slows all of them; printed are passages per
second of wall time and per second of processor time (best round), and the ratio to torch float32 with its range over
the rounds. Ranking: nDCG@10 by exact cosine, with a paired bootstrap interval of the difference.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instill.models.encoders import open_encoder
from instill.models.encoders.minilm import find_minilm
from instill.models.encoders.protocol import Encoder, Vectors
from instill.settings import EncoderSettings

_SYLLABLES = [consonant + vowel for consonant in "bcdfghjklmnprstvwz" for vowel in "aeiou"]
Arm = Callable[[Sequence[str]], Vectors]


def synthetic_passages(count: int, words: int, *, seed: int = 0) -> list[str]:
    """Passages of pronounceable words in sentences; `words` of them make about 2.6 times as many tokens."""
    rng = np.random.default_rng(seed)
    vocabulary = ["".join(rng.choice(_SYLLABLES, rng.integers(1, 4))) for _ in range(4000)]
    passages = []
    for _ in range(count):
        chosen = rng.zipf(1.3, words) % len(vocabulary)
        text = " ".join(vocabulary[index] for index in chosen)
        passages.append(text.capitalize() + ".")
    return passages


def cut_to_tokens(texts: Sequence[str], encoder: Encoder, tokens: int) -> list[str]:
    """The texts that are long enough, each cut to `tokens` tokens, special tokens included."""
    cut = []
    for text, encoding in zip(texts, encoder.tokenizer.encode_batch(list(texts)), strict=True):
        if len(encoding) > tokens:
            cut.append(text[: encoding.offsets[tokens - 2][1]])
    return cut


def speed(count: int, tokens: int, rounds: int, with_torch: bool) -> None:
    int8 = open_encoder(EncoderSettings(precision="int8"))
    fp32 = open_encoder(EncoderSettings(precision="fp32"))
    arms: dict[str, Arm] = {"ours int8": int8.encode_passages, "ours fp32": fp32.encode_passages}
    if with_torch:
        arms |= torch_arms()
    texts = cut_to_tokens(synthetic_passages(4 * count, tokens), int8, tokens)[:count]
    wall: dict[str, list[float]] = {name: [] for name in arms}
    processor: dict[str, list[float]] = {name: [] for name in arms}
    vectors: dict[str, Vectors] = {}
    for arm in arms.values():
        arm(texts[:4])  # Loading is not part of the speed.
    for _ in range(rounds):
        for name, arm in arms.items():
            started, used = time.perf_counter(), time.process_time()
            vectors[name] = arm(texts)
            wall[name].append(time.perf_counter() - started)
            processor[name].append(time.process_time() - used)
    base = "torch fp32" if with_torch else "ours fp32"
    print(f"\n{len(texts)} passages of {tokens} tokens, {rounds} rounds\n")
    print(f"| encoder | passages/s | per processor second | times {base} (range over rounds) | cosine to {base} |")
    print("|---|---|---|---|---|")
    for name in arms:
        ratios = np.array(wall[base]) / np.array(wall[name])
        cosine = (vectors[name] * vectors[base]).sum(axis=1)
        print(
            f"| {name} | {len(texts) / min(wall[name]):.1f} | {len(texts) / min(processor[name]):.1f} "
            f"| {np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f}) "
            f"| mean {cosine.mean():.5f}, least {cosine.min():.5f} |"
        )


def torch_arms() -> dict[str, Arm]:
    import torch
    from sentence_transformers import SentenceTransformer

    def arm(dtype: Any) -> Arm:
        model = SentenceTransformer(str(find_minilm()), device="cpu", model_kwargs={"dtype": dtype})

        def encode(texts: Sequence[str]) -> Vectors:
            encoded = model.encode(list(texts), normalize_embeddings=True, convert_to_tensor=True)
            vectors: Vectors = encoded.float().numpy()
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)  # bfloat16 is off by a few thousandths.
            return vectors

        return encode

    return {"torch fp32": arm(torch.float32), "torch bf16": arm(torch.bfloat16)}


def ranking(folder: Path, most_queries: int) -> None:
    passages = [(row["_id"], f"{row['title']}\n{row['text']}".strip()) for row in _rows(folder / "corpus.jsonl")]
    relevant = _relevance(folder / "qrels.tsv")
    queries = [(row["_id"], row["text"]) for row in _rows(folder / "queries.jsonl") if row["_id"] in relevant]
    queries = queries[:most_queries]
    ids = [key for key, _ in passages]
    encoded: dict[str, tuple[Vectors, Vectors]] = {}
    for precision in ("fp32", "int8"):
        encoder = open_encoder(EncoderSettings(precision=precision))
        encoded[precision] = (
            encoder.encode_passages([text for _, text in passages]),
            encoder.encode_queries([text for _, text in queries]),
        )
    reference = _ndcg(*encoded["fp32"], ids, queries, relevant)
    print(f"| {folder.name} | {len(passages)} | {len(queries)} | {reference.mean():.4f} ", end="")
    for of_passages, of_queries in (("int8", "int8"), ("int8", "fp32")):
        scores = _ndcg(encoded[of_passages][0], encoded[of_queries][1], ids, queries, relevant)
        low, high = _interval(scores - reference)
        change = 100 * (scores.mean() / reference.mean() - 1)
        print(f"| {scores.mean():.4f} ({change:+.2f}%; {low:+.4f} to {high:+.4f}) ", end="")
    print("|", flush=True)


def _ndcg(
    passages: Vectors,
    queries: Vectors,
    ids: Sequence[str],
    asked: Sequence[tuple[str, str]],
    relevant: dict[str, dict[str, float]],
) -> NDArray[np.float64]:
    """nDCG@10 of each query, linear gain."""
    scores = []
    for (query, _), vector in zip(asked, queries, strict=True):
        best = np.argsort(-(passages @ vector), kind="stable")[:10]
        gains = relevant[query]
        found = sum(gains.get(ids[row], 0) / np.log2(place + 2) for place, row in enumerate(best))
        ideal = sum(gain / np.log2(place + 2) for place, gain in enumerate(sorted(gains.values())[::-1][:10]))
        scores.append(found / ideal)
    return np.array(scores)


def _interval(differences: NDArray[np.float64]) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    samples = rng.choice(differences, (2000, len(differences))).mean(axis=1)
    return float(np.quantile(samples, 0.025)), float(np.quantile(samples, 0.975))


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]


def _relevance(path: Path) -> dict[str, dict[str, float]]:
    relevant: dict[str, dict[str, float]] = {}
    for line in path.read_text("utf-8").splitlines()[1:]:
        query, passage, gain = line.split("\t")
        if float(gain) > 0:
            relevant.setdefault(query, {})[passage] = float(gain)
    return relevant


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="*", help="BEIR-layout folders")
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=247)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--queries", type=int, default=1500, help="most queries of a set")
    parser.add_argument("--no-torch", action="store_true", help="leave sentence-transformers out")
    arguments = parser.parse_args()
    if not arguments.data:
        speed(arguments.count, arguments.tokens, arguments.rounds, not arguments.no_torch)
        return
    print("| set | passages | queries | fp32 | int8 (change; 95% interval of the difference) | int8, queries fp32 |")
    print("|---|---|---|---|---|---|")
    for folder in arguments.data:
        ranking(folder, arguments.queries)


if __name__ == "__main__":
    main()
