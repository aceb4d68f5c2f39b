"""Rows for the three adapters of the shipped model: `python bench/adapter_rows.py --rows DIR --train DIR --out DIR`.

--rows is a folder that `bench/training_sets.py --facts` wrote; its split into trained and held-out groups is the
reader's, so that nothing that is measured on is trained on. --asked is one that `bench/question_rows.py` wrote, of
people's questions about folders: three quarters of `questions.jsonl`. --talks holds the conversations that it was made
from: half of `standalone.jsonl`. --train holds the collected sets. Written are `ground.jsonl`, `questions.jsonl` and
`standalone.jsonl`, `*.held.jsonl` of groups that were kept apart, and beside them the recipes and gates of
`bench/recipes`: `instill train OUT/ground.toml`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from instill.answer.asked.generated_rewrite import messages_for as rewrite_messages
from instill.answer.found.sentences import split_sentences
from instill.answer.said.compact_prompt import block, messages_for
from instill.answer.said.prompt import QUOTES, UNKNOWN
from instill.answer.terms import terms, word_set
from instill.answer.types import Turn
from instill.settings import EncoderSettings
from instill.study.questions_about_any_text import LONGEST_TEXT
from instill.study.questions_about_any_text import messages_for as question_messages
from instill.study.rules.word_forms import is_past
from instill.train.generator.data.duplicates import not_trained_on
from instill.train.generator.data.rows import row_of
from instill.train.reader.hard_negatives import kept_negatives
from instill.train.reader.rows import Row, held_out, read_rows, split_rows

Chat = dict[str, Any]

SHARES = {
    "squad2": 0.28, "squad11": 0.16, "new_wiki": 0.2, "docs_faq": 0.1, "docs_headings": 0.1, "tldr": 0.03,
    "doqa_ni": 0.03, "wikitablequestions": 0.03, "msdocs_cpp_errors": 0.02, "msdocs_bugchecks": 0.01,
    "eslint_rules": 0.02, "qamr": 0.02,
}  # fmt: skip
"""How much of an adapter's rows a set may be."""

PASSAGES = 1_900
"""Characters of all passages of a row."""

SENTENCE = 190
"""A sentence up to here is the answer as it stands; of a longer one the words that answer, and it is quoted."""

_DOERS = re.compile(r"^(?:who|what) (?P<verb>[a-z]+) (?P<rest>.+?)\?*$", re.IGNORECASE)
_BE = re.compile(
    r"^(?:when|where|in (?:what|which) (?:year|month|city|country|state)) (?P<be>was|were|is|are) (?P<rest>.+?)\?*$",
    re.IGNORECASE,
)
_NAMES = re.compile(r"\b[A-Z]\w+")
_AUXILIARY = word_set("is are was were do does did can could will would has have had should may might must")
_IN = re.compile(r"\b(in|on|at|from|since|by|near|after|before|around|during)\s+(?:the\s+)?$", re.IGNORECASE)


def chat(messages: Sequence[Any], reply: str, group: str, passage: str = "") -> Chat:
    row = {"messages": [*messages, {"role": "assistant", "content": reply}], "group": group}
    return {**row, "passage": passage} if passage else row


def mixed(rows: list[Chat], sets: dict[str, str], most: int, rng: Random) -> list[Chat]:
    """Rows of each set up to its share; of one passage those with more to learn first."""
    rng.shuffle(rows)
    rows.sort(key=lambda row: -min(3, row["messages"][-1]["content"].count("Q: ")))
    left = {name: round(share * most) for name, share in SHARES.items()}
    kept = []
    for row in rows:
        name = sets[row.pop("passage")]
        if left.get(name, 0) > 0:
            left[name] -= 1
            kept.append(row)
    return kept


# -- ground ------------------------------------------------------------------------------------------------------------


def ground_rows(rows: Sequence[Row], negatives: dict[int, list[int]], rng: Random) -> Iterator[Chat]:
    """Each row with its own passage among passages that search brings up beside it, or only those."""
    for number, row in enumerate(rows):
        others = [rows[each].passage for each in negatives.get(number, ()) if rows[each].passage != row.passage]
        others = [text for text in others if not any(answer.lower() in text.lower() for answer in row.texts)]
        titles = {rows[each].passage: rows[each].title for each in negatives.get(number, ())}
        answered = row.answerable and rng.random() > 0.18
        reply = _reply(row, rng) if answered else ("", [])
        if answered and not reply[0]:
            continue
        if not answered and row.answerable and len(others) < 2:
            continue
        shown = [] if row.answerable and not answered else [(row.title, row.passage)]
        rng.shuffle(others)
        room = PASSAGES - sum(len(text) for _, text in shown)
        for text in others[: rng.choice((1, 2, 2, 3))]:
            if len(text) > room and shown:
                continue
            shown.append((titles[text], text[: max(200, room)]))
            room -= len(text)
        if sum(len(text) for _, text in shown) > PASSAGES + 300:
            continue
        rng.shuffle(shown)
        place = next((n for n, each in enumerate(shown, 1) if each[1] == row.passage), 0)
        blocks = [block(n, title, text) for n, (title, text) in enumerate(shown, 1)]
        yield chat(
            messages_for(row.question, blocks), _said(reply, place) if answered else UNKNOWN, row.group, row.passage
        )


