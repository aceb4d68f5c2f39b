"""`--where`: a SQL condition over document fields and metadata, rebuilt from its parse tree.

What a person writes never reaches the store. It is parsed (sqlglot), every node is checked against the few that are
allowed, and a new condition is written from the tree: comparisons, `and`, `or`, `not`, `in`, `like`, `ilike`,
`between` and `is null` between one field and literals. Functions, sub-queries, casts, comments and second statements
are refused.

A name is a document field (`FIELDS`) or else a metadata key; `metadata.size` reaches a key that is also a
field. A key that a document does not have is null, so a comparison with it is neither true nor false; whether any
document has it is asked by `instill.index.known_fields`. A metadata value is compared as the literal's type:
as a number with 2024, as text with '2024'. Dates are ISO 8601 text.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Protocol

from instill.errors import UsageError
from instill.index.sql_quoting import text_literal

TEXT_FIELDS = frozenset({"doc_id", "source", "name", "kind", "title", "modified", "added", "headings"})
NUMBER_FIELDS = frozenset({"size", "page"})
FIELDS = TEXT_FIELDS | NUMBER_FIELDS
PASSAGE_FIELDS = frozenset({"page", "headings"})

_LONGEST = 4_000
_DEEPEST = 40
_KEY = re.compile(r"[a-z][a-z0-9_]{0,99}")
_EXAMPLE = "Write for example: year >= 2024 and kind = 'pdf' and title like '%report%'"

Literal = str | float | bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A checked condition.

    Args:
        of_passages: it names a field that differs between a document's passages.
        keys: the metadata keys that it names; whether any document has them is for the index to say.
        fields: the document fields that it names.
    """

    sql: str
    of_passages: bool
    keys: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()


class Dialect(Protocol):
    """How a store's SQL says what differs from one to the other."""

    def metadata(self, key: str) -> str:
        """The value of a metadata key as text; null where there is none. `key` is letters, digits and _."""
        ...

    def number(self, text: str) -> str:
        """A text as a number; null where it is none."""
        ...

    def like(self, value: str, pattern: str, *, any_case: bool) -> str:
        """Whether a text has the form of a pattern: % any characters, _ one, \\ before one that means itself."""
        ...


class _Lance:
    def metadata(self, key: str) -> str:
        return f"json_get_string(metadata, '{key}')"

    def number(self, text: str) -> str:
        return f"TRY_CAST({text} AS DOUBLE)"

    def like(self, value: str, pattern: str, *, any_case: bool) -> str:
        return f"({value} {'ILIKE' if any_case else 'LIKE'} {text_literal(pattern)})"


LANCE: Dialect = _Lance()


def compiled(where: str, dialect: Dialect = LANCE) -> str:
    """The condition for the store; "" for "".

    Raises:
        UsageError: `where` is not one of the conditions described above; says which part.

    Example:
        >>> compiled("kind = 'pdf' and size > 10")
        "((kind = 'pdf') AND (size > 10))"
        >>> compiled("year >= 2024")
        "(TRY_CAST(json_get_string(metadata, 'year') AS DOUBLE) >= 2024)"
        >>> compiled("lower(title) = 'a'")
        Traceback (most recent call last):
        ...
        instill.errors.UsageError: A filter cannot use LOWER(title). (lower(title) = 'a') ...
    """
    return parsed(where, dialect).sql


def parsed(where: str, dialect: Dialect = LANCE) -> Filter:
    """`compiled` with what `records` needs to know."""
    if not where.strip():
        return Filter("", of_passages=False)
    if len(where) > _LONGEST:
        raise UsageError("The filter is too long.", where=f"{len(where)} characters, at most {_LONGEST}")
    writer = _Writer(where, dialect)
    sql = writer.condition(_tree(where), 0)
    fields = frozenset(writer.fields)
    return Filter(sql, of_passages=bool(fields & PASSAGE_FIELDS), keys=frozenset(writer.keys), fields=fields)


