"""Tokens that are looked up word by word are those that the tokenizer makes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from instill.common import word_pieces as room
from instill.common.word_pieces import WordPieces, word_pieces
from instill.models.weights import shipped

_ODD = (
    "a", "B", "é", "e\u0301", "\u0301", " ", "\n", "\t", "\r\n", "\u00a0", "\u2028",
    "\x1c", "\x00", "漢", "ß", "İ", ".", "-", "[MASK]", "[SEP]", "##ing",
)  # fmt: skip
TEXTS = st.lists(
    st.one_of(st.text(), st.lists(st.sampled_from(_ODD), max_size=30).map("".join), st.just("x" * 70 + " y")),
    max_size=5,
)


def shipped_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(shipped() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


TOKENIZER = shipped_tokenizer()
KEPT = WordPieces(TOKENIZER)


def made(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    return [each.ids for each in tokenizer.encode_batch(texts, add_special_tokens=False)]


@given(TEXTS)
def test_any_texts_have_the_tokenizers_own_tokens(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    wanted = made(TOKENIZER, texts)
    for pieces in (KEPT, WordPieces(TOKENIZER)):  # with words that are known from before, and without
        assert [ids.tolist() for ids in pieces.ids(texts)] == wanted
        assert pieces.counts(texts) == [len(ids) for ids in wanted]


def test_a_tokenizer_that_cuts_in_another_way_is_asked_for_every_text() -> None:
    whole = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2, "new": 3, "york": 4}, unk_token="[UNK]"))
    assert not WordPieces(whole).by_words  # it has no pre-tokenizer
    assert WordPieces(whole).counts(["ab", "new york", ""]) == [len(ids) for ids in made(whole, ["ab", "new york", ""])]
    whole.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    assert WordPieces(whole).by_words
    assert WordPieces(whole).ids(["new york"])[0].tolist() == [3, 4]
    whole.add_tokens([AddedToken("new york")])
    assert not WordPieces(whole).by_words
    assert WordPieces(whole).ids(["a new york"])[0].tolist() == [1, 5]
    joining = Tokenizer(models.WordPiece({"[UNK]": 0, "ab": 1}, unk_token="[UNK]"))
    joining.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    joining.normalizer = normalizers.Replace(" ", "")
    assert WordPieces(joining).ids(["a b"])[0].tolist() == [1]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_MOST_KNOWN", 50)
    pieces = WordPieces(TOKENIZER)
    texts = [f"kettle{number} boils at {number} degrees" for number in range(200)]
    assert [pieces.ids([text])[0].tolist() for text in texts] == made(TOKENIZER, texts)
    assert len(pieces._known.row) <= 50 + 4
    long = "x" * 65
    assert pieces.ids([f"a {long}"])[0].tolist() == made(TOKENIZER, [f"a {long}"])[0]
    assert long not in pieces._known.row


def test_threads_that_meet_new_words_at_once() -> None:
    pieces = WordPieces(TOKENIZER)
    texts = [" ".join(f"word{number * 7 + place}" for place in range(20)) for number in range(300)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda text: pieces.ids([text])[0].tolist(), texts))
    assert found == made(TOKENIZER, texts)


def test_a_tokenizer_has_one_memory() -> None:
    assert word_pieces(TOKENIZER) is word_pieces(TOKENIZER)
    assert word_pieces(TOKENIZER) is not word_pieces(shipped_tokenizer())
