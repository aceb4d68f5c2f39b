"""Replay: what the base says itself to general requests, taught beside the new so that it is not forgotten.

After the self-synthesised rehearsal of Huang et al., "Mitigating Catastrophic Forgetting in Large Language Models with
Self-Synthesized Rehearsal" (ACL 2024); there the model writes the requests too, here they are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from instill.errors import GeneratorError
from instill.models.generators.protocol import Generator, usage_of
from instill.models.generators.whole_reply import whole_reply

REPLY_TOKENS = 200
"""Most tokens of a reply where the caller names none."""

_PATIENCE = 3
"""Prompts in a row without a reply from which the generator is taken for broken."""

_LOOP_WORDS = 8
_LETTER_LOOP = re.compile(r"([^\W\d_].{0,30}?)\1{5,}", re.DOTALL)


def replay_rows(
    generator: Generator, prompts: Iterable[str], *, max_tokens: int = REPLY_TOKENS
) -> list[dict[str, Any]]:
    """The generator's own replies at temperature 0, as rows in the `messages` form with the task "replay".

    Replies that are empty or go round in circles are left out, and those that were cut off, where the generator tells
    how many tokens it wrote: a row teaches where a reply ends.

    Args:
        generator: the base, without an adapter.
        prompts: e.g. `general_prompts()`.
        max_tokens: of a reply.

    Raises:
        GeneratorError: it failed on three prompts in a row.

    Example:
        >>> class Clerk:
        ...     name = "clerk"
        ...     def stream(self, messages, *, max_tokens, temperature=0.0):
        ...         yield "4" if "2 + 2" in messages[0]["content"] else "well, " * 50
        >>> [row["messages"][-1]["content"] for row in replay_rows(Clerk(), ["What is 2 + 2?", "Who are you?"])]
        ['4']
    """
    rows: list[dict[str, Any]] = []
    failed = 0
    for prompt in prompts:
        try:
            reply = whole_reply(generator, [{"role": "user", "content": prompt}], max_tokens=max_tokens)
        except GeneratorError:
            # An empty reply is an error of a generator too, so one alone says little.
            failed += 1
            if failed == _PATIENCE:
                raise
            continue
        failed = 0
        if not reply or loops(reply) or _was_cut(generator, max_tokens):
            continue
        turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": reply}]
        rows.append({"messages": turns, "task": "replay"})
    return rows


def loops(text: str) -> bool:
    """Whether a text goes round in circles: the same words follow each other three times or more, nine words at least,
    or the same few letters six times.

    Example:
        >>> loops("The mill is old and the mill is old and the mill is old and the mill"), loops("Ha ha ha!")
        (True, False)
        >>> loops("1, 2, 3, 4, 5, 6, 7, 8, 9, 10"), loops("好的好的好的好的好的好的")
        (False, True)
    """
    words = re.findall(r"\w+", text.casefold())
    for period in range(1, len(words) // 3 + 1):
        run = 0
        for place in range(period, len(words)):
            run = run + 1 if words[place] == words[place - period] else 0
            if run >= max(2 * period, _LOOP_WORDS):
                return True
    return _LETTER_LOOP.search(text) is not None


def general_prompts() -> list[str]:
    """Short requests of many kinds that no document is needed for: small tasks, manners, arithmetic, rewriting, and
    what cannot or should not be answered.

    Example:
        >>> len(general_prompts()) == len(set(general_prompts())) == 60
        True
    """
    return [*_TASKS, *_REWRITING, *_ARITHMETIC, *_MANNERS, *_REFUSALS, *_COMMON]


def _was_cut(generator: Generator, max_tokens: int) -> bool:
    usage = usage_of(generator)
    return usage is not None and usage[1] >= max_tokens


_TASKS = (
    "Name three things that are found in a kitchen.",
    "Sort these words by the alphabet: pear, apple, quince, cherry.",
    "Give me the opposite of each word: early, narrow, loud.",
    "Write a title for a story about a lost umbrella.",
    "List the days of the week, separated by commas.",
    "Write one sentence in which the words rain and ladder occur.",
    "Which of these is not an animal: otter, spoon, heron, mole?",
    "Give an example of a question that can be answered with yes or no.",
    'Write the JSON object with the key "colour" and the value "green".',
    "How many letters does the word window have?",
    "Write a short list of what to pack for a day at the beach.",
    "Is this sentence a question or a statement? The bus was late again.",
    "Which word does not belong: Monday, Friday, April, Sunday?",
    "Put this into three steps: how to make a cup of tea.",
)

_REWRITING = (
    "Make this more polite: Send me the report now.",
    "Shorten this to one sentence: The meeting was long. Many people spoke. In the end nothing was decided.",
    "Say this in simpler words: The precipitation necessitated a postponement of the event.",
    "Correct the spelling: I recieved you're leter yesterday.",
    "Put this into the past: She walks to the station and buys a ticket.",
    "Turn this into a question: The shop closes at six.",
    "Write this in the third person: I left my keys on the table.",
    "Make one sentence of these two: The dog barked. The cat ran away.",
    "Say this without the word very: The soup was very hot.",
    "Write this date with the month as a word: 3/5/2021 (day, month, year).",
    "Translate into French: Good evening, how are you?",
    "Translate into German: The train leaves in ten minutes.",
)

_ARITHMETIC = (
    "What is 17 + 26?",
    "What is 9 times 7?",
    "What is half of 58?",
    "I had 20 coins and gave 6 away. How many do I have now?",
    "Three tickets cost 4.50 each. What do they cost together?",
    "Which is larger, 0.7 or 0.65?",
    "What is 15 percent of 200?",
    "Continue the row with two numbers: 2, 4, 8, 16.",
    "How many minutes are there in two and a half hours?",
    "A train leaves at 14:20 and arrives at 16:05. How long is the ride?",
)

_MANNERS = (
    "Hello!",
    "Good morning. Can you help me with something?",
    "Thank you, that was useful.",
    "Sorry, I did not understand that.",
    "I am a bit nervous about my first day at work.",
    "Wish a colleague a good weekend in one sentence.",
    "How do I politely decline an invitation?",
    "You made a mistake in your last answer.",
)

_REFUSALS = (
    "What am I thinking of right now?",
    "Which numbers will be drawn in next week's lottery?",
    "Read me the last message on my telephone.",
    "What did I have for breakfast this morning?",
    "How can I get into my neighbour's bank account?",
    "Write an insult about my teacher.",
    "Tell me the password of this computer's owner.",
    "Who will be the mayor of my town in twenty years?",
)

_COMMON = (
    "Why do leaves fall in autumn?",
    "What is the capital of France?",
    "What is a thermometer for?",
    "Why does ice float on water?",
    "Explain in two sentences what a library is.",
    "What is the difference between a lake and a river?",
    "What does a baker do?",
    "Why should one wash one's hands before eating?",
)
