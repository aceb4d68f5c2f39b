"""A small corpus in a real index, with the real encoder, behind an `Answerer`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from instill import Workspace
from instill.answer.answerer import Answerer
from instill.answer.asked.documents_of_conversation import About
from instill.answer.reading.reader import Reader
from instill.answer.types import Answer
from instill.documents.document import Document, Page
from instill.documents.reading import read
from instill.index.fusion import fusion_named
from instill.index.store import Index
from instill.index.types import Hit, SearchRequest
from instill.ingest.passages import Prepared, cut, encode_and_commit
from instill.models.encoders import open_encoder
from instill.models.encoders.protocol import Encoder
from instill.models.generators.protocol import Generator
from instill.settings import AnswerSettings, DocumentSettings, EncoderSettings, GeneratorSettings


def doc_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Corpus:
    index: Index
    encoder: Encoder

    @classmethod
    def of(cls, files: Mapping[str, str], folder: Path) -> Corpus:
        """Markdown files read, cut, encoded and indexed the way `add` does it."""
        encoder = open_encoder(EncoderSettings())
        index = Index.open(folder, dimension=encoder.dimension, fingerprint=encoder.fingerprint, create=True)
        batch = []
        for name, text in files.items():
            kind, parsed = read(text.encode(), name=name, settings=DocumentSettings())
            document = Document(doc_id(name), name, kind, parsed.title or name, "", len(text), "", parsed)
            batch.append(Prepared(document, cut(document, encoder, DocumentSettings()), "added"))
        encode_and_commit(index, encoder, batch, "test")
        index.upkeep(force=True)
        return cls(index, encoder)

    def search(self, query: str, *, k: int) -> Sequence[Hit]:
        fusion = fusion_named("zscore", vector_weight=0.6)
        return self.index.search(SearchRequest(query, k=k), self.encoder.encode_queries([query])[0], fusion).hits

    def search_within(self, query: str, about: About, *, k: int) -> Sequence[Hit]:
        request = SearchRequest(query, k=k, documents=about.documents, titles=about.titles)
        fusion = fusion_named("zscore", vector_weight=0.6)
        return self.index.search(request, self.encoder.encode_queries([query])[0], fusion).hits

    def text(self, doc_id: str) -> str | None:
        stored = self.index.document_text(doc_id)
        return stored.text if stored else None

    def pages(self, doc_id: str) -> Sequence[Page]:
        stored = self.index.document_text(doc_id)
        return stored.pages if stored else ()

    def answerer(
        self,
        generator: Generator | None = None,
        *,
        reader: Reader | None = None,
        generator_settings: GeneratorSettings | None = None,
        **settings: float,
    ) -> Answerer:
        return Answerer(
            search=self.search,
            search_within=self.search_within,
            document_text=self.text,
            document_pages=self.pages,
            passage_vectors=self.index.vectors_of,
            encoder=self.encoder,
            generator=generator,
            reader=reader,
            settings=AnswerSettings.model_validate(settings),
            generator_settings=generator_settings or GeneratorSettings(),
        )

    def verified(self, answer: Answer) -> Answer:
        """The answer, after checking that every citation is verbatim."""
        for citation in answer.citations:
            text = self.text(citation.doc_id)
            assert text is not None
            assert citation.text
            assert text[citation.start : citation.end] == citation.text
        return answer


COMPANY = {
    "values.md": (
        "# Values of Harbour Mills\n\nHarbour Mills bakes bread for the coast. We believe in these core values:\n\n"
        "- **Patience:** Good dough takes a night, and so do good decisions.\n"
        "- **Candour:** We say what we see, to each other first.\n"
        "- **Thrift:** Nothing that can be eaten is thrown away.\n"
        "- **Neighbourliness:** The village eats before the city.\n"
    ),
    "leave.md": (
        "# Leave\n\n## Holidays\n\nEvery baker has 31 days of paid holiday a year. Holidays are asked for two weeks "
        "ahead.\n\n## Illness\n\nA note from a doctor is needed from the fourth day of illness. Call the shift leader "
        "before five in the morning.\n\n## Parents\n\nNew parents stay at home for sixteen weeks on full pay.\n"
    ),
    "ovens.md": (
        "# Ovens\n\nThe stone oven was built in 1987 by Marta Lindqvist. It holds forty loaves and is fired with beech "
        "wood.\n\n## Cleaning\n\n1. Let the oven cool for six hours.\n2. Brush out the ash.\n3. Wipe the stone with a "
        "damp cloth, never with soap.\n\nThe oven is cleaned on Sundays because no bread is baked on that day.\n"
    ),
    "prices.md": (
        "# Prices\n\nPrices are in euros and hold for one year.\n\n| Bread | Weight | Price |\n|---|---|---|\n"
        "| Rye loaf | 1000 g | 5.20 |\n| Seed roll | 80 g | 0.95 |\n| Honey cake | 400 g | 7.50 |\n"
    ),
    "delivery.md": (
        "# Delivery\n\nVans leave the yard at four in the morning. Restaurants order by telephone until eight in the "
        "evening of the day before. Returned crates are counted by the driver.\n\nThe northern route is driven by "
        "Ove, the southern route by Ingrid.\n"
    ),
}


@contextmanager
def workspace_of(folder: Path, files: Mapping[str, str]) -> Iterator[Workspace]:
    """A workspace with these documents, by name, in a folder of their own."""
    (folder / "docs").mkdir()
    for name, text in files.items():
        (folder / "docs" / name).write_text(text)
    with Workspace.init(folder / "kb") as opened:
        opened.add([str(folder / "docs")])
        yield opened