def _tree(where: str) -> Any:
    from sqlglot import exp, parse, tokenize
    from sqlglot.errors import SqlglotError

    try:
        tokens = tokenize(where, read="duckdb")
        for token in tokens:
            if token.comments or token.text == ";":
                raise UsageError("A filter cannot contain comments or a semicolon.", where=where, remedy=_EXAMPLE)
        # The tokenizer takes comments and semicolons behind the last token silently.
        if not tokens or where[tokens[-1].end + 1 :].strip():
            raise UsageError("A filter cannot contain comments or a semicolon.", where=where, remedy=_EXAMPLE)
        trees = parse(f"SELECT 1 WHERE {where}", read="duckdb")
    except SqlglotError as error:
        raise UsageError("The filter cannot be understood.", where=_marked(where, error), remedy=_EXAMPLE) from error
    except RecursionError as error:
        raise UsageError("The filter is nested too deeply.", where=where[:80], remedy=_EXAMPLE) from error
    statement = trees[0] if len(trees) == 1 else None
    if not isinstance(statement, exp.Select):
        raise UsageError("The filter cannot be understood.", where=where, remedy=_EXAMPLE)
    # Only "SELECT 1 WHERE condition": nothing of what came in may have become another clause.
    clauses = {name for name, value in statement.args.items() if value}
    if clauses != {"expressions", "where"}:
        raise UsageError("A filter must be a single condition.", where=where, remedy=_EXAMPLE)
    return statement.args["where"].this


