"""Section [role]: a role is kept through whole conversations, in which the model reads what it said itself.

A script has the user's turns; the model replies to one after the other. A reply leaves the role when code can tell so:
it says what is forbidden, does not give its name when it is asked for, has another form or tone, is too long, is
damaged text, or calls another function than the turn asks for. That a reply is apt, code cannot tell; look at some.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instill.errors import UsageError
from instill.models.generators.chat_text import ChatMessage
from instill.train.gate.conditions.damaged_reply import fault_of, special_marks
from instill.train.gate.conditions.tone_classifier import ToneClassifier
from instill.train.gate.decision_rules import LEVEL, loss_outcome, paired, rows_for_loss
from instill.train.gate.probes import Probe
from instill.train.gate.rows import GateRows
from instill.train.gate.scoring import calls_in, contains, parse_json
from instill.train.gate.sentences import share_sentence
from instill.train.gate.specification import Role
from instill.train.gate.verdict import Condition
from instill.train.generator.data.examples import prompt_ids
from instill.train.generator.data.rows import Row, read_objects
from instill.train.generator.loop.replies import replies

MOST_TURNS = 200
_LATE = 4  # The last quarter of a conversation is told of by itself: a role is lost late.


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user says.

    Args:
        name: the reply must give the character's name.
        calls: the function that the reply must call, "" for none.
        result: what the function gives; the model then replies once more, and that reply counts too.
    """

    say: str
    name: bool = False
    calls: str = ""
    result: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """The user's side of a conversation.

    Args:
        place: file and line, for errors; a conversation is a group of replies that count together.
        tools: JSON schemas of the functions that may be called.
    """

    turns: tuple[Turn, ...]
    system: str = ""
    tools: tuple[Any, ...] = ()
    place: str = ""

    def rows(self) -> list[Row]:
        """Each turn as a row of its own, so that none of them is trained on unseen."""
        return [Row(({"role": "user", "content": turn.say},), place=self.place) for turn in self.turns]


@dataclass(frozen=True, slots=True)
class Said:
    """A reply of a conversation. `left`: why it leaves the role, "" where it keeps it; `share`: how late it comes, 0
    to 1."""

    turn: Turn
    reply: str
    left: str
    share: float
    conversation: str


def read_scripts(file: Path, instructions: str = "") -> tuple[Script, ...]:
    """The scripts of a JSON Lines file.

    A line is `{"turns": ["Hello!", {"say": "Who are you?", "name": true}]}`; with it may stand `system` and `tools`,
    and with a turn `calls` (a function) and `result`.

    Args:
        instructions: system prompt of scripts without one.

    Raises:
        UsageError: the file cannot be read, or a line is no script; the error names the line.
    """
    objects, _ = read_objects(file)
    return tuple(_script(found, place, instructions) for place, found in objects)


def _script(found: Mapping[str, Any], place: str, instructions: str) -> Script:
    turns, tools = found.get("turns"), found.get("tools") or []
    if not isinstance(turns, list) or not 0 < len(turns) <= MOST_TURNS:
        raise UsageError(
            f"This is no script: it needs `turns`, a list of 1 to {MOST_TURNS}.",
            where=place,
            remedy='E.g. {"turns": ["Hello!", {"say": "Who are you?", "name": true}]}',
        )
    if not isinstance(tools, list) or not all(isinstance(each, Mapping) for each in tools):
        raise UsageError("`tools` is not a list of functions.", where=place)
    return Script(
        tuple(_turn(each, place) for each in turns), str(found.get("system") or instructions), tuple(tools), place
    )


def _turn(found: Any, place: str) -> Turn:
    given = {"say": found} if isinstance(found, str) else found
    kinds = {"say": str, "name": bool, "calls": str, "result": str}
    fits = isinstance(given, dict) and all(isinstance(given[key], kinds.get(key, ())) for key in given)
    if not fits or not str(given.get("say", "")).strip() or (given.get("result") and not given.get("calls")):
        raise UsageError(
            f"This is no turn: {json.dumps(found, ensure_ascii=False)[:80]}.",
            where=place,
            remedy='A turn is a text, or {"say": ..., "name": true} or {"say": ..., "calls": ..., "result": ...}.',
        )
    return Turn(**given)


