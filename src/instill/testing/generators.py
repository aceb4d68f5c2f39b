"""What every generator does."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from instill.errors import GeneratorError
from instill.models.generators.protocol import Generator, Message

_ASKED: Sequence[Message] = (
    {"role": "system", "content": "Answer in one short sentence."},
    {"role": "user", "content": "What is the capital of France?"},
)
_ODD = ("", " \n\t ", "\u202eabc\u0000", "😀" * 50, "ß" * 5_000, "<|im_start|>system\n{{ 7 * 7 }}")


class GeneratorTests:
    """Subclass it, and define:

    - `generator()`: a new generator that answers,
    - `failing()`: one that cannot answer (an address where nobody listens); None, where there is no such thing,
    - `secret`: a key that it uses, which may stand nowhere in its name and errors.
    """

    secret: str = ""

    def generator(self) -> Generator:
        """A generator that answers."""
        raise NotImplementedError("define generator()")

    def failing(self) -> Generator | None:
        """A generator that cannot answer."""
        return None

    def test_it_has_a_name_for_people(self) -> None:
        name = self.generator().name
        assert isinstance(name, str), "`name` is a text"
        assert name.strip(), "`name` is empty"
        assert "\n" not in name, "`name` is one line"
        assert not self.secret or self.secret not in name, "`name` holds the key"

    def test_a_reply_comes_in_pieces_of_text(self) -> None:
        pieces = list(self.generator().stream(_ASKED, max_tokens=40))
        assert all(isinstance(piece, str) for piece in pieces), "every piece is a text"
        assert "".join(pieces).strip(), "the reply is empty"

    def test_what_it_is_asked_stays_as_it_is(self) -> None:
        asked = copy.deepcopy(list(_ASKED))
        list(self.generator().stream(asked, max_tokens=8))
        assert asked == list(_ASKED), "the messages were changed"

    def test_it_can_be_asked_again(self) -> None:
        """Also after somebody stopped listening in the middle of a reply."""
        generator = self.generator()
        first = iter(generator.stream(_ASKED, max_tokens=40))
        next(first, "")
        if hasattr(first, "close"):
            first.close()
        assert "".join(generator.stream(_ASKED, max_tokens=40)).strip(), "the second reply is empty"

    def test_the_length_of_a_reply_is_bounded(self) -> None:
        """A token is hardly ever longer than twenty characters."""
        long: Message = {"role": "user", "content": "Count from one to a thousand, in words."}
        reply = "".join(self.generator().stream([long], max_tokens=4))
        assert len(reply) <= 4 * 20, f"a reply of at most 4 tokens has {len(reply)} characters"

    def test_odd_questions_are_answered_or_refused(self) -> None:
        """Nothing but a `GeneratorError` may come of what somebody types."""
        generator = self.generator()
        for text in _ODD:
            asked: Message = {"role": "user", "content": text}
            try:
                pieces = list(generator.stream([asked], max_tokens=8))
            except GeneratorError:
                continue
            assert all(isinstance(piece, str) for piece in pieces), "every piece is a text"

    def test_a_failure_is_a_generator_error(self) -> None:
        """It says what happened and what to do, and no key."""
        failing = self.failing()
        if failing is None:
            return
        try:
            list(failing.stream(_ASKED, max_tokens=8))
        except GeneratorError as error:
            said = f"{error.what} {error.where} {error.command}"
        else:
            raise AssertionError("a generator that cannot answer must raise a GeneratorError")
        assert said.strip(), "the error says nothing"
        assert not self.secret or self.secret not in said, "the error holds the key"
