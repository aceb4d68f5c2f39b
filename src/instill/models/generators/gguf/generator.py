"""A generator from one GGUF file, by llama.cpp (xllamacpp) in a process that can be stopped; no PyTorch, no network."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from instill.common.extras import how_to_install
from instill.errors import GeneratorError, InstillError, MissingDependency, UsageError
from instill.models.generators.gguf.lora_file import check_lora
from instill.models.generators.gguf.model_file import read_model
from instill.models.generators.gguf.serving import Serving, Stopped, TooSlow
from instill.models.generators.protocol import AdapterOf, Generator, Message, Skill, WritesAnswers
from instill.models.generators.thoughts import ThoughtFilter, opens_thought
from instill.settings.location import expanded

CONTEXT = 8192
"""Most tokens of prompt and reply, where the settings name none and the model reads as many."""

START_S = 300.0

_ALONE = 400_000_000
"""Bytes of a model that one thread writes with, token by token: several would wait for one another at each of its small
matrices (SmolLM2 in 8 bits: 75 tokens a second by one, 47 by two). Prompts are read by all."""

_SMALL_READS = 2_400
"""Characters of passages, about 600 tokens: what such a model reads in about a second on two cores."""


class GgufGenerator:
    """Streams replies of a model in a GGUF file; it is loaded on first use and kept.

    Args:
        file: the .gguf file.
        name: for people; "": the file's name.
        identity: hash of the model that adapters are made for; "": the file's own (`gguf_hash`).
        adapter: a LoRA adapter as GGUF that was made for this model, a candidate's folder, or how to find that by the
            model's hash.
        writes_answers: whether the adapter answers from passages, where a skill could; None: it does.
        skills: LoRA adapters as GGUF for tasks of Instill (see `instill.models.generators.gguf.skills`).
        context: most tokens of prompt and reply; 0: what the model reads, at most `CONTEXT`.
        threads: 0: one for each core that this process may use.
        timeout_s: longest wait for the next piece (the first includes reading the prompt, not loading).

    Raises:
        UsageError: the file is missing, is no sound GGUF, or holds a model that cannot be used here.
        MissingDependency: xllamacpp is not installed.
    """

    def __init__(
        self,
        file: Path,
        *,
        name: str = "",
        identity: str = "",
        adapter: AdapterOf | Path | None = None,
        writes_answers: WritesAnswers | None = None,
        skills: Mapping[Skill, Path] | None = None,
        context: int = 0,
        threads: int = 0,
        timeout_s: float = 60.0,
    ) -> None:
        for package in ("xllamacpp", "jinja2"):
            if importlib.util.find_spec(package) is None:
                raise MissingDependency(
                    "A GGUF file is answered from by llama.cpp.",
                    where=package,
                    remedy=how_to_install("local"),
                )
        self._model = read_model(expanded(file).resolve())
        self._identity = identity
        self._name = name or self._model.file.stem
        self._adapter_of, self._writes_answers = adapter, writes_answers
        self._adapter: Path | None = None
        self._lora: Path | None = None
        self._skills = {skill: check_lora(file, self._model) for skill, file in (skills or {}).items()}
        self._context = min(context or CONTEXT, self._model.context)
        self._threads = threads or cores()
        self._check_memory()
        self._timeout_s = timeout_s
        self._serving: Serving | None = None
        self._last_usage: tuple[int, int] | None = None
        self._lock = Lock()

    @property
    def name(self) -> str:
        adapter = "" if self._adapter is None else f" with {self._adapter.name}"
        return f"{self._name}{adapter} (local)"

    @property
    def last_usage(self) -> tuple[int, int] | None:
        """Tokens of the last prompt, chat template included, and of its reply, thinking and its end included.

        Counted, also where the reader stopped early or the model failed. None before the first prompt was read.
        """
        return self._last_usage

    @property
    def context_characters(self) -> int | None:
        """Most characters of passages in its prompts: a small model reads slowly here, and loses itself in many."""
        return _SMALL_READS if self._model.layout.size < _ALONE else None

    def __repr__(self) -> str:
        return f"GgufGenerator({str(self._model.file)!r})"

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        """See `instill.models.generators.protocol.Generator.stream`."""
        yield from self._stream(messages, max_tokens, temperature, None)

    def skilled(self, skill: Skill) -> Generator | None:
        """See `generators.protocol.Skilled`. An adapter of the user's writes the answers instead, where it can."""
        if skill not in self._skills or (skill == "ground" and self._answers_from_passages()):
            return None
        return _Skill(self, self._skills[skill], skill)

    def _stream(
        self, messages: Sequence[Message], max_tokens: int, temperature: float, skill: Path | None
    ) -> Iterator[str]:
        with self._lock:
            self._last_usage = None
            request = {"messages": list(messages), "max_tokens": max_tokens, "temperature": temperature}
            yield from self._shown(self._answers(request, skill), max_tokens)

    def prompt(self, messages: Sequence[Message]) -> tuple[str, list[int]]:
        """What the model reads for `messages`: the text, and its tokens as llama.cpp splits it.

        Raises:
            GeneratorError: the model cannot be loaded, or its chat template refuses the messages.
        """
        with self._lock:
            for line in self._answers({"messages": list(messages), "show": True}):
                if "prompt" in line:
                    return line["prompt"], line["tokens"]
                raise self._failure(line, 0)
        raise AssertionError("a request is always answered")

    def interrupt(self) -> None:
        """End the process, from any thread, whatever it is doing; who reads along gets a `GeneratorError`."""
        serving = self._serving
        if serving is not None:
            serving.kill()

    def close(self) -> None:
        """End the process; the next prompt starts it again."""
        serving, self._serving = self._serving, None
        if serving is not None:
            serving.stop()

    def _shown(self, lines: Iterator[dict[str, Any]], max_tokens: int) -> Iterator[str]:
        visible, shown, read, written = ThoughtFilter(), False, 0, 0
        for line in lines:
            if "text" in line:
                written += 1
                self._last_usage = read, written
                text = visible.feed(line["text"])
                shown = shown or bool(text)
                if text:
                    yield text
            elif "prompt" in line:
                visible = ThoughtFilter(inside=opens_thought(line["prompt"]))
            elif "end" not in line:
                raise self._failure(line, max_tokens)
            if "read" in line:
                read = line["read"]
                self._last_usage = read, line.get("written", written)
        rest = visible.end()
        if rest:
            yield rest
        elif not shown:
            raise GeneratorError("The generator's reply is empty.", where=self.name, remedy="Try another model.")

    def _answers(self, request: dict[str, Any], skill: Path | None = None) -> Iterator[dict[str, Any]]:
        """Lines about one request, the last one with "end" or "error". Whoever stops early stops the model too."""
        serving = self._started()
        adapter = skill or self._lora
        try:
            yield from serving.ask({**request, "adapter": adapter and str(adapter)}, self._timeout_s)
        except TooSlow:
            self.close()
            raise GeneratorError(
                f"The generator gave nothing for {self._timeout_s:g} s.",
                where=self.name,
                remedy="Raise generator.timeout_s, or use a smaller model.",
            ) from None
        except Stopped as error:
            self.close()
            raise GeneratorError(
                f"The model broke off: {error}",
                where=str(self._model.file),
                remedy="Check that the file is whole and that there is memory enough.",
            ) from error
        except GeneratorExit:
            if not serving.is_idle():
                self.close()
            raise

    def _started(self) -> Serving:
        if self._serving is None or not self._serving.is_running():
            try:
                file, lora = self._found_files()
            except InstillError as error:
                raise GeneratorError(error.what, where=error.where, remedy=error.command) from error
            model, self._lora = self._model, lora
            chat = {"template": model.template, "bos": model.bos, "eos": model.eos, "begins": model.adds_bos}
            asked = {
                "model": str(file),
                "adapters": [str(each) for each in [*([] if lora is None else [lora]), *self._skills.values()]],
                "context": self._context,
                "threads": self._threads,
                "writing_threads": 1 if self._model.layout.size < _ALONE else self._threads,
                "gpu_layers": None,
                "chat": chat,
            }
            try:
                self._serving = Serving(asked, START_S)
            except (TooSlow, Stopped) as error:
                raise GeneratorError(
                    f"The model cannot be loaded: {error}",
                    where=str(model.file),
                    remedy="Check that the file is whole and that there is memory enough.",
                ) from error
        return self._serving

    def _check_memory(self) -> None:
        """Weights are mapped and may be larger; what is kept of the text that was read has to fit."""
        needed, there = self._model.bytes_of_context(self._context), memory()
        if there and needed > there:
            raise UsageError(
                f"A context of {self._context:,} tokens of this model takes {needed / 1e9:.1f} GB of memory; "
                f"this machine has {there / 1e9:.1f} GB.",
                where=str(self._model.file),
                remedy="Set generator.context to fewer tokens.",
            )

    def _found_files(self) -> tuple[Path, Path | None]:
        """The model and the adapter as files for llama.cpp, checked."""
        self._adapter = self._found_adapter()
        if self._adapter is None:
            return self._model.file, None
        if self._adapter.is_dir():
            from instill.models.generators.gguf.candidate_files import files_of

            return files_of(self._adapter, self._model)
        return self._model.file, check_lora(self._adapter, self._model)

    def _answers_from_passages(self) -> bool:
        adapter = self._found_adapter()
        return adapter is not None and (self._writes_answers is None or self._writes_answers(adapter))

    def _found_adapter(self) -> Path | None:
        if self._adapter_of is None or isinstance(self._adapter_of, Path):
            return self._adapter_of
        from instill.models.generators.gguf.base_folder import gguf_hash

        return self._adapter_of(self._identity or gguf_hash(self._model.file))

    def _failure(self, line: dict[str, Any], max_tokens: int) -> GeneratorError:
        if line["error"] == "too long":
            self._last_usage = line["read"], 0
            return GeneratorError(
                f"The prompt ({line['read']} tokens) and the reply ({max_tokens}) are longer than the model reads "
                f"({self._context}).",
                where=self.name,
                remedy="Lower answer.passages or generator.max_tokens, or choose a model with a longer context.",
            )
        return GeneratorError(
            f"The model failed: {line['error']}", where=self.name, remedy="Try another model, or a shorter context."
        )


class _Skill:
    """The model with one of the adapters that come with Instill; it shares the process of the model."""

    def __init__(self, generator: GgufGenerator, adapter: Path, skill: Skill) -> None:
        self._generator = generator
        self._adapter = adapter
        self._skill = skill

    @property
    def name(self) -> str:
        return f"{self._generator.name} trained to {_TRAINED_TO[self._skill]}"

    @property
    def last_usage(self) -> tuple[int, int] | None:
        """See `GgufGenerator.last_usage`."""
        return self._generator.last_usage

    def interrupt(self) -> None:
        """See `GgufGenerator.interrupt`."""
        self._generator.interrupt()

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        """See `instill.models.generators.protocol.Generator.stream`."""
        yield from self._generator._stream(messages, max_tokens, temperature, self._adapter)


_TRAINED_TO: Mapping[Skill, str] = {
    "ground": "answer from passages",
    "questions": "write questions",
    "standalone": "rewrite follow-ups",
}


def cores() -> int:
    """Those that this process may use.

    Example:
        >>> cores() >= 1
        True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int:
    """Bytes of this machine's memory; 0 where it cannot be told."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0