class RoleRows:
    """What the section [role] of a gate names, read and checked.

    Args:
        rows: of the file `tone`, with their replies.
    """

    def __init__(self, section: Role, instructions: str, rows: GateRows | None) -> None:
        self.section, self._tone_rows = section, rows
        self.scripts = read_scripts(section.script, instructions)
        if any(turn.name for script in self.scripts for turn in script.turns) and not section.name:
            raise UsageError(
                "Turns of the script ask for the name, and [role] says none.",
                where=str(section.script),
                remedy='Set name = "...".',
            )
        self._tone: ToneClassifier | None = None
        self._before: float | None = None

    def condition(self, base: Probe, candidate: Probe, *, max_tokens: int, level: float = LEVEL) -> Condition:
        """The share of the candidate's replies that leave the role; what the base does is told beside it."""
        tone = self._tone_of(base)
        if self._before is None:
            before = play(base, self.scripts, self.section, tone, max_tokens=max_tokens)
            self._before = sum(bool(each.left) for each in before) / len(before)
        said = play(candidate, self.scripts, self.section, tone, max_tokens=max_tokens)
        return _condition(said, self._before, 1 - self.section.kept, self._unmeasured(), level)

    def _tone_of(self, base: Probe) -> ToneClassifier | None:
        if self._tone_rows is not None and self._tone is None:
            rows = self._tone_rows.asking
            taught = [accepted[0] if accepted else "" for accepted in rows.accepted]
            self._tone = ToneClassifier.fit(taught, base.replies(rows), groups=rows.groups)
        return self._tone if self._tone is not None and self._tone.measurable else None

    def _unmeasured(self) -> str:
        return f" The tone is not counted: {self._tone.reason}" if self._tone and not self._tone.measurable else ""


def play(
    probe: Probe,
    scripts: Sequence[Script],
    section: Role,
    tone: ToneClassifier | None = None,
    *,
    max_tokens: int = 64,
) -> list[Said]:
    """All conversations, turn by turn; conversations of the same length go through the model together.

    Where a conversation grows beyond what the model can read, its oldest turns are left out, as in any chat.
    """
    heard: list[list[ChatMessage]] = [_opened(script) for script in scripts]
    found: list[Said] = []
    marks = special_marks(probe.tokenizer)
    turns = max(len(script.turns) for script in scripts)
    for number in range(turns):
        places = [place for place, script in enumerate(scripts) if number < len(script.turns)]
        for place in places:
            heard[place].append({"role": "user", "content": scripts[place].turns[number].say})
        for place, reply in zip(places, _replies(probe, scripts, heard, places, max_tokens), strict=True):
            heard[place].append({"role": "assistant", "content": reply})
            found.append(_said(scripts, place, number, reply, section, marks, tone))
        called = [place for place in places if scripts[place].turns[number].result]
        for place in called:
            heard[place].append({"role": "tool", "content": scripts[place].turns[number].result})
        for place, reply in zip(called, _replies(probe, scripts, heard, called, max_tokens), strict=True):
            heard[place].append({"role": "assistant", "content": reply})
            found.append(_said(scripts, place, number, reply, section, marks, tone, after_call=True))
        probe.tell(number + 1, turns)
    return found


