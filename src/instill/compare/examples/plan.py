"""Which formats and tones are compared: rows of examples, the schema of replies, the instructions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from instill.documents.text_decoding import strict_text
from instill.errors import UsageError
from instill.train.generator.data.rows import Row, read_rows

Need = Literal["format", "tone"]
NEEDS: tuple[Need, ...] = ("format", "tone")


@dataclass(frozen=True, slots=True)
class ExamplesPlan:
    """The needs "format" and "tone" of a comparison.

    Args:
        format, tone: conversations that end with the reply that is wanted; () for a need that is not measured.
        schema: a JSON Schema that replies in the format have to follow; None: replies are compared as text.
        instructions: the system prompt of conversations that have none; "" for none.
        share: of the rows that are held out and asked, above 0, below 1.
    """

    format: Sequence[Row] = ()
    tone: Sequence[Row] = ()
    schema: Path | None = None
    instructions: str = ""
    share: float = 0.25

    def rows(self, need: Need) -> Sequence[Row]:
        """The examples of one need."""
        return self.format if need == "format" else self.tone


def read_examples(
    format: Path | None, tone: Path | None, *, schema: Path | None = None, instructions: str = ""
) -> ExamplesPlan | None:
    """The plan from files; None where neither a format nor a tone is given.

    Args:
        format, tone: JSON Lines, see `read_rows`.
        instructions: a text, or a file that holds it.

    Raises:
        UsageError: a file cannot be read, or an option is given without what it is for.
    """
    if format is None and schema is not None:
        raise UsageError("A schema is for the replies of a format.", where=str(schema), remedy="Add --format FILE.")
    if format is None and tone is None:
        if instructions:
            raise UsageError(
                "Instructions are for examples of a format or a tone.", remedy="Add --format FILE or --tone FILE."
            )
        return None
    return ExamplesPlan(
        () if format is None else read_rows(format),
        () if tone is None else read_rows(tone),
        schema,
        read_instructions(instructions),
    )


def read_instructions(given: str) -> str:
    """The text, or what the file of this name holds.

    Raises:
        UsageError: the file cannot be read, or is empty; or one word was given that is no file.

    Example:
        >>> read_instructions("Reply as JSON.")
        'Reply as JSON.'
    """
    if _is_file(given):
        try:
            held = strict_text(Path(given).read_bytes()).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"The instructions cannot be read: {error}.", where=given) from error
        if not held:
            raise UsageError("The file of instructions is empty.", where=given)
        return held
    if len(given.split()) == 1:
        raise UsageError(
            "There is no file of this name, and one word is no instruction.",
            where=given[:200],
            remedy="Name a file, or write the instructions in quotes.",
        )
    return given.strip()


def _is_file(given: str) -> bool:
    try:
        return bool(given) and Path(given).is_file()
    except (OSError, ValueError):  # A text can be too long for the name of a file.
        return False
