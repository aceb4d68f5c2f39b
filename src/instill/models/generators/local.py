"""A generator from a local transformers folder: safetensors only, no code from the folder, no network."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from instill.common.extras import how_to_install
from instill.common.untrusted_files import read_small_json
from instill.errors import GeneratorError, InstillError, MissingDependency, WorkspaceError
from instill.models.generators.chat_text import chat_text
from instill.models.generators.end_tokens import end_ids
from instill.models.generators.model_folder import checked_folder
from instill.models.generators.protocol import AdapterOf, Message
from instill.models.generators.thoughts import ReplyTokens, ThoughtFilter, opens_thought


class LocalGenerator:
    """Streams replies of a causal language model on this machine; the model is loaded on first use and kept.

    Args:
        folder: a transformers folder with `config.json`, `*.safetensors` and a tokenizer.
        adapter: folder of a candidate that was trained on this model, or how to find it by the model's hash.
        timeout_s: longest wait for the next piece (the first includes reading the prompt, not loading).

    Raises:
        UsageError: the folder is missing or is not a safetensors model.
        MissingDependency: torch or transformers are not installed.
    """

    def __init__(self, folder: Path, *, adapter: AdapterOf | Path | None = None, timeout_s: float = 60.0) -> None:
        self._folder = checked_folder(folder)
        self._adapter_of = _only(adapter) if isinstance(adapter, Path) else adapter
        self._adapter: Path | None = None
        self._timeout_s = timeout_s
        self._loaded: tuple[Any, Any] | None = None
        self._last_usage: tuple[int, int] | None = None
        self._lock = Lock()
        for package in ("torch", "transformers"):
            if importlib.util.find_spec(package) is None:
                raise MissingDependency(
                    "A local generator needs torch and transformers.",
                    where=package,
                    remedy=how_to_install("train"),
                )

    @property
    def name(self) -> str:
        adapter = "" if self._adapter is None else f" with {self._adapter.name}"
        return f"{self._folder.name}{adapter} (local)"

    @property
    def last_usage(self) -> tuple[int, int] | None:
        """Tokens of the last prompt, chat template included, and of its reply, thinking and its end included.

        Counted, also where the reader stopped early or the model failed. None before the first prompt was read.
        """
        return self._last_usage

    def __repr__(self) -> str:
        return f"LocalGenerator({str(self._folder)!r})"

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        """See `instill.models.generators.protocol.Generator.stream`."""
        with self._lock:
            self._last_usage = None
            model, tokenizer = self._open()
            inputs, inside = self._prepared(model, tokenizer, messages, max_tokens)
            visible, shown = ThoughtFilter(inside=inside), False
            for piece in self._generated(model, tokenizer, inputs, max_tokens, temperature):
                text = visible.feed(piece)
                shown = shown or bool(text)
                if text:
                    yield text
            rest = visible.end()
            if rest:
                yield rest
            elif not shown:
                raise GeneratorError("The generator's reply is empty.", where=self.name, remedy="Try another model.")

    def _open(self) -> tuple[Any, Any]:
        if self._loaded is None:
            from transformers import AutoModelForCausalLM, AutoTokenizer
            from transformers.utils import logging

            logging.disable_progress_bar()
            safe = {"local_files_only": True, "trust_remote_code": False}
            try:
                tokenizer = AutoTokenizer.from_pretrained(str(self._folder), **safe)
                model = self._adapted()
                if model is None:
                    model = AutoModelForCausalLM.from_pretrained(str(self._folder), use_safetensors=True, **safe)
            except InstillError as error:
                raise GeneratorError(error.what, where=error.where, remedy=error.command) from error
            except Exception as error:  # whatever a damaged folder makes the library raise
                raise GeneratorError(
                    f"The model cannot be loaded: {type(error).__name__}: {str(error)[:200]}",
                    where=str(self._folder),
                    remedy="Check that the folder is a complete causal language model.",
                ) from error
            ends = end_ids(model, tokenizer)
            if ends and getattr(model, "generation_config", None) is not None:
                model.generation_config.eos_token_id = ends
            self._loaded = model.train(False), tokenizer
        return self._loaded

    def _adapted(self) -> Any:
        """The model with its adapter; None where it has none."""
        if self._adapter_of is None:
            return None
        from instill.models.generators.model_hash import model_hash
        from instill.models.generators.transformers_models import open_model

        adapter = self._adapter_of(model_hash(self._folder))
        if adapter is None:
            return None
        model = open_model(self._folder, candidate=adapter)
        if hasattr(model, "merge_and_unload") and model.dtype.itemsize >= 4:
            # An adapter that stands apart costs time at every token. Narrower numbers would lose much of it.
            model = model.merge_and_unload()
        self._adapter = adapter
        return model

    def _prepared(self, model: Any, tokenizer: Any, messages: Sequence[Message], max_tokens: int) -> tuple[Any, bool]:
        """The prompt's tokens, and whether it opens a thought. Whatever template and settings raise is a failure."""
        try:
            # The text that training reads too.
            text = chat_text(tokenizer, list(messages), reply_follows=True)
            return self._inputs(model, tokenizer, text, max_tokens), opens_thought(text)
        except GeneratorError:
            raise
        except InstillError as error:
            raise GeneratorError(error.what, where=error.where or self.name, remedy=error.remedy) from error
        except Exception as error:
            raise GeneratorError(
                f"The prompt cannot be made: {type(error).__name__}: {str(error)[:200]}",
                where=self.name,
                remedy="Check that the folder is a complete causal language model.",
            ) from error

    def _generated(self, model: Any, tokenizer: Any, inputs: Any, max_tokens: int, temperature: float) -> Iterator[str]:
        """Decoded pieces; the model runs in a thread that stops when nobody reads on."""
        from queue import Empty

        import torch
        from transformers import StoppingCriteria, StoppingCriteriaList, TextIteratorStreamer

        stop = Event()
        failures: list[BaseException] = []
        read = int(inputs["input_ids"].shape[1])
        written = 0

        class Stopped(StoppingCriteria):
            def __call__(self, input_ids: Any, *_: Any, **__: Any) -> Any:
                nonlocal written
                written = int(input_ids.shape[1]) - read
                return torch.full((input_ids.shape[0],), stop.is_set(), dtype=torch.bool, device=input_ids.device)

        # All that it asks of its tokenizer is to decode.
        streamer: Any = TextIteratorStreamer(
            ReplyTokens(tokenizer),
            skip_prompt=True,
            timeout=self._timeout_s,
        )
        options: dict[str, Any] = {"do_sample": temperature > 0, "max_new_tokens": max_tokens}
        if temperature > 0:
            options["temperature"] = temperature
        if tokenizer.pad_token_id is None and tokenizer.eos_token_id is not None:
            options["pad_token_id"] = tokenizer.eos_token_id

        def run() -> None:
            try:
                with torch.inference_mode():
                    criteria = StoppingCriteriaList([Stopped()])
                    model.generate(**inputs, streamer=streamer, stopping_criteria=criteria, **options)
            except BaseException as error:
                failures.append(error)
                streamer.end()

        worker = Thread(target=run, daemon=True)
        worker.start()
        try:
            yield from streamer
        except Empty:
            raise GeneratorError(
                "The generator was too slow.", where=self.name, remedy="Raise generator.timeout_s."
            ) from None
        finally:
            stop.set()
            worker.join(self._timeout_s)
            self._last_usage = read, written
        if failures:
            raise GeneratorError(
                f"The model failed: {type(failures[0]).__name__}: {str(failures[0])[:200]}",
                where=self.name,
                remedy="Try a shorter context or another model.",
            ) from failures[0]

    def _inputs(self, model: Any, tokenizer: Any, text: str, max_tokens: int) -> Any:
        inputs = tokenizer(text, return_tensors="pt", add_special_tokens=False)
        longest = getattr(model.config, "max_position_embeddings", None)
        size = int(inputs["input_ids"].shape[1])
        if isinstance(longest, int) and 0 < longest < size + max_tokens:
            raise GeneratorError(
                f"The prompt ({size} tokens) and the reply ({max_tokens}) are longer than the model reads ({longest}).",
                where=self.name,
                remedy="Lower answer.passages or generator.max_tokens, or choose a model with a longer context.",
            )
        inputs.pop("token_type_ids", None)
        return inputs.to(model.device)


def _only(adapter: Path) -> AdapterOf:
    """This candidate, if it was trained on the base."""

    def of(base_hash: str) -> Path:
        try:
            expected = read_small_json(adapter / "card.json")["base"]["hash"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(f"The candidate's card cannot be read: {error}.", where=str(adapter)) from error
        if expected != base_hash:
            raise WorkspaceError("The candidate was made for another model.", where=str(adapter))
        return adapter

    return of