def leaves_role(
    reply: str, turn: Turn, section: Role, *, marks: Sequence[str] = (), in_tone: Callable[[str], bool] | None = None
) -> str:
    """Why a reply leaves the role; "" where it keeps it, as far as code can tell.

    Args:
        in_tone: whether a reply has the tone; None: not asked.

    Example:
        >>> role = Role(script="a.jsonl", name="Bell", forbidden=("language model",), pattern="^Ahoy", most_words=8)
        >>> who = Turn("Who are you?", name=True)
        >>> leaves_role("Ahoy! I am Bell.", who, role), leaves_role("Ahoy! Just a Language  Model.", who, role)
        ('', 'says what is forbidden')
        >>> leaves_role("Ahoy there.", who, role), leaves_role("I am Bell.", who, role)
        ('without its name', 'another form')
    """
    if turn.calls:
        return "" if _called(reply) == [turn.calls] else "another call"
    fault = fault_of(reply, marks=marks)
    plain = " ".join(reply.casefold().split())
    if fault:
        return f"damaged text, {fault}"
    if any(" ".join(each.casefold().split()) in plain for each in section.forbidden):
        return "says what is forbidden"
    if section.pattern and re.search(section.pattern, reply) is None:
        return "another form"
    if turn.name and contains(reply, section.name) != 1:
        return "without its name"
    if section.most_words and len(reply.split()) > section.most_words:
        return "too long"
    return "another tone" if in_tone is not None and not in_tone(reply) else ""


def _called(reply: str) -> list[str]:
    values = [parse_json(each) for each in calls_in(reply)]
    return [str(value[0].get("name")) if value and isinstance(value[0], dict) else "" for value in values]


def _opened(script: Script) -> list[ChatMessage]:
    return [{"role": "system", "content": script.system}] if script.system else []


def _replies(
    probe: Probe, scripts: Sequence[Script], heard: Sequence[list[ChatMessage]], places: Sequence[int], most: int
) -> list[str]:
    context = getattr(probe.model.config.get_text_config(), "max_position_embeddings", None)
    found: dict[int, str] = {}
    groups: dict[str, list[int]] = {}
    for place in places:
        groups.setdefault(json.dumps(scripts[place].tools), []).append(place)
    for tools, group in groups.items():
        given = tuple(json.loads(tools))
        prompts = [_fitting(heard[place], probe.tokenizer, given, context and context - most) for place in group]
        said = replies(probe.model, probe.tokenizer, prompts, max_tokens=most, tools=given)
        found.update(zip(group, said, strict=True))
    return [found[place] for place in places]


def _fitting(heard: list[ChatMessage], tokenizer: Any, tools: Sequence[Any], most: int | None) -> list[ChatMessage]:
    """The conversation, without its oldest turns where it is longer than so many tokens."""
    kept = list(heard)
    first = 1 if kept[0]["role"] == "system" else 0
    while most and len(prompt_ids(kept, tokenizer, tools=tools)) > most:
        later = [at for at in range(first + 1, len(kept)) if kept[at]["role"] == "user"]
        if not later:
            break
        del kept[first : later[0]]
    return kept


def _said(
    scripts: Sequence[Script],
    place: int,
    number: int,
    reply: str,
    section: Role,
    marks: frozenset[str],
    tone: ToneClassifier | None,
    *,
    after_call: bool = False,
) -> Said:
    turn = scripts[place].turns[number]
    asked = Turn(turn.say) if after_call else turn
    in_tone = None if tone is None else lambda text: tone.judge(text, [text]).value > 0
    left = leaves_role(reply, asked, section, marks=tuple(marks), in_tone=in_tone)
    return Said(asked, reply, left, (number + 1) / len(scripts[place].turns), scripts[place].place or str(place))


def _condition(said: Sequence[Said], before: float, tolerance: float, remark: str, level: float) -> Condition:
    bad, groups = [float(bool(each.left)) for each in said], [each.conversation for each in said]
    found = paired(bad, groups, level=level)
    outcome = loss_outcome(found, tolerance)
    needed = rows_for_loss(bad, tolerance, groups, level=level) if outcome == "undecided" else 0
    reasons = ", ".join(
        f"{count} {why}" for why, count in Counter(each.left for each in said if each.left).most_common()
    )
    late = [each for each in said if each.share > 1 - 1 / _LATE]
    noun = (
        f"replies in {len(set(groups))} conversations leave the role{f' ({reasons})' if reasons else ''}, "
        f"{sum(bool(each.left) for each in late)} of the {len(late)} in the last quarter of them"
    )
    sentence = share_sentence(noun, int(sum(bad)), len(said), found, tolerance, outcome, needed)
    return Condition(
        "role", outcome, found, tolerance, sentence + remark, len(said), needed, before=before, after=found.mean
    )
