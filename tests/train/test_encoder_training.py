"""Training of the encoder on tiny models: batches, the loop and its resumption, averaging, choosing, shipping."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from instill.errors import UsageError, WorkspaceError
from instill.models.encoders import open_encoder
from instill.models.encoders.protocol import Vectors
from instill.models.encoders.sentence_transformers_folder import read_folder
from instill.models.encoders.shipped_encoder import ShippedEncoder
from instill.models.encoders.transformer_weights import read_tensors
from instill.settings import EncoderSettings
from instill.train.encoder.averaging import Candidates
from instill.train.encoder.choosing import choose_share
from instill.train.encoder.loop import embed, open_model, train, trained_tensors
from instill.train.encoder.ranking_quality import RankingSet, built_in, judge, ndcg, read_beir
from instill.train.encoder.run import EncoderRun, train_encoder
from instill.train.encoder.settings import SHARES, EncoderHyperparameters, Share
from instill.train.encoder.shipped_form import ship_encoder
from instill.train.encoder.triples import TripleMaker
from instill.train.interpolated_weights import averaged, trained_weights
from instill.train.progress import CHECKPOINT
from instill.train.reader.rows import Row
from tests.models.encoders.tiny_folders import WORDS, write_bert_folder
from tests.train.reader_rows import write_rows

CHOSEN = EncoderHyperparameters(epochs=2, batch=4, passage_tokens=32, learning_rate=1e-3)


def rows(count: int = 12) -> list[Row]:
    """Each passage has words of its own, and its question names two of them."""
    found = []
    for number in range(count):
        words = [WORDS[(number * step + step) % len(WORDS)] for step in range(1, 9)]
        passage = " ".join([*words, f"n{number}"])
        found.append(Row(f"{words[1]} {words[4]} {number}?", passage, words[0], f"g{number}", ((0, len(words[0])),)))
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bert_folder(tmp_path_factory.mktemp("base") / "tiny")


def maker_of(base: Path, given: Sequence[Row], chosen: EncoderHyperparameters = CHOSEN) -> TripleMaker:
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.no_padding()
    negatives = {number: [(number + 1) % len(given), (number + 2) % len(given)] for number in range(len(given))}
    return TripleMaker(given, negatives, tokenizer, chosen)


@pytest.mark.parametrize("seed", range(5))
def test_no_passage_stands_twice_in_a_batch(base: Path, seed: int) -> None:
    given = [*rows(), *(Row(f"sea {row.question}", *list_of(row)) for row in rows())]
    maker = maker_of(base, given, EncoderHyperparameters(batch=4, passage_tokens=32, seed=seed))
    batches = maker._packed(range(len(given)), Random(seed))[0]
    assert batches
    for batch in batches:
        shown = [given[place].passage for pair in batch for place in pair]
        assert len(shown) == len(set(shown)) == 8


def list_of(row: Row) -> tuple[str, str, str, tuple[tuple[int, int], ...]]:
    return row.passage, row.title, row.group, row.answers


def test_an_epoch_asks_each_question_once_and_is_the_same_again(base: Path) -> None:
    maker = maker_of(base, [*rows(), Row("-", "rain fell", "", "x", ())])
    first = maker.epoch(0)
    assert sum(len(batch) for batch in first) == 12
    assert first == maker.epoch(0) != maker.epoch(1)


def test_a_long_passage_is_cut_around_its_answer(base: Path) -> None:
    passage = " ".join(["the"] * 100 + ["rivers"] + ["a"] * 100)
    start = passage.index("rivers")
    given = [Row("sea?", passage, "", "g", ((start, start + 6),)), *rows(3)]
    number = Tokenizer.from_file(str(base / "tokenizer.json")).token_to_id("rivers")
    for epoch in range(10):
        shown = [triple for batch in maker_of(base, given).epoch(epoch) for triple in batch]
        [long] = [triple for triple in shown if len(triple.passage) == 32]
        assert number in long.passage


def trained(
    base: Path, out: Path, chosen: EncoderHyperparameters = CHOSEN, stop: int = 0, dropout: float = 0.0
) -> object:
    class Stopped(Exception):
        pass

    def watch(progress: object) -> None:
        if stop and progress.step == stop:  # type: ignore[attr-defined]
            raise Stopped

    out.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    model = open_model(read_folder(base))
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout) and dropout:  # The loop itself trains without.
            module.p, module.training = dropout, True
    try:
        train(model, maker_of(base, rows()), chosen, out, identity="tiny", save_every=1, progress=watch)
    except Stopped:
        return None
    return model


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_stopped_run_ends_with_the_same_weights(base: Path, tmp_path: Path, dropout: float) -> None:
    trained(base, tmp_path / "whole", dropout=dropout)
    assert trained(base, tmp_path / "stopped", stop=4, dropout=dropout) is None
    trained(base, tmp_path / "stopped", dropout=dropout)
    whole, stopped = (load_file(tmp_path / name / CHECKPOINT) for name in ("whole", "stopped"))
    assert whole.keys() == stopped.keys()
    for name, value in whole.items():
        assert np.array_equal(value, stopped[name])


def test_only_the_layers_learn_and_the_loss_falls(base: Path, tmp_path: Path) -> None:
    seen: list[float] = []
    model = open_model(read_folder(base))
    assert not any(name.startswith("embeddings.") for name in trained_tensors(model))
    chosen = EncoderHyperparameters(epochs=12, batch=4, passage_tokens=32, learning_rate=3e-3)
    maker = maker_of(base, rows())
    train(model, maker, chosen, tmp_path, identity="a", progress=lambda entry: seen.append(entry.loss))
    assert seen[-1] < 0.8 * seen[0]
    with pytest.raises(WorkspaceError, match="other data or settings"):
        train(model, maker, chosen, tmp_path, identity="b")
    vectors = embed(model, maker.epoch(0)[0], 0)
    assert [len(part) for part in vectors] == [4, 4, 4]
    assert torch.linalg.vector_norm(vectors[0].float(), dim=1).tolist() == pytest.approx([1.0] * 4, abs=1e-2)


def test_averaging_goes_from_the_base_to_the_trained(base: Path, tmp_path: Path) -> None:
    trained(base, tmp_path / "run")
    folder = read_folder(base)
    weights = trained_weights(tmp_path / "run")
    candidates = Candidates(folder, weights, tmp_path / "place")
    texts = ["the cat sat on a mat", "rain fell over hills"]
    before = open_encoder(EncoderSettings(model=str(base))).encode_passages(texts)
    assert candidates.encoder(Share()).encode_passages(texts) == pytest.approx(before, abs=1e-6)
    candidates.save(Share(0.5), tmp_path / "half")
    half = open_encoder(EncoderSettings(model=str(tmp_path / "half"))).encode_passages(texts)
    assert candidates.encoder(Share(0.5)).encode_passages(texts) == pytest.approx(half, abs=1e-6)
    assert not np.allclose(half, before, atol=1e-3)
    tensors, name = read_tensors(tmp_path / "half"), next(iter(weights))
    assert tensors[name] == pytest.approx((read_tensors(base)[name] + weights[name]) / 2, abs=1e-6)
    with pytest.raises(ValueError, match="no tensor"):
        averaged({}, weights, 0.5)


def test_the_last_layers_alone_can_be_taken_over(base: Path, tmp_path: Path) -> None:
    trained(base, tmp_path / "run")
    weights = trained_weights(tmp_path / "run")
    layers = {name.split("layer.")[1][0] for name in weights}
    Candidates(read_folder(base), weights, tmp_path / "place").save(Share(1.0, 1), tmp_path / "last")
    before, after = read_tensors(base), read_tensors(tmp_path / "last")
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert len(layers) > 1
    assert changed
    assert all(f"layer.{max(layers)}." in name for name in changed)


class Fixed:
    """An encoder whose vectors are given."""

    def __init__(self, vectors: dict[str, list[float]]) -> None:
        self._vectors = vectors

    def encode_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        return np.array([self._vectors[text] for text in texts], np.float32)

    encode_queries = encode_passages


ASKED = RankingSet("own", ["right", "wrong"], ["q"], [{0: 1.0}], ["g"])
OTHER = RankingSet("other", ["yes", "no"], ["r"], [{0: 1.0}], ["g"])
GOOD = {"right": [1.0, 0.0], "wrong": [0.0, 1.0], "q": [1.0, 0.0], "yes": [1.0, 0.0], "no": [0.0, 1.0], "r": [1.0, 0.0]}


def test_the_best_that_forgets_nothing_is_chosen() -> None:
    base = Fixed({**GOOD, "q": [0.0, 1.0]})
    forgetful = Fixed({**GOOD, "r": [0.0, 1.0]})
    encoders = dict(zip((Share(), *SHARES), (base, base, base, Fixed(GOOD), Fixed(GOOD), base, forgetful), strict=True))
    found = choose_share(encoders.__getitem__, ASKED, [OTHER])  # type: ignore[arg-type]
    assert found.share == Share(0.25)  # of equal ones the nearest to the base
    assert [entry.allowed for entry in found.weighed] == [True] * 6 + [False]
    assert found.weighed[3].gain.mean == pytest.approx(1 - 0.6309, abs=1e-4)
    assert choose_share(lambda _: base, ASKED, [OTHER]).share == Share()  # type: ignore[arg-type, return-value]


def test_gains_are_counted_as_trec_eval_does() -> None:
    assert ndcg([1, 2], {1: 2.0, 3: 1.0}) == pytest.approx(2 / (2 + 1 / np.log2(3)))
    assert judge(Fixed(GOOD), ASKED).tolist() == [1.0]  # type: ignore[arg-type]


def test_unrelated_sets_are_read(tmp_path: Path) -> None:
    assert len(built_in().questions) == len(set(built_in().passages)) == 40
    (tmp_path / "qrels.tsv").write_text("query\tdocument\tgain\nq1\td2\t1\nq2\td9\t0\n", "utf-8")
    corpus = [{"_id": f"d{number}", "title": "T", "text": f"text {number}"} for number in range(5)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(json.dumps(row) for row in corpus), "utf-8")
    with pytest.raises(UsageError, match="cannot be read"):
        read_beir(tmp_path)
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "a"}\n{"_id": "q2", "text": "b"}\n', "utf-8")
    found = read_beir(tmp_path, documents=3)
    assert (list(found.questions), len(found.passages), found.gains[0]) == (["a"], 3, {0: 1.0})
    assert found.passages[0] == "T\ntext 2"
    (tmp_path / "qrels.tsv").write_text("query\tdocument\tgain\nq1\n", "utf-8")
    with pytest.raises(UsageError, match="BEIR"):
        read_beir(tmp_path)


def test_a_run_from_rows_to_a_folder(base: Path, tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.jsonl", rows())
    chosen = EncoderHyperparameters(epochs=8, batch=4, passage_tokens=32, learning_rate=3e-3)
    run = EncoderRun([data], tmp_path / "run", 0.3, 1, chosen, base=EncoderSettings(model=str(base)))
    found, folder = train_encoder(run)
    assert [entry.share for entry in found.weighed] == [Share(), *SHARES]
    assert (folder is None) == (found.share.alpha == 0)
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["measured"]["share"] == asdict(found.share)
    assert train_encoder(run)[0] == found  # nothing is trained again
    with pytest.raises(UsageError, match="leaves"):
        train_encoder(EncoderRun([data], tmp_path / "other", 0.01, 0, chosen, base=run.base))


def test_the_shipped_form_gives_the_same_vectors(base: Path, tmp_path: Path) -> None:
    ship_encoder(base, tmp_path / "ship", {"made": "today"})
    encoder = ShippedEncoder(tmp_path / "ship")
    texts = ["the cat sat on a mat", "rain fell over hills and rivers ran to sea"]
    before = open_encoder(EncoderSettings(model=str(base))).encode_passages(texts)
    assert (encoder.encode_passages(texts) * before).sum(axis=1) == pytest.approx([1.0, 1.0], abs=2e-3)
    assert encoder.fingerprint.startswith("instill-int8-")
    other = write_bert_folder(tmp_path / "tiny2", seed=1)
    with pytest.raises(UsageError, match="another than the reader's"):
        ship_encoder(other, tmp_path / "ship2", {}, words=tmp_path / "ship" / "words.bin")
    with pytest.raises(UsageError, match="no encoder of its own"):
        ShippedEncoder(tmp_path)
