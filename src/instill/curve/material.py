"""What a data curve trains on and asks: the rows of a recipe and those it holds out, or a study set's rows and gate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from instill.common.made_from import NOTHING, MadeFrom, together
from instill.errors import UsageError
from instill.measure import judging
from instill.train.generator.data.rows import Row, chat_row, instructed, read_objects, rows_hash
from instill.train.generator.recipes.recipe import Data, Recipe

if TYPE_CHECKING:
    from instill.models.generators.protocol import Message
    from instill.study.stored_study import StoredStudy
    from instill.study.study_set import StudyItem
    from instill.train.gate.rows import GateRows
    from instill.train.gate.scoring import Scoring

By = Literal["fact", "wording"]
"""What a smaller size has less of: whole facts, or rows about each of them."""

_FEWEST_TOKENS, _MOST_TOKENS = 32, 1024
_LABELS = {
    "exact": "right answers",
    "verbatim": "verbatim answers",
    "json": "F1 of fields",
    "f1": "F1 of words",
    "contains": "answers said",
}
_NOT_ASKED = ("unanswerable", "control")


@dataclass(frozen=True, slots=True)
class Material:
    """Rows to draw from, and questions that are asked after each training.

    Args:
        name: of the curve.
        label: what its scores are.
        recipe: how each training is done.
        rows: all that there are to learn.
        row_groups: of each row what it is about (its facts); None: every row is by itself.
        asked: the questions, none of which is taught.
        groups: of each question, its fact or document.
        controls: questions about facts that no row tells; no rows where there are none.
        scoring: names how `score` scores.
        score: (reply, row, accepted answers) -> 0 to 1.
        max_tokens: longer replies are cut.
        of_facts: whether each question is about facts that the rows tell, all of them.
        made_from: the documents that rows and questions were made from.
    """

    name: str
    label: str
    recipe: Recipe
    rows: tuple[Row, ...]
    row_groups: tuple[str, ...] | None
    asked: GateRows
    groups: tuple[str, ...]
    controls: GateRows
    scoring: str
    score: Callable[[str, Row, Sequence[str]], float]
    max_tokens: int
    of_facts: bool = False
    made_from: MadeFrom = NOTHING

    @property
    def parts(self) -> list[Any]:
        """What names the material, for a hash."""
        questions = [
            digest for each in (self.asked, self.controls) for digest in (each.hash, [list(a) for a in each.accepted])
        ]
        return [
            judging.VERSION,
            rows_hash(self.rows),
            self.row_groups,
            questions,
            list(self.groups),
            self.scoring,
            self.max_tokens,
        ]


def recipe_material(recipe: Recipe, scoring: Scoring | None = None) -> Material:
    """The recipe's rows, asked the rows that it holds out.

    Args:
        scoring: None: "json" (F1 of the fields) where the recipe names a schema, else "exact".

    Raises:
        UsageError: a file or the base cannot be read; nothing is held out, or a row that is has no answer to score by.
    """
    from instill.train.gate.rows import as_gate_rows
    from instill.train.gate.scores_of_rows import question_of
    from instill.train.gate.scoring import score

    if not recipe.data.held_out:
        raise UsageError(
            "The recipe holds no rows out, so there is nothing to ask.",
            where="data.held_out",
            remedy='Name a file of rows that are only measured on: held_out = ["held_out.jsonl"]',
        )
    chosen: Scoring = scoring or ("json" if recipe.data.reply_schema else "exact")
    tokenizer = _tokenizer(recipe)
    held_out = recipe.held_out_rows()
    of_held_out = _groups(recipe, recipe.data.held_out) or tuple(f"row {number}" for number in range(len(held_out)))
    asked = as_gate_rows(held_out, tokenizer, recipe.path(recipe.data.held_out[0]))
    asked.check_scored(chosen, "data.held_out")
    rows = recipe.study_rows()
    return Material(
        name=recipe.name,
        label=_LABELS.get(chosen, f"score ({chosen})"),
        recipe=recipe,
        rows=tuple(rows),
        row_groups=_groups(recipe, recipe.data.rows),
        asked=asked.asking,
        groups=tuple(group for group, row in zip(of_held_out, held_out, strict=True) if row.prompt),
        controls=asked.some([]),
        scoring=chosen,
        score=lambda reply, row, accepted: score(reply, accepted, chosen, question=question_of(row)),
        max_tokens=_reply_tokens(asked, tokenizer),
        made_from=_made_from(recipe, [*rows, *held_out]),
    )


def study_material(study: StoredStudy, recipe: Recipe) -> Material:
    """A study set's rows, asked its gate's questions without any document.

    The questions are about all facts that the rows tell. Questions about facts that are never taught are asked beside
    them, and do not count. The audit split is not read.

    Args:
        recipe: see `study_recipe`.

    Raises:
        UsageError: the gate has no question about a taught fact.
        WorkspaceError: a file of the set was changed.
        EvidenceInPrompt: the recipe's instructions hold evidence of the documents.
    """
    from instill.measure.judging.scorer import judge
    from instill.study.closed_book import ClosedBook
    from instill.train.gate.rows import GateRows

    facts = study.facts()
    taught = {fact.id for fact in facts if fact.role == "taught"}
    gate = study.items("gate")
    items = [
        item for item in gate if item.phrasing not in _NOT_ASKED and item.accepted and taught.issuperset(item.fact_ids)
    ]
    never = [item for item in gate if item.phrasing == "control" and item.accepted]
    if not items:
        raise UsageError(
            "The study set's gate asks nothing about what is taught.",
            where=study.card.id,
            remedy="Make it with more facts, or a larger share for the gate: instill study make --gate 0.4",
        )
    rows = recipe.study_rows()
    instructions = recipe.data.instructions
    closed = ClosedBook(fact.evidence.text for fact in facts)

    def asking(chosen: Sequence[StudyItem]) -> GateRows:
        found = tuple(instructed(_item_row(item), instructions) for item in chosen)
        for item, row in zip(chosen, found, strict=True):
            messages: list[Message] = [{"role": each["role"], "content": str(each["content"])} for each in row.prompt]
            closed.check(messages, item.question)
        return GateRows(found, tuple(item.accepted for item in chosen), study.folder)

    asked = asking(items)
    return Material(
        name=f"Study set {study.card.id}",
        label="right answers, closed book",
        recipe=recipe,
        rows=tuple(rows),
        row_groups=tuple(_group(row, number) for number, row in enumerate(study.rows())),
        asked=asked,
        groups=tuple(item.fact_ids[0] for item in items),
        controls=asking(never),
        scoring="right",
        score=lambda reply, row, accepted: (
            judge(reply, accepted, question=str(row.prompt[-1]["content"]) if row.prompt else "").right
        ),
        max_tokens=_reply_tokens(asked, _tokenizer(recipe)),
        of_facts=True,
        made_from=study.card.made_from | _made_from(recipe, rows),
    )


def study_recipe(study: StoredStudy, base: str, like: Recipe | None = None) -> Recipe:
    """A recipe for the rows of a study set.

    Args:
        base: a transformers folder, a .gguf file, "smollm2", "micro" or "hub:OWNER/NAME"; "" for that of `like`.
        like: whose method, training, instructions and replay are taken; None: the defaults.

    Raises:
        UsageError: no base is named.
    """
    if like is None:
        if not base:
            raise UsageError(
                "No model to train is named.",
                where="generator.folder",
                remedy="Name its folder: --base FOLDER, or set generator.folder in instill.toml.",
            )
        recipe = Recipe(name=f"study-{study.card.id}", base=base, data=Data(rows=[str(study.rows_file.resolve())]))
        return with_base(recipe, base)
    changed = {"rows": [str(study.rows_file.resolve())], "held_out": [], "reply_schema": ""}
    found = like.model_copy(update={"data": like.data.model_copy(update=changed)})
    return with_base(found, base) if base else found


def with_base(recipe: Recipe, base: str) -> Recipe:
    """The recipe with another base, whose folder is relative to where the command runs.

    Raises:
        UsageError: there is no such model.

    Example:
        >>> with_base(Recipe(name="tone", base="models/a", data=Data(rows=["tone.jsonl"])), "micro").base
        'micro'
    """
    from instill.train.generator.recipes.base import found_base

    return recipe.model_copy(update={"base": found_base(base)})


def draw(material: Material, size: int, seed: int, by: By) -> list[Row]:
    """The rows of a size: those of a smaller size and further ones.

    Args:
        size: 1 to all rows.
        seed: another one draws others.
        by: "fact": whole facts, at most one in part; "wording": a row about each fact, then a second one, and so on.
    """
    from instill.curve.sizes import nested_subsets

    count, groups = len(material.rows), material.row_groups
    if by == "fact" or groups is None:
        return [material.rows[place] for place in nested_subsets(count, [size], seed, groups=groups)[size]]
    turns: dict[str, int] = {}
    order: list[tuple[int, int]] = []
    for place in nested_subsets(count, [count], seed, groups=groups)[count]:
        turns[groups[place]] = turn = turns.get(groups[place], 0) + 1
        order.append((turn, place))
    return [material.rows[place] for _, place in sorted(order, key=lambda each: each[0])[:size]]


def identity_of(material: Material, base_hash: str, replay: Iterable[Row], by: By) -> str:
    """16 hexadecimal digits over all that decides a score at a size and seed; where files stand does not count."""
    values = material.recipe.of_weights()
    values["data"] = {"replay_share": values["data"]["replay_share"]}
    values["training"] = {key: value for key, value in values["training"].items() if key != "seed"}
    values = {key: value for key, value in values.items() if key not in ("name", "base")}
    parts = [base_hash, values, rows_hash(list(replay)), by, material.parts]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _made_from(recipe: Recipe, rows: Iterable[Row]) -> MadeFrom:
    return together(row.made_from for row in (*rows, *recipe.replay_rows()))


def _tokenizer(recipe: Recipe) -> Any:
    from instill.models.generators.transformers_models import open_tokenizer
    from instill.train.generator.recipes.base import base_folder

    return open_tokenizer(base_folder(recipe))


def _item_row(item: StudyItem) -> Row:
    row = chat_row(item.question, item.answer, task=item.phrasing)
    return Row(row.messages, answers=item.accepted[1:], task=item.phrasing, place=f"item {item.id}")


def _groups(recipe: Recipe, names: Sequence[str]) -> tuple[str, ...] | None:
    """Of each row of these files what it is about; None where no row says it."""
    found: list[str] = []
    for name in names:
        objects, _ = read_objects(recipe.path(name))
        found += [_group(each, len(found) + place) for place, (_, each) in enumerate(objects)]
    return tuple(found) if any(not group.startswith("row ") for group in found) else None


def _group(row: Mapping[str, Any], number: int) -> str:
    """Rows about the same facts, or else with the same item, belong together.

    Example:
        >>> _group({"text": "...", "facts": ["b", "a"], "item": "i"}, 7), _group({"item": "i"}, 7), _group({}, 7)
        ('facts a b', 'item i', 'row 7')
    """
    facts = row.get("facts")
    if isinstance(facts, list) and facts:
        return f"facts {' '.join(sorted(map(str, facts)))}"
    return f"item {row['item']}" if row.get("item") else f"row {number}"


def _reply_tokens(asked: GateRows, tokenizer: Any) -> int:
    """Room for twice the longest answer, with the thoughts that the chat template puts before it: what a model says
    beyond that would not make it right."""
    from instill.train.generator.data.examples import render

    texts = [answer for answers in asked.accepted for answer in answers]
    for row in asked.rows:
        if row.answer:
            shown = render(row, tokenizer)
            texts += [shown.text[start:end] for start, end in shown.spans[-1:]]
    longest = max((len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]), default=0)
    return min(max(_FEWEST_TOKENS, 2 * longest), _MOST_TOKENS)
