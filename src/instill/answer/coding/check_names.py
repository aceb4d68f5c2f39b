"""Used names against shown ones: each is known, with the place that shows it, or unknown, or Python's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from instill.answer.coding.documented_names import Definition
from instill.answer.coding.used_names import RESULT, Kind, Used

State = Literal["known", "unknown", "standard"]


class Shown(BaseModel):
    """Where a document shows a name: `[start, end)` of its text."""

    model_config = ConfigDict(frozen=True)

    doc_id: str
    source: str
    start: int
    end: int
    text: str


class Checked(BaseModel):
    """One thing that code uses, and whether the documents know it.

    Args:
        name, kind, line: see `instill.answer.coding.used_names.Used`.
        shown: where it is shown, of a known one.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Kind
    line: int
    state: State
    shown: Shown | None = None


def checked(used: Sequence[Used], definitions: Sequence[Definition]) -> list[Checked]:
    """Each used thing with its state."""
    return [_checked(each, definitions) for each in used]


def _checked(used: Used, definitions: Sequence[Definition]) -> Checked:
    if used.standard:
        return _as(used, "standard", None)
    if used.kind == "module":
        parts = used.name.split(".")
        found = next((each for each in definitions if set(parts) <= each.about), None)
        return _as(used, "known" if found else "unknown", found)
    name, _, parameter = used.name.partition(":")
    candidates = [each for each in definitions if _is(name, each)]
    if used.kind == "name":
        return _as(used, "known" if candidates else "unknown", candidates[0] if candidates else None)
    with_it = [each for each in candidates if _takes(each, parameter)]
    if with_it:
        return _as(used, "known", with_it[0])
    return _as(used, "unknown", None)


def _is(name: str, definition: Definition) -> bool:
    """Is it what a name means? Its last part is the same; where the name has the class before it, that is the same, and
    where it begins with a package, the document is about that."""
    parts = name.replace(RESULT, "").split(".")
    if parts[-1] != definition.path[-1]:
        return False
    if parts[0] == "?":
        return True
    if parts[0] not in definition.about:
        return False
    owner = next((part for part in reversed(parts[1:-1]) if part[:1].isupper()), "")
    above = [part for part in definition.path[:-1] if part[:1].isupper()]
    return not owner or not above or above[-1] == owner


def _takes(definition: Definition, parameter: str) -> bool:
    """Does it take a parameter of this name, or so many without names? A call that is shown proves what it shows."""
    if definition.parameters is None:
        return False
    if parameter.isdigit():
        return int(parameter) <= definition.positional or (
            definition.open and definition.document.record.source.endswith(".py")
        )
    return parameter in definition.parameters


def _as(used: Used, state: State, definition: Definition | None) -> Checked:
    shown = None
    if definition is not None:
        record = definition.document.record
        text = definition.document.text[definition.start : definition.end]
        shown = Shown(doc_id=record.doc_id, source=record.source, start=definition.start, end=definition.end, text=text)
    return Checked(name=used.name, kind=used.kind, line=used.line, state=state, shown=shown)
