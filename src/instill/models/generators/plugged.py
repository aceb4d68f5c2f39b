"""Generators of installed packages: `generator.plugin` names one; what it raises becomes an error of the generator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, cast

from instill.common.articles import type_of
from instill.errors import GeneratorError, InstillError, UsageError
from instill.models.generators.protocol import Generator, Message
from instill.models.generators.wrapped import Wrapped
from instill.plugins import Group
from instill.settings import GeneratorSettings


class OpensGenerator(Protocol):
    """What a package declares in the group "instill.generators"."""

    def __call__(self, settings: GeneratorSettings) -> Generator:
        """A generator, ready to be asked; nothing is sent or loaded yet.

        Args:
            settings: those of the workspace: `model`, `base_url`, `api_key` and the limits are free to use.
        """
        ...


def _checked(found: object) -> OpensGenerator:
    if not callable(found):
        raise TypeError(f"it is {type_of(found)}, not a function that opens a generator")
    return cast("OpensGenerator", found)


GENERATORS: Group[OpensGenerator] = Group(
    "generators",
    check=_checked,
    built_in=lambda: ["endpoint", "folder", "gguf", "none"],
    about="what writes answers",
)


def open_plugged(name: str, settings: GeneratorSettings, off: Sequence[str] = ()) -> Generator:
    """The generator of a plug-in.

    Raises:
        UsageError: there is no such plug-in, or it cannot be opened.
    """
    where = f"generator.plugin = {name!r}"
    opener = GENERATORS.one(name, off=off, where=where)
    try:
        found = opener(settings)
    except InstillError:
        raise
    except Exception as error:
        raise UsageError(
            f"The plug-in {name!r} cannot open its generator ({type(error).__name__}: {error}).",
            where=where,
            remedy="See what its package says about its settings.",
        ) from error
    if not callable(getattr(found, "stream", None)) or not isinstance(getattr(found, "name", None), str):
        raise UsageError(
            f"The plug-in {name!r} opened {type_of(found)}, which has no `name` and `stream`.",
            where=where,
            remedy="Tell its authors; `instill.testing.GeneratorTests` shows what is missing.",
        )
    return Plugged(name, found)


class Plugged(Wrapped):
    """A generator of a plug-in, held to the protocol.

    Args:
        plugin: the name, for messages.
        generator: what the plug-in opened.

    Example:
        >>> class Broken:
        ...     name = "broken"
        ...     def stream(self, messages, *, max_tokens, temperature=0.0):
        ...         yield "well"
        ...         raise KeyError("choices")
        >>> "".join(Plugged("mine", Broken()).stream([], max_tokens=9))
        Traceback (most recent call last):
        instill.errors.GeneratorError: The plug-in 'mine' failed (KeyError: 'choices'). (broken) ...
    """

    def __init__(self, plugin: str, generator: Generator) -> None:
        super().__init__(generator)
        self._plugin = plugin

    def around(self, generator: Generator) -> Generator:
        """See `Wrapped.around`."""
        return Plugged(self._plugin, generator)

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        """See `Generator.stream`."""
        try:
            for piece in self._generator.stream(messages, max_tokens=max_tokens, temperature=temperature):
                if not isinstance(piece, str):
                    raise TypeError(f"a piece of the reply is {type_of(piece)}, not a text")
                yield piece
        except InstillError as error:
            raise error if isinstance(error, GeneratorError) else self._failed(error) from error
        except Exception as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> GeneratorError:
        words = " ".join(str(error).split())[:200]
        return GeneratorError(
            f"The plug-in {self._plugin!r} failed ({type(error).__name__}: {words}).",
            where=self.name,
            remedy="Tell the authors of its package, or choose another generator. Its package: instill plugins",
        )
