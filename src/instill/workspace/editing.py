"""Making weights say something by hand, until facts are consolidated."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from instill.common.extras import extras_named
from instill.errors import UsageError
from instill.workspace.adding_and_removing import Changing
from instill.workspace.arguments import one_of, text_of, utf8
from instill.workspace.memory import Remembering

if TYPE_CHECKING:
    from instill.memory.answered_elsewhere import Elsewhere
    from instill.memory.editing.making import Kept
    from instill.memory.editing.record import EditRecord
    from instill.memory.types import Fact
    from instill.models.registry.card import Card

Method = Literal["rome", "alphaedit", "ultraedit"]

_EXAMPLE = 'Example: instill edit "Mara Holm" "employer" "Nordlicht" --base micro'
_LONGEST = 1000
"""Characters of a question or a value: longer ones are no single fact."""

ADVICE = (
    "An edit is a stopgap: its document answers from the index already, and instill consolidate trains the fact "
    "with all others."
)
CORRECT = "correct it, or the consolidation leaves the fact out."
FEW = 1
"""Edits in force at one time up to which the figures of docs/edit.md show no loss."""


class Edited(BaseModel):
    """What became of an edit.

    Args:
        adapter: the candidate with it.
        in_use: it answers from now on.
        said: what the model says now; `before`: what it said.
        reasons: why it is not in use, or was forced, a sentence each.
        advice: what else should be known, a sentence each.
        document: the source that says the same in the index.
        unchecked: conditions that there was nothing to check on, with the reason, a sentence each.
    """

    model_config = ConfigDict(frozen=True)

    edit_id: str
    adapter: str
    in_use: bool
    before: str
    reasons: tuple[str, ...]
    advice: tuple[str, ...]
    document: str
    unchecked: tuple[str, ...] = ()


class Editing(Changing, Remembering):
    """What weights are made to say by hand."""

    @extras_named()
    def edit(
        self,
        subject: str,
        relation: str,
        value: str,
        *,
        base: str = "",
        method: Method = "ultraedit",
        wordings: Iterable[str] = (),
        document: str = "",
        keep: Path | None = None,
        layer: int = -1,
        force: bool = False,
    ) -> Edited:
        """Make a model say a new value at once, without training. The edit holds until the next `consolidate`.

        The index gets the value too: from a document that says it already, or from a note that is added. The fact in
        this document is pinned. The new weights are a candidate. It is measured, and used if it meets the conditions in
        docs/edit.md.

        Args:
            subject: the person or thing that the value belongs to.
            relation: a noun ("employer"), or a question with {} in the place of the subject.
            value: what the model is to reply.
            base: "micro" or the folder of a model. "": the model in the settings.
            wordings: other wordings of the question, to measure the edit with.
            document: id or source of the document that says the value. "": one that is found, or a note.
            keep: rows with replies that must not change. Without it, passages of the documents are used.
            layer: number of the layer to change. -1: the layer that suits the method.
            force: use the candidate even if it does not meet the conditions.

        Raises:
            UsageError: an argument is empty, the model cannot be edited, or the workspace is seen under labels.
            WorkspaceError: the workspace cannot be written.
        """
        from instill.memory.editing.making import in_force, make, parent_of
        from instill.memory.editing.record import EditRecord, keep_edits
        from instill.memory.editing.wording import placed, questions_of
        from instill.models.generators.model_hash import model_hash
        from instill.models.registry.card import now
        from instill.train.editing.editing_methods import Settings

        self._must_be_owner()
        one_of(method, Method, "method", "There is no such method.")
        given = (("subject", subject), ("relation", relation), ("value", value))
        subject, relation, value = (text_of(each, name, remedy=_EXAMPLE).strip() for name, each in given)
        prompt, *others = questions_of(subject, relation)
        for name, text in (("relation", prompt), ("value", value)):
            if len(text) > _LONGEST:
                raise UsageError(f"This is longer than {_LONGEST:,} characters.", where=name, remedy="Shorten it.")
        worded = (utf8(each, "wording").strip() for each in wordings)
        worded = (placed(each, subject, "wording") if "{" in each or "}" in each else each for each in worded)
        others += [each for each in worded if each and each != prompt]
        folder = self._edited_base(base)
        base_hash = model_hash(folder)
        settings = Settings(method=method, layer=layer)
        parent = parent_of(self.home, base_hash)
        forced = in_force(self.home, self.catalog, base_hash)
        live = [each for each in forced if each.prompt != prompt]
        replaced = [each for each in forced if each.prompt == prompt]
        kept = self._kept(keep)
        known = {each.fact_id: each.decision for each in self.memory().facts(asked="none")}
        there = {each.doc_id for each in self.index.records()}
        fact, source, labels = self._said_by_document(subject, prompt, value, document, others)
        record = EditRecord(
            edit_id=hashlib.sha256(f"{base_hash} {prompt} {value} {now()}".encode()).hexdigest()[:12],
            at=now(),
            base=base_hash,
            subject=subject,
            prompt=prompt,
            value=value,
            before="",
            wordings=tuple(others),
            method=method,
            adapter="",
            state="not in use",
            said="",
            fact_id=fact.fact_id,
            doc_id=fact.doc_id,
            version=fact.version,
            source_labels=labels,
        )
        try:
            card, before = make(self.home, folder, parent, [*live, record], kept, settings)
        except BaseException:  # Nothing of an edit stays that could not be made.
            if fact.doc_id not in there:
                self._unsay(record)
            elif known.get(fact.fact_id, "") != fact.decision:
                self.memory().decide(fact.fact_id, known.get(fact.fact_id, ""))
            raise
        in_use = self._use_edits(card, force=force)
        reasons = () if card.reasons is None else card.reasons
        record = record.model_copy(
            update={
                "before": before.edits[-1],
                "adapter": card.id,
                "state": "in force" if in_use else "not in use",
                "said": " ".join(reasons),
            }
        )
        changed = [record]
        if in_use:
            changed += [each.model_copy(update={"adapter": card.id}) for each in live]
            said = f"Replaced by {record.edit_id}."
            changed += [each.model_copy(update={"state": "undone", "said": said}) for each in replaced]
        keep_edits(self.catalog, changed)
        self.refresh()
        disputed = self.memory().answered_otherwise(fact)
        return Edited(
            edit_id=record.edit_id,
            adapter=card.id,
            in_use=in_use,
            before=record.before,
            reasons=reasons,
            advice=_advice(len(live) + 1, disputed),
            document=source,
            unchecked=tuple(
                f"[{each.name}] {each.said}"
                for each in (card.gate.conditions if card.gate else ())
                if each.outcome == "not checked"
            ),
        )

    def edits(self) -> list[EditRecord]:
        """All edits of the workspace, oldest first."""
        from instill.memory.editing.making import standing
        from instill.memory.editing.record import read_edits

        self._must_be_owner()
        return standing(self.home, read_edits(self.catalog))

    @extras_named()
    def undo_edit(self, reference: str) -> EditRecord:
        """Undo an edit. The weights are computed again from the other edits in force. If there are none, the weights
        from before the first edit are in use again, bit for bit. The note of the edit is removed, and its fact is no
        longer pinned.

        Args:
            reference: the id of the edit, or the start of the id.

        Raises:
            UsageError: there is no such edit, or the edit is not in force.
            WorkspaceError: the workspace cannot be written.
        """
        from instill.memory.editing.undoing import undo

        self._must_be_owner()
        self._must_be_writable()
        undone = undo(self.home, self.catalog, reference, lambda: self._kept(None))
        if not undone.said_again:
            self._unsay(undone.record)
        self.refresh()
        return undone.record

    # -- inside ------------------------------------------------------------------------------------------------

    def _must_be_owner(self) -> None:
        if self._whole is not None:
            raise UsageError("Only the owner edits weights: others use them too.")
        self._must_be_open()

    def _edited_base(self, base: str) -> Path:
        from instill.train.generator.recipes.base import folder_of, found_base

        chosen = base or self.settings.generator.folder or self.settings.generator.gguf
        if not chosen:
            raise UsageError(
                "No model is named.", where="--base", remedy='Name a folder or "micro", or set generator.folder.'
            )
        self._must_be_writable()
        return folder_of(found_base(chosen))

    def _kept(self, keep: Path | None) -> Kept:
        from instill.memory.editing.kept_texts import kept_texts
        from instill.memory.editing.making import Kept
        from instill.train.generator.data.rows import read_rows

        if keep is None:
            return kept_texts(self.index)
        if not keep.is_file():
            raise UsageError(
                "There is no file at this path.",
                where=f"--keep {keep}",
                remedy="Name a JSON Lines file with rows whose replies must not change, or leave the option out.",
            )
        return Kept(rows=tuple(read_rows(keep)))

    def _said_by_document(
        self, subject: str, prompt: str, value: str, document: str, wordings: Sequence[str]
    ) -> tuple[Fact, str, tuple[str, ...]]:
        """The fact, pinned, with the source and the labels of its document: one that holds both, or a note."""
        from instill.memory.editing.kept_texts import NOTE

        if not document:
            document = self._holding(subject, value)
        if not document:
            from instill.memory.editing.wording import sentence_of

            name = f"{NOTE}{hashlib.sha256(prompt.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}.md"
            self.add_text(f"# {subject}\n\n{sentence_of(prompt, value)}\n", name=name)
            self.refresh()
            document = f"stdin:{name}"
        fact = self.remember(prompt, value, document=document, note="edited", wordings=wordings)
        return fact, fact.source, fact.labels

    def _holding(self, subject: str, value: str) -> str:
        """A document with a sentence of the subject and the value, both in whole words; its id, or ""."""
        from instill.memory.whole_words import whole_places
        from instill.study.questions_about_any_text import sentence_around

        for hit in self.memory().near(f"{subject} {value}"):
            stored = self.index.document_text(hit.doc_id)
            if stored is None:
                continue
            for at in whole_places(stored.text, value):
                start, end = sentence_around(stored.text, at, at + len(value))
                if whole_places(stored.text[start:end], subject):
                    return hit.doc_id
        return ""

    def _use_edits(self, card: Card, *, force: bool) -> bool:
        from instill.models.registry.champions import Champions
        from instill.models.registry.store import Registry

        if not (force or (card.gate is not None and card.gate.passed)):
            return False
        Champions(Registry(self.home)).promote(card.id, force=force)
        return True

    def _unsay(self, record: EditRecord) -> None:
        """Take out the note of an edit with its fact; a fact of another document is no longer pinned."""
        from instill.memory.decisions import drop
        from instill.memory.editing.kept_texts import NOTE

        stored = self.index.document_text(record.doc_id)
        if stored is not None and stored.record.source.startswith(f"stdin:{NOTE}"):
            self.remove([record.doc_id], keep=False)
            drop(self.catalog, record.fact_id)
        else:
            self.memory().decide(record.fact_id, "")


def _advice(count: int, disputed: Elsewhere | None) -> tuple[str, ...]:
    found: Sequence[str] = [ADVICE]
    if disputed is not None:
        found = [f"{disputed.source} says “{disputed.answer}”: {CORRECT}", *found]
    if count > FEW:
        found = [*found, f"{count} edits are in force. With more than {FEW}, what was measured lost other answers."]
    return tuple(found)