def _said(reply: tuple[str, list[str]], number: int) -> str:
    text, quotes = reply
    said = re.sub(r"([.!?:]?)$", rf" [{number}]\1", text.strip(), count=1)
    if not said.endswith((".", "!", "?", ":")):
        said += "."
    if not quotes:
        return said
    return said + f"\n{QUOTES}\n" + "\n".join(f'[{number}] "{quote}"' for quote in quotes)


def _reply(row: Row, rng: Random) -> tuple[str, list[str]]:
    """The answer as a sentence, and what is quoted for it; "" where no good one can be made."""
    if row.whole:
        return _whole(row)
    start, end = min(row.answers, key=lambda span: span[1] - span[0])
    answer = row.passage[start:end]
    around = _sentence_at(row.passage, start, end)
    if "\n" in around or not around:
        around = row.passage[row.passage.rfind("\n", 0, start) + 1 : _line_end(row.passage, end)].strip()
    if not around or len(around) > 700:
        return "", []
    if re.match(r"(?i)how (?:do|can|to|would)|what command|which command", row.question) and len(answer) < 160:
        return f"Use `{answer}`", [around[:160]] if around != answer else []
    said = _declared(row.question, answer, row.passage[:start])
    if said and rng.random() < 0.8:
        return said, [_clipped(around, answer)]
    if len(around) <= SENTENCE and around[-1:] in ".!?" and not re.match(r"(?i)(he|she|it|they|this|these)\b", around):
        return around, []
    return answer[:1].upper() + answer[1:], [_clipped(around, answer)]


def _declared(question: str, answer: str, before: str) -> str:
    """A statement for some plain kinds of question; "" for the others."""
    match = _DOERS.match(question.strip())
    first = match["rest"].split()[0].lower() if match else ""
    if match and match["verb"] not in _AUXILIARY and is_past(match["verb"]) and first not in _AUXILIARY:
        return f"{answer[:1].upper()}{answer[1:]} {match['verb']} {match['rest']}."
    match = _BE.match(question.strip())
    if match:
        words = match["rest"].split()
        for at, word in enumerate(words[1:], 1):
            if is_past(word.lower()) or word in ("located", "born", "held", "built", "found"):
                found = _IN.search(before)
                lead = "" if re.match(r"(?i)(in|on|at|near|from|since|after|before) ", answer) else None
                lead = (f"{found.group(1).lower()} " if found else None) if lead is None else lead
                if lead is None:
                    return ""
                subject = " ".join(words[:at])
                return (
                    f"{subject[:1].upper()}{subject[1:]} {match['be'].lower()} {' '.join(words[at:])} {lead}{answer}."
                )
    return ""


def _whole(row: Row) -> tuple[str, list[str]]:
    """The first lines of a passage that answers as a whole: a sentence or two, and the code or list they announce."""
    text = row.passage.strip()
    lines = text.split("\n")
    if lines and (lines[0].strip().rstrip("?") in row.question or row.question.rstrip("?") in lines[0]):
        text = "\n".join(lines[1:]).strip()
    sentences = [s for s in split_sentences(text) if s.kind not in ("heading", "mark")]
    first = text[sentences[0].start : sentences[0].end] if sentences else ""
    first = " ".join(first.split())
    if not 20 <= len(first) <= 260 or first.startswith(("```", "|", "<", "!", ".. ", ">")) or first[-1] not in ".:!":
        return "", []
    return first, []


