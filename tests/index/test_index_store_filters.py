"""Any filter finds the same documents in every store as in the Lance table."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from instill.index.store import Index
from instill.settings import StoreSettings
from instill.testing.store_corpus import document
from instill.testing.store_writer import opened
from tests.plugins.packages import install
from tests.postgres_server import running_postgres

# Not "nan" and "inf", which are numbers to the Lance table only.
TEXTS = [
    "a", "A", "b%", "a_b", "it's", "10", "9", "-1.5", "", "Ä", "ä", "é", "true", "2024-05-01", "x\\y",
    "é\u0301", "検索",
]  # fmt: skip
VALUES = [*TEXTS, 1, 10, -3, 2.5, True, False]
FIELDS = ["title", "kind", "word", "number", "flag", "nothing", "name", "metadata.size"]
quoted = st.sampled_from(TEXTS).map(lambda text: "'" + text.replace("'", "''") + "'")
literals = st.one_of(quoted, st.sampled_from(["1", "10", "-3", "2.5", "true", "false", "9.0", "0"]))
patterns = st.lists(st.sampled_from(["a", "A", "b", "Ä", "%", "_", "\\%", "\\_", "é", "1", "."]), max_size=4).map(
    lambda parts: "'" + "".join(parts) + "'"
)
fields = st.sampled_from(FIELDS)
texts_only = st.sampled_from(["title", "word", "name", "kind"])
simple = st.one_of(
    st.builds("{} {} {}".format, st.sampled_from(["word", "number", "flag", "nothing", "metadata.size"]),
              st.sampled_from(["=", "<>", "<", ">=", ">", "<="]), literals),
    st.builds("{} {} {}".format, st.sampled_from(["title", "kind", "name"]),
              st.sampled_from(["=", "<>", "<", ">"]), quoted),
    st.builds("{} {} {}".format, texts_only, st.sampled_from(["like", "not like", "ilike"]), patterns),
    st.builds("{} in ({}, {})".format, st.sampled_from(["word", "number", "nothing"]), literals, literals),
    st.builds("{} between {} and {}".format, st.sampled_from(["word", "number"]), quoted, quoted),
    st.builds("{} is {}null".format, fields, st.sampled_from(["", "not "])),
    st.builds("size {} {}".format, st.sampled_from(["<", ">="]), st.integers(0, 60)),
    st.builds("{} is true".format, st.sampled_from(["flag", "word", "nothing"])),
    st.builds("page {} {}".format, st.sampled_from(["=", ">"]), st.integers(0, 3)),
)  # fmt: skip
filters = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=5,
)


def documents() -> list[Any]:
    made = []
    for number, value in enumerate(VALUES):
        metadata: dict[str, Any] = {"word": value, "number": VALUES[-1 - number]}
        if number % 3 == 0:
            metadata["flag"] = number % 2 == 0
        if number % 4 == 0:
            metadata["size"] = number
        title = str(VALUES[(number * 5) % len(TEXTS)])
        made.append(
            document(number, ["p"] * (1 + number % 3), title=title, kind=["text", "pdf"][number % 2], metadata=metadata)
        )
    return made


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Index]]:
    """The documents in the Lance table and in every store that can run here and finds filters in its own way."""
    folder = tmp_path_factory.mktemp("filters")
    module = "from tests.index.tiny_collection import open_store"
    packages = install(folder, "instill-tiny", {"stores.tiny": "instill_tiny:open_store"}, {"instill_tiny": module})
    with pytest.MonkeyPatch.context() as patch, ExitStack() as running:
        patch.syspath_prepend(str(packages))
        sys.modules.pop("instill_tiny", None)  # of the folder of an earlier test
        kinds = {"lance": StoreSettings(), "tiny": StoreSettings(kind="tiny")}
        if importlib.util.find_spec("psycopg") and importlib.util.find_spec("pgserver"):
            kinds["postgres"] = StoreSettings(kind="postgres", url=running.enter_context(running_postgres()))
        indices = {kind: opened(Path(folder) / f"index-{kind}", chosen) for kind, chosen in kinds.items()}
        for index in indices.values():
            index.commit(documents())
        yield indices
        for index in indices.values():
            index.close()


@settings(max_examples=150, deadline=None)
@given(where=filters)
@example(where="title ilike 'Ä'")
def test_a_filter_means_the_same_everywhere(stores: dict[str, Index], where: str) -> None:
    expected = [record.doc_id for record in stores["lance"].records(where=where)]
    for kind, index in stores.items():
        assert [record.doc_id for record in index.records(where=where)] == expected, (kind, where)
