"""Encodings: what a text is in when it does not say, that this is recorded, and byte order marks in rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill import Workspace
from instill.documents.document import Parsed
from instill.documents.encoding_guess import guess
from instill.documents.reading import read
from instill.documents.text_decoding import decoded, strict_text, without_mark
from instill.errors import DocumentError
from instill.settings import DocumentSettings
from instill.train.generator.data.rows import read_rows

WESTERN = {
    "norwegian": "Åse låste båthuset; nøkkelen ligger på hyllen ved døren.",
    "capitals": "ÅRSMØTE FOR BÅTFØRERE I SØR-TRØNDELAG",
    "names": "Sted;Leder\nBodø;Øyvind Åsen\nTromsø;Kåre Sæle",
    "swedish": "Åsa låste båthuset på ön. Hyran är låg.",
    "finnish": "Hyvää päivää. Äiti lähti veneellä töihin.",
    "german": "Jörg Weiß schließt das Bootshaus um 18 Uhr, für 30 € – „günstig“.",
    "french": "L’élève a été reçu au château, où naît l’œuvre.",
    "circumflexes": "Le château de la forêt, en août.",
    "spanish": "¿Dónde está la señora Muñoz? Llegó el sábado.",
    "portuguese": "A reunião não é amanhã, são três opções.",
    "italian": "Perché la città è così bella, più di ciò.",
    "icelandic": "Þjóðin þekkir góðærið og þýðing þess er mikil.",
    "many languages": "Jürgen Groß, François Lefèvre, Siri Øverås, José Muñoz, João Conceição",
    "one letter": "Ås",
    "money": "A naïve café: £5, 20 °C, ½ cup, 3 m².",
    "signs alone": "It’s “cheap” – isn’t it…",
}
OTHERS = [
    ("cp1250", "Klucz wisi na ścianie łaźni, obok żółtej łódki."),
    ("iso8859_2", "Klucz wisi na ścianie łaźni, obok żółtej łódki."),
    ("cp1250", "Klíč je u správce. Nájem činí 450 korun a platí se v říjnu."),
    ("cp1250", "A kulcs az őrnél van, a bérleti díj egy főre, fűtéssel."),
    ("cp1257", "Raktas kabo ant sienos, nuoma kainuoja 450 eurų per mėnesį, žinote."),
    ("cp1254", "Anahtar duvarda asılı. Kira değişmez, ayda 450 liradır. Kışın açık."),
    ("cp1251", "Ключ висит на стене. Аренда стоит 450 рублей в месяц."),
    ("koi8_r", "Ключ висит на стене. Аренда стоит 450 рублей в месяц."),
    ("cp866", "Ключ висит на стене. Аренда стоит 450 рублей в месяц."),
    ("cp1253", "Το κλειδί είναι στον τοίχο. Το ενοίκιο είναι 450 ευρώ."),
    ("cp1255", "המפתח תלוי על הקיר. שכר הדירה הוא 450."),
    ("cp1256", "المفتاح معلق على الحائط. الإيجار 450 في الشهر."),
    ("cp850", "Nøkkelen henger på båthuset på Sørøya."),
    ("mac_roman", "Nøkkelen henger på båthuset på Sørøya."),
    ("iso8859_15", "Le loyer est de 450 € par mois, payé au gérant."),
    ("shift_jis", "鍵は壁にかかっています。家賃は月に四百五十円です。"),
    ("gb18030", "钥匙挂在墙上。租金每月四百五十元。请在月初付款。"),
    ("big5", "鑰匙掛在牆上。租金每月四百五十元。請在月初付款。"),
    ("cp949", "열쇠는 벽에 걸려 있습니다. 임대료는 한 달에 450원입니다."),
]


def parse(data: bytes, name: str = "a.txt", content_type: str = "") -> Parsed:
    return read(data, name=name, settings=DocumentSettings(), content_type=content_type)[1]


@pytest.mark.parametrize("name", WESTERN)
def test_cp1252_is_preferred(name: str) -> None:
    data = WESTERN[name].encode("cp1252")
    assert guess(data) == "cp1252"
    parsed = parse(data)
    assert parsed.text == WESTERN[name]
    assert parsed.metadata["encoding"] == "cp1252"
    assert parsed.notices == ("It names no encoding and is not UTF-8; it was read as cp1252.",)


@pytest.mark.parametrize(("encoding", "text"), OTHERS)
def test_another_encoding_is_taken_where_it_is_clearly_better(encoding: str, text: str) -> None:
    parsed = parse(text.encode(encoding))
    assert parsed.text == text
    assert text.encode(str(parsed.metadata["encoding"])) == text.encode(encoding)


@given(st.sampled_from(sorted(set(WESTERN) - {"many languages"})), st.data())
def test_words_of_a_western_language_are_never_read_as_others(language: str, choice: st.DataObject) -> None:
    words = choice.draw(st.lists(st.sampled_from(WESTERN[language].split()), min_size=1, max_size=30))
    data = " ".join(words).encode("cp1252")
    found = decoded(data)
    assert found.text == " ".join(words)
    assert found.encoding in ("utf-8", "cp1252")


@given(st.text("абвгдежз אבגד αβγδ abc åøæ 日本語。 \n", min_size=4, max_size=200).filter(lambda text: " " in text))
def test_utf_16_and_32_with_a_mark_and_utf_8_are_read_as_they_are(text: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        found = decoded(text.encode(encoding))
        assert found.text == text
        assert not found.guessed


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    "text",
    [
        "The key hangs on the wall.",
        "Ключ висит на стене. Аренда стоит 450.",
        "鍵は壁。\n家賃は 450 円です。",
        "Ås er her",
    ],
)
def test_without_a_mark(encoding: str, text: str) -> None:
    parsed = parse(text.encode(encoding))
    assert parsed.text == text
    assert parsed.metadata["encoding"] == encoding
    assert parsed.notices == ()


@pytest.mark.parametrize("mark", [b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"])
def test_every_mark_is_known(mark: bytes) -> None:
    encoding = {
        b"\xff\xfe\x00\x00": "utf-32-le", b"\x00\x00\xfe\xff": "utf-32-be", b"\xff\xfe": "utf-16-le",
        b"\xfe\xff": "utf-16-be", b"\xef\xbb\xbf": "utf-8",
    }[mark]  # fmt: skip
    assert parse(mark + "name;town\nÅse;Bodø".encode(encoding), "a.csv").text == "name: Åse; town: Bodø"


@given(st.binary(min_size=2, max_size=400))
def test_binary_data_is_no_wide_text(data: bytes) -> None:
    noise = b"\x7fELF\x00\x01\x02\x03" + data + bytes(range(32)) * 8
    assert without_mark(noise) == ""


@pytest.mark.parametrize("charset", ["iso-8859-1", "us-ascii", "windows-1252"])
def test_a_server_that_says_latin_1_means_cp1252_and_a_page_in_utf_8_is_one(charset: str) -> None:
    said = f"text/plain; charset={charset}"
    assert parse("It’s 5 €".encode("cp1252"), content_type=said).text == "It’s 5 €"
    assert parse("Grüße für 5 €".encode(), content_type=said).text == "Grüße für 5 €"
    assert "encoding" not in parse(b"plain words", content_type=said).metadata


def test_noise_is_refused() -> None:
    with pytest.raises(DocumentError):
        parse(bytes(range(256)) * 8)


def test_show_tells_the_encoding(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_bytes(WESTERN["norwegian"].encode("cp1252"))
    (tmp_path / "new.txt").write_text("Nøkkelen ligger på hyllen.", encoding="utf-8")
    with Workspace.init(tmp_path / "kb") as workspace:
        report = workspace.add([str(tmp_path / "old.txt"), str(tmp_path / "new.txt")])
        assert workspace.show(str(tmp_path / "old.txt")).record.metadata["encoding"] == "cp1252"
        assert "encoding" not in workspace.show(str(tmp_path / "new.txt")).record.metadata
    assert [notice for source, notice in report.notices if source.endswith("old.txt")] == [
        "It names no encoding and is not UTF-8; it was read as cp1252."
    ]


# Rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_rows_with_a_mark(encoding: str, tmp_path: Path) -> None:
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in ("Åse rows.", "Bo sails.")]
    (tmp_path / "rows.jsonl").write_bytes("\r\n".join(lines).encode(encoding))
    assert [row.text for row in read_rows(tmp_path / "rows.jsonl")] == ["Åse rows.", "Bo sails."]


def test_marks_where_files_were_put_together() -> None:
    assert strict_text("a\n".encode("utf-8-sig") * 3) == "a\na\na\n"


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["Kjøp brød på båten. ", "Größe: 30 cm, 5 €. ", "Возврат товаров. ", "返品できます。"]),
    st.integers(5, 30),
    st.data(),
)
def test_a_few_bytes_that_are_none_do_not_make_utf8_another_encoding(
    sentence: str, times: int, data: st.DataObject
) -> None:
    """A file that was cut, or to which lines in another encoding were added."""
    text = (sentence * times).encode()
    place = data.draw(st.integers(0, len(text)))
    found = decoded(
        text[:place].decode(errors="ignore").encode()
        + b" d\xe9j\xe0 vu "
        + text[place:].decode(errors="ignore").encode()
    )
    assert (found.encoding, found.guessed) == ("utf-8", True)
    assert " déjà vu " in found.text
    cut = decoded(text[:-1] if text[-1] > 127 else text + b"\xc3")
    assert cut.encoding == "utf-8"
    assert sentence.strip() in cut.text


def test_turkish_with_a_capital_that_has_a_dot() -> None:
    text = "İade süresi otuz gündür; şirket müşteriye ödeme yapar."
    assert decoded(text.encode("cp1254")).text == text