class _Writer:
    """Writes a tree out again, node by node; what it does not know it refuses."""

    def __init__(self, where: str, dialect: Dialect) -> None:
        from sqlglot import exp

        self.where = where
        self._dialect = dialect
        self.fields: set[str] = set()
        self.keys: set[str] = set()
        self._exp = exp
        self._comparisons = {exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}

    def condition(self, node: Any, depth: int) -> str:
        if depth > _DEEPEST:
            raise UsageError("The filter is nested too deeply.", where=self.where[:80], remedy=_EXAMPLE)
        written = self._positive(node, depth)
        return f"(NOT {written})" if node.args.get("negate") else written

    def _positive(self, node: Any, depth: int) -> str:
        """The condition without the NOT of NOT LIKE and NOT IN, which the parser keeps on the node."""
        exp = self._exp
        match node:
            case exp.Paren():
                return self.condition(node.this, depth + 1)
            case exp.And() | exp.Or():
                word = " AND " if isinstance(node, exp.And) else " OR "
                return f"({word.join(self.condition(part, depth + 1) for part in node.flatten())})"
            case exp.Not():
                return f"(NOT {self.condition(node.this, depth + 1)})"
            case exp.Is():
                return self._is(node)
            case exp.In():
                return self._in(node)
            case exp.Between():
                self._only(node, "this", "low", "high")
                low, high = self.literal(node.args["low"]), self.literal(node.args["high"])
                return f"({self._compare(node.this, '>=', low)} AND {self._compare(node.this, '<=', high)})"
            case exp.Like() | exp.ILike():
                return self._like(node)
            case exp.Column():
                return self._compare(node, "=", literal=True)
        if type(node) in self._comparisons:
            return self._comparison(node)
        raise self._refused(node)

    def _comparison(self, node: Any) -> str:
        operator = self._comparisons[type(node)]
        left, right = node.this, node.expression
        if not isinstance(left, self._exp.Column):
            left, right = right, left
            operator = {">": "<", ">=": "<=", "<": ">", "<=": ">="}.get(operator, operator)
        return self._compare(left, operator, self.literal(right))

    def _compare(self, column: Any, operator: str, literal: Literal) -> str:
        return f"({self._typed(column, literal)} {operator} {self._written(column, literal)})"

    def _in(self, node: Any) -> str:
        self._only(node, "this", "expressions")
        literals = [self.literal(part) for part in node.expressions]
        if not literals:
            raise self._refused(node)
        groups: dict[str, list[str]] = {}
        for literal in literals:
            groups.setdefault(self._typed(node.this, literal), []).append(self._written(node.this, literal))
        parts = [f"{column} IN ({', '.join(group)})" for column, group in groups.items()]
        return f"({' OR '.join(parts)})"

    def _like(self, node: Any) -> str:
        self._only(node, "this", "expression")
        pattern = self.literal(node.expression)
        if not isinstance(pattern, str):
            raise self._refused(node)
        name = self._field(node.this)
        if name in NUMBER_FIELDS:
            raise self._refused(node)
        any_case = isinstance(node, self._exp.ILike)
        return self._dialect.like(self._typed(node.this, pattern), pattern, any_case=any_case)

    def _is(self, node: Any) -> str:
        if isinstance(node.expression, self._exp.Null):
            name = self._field(node.this)
            return f"({name or self._dialect.metadata(self._key(node.this))} IS NULL)"
        if isinstance(node.expression, self._exp.Boolean):
            wanted = bool(node.expression.this)
            return f"({self._compare(node.this, '=', wanted)} IS TRUE)"
        raise self._refused(node)

    # -- columns -----------------------------------------------------------------------------------------------

    def _typed(self, column: Any, literal: Literal) -> str:
        """The column as something that can be compared with `literal`."""
        name = self._field(column)
        if name:
            return name
        value = self._dialect.metadata(self._key(column))
        return value if isinstance(literal, (str, bool)) else self._dialect.number(value)

    def _written(self, column: Any, literal: Literal) -> str:
        name = self._field(column)
        if isinstance(literal, bool):
            if name:
                raise UsageError(f"{name} is not true or false.", where=self.where, remedy=_EXAMPLE)
            return "'true'" if literal else "'false'"
        if name in NUMBER_FIELDS and isinstance(literal, str):
            raise UsageError(f"{name} is a number.", where=self.where, remedy=f"Write for example: {name} > 10")
        # A number beside a text field: modified >= 2024 means the text '2024'.
        number = not isinstance(literal, str)
        return _number(literal) if number and name not in TEXT_FIELDS else text_literal(_plain(literal))

    def _field(self, column: Any) -> str:
        """The document field that a column names; "" when it names a metadata key."""
        self._check_column(column)
        name = str(column.name).lower()
        if column.table or name not in FIELDS:
            return ""
        self.fields.add(name)
        return name

    def _key(self, column: Any) -> str:
        key = str(column.name).lower()
        if not _KEY.fullmatch(key):
            raise UsageError(
                f"There is no field and no metadata key {column.name!r}.",
                where=self.where,
                remedy=f"Fields: {', '.join(sorted(FIELDS))}; metadata keys are letters, digits and _.",
            )
        self.keys.add(key)
        return key

    def _check_column(self, column: Any) -> None:
        exp = self._exp
        plain = isinstance(column, exp.Column) and isinstance(column.this, exp.Identifier)
        if not plain or column.args.get("db") or column.table.lower() not in ("", "metadata"):
            raise self._refused(column)

    # -- literals ----------------------------------------------------------------------------------------------

    def literal(self, node: Any) -> Literal:
        exp = self._exp
        match node:
            case exp.Boolean():
                return bool(node.this)
            case exp.Literal() if node.is_string:
                return str(node.this)
            case exp.Literal():
                return self._finite(str(node.this), node)
            case exp.Neg() if isinstance(node.this, exp.Literal) and not node.this.is_string:
                return -self._finite(str(node.this.this), node)
        raise self._refused(node)

    def _finite(self, digits: str, node: Any) -> float:
        try:
            value = int(digits) if digits.isdecimal() and len(digits) < 19 else float(digits)
        except ValueError as error:
            raise self._refused(node) from error
        if not math.isfinite(value):
            raise self._refused(node)
        return value

    def _only(self, node: Any, *names: str) -> None:
        """Refuse arguments that would change the node's meaning (IN with a sub-query, SYMMETRIC, NOT valid, ...)."""
        if any(value for name, value in node.args.items() if name not in (*names, "negate")):
            raise self._refused(node)

    def _refused(self, node: Any) -> UsageError:
        try:
            shown = node.sql(dialect="duckdb")[:80]
        except Exception:  # a tree that cannot even be printed is refused like any other
            shown = type(node).__name__
        return UsageError(
            f"A filter cannot use {shown}.", where=self.where[:200], remedy=f"Compare fields with literals. {_EXAMPLE}"
        )


def _plain(literal: Literal) -> str:
    return literal if isinstance(literal, str) else _number(literal)


def _number(literal: Literal) -> str:
    return repr(literal)


def _marked(where: str, error: Any) -> str:
    """The filter with >>> <<< around what the parser stumbled over."""
    details = getattr(error, "errors", None)
    highlight = details[0].get("highlight") if details else ""
    if highlight and where.count(highlight) == 1:
        return where.replace(highlight, f">>>{highlight}<<<")
    return where[:200]
