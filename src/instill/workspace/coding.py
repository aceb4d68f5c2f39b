"""Code that a generator writes from the documents, checked against them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from instill.errors import UsageError
from instill.index.types import Hit
from instill.workspace.arguments import Labels, query_of
from instill.workspace.asking import Asking

if TYPE_CHECKING:
    from instill.answer.coding.write_code import CodeAnswer

_NEAR = 8


class Coding(Asking):
    """What is written."""

    def ask_code(self, question: str, *, labels: Labels = None) -> CodeAnswer:
        """Let the generator write Python for a request, from documentation and sources in the index. Instill looks up
        every module, name and parameter that the code uses: known ones come with the place that shows them, unknown
        ones are marked. Instill reads the code and never runs it.

        Args:
            labels: what the caller may see; None means everything.

        Raises:
            UsageError: the question is empty, or no generator is set.
            GeneratorError: the generator failed.
        """
        from instill.answer.coding.write_code import write_code

        query_of(question, "question", 'Pass for example "Fire the kiln at 900 degrees".')
        if labels is not None:
            return self.seen_by(labels).ask_code(question)
        generator = self.generator
        if generator is None:
            raise UsageError(
                "Code needs a generator.",
                where="generator",
                remedy="Set generator.base_url or generator.folder, or run: instill generator get",
            )

        def search(words: str) -> Sequence[Hit]:
            return self.search(words, k=_NEAR).hits

        return write_code(question, generator, search, self.index.document_text)
