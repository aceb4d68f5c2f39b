"""Recipes: a typed TOML file that says how a language model's weights are adapted. Imports nothing heavy."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from instill.common.toml_files import read_toml
from instill.common.unknown_keys import explained
from instill.errors import UsageError
from instill.models.generators.gguf.known import KNOWN, is_gguf
from instill.models.generators.named_model import MICRO
from instill.settings.location import expanded
from instill.train.gate.metrics import known_scoring
from instill.train.generator.data.rows import Row, instructed, read_rows, replied
from instill.train.generator.recipes.training_section import Hyperparameters

if TYPE_CHECKING:
    from instill.train.generator.methods.methods import Method

HUB = "hub:"
"""Bases that are no folders: the laboratory's model, and the prefix of one that is downloaded."""


class Section(BaseModel):
    """Keys of a recipe that stand together."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(Section):
    """What is learnt. Paths are relative to the recipe."""

    rows: list[str] = Field(min_length=1, description="JSON Lines: messages, texts or preferences.")
    replay: list[str] = Field(default=[], description="Rows of what the model can do already and must not forget.")
    replay_share: float = Field(0.25, ge=0, le=0.9, description="Share of an epoch's rows that are replay.")
    held_out: list[str] = Field(default=[], description="Rows that are only measured on.")
    reply_schema: str = Field("", alias="schema", description="JSON schema that every reply of the rows follows.")
    instructions: str = Field("", description="System prompt of rows without one, the gate's own too; not of replay.")


class Lora(Section):
    """The adapter, for the methods lora and dora."""

    rank: int = Field(8, ge=1, le=4096, description="Larger: learns more, forgets more.")
    alpha: float = Field(16, gt=0, description="The adapter's scale is alpha / rank.")
    dropout: float = Field(0.0, ge=0, lt=1)


class Distil(Section):
    """For the objective distil: the teacher is the base with the row's `teacher` messages before it."""

    top_k: int = Field(32, ge=1, le=1024, description="Likeliest words of the teacher that are kept for a token.")
    temperature: float = Field(1.0, gt=0, le=10)


class Preference(Section):
    """For the objective preference (DPO)."""

    beta: float = Field(0.1, gt=0, le=10, description="Larger: stays nearer to the base.")


class Reward(Section):
    """For the objective reward (GRPO): weights of the checks that replies are rewarded by, and how they are drawn."""

    answer: float = Field(1.0, ge=0, le=100, description="Weight: the reply is right, by `scoring`.")
    scoring: str = Field(
        "exact", min_length=1, description="As in a gate: exact, verbatim, f1, json, contains, or a plug-in's."
    )
    follows_schema: float = Field(
        0.0, alias="schema", ge=0, le=100, description="Weight: the reply follows data.schema."
    )
    cited: float = Field(0.0, ge=0, le=100, description="Weight: share of sentences that their passages [n] prove.")
    refusal: float = Field(0.0, ge=0, le=100, description="Weight: it refuses exactly where the row's reply does.")
    longest: float = Field(3.0, ge=1, le=100, description="Replies so many times as long as the row's earn nothing.")
    group: int = Field(8, ge=2, le=64, description="Replies to one row, compared with each other.")
    max_tokens: int = Field(64, ge=1, le=4096, description="A reply that has not ended by then earns nothing.")
    temperature: float = Field(1.0, ge=0.1, le=2, description="Larger: the replies differ more.")
    kl: float = Field(0.04, ge=0, le=10, description="Larger: stays nearer to the base.")

    @property
    def weights(self) -> dict[str, float]:
        """Of the checks that count."""
        found = {"answer": self.answer, "schema": self.follows_schema, "cited": self.cited, "refusal": self.refusal}
        return {name: weight for name, weight in found.items() if weight > 0}