def _sentence_at(text: str, start: int, end: int) -> str:
    for sentence in split_sentences(text):
        if sentence.start <= start and end <= sentence.end:
            return text[sentence.start : sentence.end].strip()
    return ""


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _clipped(sentence: str, answer: str, most: int = 150) -> str:
    """At most so many characters of a sentence around its answer, whole words."""
    if len(sentence) <= most:
        return sentence
    at = sentence.find(answer)
    begin = max(0, min(at - (most - len(answer)) // 2, len(sentence) - most))
    begin = 0 if begin == 0 else sentence.find(" ", begin) + 1
    begin = min(begin, at)
    stop = max(begin + most, at + len(answer))
    stop = len(sentence) if stop >= len(sentence) else max(sentence.rfind(" ", 0, stop), at + len(answer))
    return sentence[begin:stop].strip()


# -- questions ---------------------------------------------------------------------------------------------------------


def question_rows(rows: Sequence[Row], rng: Random) -> Iterator[Chat]:
    """Passages with all the questions that people asked about them, in the order of their answers.

    Where a passage answers as a whole no words of it do: a model that copies its first sentence learns to give answers
    that answer nothing.
    """
    asked: dict[tuple[str, str, str], list[tuple[int, str, str]]] = defaultdict(list)
    for row in rows:
        if not row.answerable or row.whole or len(row.passage) > LONGEST_TEXT or not row.question.endswith("?"):
            continue
        start, end = min(row.answers, key=lambda span: span[1] - span[0])
        answer = row.passage[start:end]
        if "\n" not in answer and len(answer) <= 200:
            asked[row.title, row.passage, row.group].append((start, row.question, answer))
    for (title, passage, group), found in asked.items():
        found.sort()
        if len(found) > 5:
            found = sorted(rng.sample(found, 5))
        reply = "\n".join(f"Q: {_capital(question)}\nA: {answer}" for _, question, answer in found)
        yield chat(question_messages(title, passage), reply, group, passage)


def joined(rows: Sequence[Row], rng: Random) -> list[Row]:
    """The same rows, most of their passages with others of the same file after them, up to the longest text.

    A question of a person is about one piece; a text that a model is shown has several.
    """
    answered = [
        replace(row, question=row.question.rstrip(" .!?") + "?")
        for row in rows
        if row.answerable and not row.whole and not row.question.endswith(")") and len(row.question.split()) > 3
    ]
    rng.shuffle(answered)
    by_file: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in {row.question: row for row in answered}.values():  # A question stands in several rows: here once.
        by_file[row.group][row.passage].append(row)
    made: list[Row] = []
    for passages in by_file.values():
        waiting = list(passages.values())
        while waiting:
            part = [waiting.pop()]
            while waiting and rng.random() < 0.75 and _length(part) + len(waiting[-1][0].passage) < LONGEST_TEXT - 8:
                part.append(waiting.pop())
            text = "\n\n".join(each[0].passage for each in part)
            at = 0
            for each in part:
                made += [
                    replace(
                        row,
                        title=part[0][0].title.split(" > ")[0] if len(part) > 1 else row.title,
                        passage=text,
                        answers=tuple((start + at, end + at) for start, end in row.answers),
                    )
                    for row in each
                ]
                at += len(each[0].passage) + 2
    return made


def _length(part: Sequence[Sequence[Row]]) -> int:
    return sum(len(each[0].passage) + 2 for each in part)


def _capital(text: str) -> str:
    text = " ".join(text.split())
    return text[:1].upper() + text[1:]


# -- standalone --------------------------------------------------------------------------------------------------------


def standalone_rows(folder: Path) -> Iterator[Chat]:
    """Follow-ups of CANARD. Its first two lines, page and section, become what the person asked to speak of."""
    with gzip.open(folder / "canard" / "rows.jsonl.gz", "rt", encoding="utf-8") as stream:
        for entry in map(json.loads, stream):
            title, section, *said = entry["history"]
            about = title if section.lower() in ("introduction", "background") else f"{title}: {section}"
            turns = [Turn("user", f"Tell me about {about}.")]
            turns += [Turn("user" if at % 2 == 0 else "assistant", text) for at, text in enumerate(said)]
            if not entry["rewrite"].strip() or "CANNOTANSWER" in entry["rewrite"]:
                continue
            messages = rewrite_messages(entry["question"], turns)
            known = set(_NAMES.findall(messages[1]["content"]))
            # What the rewrite names has to stand in what is shown: nothing is to be guessed.
            if set(_NAMES.findall(entry["rewrite"])) <= known:
                yield chat(messages, _capital(entry["rewrite"]), entry["group"])


def talk_rows(folder: Path) -> Iterator[Chat]:
    """Follow-ups of the conversations over folders, as the person who asked them wrote them for themselves."""
    for path in sorted(folder.glob("*.conversations.jsonl")):
        for talk in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            turns: list[Turn] = []
            for asked in talk["turns"]:
                if turns:
                    messages = rewrite_messages(asked["question"], turns)
                    if _is_said(asked["standalone"], messages[1]["content"]):
                        yield chat(messages, _capital(asked["standalone"]), f"{path.name.split('.')[0]}/{talk['id']}")
                quotes = " ".join(each["quote"] for each in asked["evidence"])
                said = quotes[:400] if asked["answerable"] else "The documents do not say."
                turns += [Turn("user", asked["question"]), Turn("assistant", said or str(asked.get("answer", "")))]


def _is_said(rewrite: str, shown: str) -> bool:
    """Whether the names of a rewriting, and most of its words, stand in what the model is shown."""
    names = {name.lower() for name in _NAMES.findall(rewrite.split(" ", 1)[-1])}
    words, there = set(terms(rewrite)), set(terms(shown))
    return names <= set(re.findall(r"\w+", shown.lower())) and len(words & there) >= 0.7 * len(words)


# ----------------------------------------------------------------------------------------------------------------------


def not_taught(kept: Sequence[Chat], trained: Sequence[Chat]) -> list[Chat]:
    """The rows kept apart that no row asks as well: people ask the same in conversations of different groups."""
    numbered = [replace(row_of({"messages": row["messages"]}), task=str(at)) for at, row in enumerate(kept)]
    rows = [row_of({"messages": row["messages"]}) for row in trained]
    return [kept[int(row.task)] for row in not_trained_on(numbered, rows)]


def write(path: Path, rows: Sequence[Chat]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    print(f"{path.name}: {len(rows)} rows, about {sum(len(str(row['messages'])) for row in rows) // 4:,} tokens")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--asked", type=Path)
    parser.add_argument("--talks", type=Path)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--negatives", type=Path, help="Those that a training of the reader on these rows has mined.")
    parser.add_argument("--only", nargs="*", default=("ground", "questions", "standalone"))
    parser.add_argument("--most", type=int, default=2_400, help="Rows of an adapter.")
    parser.add_argument("--held", type=int, default=150)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    rows, held = split_rows(read_rows(sorted(chosen.rows.glob("*.jsonl"))), 0.12, seed=24)
    rng = Random(5)
    sets = {
        row.passage: path.stem
        for path in sorted(chosen.rows.glob("*.jsonl"), reverse=True)
        for row in read_rows([path])
    }
    made = {}
    if "ground" in chosen.only:
        negatives = kept_negatives(rows, chosen.negatives or chosen.out / "negatives.json", EncoderSettings())
        held_negatives = kept_negatives(held, chosen.out / "negatives-held.json", EncoderSettings())
        kinds = (ground_rows(rows, negatives, rng), ground_rows(held, held_negatives, rng))
        made["ground"] = tuple(mixed(list(each), sets, chosen.most, rng) for each in kinds)
    kinds = (question_rows(rows, rng), question_rows(held, rng))
    made["questions"] = tuple(mixed(list(each), sets, chosen.most, rng) for each in kinds)
    if chosen.asked:
        asked = split_rows(read_rows(sorted(chosen.asked.glob("*.jsonl"))), 0.04, seed=24)
        more = [list(question_rows(joined(part, rng), rng)) for part in asked]
        for row in [*more[0], *more[1]]:
            row.pop("passage")
        made["questions"] = tuple(
            [*part, *mine[: len(part) // 3]] for part, mine in zip(more, made["questions"], strict=True)
        )
    rewritten = list(standalone_rows(chosen.train))
    talked = list(talk_rows(chosen.talks)) if chosen.talks else []
    rng.shuffle(rewritten)
    parts = [
        [row for row in rewritten[: len(talked) or None] if held_out(row["group"], 0.12, seed=24) == held]
        + [row for row in talked if held_out(row["group"], 0.04, seed=24) == held]
        for held in (False, True)
    ]
    made["standalone"] = (parts[0], parts[1])
    for recipe in (Path(__file__).parent / "recipes").glob("*.toml"):
        shutil.copy(recipe, chosen.out)
    for name, (trained, kept) in made.items():
        if name not in chosen.only:
            continue
        rng.shuffle(trained)
        rng.shuffle(kept)
        kept = not_taught(kept, trained[: chosen.most])
        write(chosen.out / f"{name}.jsonl", trained[: chosen.most])
        write(chosen.out / f"{name}.held.jsonl", kept[: chosen.held])
        if name == "ground":  # what the gate's [abstention] asks
            none = [row for row in kept[: chosen.held] if row["messages"][-1]["content"] == UNKNOWN]
            write(chosen.out / "ground.none.jsonl", none)


if __name__ == "__main__":
    main()
