"""What candidates and their base say to the same words, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from instill.errors import GeneratorError, UsageError
from instill.models.generators.gguf.base_folder import origin_file
from instill.models.generators.protocol import Generator, Message
from instill.models.generators.whole_reply import whole_reply
from instill.models.registry.store import Candidate, Registry

BASE = "the base as it is"


@dataclass(frozen=True, slots=True)
class Reply:
    """What one of them said.

    Args:
        name: a candidate's id, or `BASE`.
        verdict: the gate's on the candidate; "" for the base.
        text: "" where it failed.
        problem: why it failed, one sentence; "" otherwise.
    """

    name: str
    verdict: str
    text: str
    problem: str = ""


def try_candidates(
    registry: Registry, ids: Sequence[str], text: str, *, system: str | None = None, max_tokens: int = 200
) -> list[Reply]:
    """The replies of candidates of one base, and of the base before them.

    Args:
        ids: ids, or beginnings of ids.
        text: what is said to each.
        system: instructions before it; None: those that the first candidate was trained with.

    Raises:
        UsageError: a candidate is not there, or they are of several bases.
        WorkspaceError: a candidate is damaged.
        MissingDependency: what runs the base is not installed.
    """
    found = [registry.check(each) for each in dict.fromkeys(ids)]
    if not found:
        raise UsageError("No candidate is named.", remedy="See: instill models list")
    if len({each.card.base.hash for each in found}) > 1:
        raise UsageError(
            "The candidates were made for several models.",
            where=", ".join(f"{each.card.id}: {each.card.base.name}" for each in found),
            remedy="Try those of one model at a time.",
        )
    told = instructions(found[0]) if system is None else system
    messages: list[Message] = [{"role": "system", "content": told}] if told else []
    messages.append({"role": "user", "content": text})
    base = Path(found[0].card.base.folder)
    tried = [_said(_generator(base, None), BASE, "", messages, max_tokens)]
    for each in found:
        tried.append(_said(_generator(base, each.folder), each.card.id, each.card.verdict, messages, max_tokens))
    return tried


def instructions(candidate: Candidate) -> str:
    """The system prompt that the candidate's rows had, where its recipe set one."""
    data = candidate.card.recipe.get("data")
    found = data.get("instructions") if isinstance(data, dict) else None
    return found if isinstance(found, str) else ""


def _generator(base: Path, candidate: Path | None) -> Generator:
    file = origin_file(base)
    if file is not None:
        from instill.models.generators.gguf.generator import GgufGenerator

        return GgufGenerator(file, adapter=candidate)
    from instill.models.generators.local import LocalGenerator

    return LocalGenerator(base, adapter=candidate)


def _said(generator: Generator, name: str, verdict: str, messages: Sequence[Message], max_tokens: int) -> Reply:
    try:
        return Reply(name, verdict, whole_reply(generator, messages, max_tokens=max_tokens))
    except GeneratorError as error:
        return Reply(name, verdict, "", error.what)
    finally:
        close = getattr(generator, "close", None)
        if close is not None:
            close()
