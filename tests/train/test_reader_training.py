"""The loop: resumed after SIGKILL it ends with the same weights; the exported model computes what was trained."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from instill.errors import UsageError, WorkspaceError
from instill.models.encoders.reader_graph import build_reader, heads_from
from instill.models.encoders.transformer_weights import read_tensors, transformer_from
from instill.models.encoders.word_table import WordTable
from instill.train.progress import CHECKPOINT
from instill.train.reader.examples import Example, ExampleMaker, Mix
from instill.train.reader.export import export_reader
from instill.train.reader.loop import _batches, train
from instill.train.reader.model import ReaderModel, length_class, make_batch
from instill.train.reader.run import ReaderRun, train_reader
from instill.train.reader.settings import ReaderHyperparameters
from instill.train.schedule import rate
from tests.models.encoders.tiny_folders import write_bert_folder
from tests.train.reader_rows import rows, write_rows
from tests.warm import Warm

CHOSEN = ReaderHyperparameters(epochs=3, batch_tokens=96, learning_rate=1e-3)

WORKER = """
import sys
from pathlib import Path
from tests.train.test_reader_training import train_tiny
train_tiny(Path(sys.argv[1]), Path(sys.argv[2]), save_every=1, pause=0.05, dropout=float(sys.argv[3]))
"""


def maker_of(folder: Path) -> ExampleMaker:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    return ExampleMaker(rows(), {0: [1, 2]}, tokenizer, Mix(0.5, 0.5, 0.0))


def train_tiny(base: Path, out: Path, *, save_every: int = 4, pause: float = 0.0, dropout: float = 0.0) -> ReaderModel:
    out.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = ReaderModel(base)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout  # The reader itself has none.
    train(
        model, maker_of(base), CHOSEN, out, identity="tiny", save_every=save_every,
        progress=lambda _: time.sleep(pause),
    )  # fmt: skip
    return model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_bert_folder(tmp_path_factory.mktemp("base"))
    tensors = dict(load_file(folder / "model.safetensors"))
    tensors["embeddings.position_embeddings.weight"] = np.resize(
        tensors["embeddings.position_embeddings.weight"], (400, 16)
    )
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 400}))
    return folder


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_killed_run_ends_with_the_same_weights(base: Path, tmp_path: Path, warm: Warm, dropout: float) -> None:
    train_tiny(base, tmp_path / "whole", dropout=dropout)
    killed = tmp_path / "killed"
    for _ in range(2):
        process = warm.start("-c", WORKER, str(base), str(killed), str(dropout))
        before = _step(killed)
        while _step(killed) < before + 3 and process.poll() is None:
            time.sleep(0.01)
        assert process.kill(), "the worker ended before it could be killed"
    assert 0 < _step(killed) < _step(tmp_path / "whole")
    train_tiny(base, killed, dropout=dropout)
    whole, resumed = load_file(tmp_path / "whole" / CHECKPOINT), load_file(killed / CHECKPOINT)
    assert whole.keys() == resumed.keys()
    assert all(np.array_equal(whole[name], resumed[name]) for name in whole)


def _step(folder: Path) -> int:
    from safetensors import safe_open

    if not (folder / CHECKPOINT).exists():
        return 0
    with safe_open(folder / CHECKPOINT, "np") as file:
        return int(file.metadata()["step"])


def test_a_checkpoint_of_another_run_is_refused(base: Path, tmp_path: Path) -> None:
    train_tiny(base, tmp_path)
    with pytest.raises(WorkspaceError, match="another"):
        train(ReaderModel(base), maker_of(base), CHOSEN, tmp_path, identity="other")


def test_a_damaged_checkpoint_is_a_message(base: Path, tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"nothing of the kind")
    with pytest.raises(WorkspaceError, match="cannot be read"):
        train(ReaderModel(base), maker_of(base), CHOSEN, tmp_path, identity="tiny")


def test_training_lowers_the_loss(base: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    batch = make_batch(maker_of(base).epoch(0))
    before = float(ReaderModel(base).loss(batch).detach())
    after = float(train_tiny(base, tmp_path).loss(batch).detach())
    assert after < 0.8 * before


def test_word_and_position_tables_are_not_trained(base: Path, tmp_path: Path) -> None:
    train_tiny(base, tmp_path)
    assert not any("embeddings" in name for name in load_file(tmp_path / CHECKPOINT))


def test_the_exported_graph_computes_what_was_trained(base: Path, tmp_path: Path) -> None:
    model = train_tiny(base, tmp_path)
    weights = {name.removeprefix("weight."): value for name, value in load_file(tmp_path / CHECKPOINT).items()}
    tensors = read_tensors(base) | {name.removeprefix("trunk."): value for name, value in weights.items()}
    transformer = transformer_from(tensors, json.loads((base / "config.json").read_text()), where=base)
    table = WordTable.of(transformer.words)
    # The table is the one thing that is stored coarsely in float32 too: compare with what it holds.
    model.trunk.embeddings.word_embeddings.weight.data = torch.tensor(table.codes * table.scales[:, None])
    table.save(tmp_path)
    onnx.save_model(
        build_reader(transformer, heads_from(weights), precision="fp32", table=table), tmp_path / "reader.onnx"
    )
    ids = np.array([[2, 5, 6, 3, 7, 8, 9, 10, 3]], np.int32)
    spans, verdicts = ort.InferenceSession(str(tmp_path / "reader.onnx")).run(None, {"input_ids": ids})
    with torch.no_grad():
        expected, judged = model(torch.tensor(ids, dtype=torch.long), torch.ones(1, ids.shape[1], dtype=torch.long))
    np.testing.assert_allclose(spans, expected[0].numpy(), atol=2e-5)
    np.testing.assert_allclose(verdicts, judged.numpy(), atol=2e-5)


def test_padding_changes_nothing(base: Path) -> None:
    torch.manual_seed(1)
    model = ReaderModel(base)
    short = Example((2, 5, 3, 3, 6, 7, 3), 4, 2, 4, 5, 1.0, 1.0)
    with torch.no_grad():
        alone = model(torch.tensor([short.ids]), torch.ones(1, 7, dtype=torch.long))[0][0]
        batch = make_batch([short])
        padded = model(batch.ids, batch.attended)[0][0][:7]
    assert batch.ids.shape[1] == 24
    torch.testing.assert_close(alone, padded, atol=1e-5, rtol=0)


@given(st.lists(st.integers(4, 200), min_size=1, max_size=80), st.integers(0, 5))
def test_every_example_is_in_one_batch_of_bounded_size(lengths: list[int], epoch: int) -> None:
    examples = [Example((n,) * length, 0, 0, 0, 0, 0.0, 0.0) for n, length in enumerate(lengths)]
    chosen = ReaderHyperparameters(batch_tokens=500)
    batches = _batches(examples, chosen, epoch)
    assert sorted(each.ids[0] for batch in batches for each in batch) == list(range(len(examples)))
    for batch in batches:
        longest = length_class(max(len(each.ids) for each in batch))
        assert len(batch) == 1 or len(batch) * longest <= 500


def test_the_rate_rises_and_falls_to_almost_nothing() -> None:
    rates = [rate(step, 100, 0.1) for step in range(100)]
    assert rates[:10] == pytest.approx([n / 10 for n in range(1, 11)])
    assert rates[10] == 1.0
    assert rates[-1] == pytest.approx(1 / 90)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_the_whole_command_leaves_a_reader_and_its_figures(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.jsonl", rows())
    chosen = ReaderHyperparameters(epochs=1, batch_tokens=2000)
    found = train_reader(ReaderRun([data], tmp_path / "run", 0.3, 1, chosen, attribution=["made up"]))
    assert set(found) == {"f1", "exact", "auc"}
    manifest = json.loads((tmp_path / "run/reader/reader.json").read_text())
    assert manifest["attribution"] == ["made up"]
    assert manifest["metrics"]["f1"]["value"] == found["f1"].value
    assert sorted(path.name for path in (tmp_path / "run/reader").iterdir()) == [
        "READER.md", "reader.json", "reader.onnx", "tokenizer.json", "words.bin",
    ]  # fmt: skip


def test_a_split_that_leaves_nothing_is_a_message(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.jsonl", rows()[:1])
    with pytest.raises(UsageError, match="The split leaves"):
        train_reader(ReaderRun([data], tmp_path / "run"))


def test_a_run_to_start_from_must_be_there(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.jsonl", rows())
    with pytest.raises(UsageError, match=r"There is no checkpoint\.safetensors in"):
        train_reader(ReaderRun([data], tmp_path / "run", 0.3, 1, start_from=tmp_path / "none"))
    assert not (tmp_path / "run").exists()


def test_export_needs_no_torch_objects(base: Path, tmp_path: Path) -> None:
    train_tiny(base, tmp_path / "run")
    export_reader(tmp_path / "run", base, tmp_path / "out", {"note": "tiny"})
    assert json.loads((tmp_path / "out/reader.json").read_text())["note"] == "tiny"


def test_a_run_can_begin_with_the_weights_of_another(base: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    train_tiny(base, first)
    second.mkdir()
    still = replace(CHOSEN, learning_rate=0.0)
    train(ReaderModel(base), maker_of(base), still, second, identity="tiny", start_from=first)
    begun, kept = load_file(first / CHECKPOINT), load_file(second / CHECKPOINT)
    names = [name for name in begun if name.startswith("weight.")]
    assert names
    assert all(np.array_equal(begun[name], kept[name]) for name in names)


def test_the_reader_can_be_the_average_of_both_runs(base: Path, tmp_path: Path) -> None:
    train_tiny(base, tmp_path / "first")
    (tmp_path / "second").mkdir()
    train(ReaderModel(base), maker_of(base), CHOSEN, tmp_path / "second", identity="b", start_from=tmp_path / "first")
    files = {}
    for average in (0.0, 0.5, 1.0):
        out = tmp_path / str(average)
        export_reader(tmp_path / "second", base, out, {}, start=tmp_path / "first", average=average)
        files[average] = (out / "reader.onnx").read_bytes()
    export_reader(tmp_path / "first", base, tmp_path / "alone", {})
    assert files[0.0] == (tmp_path / "alone" / "reader.onnx").read_bytes()
    assert len(set(files.values())) == 3


def test_weights_that_do_not_fit_are_refused(base: Path, tmp_path: Path) -> None:
    save_file({"weight.span.weight": np.zeros((2, 3), np.float32)}, tmp_path / CHECKPOINT)
    with pytest.raises(WorkspaceError, match="cannot be taken over"):
        train(ReaderModel(base), maker_of(base), CHOSEN, tmp_path / "run", identity="tiny", start_from=tmp_path)
