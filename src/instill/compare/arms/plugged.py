"""Arms of installed packages, held to what every arm is held to."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from instill.common.articles import type_of
from instill.compare.arms.built_in_arms import GivenTo
from instill.compare.arms.passages import place_of
from instill.compare.arms.protocol import ArmReply, Place
from instill.compare.arms.specification import BUILT_IN, ArmPart, ArmSpecification, Brought, Said
from instill.compare.arms.users_arms import NAME
from instill.errors import GeneratorError, InstillError, UsageError
from instill.measure.verdict import Way
from instill.plugins import Group
from instill.study.closed_book import ClosedBook
from instill.study.study_set import StudyItem

if TYPE_CHECKING:
    from instill.workspace import Workspace


def checked_arm(found: object) -> ArmPart:
    """What a package declares as an arm, as what it must be.

    Raises:
        TypeError: it is no `ArmPart`, or a part of it is not what it should be.
    """
    if not isinstance(found, ArmPart):
        raise TypeError(f"it is {type_of(found)}, not an instill.extending.ArmPart")
    if not callable(found.open):
        raise TypeError("its `open` is not a function")
    if found.given not in ("nothing", "found", "whole"):
        raise TypeError('its `given` is not "nothing", "found" or "whole"')
    if not isinstance(found.about, str) or not isinstance(found.do, str) or not found.do.strip():
        raise TypeError("its `about` or its `do` is not a text")
    return found


ARMS = Group("arms", check=checked_arm, built_in=lambda: BUILT_IN, about="ways to answer, for instill compare")


def brought_arms(off: Sequence[str] = ()) -> tuple[ArmSpecification, ...]:
    """The arms of installed packages that can be used, as specifications.

    Args:
        off: as in `plugins.off`.
    """
    found = []
    for plugin in ARMS.load(off=off):
        part, entry = plugin.value, plugin.entry
        if part is None or not NAME.fullmatch(entry.name):
            continue
        way = Way(part.do, offered=part.given != "whole")
        about = part.about or f"of the package {entry.package}"
        brought = Brought(part, f"{entry.package} {entry.version}")
        found.append(ArmSpecification(entry.name, about, "own", part.given, way, brought=brought))
    return tuple(found)


def beside(own: Sequence[ArmSpecification], brought: Sequence[ArmSpecification]) -> tuple[ArmSpecification, ...]:
    """A user's arms and those of packages.

    Raises:
        UsageError: two have one name.
    """
    names = {each.name.casefold() for each in own}
    for each in brought:
        if each.name.casefold() in names:
            raise UsageError(
                "A plug-in has an arm of this name.",
                where=f"arms.{each.name}",
                remedy=f'Give yours another name, or turn the plug-in off: off = ["arms.{each.name}"] under [plugins].',
            )
    return (*own, *brought)


class BroughtArm:
    """An arm whose answers a package gives.

    Args:
        name: of the arm.
        workspace: it is opened for; citations are checked against its documents.
        given: the passages for an item; None for an arm that is given none.
        closed: the evidence that may not be in its prompt, where it tells that.

    Raises:
        UsageError: the package cannot open it.
    """

    def __init__(
        self, name: str, workspace: Workspace, brought: Brought, given: GivenTo | None, closed: ClosedBook | None
    ) -> None:
        self.name = name
        self._workspace, self._given, self._closed, self._package = workspace, given, closed, brought.package
        try:
            self._method = brought.part.open(workspace)
        except InstillError:
            raise
        except Exception as error:
            raise self._wrong(f"cannot be opened ({type(error).__name__}: {error})") from error

    def answer(self, item: StudyItem) -> ArmReply:
        """See `Arm.answer`.

        Raises:
            EvidenceInPrompt: of an arm that is given nothing: its prompt holds evidence.
            UsageError: what the package gives is no answer.
        """
        started = perf_counter()
        hits, notice = self._given(item) if self._given else ((), "")
        error = ""
        try:
            said = self._method.answer(item.question, hits)
        except GeneratorError as failed:
            said, error = Said(""), str(failed)
        except InstillError:
            raise
        except Exception as failed:
            raise self._wrong(f"failed ({type(failed).__name__}: {failed})") from failed
        seconds = perf_counter() - started
        if not isinstance(said, Said) or not isinstance(said.text, str):
            raise self._wrong(f"gave {type_of(said)} where a Said is due")
        if self._closed is not None and said.messages:
            self._closed.check(said.messages, item.question)
        return ArmReply(
            said.text,
            said.abstained,
            said.messages or ({"role": "user", "content": item.question},),
            tuple(place_of(hit) for hit in hits) if self._given else None,
            tuple(self._cited(*each) for each in said.citations),
            seconds,
            max(0, said.tokens_in),
            max(0, said.tokens_out),
            notices=(notice,) if notice else (),
            error=error,
        )

    def _cited(self, doc_id: str, start: int, end: int) -> Place:
        stored = self._workspace.index.document_text(doc_id)
        if stored is None or not 0 <= start < end <= len(stored.text):
            raise self._wrong(f"cites {doc_id}[{start}:{end}], which is not there")
        return Place(doc_id, start, end, stored.text[start:end])

    def _wrong(self, what: str) -> UsageError:
        return UsageError(
            f"The arm of the package {self._package} {what}.",
            where=self.name,
            remedy=f'Tell its authors, or turn it off: off = ["arms.{self.name}"] under [plugins] in instill.toml.',
        )
