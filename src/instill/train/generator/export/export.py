"""A candidate as files for other programs, checked to say the same as the candidate, or not written at all."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from instill.errors import MissingDependency, UsageError
from instill.models.generators.chat_text import ChatMessage
from instill.models.generators.gguf.base_folder import origin_file
from instill.models.generators.gguf.candidate_files import write_merged as write_changed
from instill.models.generators.gguf.model_file import read_model
from instill.models.generators.model_folder import checked_folder
from instill.models.generators.model_hash import model_hash
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.registry.card import gate_notice, read_card
from instill.settings.location import expanded
from instill.train.generator.export.export_formats import (
    Format,
    layout_notices,
    serving_line,
    with_template,
    write_adapter,
    write_merged,
    write_modelfile,
)
from instill.train.generator.export.gguf import find_converter, open_gguf, write_gguf
from instill.train.generator.export.parity import PROMPTS, TOLERANCE, Precision, Said, agree, as_prompts, said_by

_MODEL = "model"
_KINDS: dict[Precision, str] = {"float32": "F32", "bf16": "BF16"}
_UNOPENED = "The GGUF file itself was not run; the parity is that of the model it was converted from."
_OPENED = "The GGUF was run by transformers, with the base's tokenizer; llama.cpp splits texts by the file's own."


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Args:
        parity: largest difference of a mean log-probability a token, in nats, for each form that was checked
            ("merged", "exported", "gguf"); all replies were equal.
        tolerance: what it could be at most.
        serve: the command that serves it; empty where there is none.
        notices: what else a person should know.
    """

    folder: Path
    form: Format
    precision: Precision
    prompts: int
    parity: dict[str, float]
    tolerance: float
    serve: str
    notices: tuple[str, ...] = ()


def export(
    base: Path,
    candidate: Path,
    out: Path,
    *,
    form: Format = "merged",
    precision: Precision = "float32",
    prompts: Sequence[Sequence[ChatMessage]] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Exported:
    """Write a candidate in another form.

    The same prompts go through the candidate, the merged model, and what was written, opened again. Only when the
    replies are equal and the log-probabilities within `TOLERANCE` does `out` come into being.

    Args:
        base: the model that the candidate was trained on.
        candidate: its folder in the registry, with its card.
        out: a folder that does not exist yet, or is empty.
        form: "merged" (a transformers folder), "adapter" (PEFT's folder), "gguf" (for a base that came from a GGUF
            file; otherwise llama.cpp's converter must be installed) or "ollama" (a merged folder and a Modelfile).
        precision: of merged weights; "bf16" is half the size and rounds.
        prompts: conversations to compare on; None: `PROMPTS`.
        progress: receives what is being done, in words.

    Raises:
        UsageError: the base is another than the candidate's, `out` is in use, or the candidate has no such form.
        MissingDependency: "gguf" without the converter.
        InstillError: what was written cannot be opened, or does not say the same.
    """
    base, out = checked_folder(base), expanded(out).absolute()
    tell = progress or (lambda _: None)
    _check_base(base, candidate)
    doubt = gate_notice(read_card(candidate))
    source = origin_file(base) if form == "gguf" else None
    converter = find_converter() if form == "gguf" and source is None else None
    chosen = as_prompts(PROMPTS) if prompts is None else prompts
    tolerance = TOLERANCE[precision]
    with _draft_of(out) as draft:
        tell("asking the candidate")
        tokenizer, model = open_tokenizer(base), _in_float32(base, candidate)
        reference = said_by(model, tokenizer, chosen)
        parity = {}
        if form == "adapter":
            write_adapter(base, candidate, draft, tokenizer)
            reopened, exported_tokenizer = _in_float32(base, draft), with_template(tokenizer)
        else:
            tell("merging")
            model = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
            parity["merged"] = _compare(reference, model, tokenizer, chosen, "merged model", TOLERANCE["float32"])
            folder = draft if form == "merged" else draft / _MODEL
            write_merged(model, with_template(tokenizer), candidate, folder, precision)
            del model
            gc.collect()
            reopened, exported_tokenizer = _in_float32(folder), open_tokenizer(folder)
        tell("asking what was written")
        parity["exported"] = _compare(reference, reopened, exported_tokenizer, chosen, "exported model", tolerance)
        if form == "ollama":
            write_modelfile(f"./{_MODEL}", tokenizer, reopened, draft, doubt)
        converted = ""
        if form == "gguf":
            tell("writing the GGUF")
            file = draft / f"{candidate.name}.gguf"
            if source is not None:
                # The base came from a GGUF file: its vocabulary and settings go over as they are.
                write_changed(candidate, read_model(source), file, _KINDS[precision])
            else:
                assert converter is not None
                write_gguf(converter, draft / _MODEL, file, precision)
            write_modelfile(f"./{file.name}", tokenizer, reopened, draft, doubt)
            shutil.rmtree(draft / _MODEL)
            tell("asking the GGUF")
            try:
                opened = open_gguf(file)
                parity["gguf"] = _compare(reference, opened, exported_tokenizer, chosen, "GGUF", tolerance)
                converted = _OPENED
            except MissingDependency as error:
                converted = f"{_UNOPENED} {error.what} {error.command}"
    serve, notice = serving_line(form, base, candidate, out)
    notices = tuple(each for each in (doubt, notice, converted, *layout_notices(form, tokenizer)) if each)
    return Exported(out, form, precision, len(chosen), parity, tolerance, serve, notices)


def _in_float32(folder: Path, candidate: Path | None = None) -> Any:
    """Also on a GPU, where the merged weights would otherwise be rounded."""
    return open_model(folder, candidate=candidate, dtype=torch.float32)


def _compare(
    reference: Said,
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[ChatMessage]],
    form: str,
    tolerance: float,
) -> float:
    return agree(reference, said_by(model, tokenizer, prompts, reference), form, tolerance)


def _check_base(base: Path, candidate: Path) -> None:
    card = read_card(candidate)
    if model_hash(base) != card.base.hash:
        raise UsageError(
            f"This is not the model that the candidate was trained on ({card.base.name}, hash {card.base.hash}).",
            where=str(base),
            remedy="Name its folder: --base FOLDER",
        )


@contextmanager
def _draft_of(out: Path) -> Iterator[Path]:
    """A folder that takes the place of `out` at the end, or is removed."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("The folder is in use.", where=str(out), remedy="Name one that does not exist yet.")
    draft = out.with_name(f".{out.name}.{os.getpid()}.draft")
    try:
        draft.mkdir(parents=True)
        yield draft
        if out.exists():
            out.rmdir()
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
