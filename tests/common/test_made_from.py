"""Who may see what was made from documents: the rule, against a plain model of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from instill.common.made_from import NOTHING, OWNER, UNKNOWN, Caller, MadeFrom, Source

LABELS = st.lists(st.sampled_from("abc"), unique=True).map(lambda found: tuple(sorted(found)))
DOCUMENTS = st.dictionaries(st.sampled_from(["d1", "d2", "d3"]), st.tuples(st.sampled_from(["v1", "v2"]), LABELS))


@given(then=DOCUMENTS, now=DOCUMENTS, held=LABELS)
def test_a_caller_sees_what_was_made_from_what_the_caller_sees(
    then: dict[str, tuple[str, tuple[str, ...]]], now: dict[str, tuple[str, tuple[str, ...]]], held: tuple[str, ...]
) -> None:
    made = MadeFrom(tuple(sorted(Source(id_, version, labels) for id_, (version, labels) in then.items())))
    caller = Caller(held, lambda ids: [Source(id_, *now[id_]) for id_ in ids if id_ in now])

    expected = True
    for id_, (version, labels) in then.items():
        as_it_is = now.get(id_)
        if as_it_is is not None:
            expected &= bool(set(as_it_is[1]) & set(held))
        if as_it_is is None or as_it_is[0] != version:
            expected &= bool(set(labels) & set(held))

    assert caller.sees(made) is expected
    assert OWNER.sees(made)
    assert MadeFrom.from_json(made.as_json()) == made


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["doc_id", "version", "labels"]), inner),
    )
)
def test_what_is_damaged_is_the_owners(value: object) -> None:
    found = MadeFrom.from_json(value)
    if found.sources == ():
        assert found.known is (value == [])
    assert Caller(("a",)).sees(found) is (found == NOTHING) or found.known


def test_what_nobody_wrote_down_is_the_owners() -> None:
    assert not Caller(("a", "b", "c")).sees(UNKNOWN)
    assert not Caller(("a",)).sees(UNKNOWN | NOTHING)
    assert OWNER.sees(UNKNOWN)
    assert UNKNOWN.as_json() is None
