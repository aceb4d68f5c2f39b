"""A gate as a TOML file: which rows, which conditions, which tolerances. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from instill.common.toml_files import read_toml
from instill.common.unknown_keys import explained
from instill.errors import UsageError
from instill.measure.judging.refusals import PHRASES
from instill.settings.location import expanded
from instill.train.gate.metrics import identity_of, known_scoring

_NO_TOLERANCE = "No number of rows proves that nothing at all is lost; take a small number above 0."


def _known_scoring(name: str, info: ValidationInfo) -> str:
    try:
        return known_scoring(name, (info.context or {}).get("off", ()))
    except UsageError as error:
        raise ValueError(f"{error.what.rstrip('.')}. {error.command}".rstrip(".")) from error


def _beside_the_gate(path: Path, info: ValidationInfo) -> Path:
    return Path((info.context or {}).get("folder", ".")) / expanded(path)


RULES = 2
"""Goes up when the same gate and the same replies may come to another verdict."""

Scoring = Annotated[str, AfterValidator(_known_scoring)]
"""See `instill.train.gate.scoring.Scoring`."""

RowsFile = Annotated[Path, AfterValidator(_beside_the_gate)]
"""A file named in the gate; where relative, seen from the gate's folder."""

Tolerance = Annotated[float, Field(gt=0, le=1, description=_NO_TOLERANCE)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Gain(_Section):
    """What the candidate was trained for: better than the base, beyond doubt."""

    rows: RowsFile
    at_least: float = Field(0.0, ge=0, lt=1, description="The lower end of the gain's interval must exceed it.")
    scoring: Scoring | None = None


class Forgetting(_Section):
    """What the base could do before. Each tolerance is optional; rows with `text` count for the last two only."""

    rows: RowsFile
    accuracy_drop: Tolerance | None = None
    perplexity_rise: float | None = Field(None, gt=0, description="As a share of the base's perplexity.")
    kl: float | None = Field(None, gt=0, description="Nats per supervised token, from the base to the candidate.")
    scoring: Scoring | None = None

    @model_validator(mode="after")
    def _something_is_asked(self) -> Forgetting:
        if self.accuracy_drop is None and self.perplexity_rise is None and self.kl is None:
            raise ValueError("it sets none of accuracy_drop, perplexity_rise and kl")
        return self


class Reading(_Section):
    """Answering from a passage in the prompt."""

    rows: RowsFile
    drop: Tolerance = 0.03
    scoring: Scoring | None = None


class Abstention(_Section):
    """Saying that one does not know, where that is right and only there."""

    rows: RowsFile
    drop: Tolerance = Field(0.03, description="Of the share that is rightly refused.")
    over_refusal: Tolerance | None = Field(
        0.03, description="Rise of the share of answerable [gain] and [reading] rows that is refused."
    )
    phrases: tuple[str, ...] = Field(
        PHRASES, min_length=1, description="What a refusal says, beside the usual ways of saying it."
    )


class Format(_Section):
    """Replies that are JSON and follow a schema."""

    # Named so in the file; `schema` is a method of pydantic's models.
    schema_file: RowsFile = Field(alias="schema")
    rows: RowsFile | None = Field(None, description="By default those of [gain].")
    valid: float = Field(0.98, gt=0, lt=1, description="Share of replies; that all are cannot be proven.")


class Text(_Section):
    """Replies that run in circles or are no text."""

    loops: Tolerance = Field(0.01, description="At most this share of all replies.")
    rows: RowsFile | None = Field(None, description="By default all that the other sections have replies to.")


class Controls(_Section):
    """Facts that were never taught: a rise shows that rows leaked or that the measure can be guessed."""

    rows: RowsFile
    rise: Tolerance = 0.02
    scoring: Scoring | None = None


class Role(_Section):
    """A character that is kept through whole conversations; see `instill.train.gate.conditions.role`."""

    script: RowsFile = Field(description="JSON Lines, a conversation each: the user's turns.")
    kept: float = Field(0.9, gt=0, lt=1, description="Share of the replies; that all are cannot be proven.")
    name: str = Field("", description="What a reply to a turn with `name` must say.")
    forbidden: tuple[str, ...] = Field((), description="Words that no reply may hold, in any case.")
    pattern: str = Field("", description="A regular expression that is found in every reply.")
    most_words: int = Field(0, ge=0, description="Of a reply; 0: as many as it likes.")
    tone: RowsFile | None = Field(None, description="Rows whose replies have the tone, to tell it by.")

    @field_validator("pattern")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"it is no regular expression: {error}") from error
        return value

    @field_validator("forbidden")
    @classmethod
    def _has_words(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(each.strip() for each in value):
            raise ValueError("one of the words is empty")
        return value


class Gate(_Section):
    """All conditions of a gate; a section that is left out asks for nothing."""

    scoring: Scoring = "exact"
    max_tokens: int = Field(64, ge=1, le=32768, description="Longer replies are cut.")
    gain: Gain | None = None
    forgetting: Forgetting | None = None
    reading: Reading | None = None
    abstention: Abstention | None = None
    format: Format | None = None
    text: Text | None = None
    controls: Controls | None = None
    role: Role | None = None
    not_checked: dict[str, str] = Field(
        {}, description="What whoever wrote the gate found nothing to check on, with the reason."
    )

    @model_validator(mode="after")
    def _has_conditions(self) -> Gate:
        sections = [name for name in SECTIONS if getattr(self, name) is not None]
        if not sections:
            raise ValueError(f"it has none of the sections {', '.join(SECTIONS)}")
        if sections == ["text"] and self.text is not None and self.text.rows is None:
            raise ValueError("[text] stands alone and names no rows")
        if self.format is not None and self.format.rows is None and self.gain is None:
            raise ValueError("[format] names no rows and there is no [gain] to take them from")
        answerable = self.gain is not None or self.reading is not None
        if self.abstention is not None and "over_refusal" in self.abstention.model_fields_set and not answerable:
            raise ValueError("[abstention] over_refusal needs the rows of [gain] or [reading]")
        return self

    def files(self) -> Iterator[Path]:
        """Every file of rows that is named, in the order of the sections."""
        for name in SECTIONS:
            rows = getattr(getattr(self, name), "rows", None)
            if rows is not None:
                yield rows

    def other_files(self) -> Iterator[Path]:
        """Every other file that is named: a schema, scripts, and rows that only tell the tone."""
        if self.format is not None:
            yield self.format.schema_file
        if self.role is not None:
            yield self.role.script
            if self.role.tone is not None:
                yield self.role.tone

    def own_files(self) -> Iterator[Path]:
        """Those of them that ask for what is trained, and for nothing that could be done before."""
        kept = [section.rows for section in (self.forgetting, self.reading, self.abstention) if section]
        for section in (self.gain, self.format, self.controls):
            if section is not None and section.rows is not None and section.rows not in kept:
                yield section.rows

    @property
    def format_rows(self) -> Path:
        """Whose replies must follow the schema."""
        section = self.format if self.format is not None and self.format.rows is not None else self.gain
        if section is None or section.rows is None:
            raise ValueError("the gate has no [format]")
        return section.rows

    def metrics(self) -> str:
        """Packages and versions of the plug-ins' metrics that it names, "" for none."""
        sections = [getattr(self, name) for name in SECTIONS]
        names = {self.scoring, *(getattr(each, "scoring", None) or self.scoring for each in sections)}
        return ", ".join(filter(None, map(identity_of, sorted(names))))

    def scoring_of(self, section: Literal["gain", "forgetting", "reading", "controls"]) -> Scoring:
        """How a section's replies are scored."""
        own: Scoring | None = getattr(getattr(self, section), "scoring", None)
        return own or self.scoring


SECTIONS = ("gain", "forgetting", "reading", "abstention", "format", "text", "controls", "role")


def load_gate(file: Path, *, off: Sequence[str] = ()) -> Gate:
    """The gate of a TOML file; the files that it names are seen from its folder.

    Args:
        off: plug-ins that are turned off, as in `plugins.off`.

    Raises:
        UsageError: the file cannot be read, or a key or value is not known; the message names the nearest known key.
    """
    try:
        return Gate.model_validate(read_toml(file, "gate"), context={"folder": file.parent, "off": off})
    except ValidationError as error:
        raise explained(error, file, _known(), "The sections are " + ", ".join(SECTIONS) + ".") from error


def _known() -> list[str]:
    known = list(Gate.model_fields)
    for section in SECTIONS:
        model = next(each for each in get_args(Gate.model_fields[section].annotation) if each is not type(None))
        known += [f"{section}.{field.alias or name}" for name, field in _fields(model)]
    return known


def _fields(model: type[BaseModel]) -> list[tuple[str, Any]]:
    return list(model.model_fields.items())
