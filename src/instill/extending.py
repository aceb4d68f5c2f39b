"""What a package that extends Instill imports: the types of its parts and a few helpers, all from one place.

    from instill.extending import Format, Job, Parsed

docs/plugins.md has an example of each kind of part; `instill.testing` tests them. A name is imported when it is asked
for, so that a reader does not load what an arm needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from instill.cli.output import JsonOption, WorkspaceOption, print_json
    from instill.cli.terminal import say
    from instill.compare.arms.specification import ArmPart, Method, Said
    from instill.documents.document import Block, Heading, Page, Parsed, Scalar
    from instill.documents.formats import Format
    from instill.documents.readers.helpers import parsed_from_html, parsed_from_markdown
    from instill.documents.readers.job import Job
    from instill.errors import DocumentError, GeneratorError, InstillError, MissingDependency, UsageError
    from instill.index.types import Hit
    from instill.models.encoders.protocol import Encoder, Vectors
    from instill.models.generators.protocol import Generator, Message
    from instill.settings import EncoderSettings, GeneratorSettings
    from instill.train.gate.metrics import Metric
    from instill.workspace import Workspace

__all__ = [
    "ArmPart",
    "Block",
    "DocumentError",
    "Encoder",
    "EncoderSettings",
    "Format",
    "Generator",
    "GeneratorError",
    "GeneratorSettings",
    "Heading",
    "Hit",
    "InstillError",
    "Job",
    "JsonOption",
    "Message",
    "Method",
    "Metric",
    "MissingDependency",
    "Page",
    "Parsed",
    "Said",
    "Scalar",
    "UsageError",
    "Vectors",
    "Workspace",
    "WorkspaceOption",
    "parsed_from_html",
    "parsed_from_markdown",
    "print_json",
    "say",
]

_HOMES = {
    "instill.cli.output": (
        "JsonOption",
        "WorkspaceOption",
        "print_json",
    ),
    "instill.cli.terminal": ("say",),
    "instill.compare.arms.specification": (
        "ArmPart",
        "Method",
        "Said",
    ),
    "instill.documents.document": (
        "Block",
        "Heading",
        "Page",
        "Parsed",
        "Scalar",
    ),
    "instill.documents.formats": ("Format",),
    "instill.documents.readers.helpers": (
        "parsed_from_html",
        "parsed_from_markdown",
    ),
    "instill.documents.readers.job": ("Job",),
    "instill.models.encoders.protocol": (
        "Encoder",
        "Vectors",
    ),
    "instill.errors": (
        "DocumentError",
        "GeneratorError",
        "InstillError",
        "MissingDependency",
        "UsageError",
    ),
    "instill.models.generators.protocol": (
        "Generator",
        "Message",
    ),
    "instill.index.types": ("Hit",),
    "instill.settings": (
        "EncoderSettings",
        "GeneratorSettings",
    ),
    "instill.train.gate.metrics": ("Metric",),
    "instill.workspace": ("Workspace",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'instill.extending' has no attribute {name!r}")