class Recipe(Section):
    """How a model's weights are adapted; a method that follows from other keys is filled in.

    What depends on rows and model, `instill.train.generator.recipes.defaults` fills in when they are opened.

    Example:
        >>> Recipe(name="tone", base="models/qwen", last_layers=2, data=Data(rows=["tone.jsonl"])).method
        'full'
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="Names what comes out of it.")
    base: str = Field(
        min_length=1, description='A transformers folder, a .gguf file, "smollm2", "micro", or "hub:OWNER/NAME".'
    )
    method: Literal["lora", "dora", "full"] = Field(
        "lora", description="lora, dora or full; full where last_layers or modules is set."
    )
    last_layers: int = Field(0, ge=0, description="Only so many layers, counted from the top; 0: all.")
    modules: Literal["all", "mlp", "attention"] = Field(
        "all", description="all, or only the mlp or the attention parts of the layers."
    )
    objective: Literal["next_token", "distil", "preference", "reward"] = Field(
        "next_token", description="Or distil, preference, reward."
    )
    gate: str = Field("", description="Conditions that a candidate must meet.")
    data: Data
    lora: Lora = Lora()
    distil: Distil = Distil()
    preference: Preference = Preference()
    reward: Reward = Reward()
    training: Hyperparameters = Hyperparameters()

    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        restricted = bool(values.get("last_layers")) or values.get("modules", "all") != "all"
        method = values.get("method", "full" if restricted else "lora")
        return {**values, "method": method}

    def at(self, folder: Path) -> Recipe:
        """The same recipe, its paths relative to `folder`."""
        moved = self.model_copy()
        moved._folder = folder
        return moved

    def path(self, name: str) -> Path:
        """A path of the recipe, from where it can be opened."""
        return self._folder / expanded(name)

    def effective(self) -> dict[str, Any]:
        """Every value that has an effect, defaults included; sections that have none are left out."""
        values = self.model_dump(mode="json", by_alias=True)
        for section in _without_effect(self):
            del values[section]
        if not self.data.replay:
            values["data"]["replay_share"] = 0.0
        return values

    def of_weights(self) -> dict[str, Any]:
        """The effective values that decide the trained weights: all but the gate."""
        return {key: value for key, value in self.effective().items() if key != "gate"}

    @property
    def hash(self) -> str:
        """16 hexadecimal digits over the effective values; not over the files that they name."""
        text = json.dumps(self.effective(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def as_method(self) -> Method:
        """Which weights are trained."""
        from instill.train.generator.methods.methods import Method

        return Method(kind=self.method, last_layers=self.last_layers, modules=self.modules, **self.lora.model_dump())

    def study_rows(self) -> list[Row]:
        """The rows that are to be learnt, with the instructions.

        Raises:
            UsageError: a file cannot be read, or a line of it is no row.
        """
        rows = [instructed(row, self.data.instructions) for row in self._read(self.data.rows)]
        return [replied(row) for row in rows] if self.objective == "reward" else rows

    def replay_rows(self) -> list[Row]:
        """The rows that are not to be forgotten."""
        return self._read(self.data.replay)

    def held_out_rows(self) -> list[Row]:
        """The rows that are only measured on, with the instructions."""
        return [instructed(row, self.data.instructions) for row in self._read(self.data.held_out)]

    def schema_of_replies(self) -> Any:
        """The JSON schema, or None.

        Raises:
            UsageError: the file is not JSON.
        """
        if not self.data.reply_schema:
            return None
        file = self.path(self.data.reply_schema)
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"The JSON schema cannot be read: {error}.", where=f"data.schema: {file}") from error

    def _read(self, names: Sequence[str]) -> list[Row]:
        return [row for name in names for row in read_rows(self.path(name))]


def read_recipe(file: Path) -> Recipe:
    """The recipe in a TOML file.

    Raises:
        UsageError: it is not TOML; a key or value is not known, or has no effect; a path points to nothing. The
            error names the key, and of an unknown one the nearest known.
    """
    values = read_toml(file, "recipe", begin="Name your own recipe, or begin one: instill train init recipe.toml")
    try:
        recipe = Recipe(**values).at(file.parent)
    except ValidationError as error:
        raise _explained(error, file) from error
    _refuse_without_effect(recipe, file)
    for key, name, folder in _paths(recipe):
        found = recipe.path(name)
        if not (found.is_dir() if folder else found.is_file()):
            near = difflib.get_close_matches(name, [MICRO, *KNOWN], n=1, cutoff=0.7) if key == "base" else []
            raise UsageError(
                f"There is no {'folder' if folder else 'file'} at this path.",
                where=f"{file}: {key} = {name}",
                remedy=f"Did you mean {near[0]}?" if near else "Paths are relative to the recipe.",
            )
    return recipe


def known_keys() -> list[str]:
    """Every key of a recipe, those in sections with the section's name."""
    found = []
    for key, field in Recipe.model_fields.items():
        found.append(key)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += [f"{key}.{each.alias or name}" for name, each in field.annotation.model_fields.items()]
    return found


