"""Used names against shown ones: each is known, with the place that shows it, or unknown, or Python's own; what
`import *` may bring and no document shows is undecided."""

from __future__ import annotations

import sys
from collections.abc import Sequence, Set
from typing import Literal

from pydantic import BaseModel, ConfigDict

from instill.answer.coding.documented_names import Definition, module_of
from instill.answer.coding.used_names import RESULT, Kind, Used

State = Literal["known", "unknown", "standard", "undecided"]


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
        hint: why it is unknown or undecided, where there is more to say than that no document shows it.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Kind
    line: int
    state: State
    shown: Shown | None = None
    hint: str = ""


def checked(used: Sequence[Used], definitions: Sequence[Definition]) -> list[Checked]:
    """Each used thing with its state."""
    modules = [each.name for each in used if each.kind == "module"]
    return [_named(each, modules, definitions) for each in used]


def _named(used: Used, modules: Sequence[str], definitions: Sequence[Definition]) -> Checked:
    """A name that the code does not bind, or any other thing."""
    if used.undefined:
        hint = _not_imported(used.name, modules, definitions) or "neither defined nor imported"
        return Checked(name=used.name, kind=used.kind, line=used.line, state="unknown", hint=hint)
    if used.star and not _shown_by_star(used.star, definitions):
        said = used.star.rpartition(".")[0]
        hint = f"cannot be decided: {f'from {said} import *' if said else 'an import of *'} may bring it"
        return Checked(name=used.name, kind=used.kind, line=used.line, state="undecided", hint=hint)
    return _checked(used, definitions)


def _shown_by_star(name: str, definitions: Sequence[Definition]) -> bool:
    return "." in name and bool(_meant(name, definitions))


def _not_imported(name: str, modules: Sequence[str], definitions: Sequence[Definition]) -> str:
    """What a name that is not imported may mean: a name of a module that the documents show, or a module of Python."""
    for each in definitions:
        if each.path[-1] == name and each.of == "module":
            module = next((one for one in modules if set(one.split(".")) <= each.about), "") or module_of(each)
            if module:
                return f"not imported; {module}.{name} is documented"
    return f"not imported; {name} is a module of Python" if name in sys.stdlib_module_names else ""


def _checked(used: Used, definitions: Sequence[Definition]) -> Checked:
    if used.standard:
        return _as(used, "standard", None)
    if used.kind == "module":
        parts = used.name.split(".")
        found = next((each for each in definitions if set(parts) <= each.about), None)
        return _as(used, "known" if found else "unknown", found)
    name, _, parameter = used.name.partition(":")
    candidates = _meant(name, definitions)
    if used.kind == "name":
        return _as(used, "known" if candidates else "unknown", candidates[0] if candidates else None)
    with_it = [each for each in candidates if _takes(each, parameter)]
    if with_it:
        return _as(used, "known", with_it[0])
    return _as(used, "unknown", None)


def _meant(name: str, definitions: Sequence[Definition]) -> list[Definition]:
    """The definitions that a name may mean: its last part is the same, they belong to the package that it begins with,
    and what stands before the last part has such a name.

    An attribute of a module is a function, class or value of that module. An attribute of a class, or of what calling
    it gives, is the class's. Of something whose class is not known, it is an attribute of any class, but no function of
    a module. A bare name in prose says none of this: it counts only where no source defines the name.
    """
    *before, last = name.split(".")
    root = before[0].replace(RESULT, "")
    same = [
        each
        for each in definitions
        if each.path[-1] == last.replace(RESULT, "") and (root == "?" or root in each.about)
    ]
    owner = _owner(before, definitions)
    defined = any(each.source for each in same)
    modules = {part.replace(RESULT, "") for part in before}.union(*(each.about for each in definitions if each.source))
    return [each for each in same if not (defined and each.of == "any") and _has(owner, before[-1], each, modules)]


_MODULE, _SOMETHING = "", "?"


def _owner(before: Sequence[str], definitions: Sequence[Definition]) -> str:
    """What has the attribute: the name of a class, a module, or something whose class is not known."""
    last = before[-1].replace(RESULT, "")
    if len(before) > 1:
        own = [each for each in definitions if each.source and each.path[-1] == last and before[0] in each.about]
        if last[:1].isupper() or any(each.is_class for each in own):
            return last
        if own:
            return _SOMETHING
    return _SOMETHING if before[0] == "?" or any(RESULT in part for part in before) else _MODULE


def _has(owner: str, before: str, definition: Definition, modules: Set[str]) -> bool:
    """Whether `owner`, written as `before`, has what a definition shows; `modules` are words that name modules."""
    above = definition.path[-2] if len(definition.path) > 1 else ""
    if definition.of == "any":
        return True
    if owner == _MODULE:
        return definition.of == "module" or (definition.of == "either" and above == before)
    if definition.of == "module" or (definition.of == "either" and above in modules):
        return False
    return owner == _SOMETHING or definition.of != "class" or above == owner


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