def _paths(recipe: Recipe) -> Iterator[tuple[str, str, bool]]:
    """Key, path as written, and whether it is a folder."""
    if recipe.base != MICRO and not recipe.base.startswith(HUB) and recipe.base not in KNOWN:
        yield "base", recipe.base, not is_gguf(recipe.base)
    for key, names in (
        ("data.rows", recipe.data.rows),
        ("data.replay", recipe.data.replay),
        ("data.held_out", recipe.data.held_out),
        ("data.schema", [recipe.data.reply_schema]),
        ("gate", [recipe.gate]),
    ):
        yield from ((key, name, False) for name in names if name)


def _without_effect(recipe: Recipe) -> dict[str, str]:
    """Sections that have no effect, and on what they wait."""
    found = {}
    if recipe.method == "full":
        found["lora"] = 'method = "lora" or "dora"'
    for objective in ("distil", "preference", "reward"):
        if recipe.objective != objective:
            found[objective] = f'objective = "{objective}"'
    return found


def _refuse_without_effect(recipe: Recipe, file: Path) -> None:
    for section, needed in _without_effect(recipe).items():
        given = getattr(recipe, section).model_fields_set
        if given:
            raise UsageError(
                f"This setting has no effect without {needed}.",
                where=f"{file}: {section}.{min(given)}",
                remedy="Remove it, or set the other.",
            )
    if recipe.objective in _NEAR:
        _refuse_near_the_base(recipe, file)
    if recipe.objective == "reward":
        _refuse_reward(recipe, file)
    if "replay_share" in recipe.data.model_fields_set and recipe.data.replay_share and not recipe.data.replay:
        raise UsageError(
            "There is no replay to take a share of.",
            where=f"{file}: data.replay_share",
            remedy='Name its rows: replay = ["general.jsonl"].',
        )


_NEAR = {"preference": "preference.beta", "reward": "reward.kl"}
"""Objectives that stay near the base, and the setting that says how near."""


def _refuse_near_the_base(recipe: Recipe, file: Path) -> None:
    objective, key = recipe.objective, _NEAR[recipe.objective]
    if recipe.data.replay:
        raise UsageError(
            f'Replay has no effect with objective = "{objective}", which stays near the base by {key}.',
            where=f"{file}: data.replay",
            remedy=f"Remove it; to forget less, raise {key}.",
        )
    if recipe.lora.dropout:
        raise UsageError(
            f'Dropout has no effect with objective = "{objective}": replies to one prompt are weighed by the same'
            " weights.",
            where=f"{file}: lora.dropout",
            remedy=f"Remove it; to learn less by heart, raise {key} or take fewer steps.",
        )


def _refuse_reward(recipe: Recipe, file: Path) -> None:
    chosen = recipe.reward
    if recipe.method != "lora":
        raise UsageError(
            'objective = "reward" trains an adapter beside the base, which it is held near to.',
            where=f"{file}: method = {recipe.method}",
            remedy='Set method = "lora".',
        )
    if not chosen.weights:
        raise UsageError(
            "No check has a weight above 0, so no reply could earn anything.",
            where=f"{file}: reward",
            remedy="Give answer, schema, cited or refusal a weight.",
        )
    if chosen.follows_schema and not recipe.data.reply_schema:
        raise UsageError(
            "There is no schema to hold the replies against.",
            where=f"{file}: reward.schema",
            remedy='Name its file: [data] schema = "reply.schema.json".',
        )
    if "scoring" in chosen.model_fields_set and not chosen.answer:
        raise UsageError(
            "This setting has no effect without reward.answer.",
            where=f"{file}: reward.scoring",
            remedy="Remove it, or give answer a weight.",
        )
    try:
        known_scoring(chosen.scoring)
    except UsageError as error:
        error.where = f"{file}: reward.scoring"
        raise


def _explained(error: ValidationError, file: Path) -> UsageError:
    found = explained(error, file, known_keys(), "`instill train init` writes a recipe with every key.")
    first = error.errors()[0]
    key = str(first["loc"][-1]) if first["loc"] else ""
    if first["type"] == "extra_forbidden" and len(first["loc"]) > 1 and key in Recipe.model_fields:
        found.command = f"Put `{key}` above the first [section]."
    return found
