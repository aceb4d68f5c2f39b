"""What every encoder does."""

from __future__ import annotations

import numpy as np
from tokenizers import Tokenizer

from instill.models.encoders.protocol import Encoder, Vectors

_TEXTS = (
    "Water boils at 100 degrees.",
    "The cat sleeps on the warm windowsill all afternoon.",
    "Refunds are paid within five working days.",
    "Die Katze schläft.",
)
_ODD = ("", " ", "\n", "\u0000", "😀", "a" * 20_000, "ß é ñ 漢字 \u202e")
_NEAR = 1e-3


class EncoderTests:
    """Subclass it, and define `encoder()`; it may give the same one each time.

    Set `batch_tolerance` where a text's vector depends on the texts beside it by more than 0.001.
    """

    batch_tolerance: float = _NEAR

    def encoder(self) -> Encoder:
        """The encoder."""
        raise NotImplementedError("define encoder()")

    def test_it_says_what_it_is(self) -> None:
        encoder = self.encoder()
        assert isinstance(encoder.fingerprint, str), "`fingerprint` is a text"
        assert encoder.fingerprint.strip(), "`fingerprint` is empty"
        assert encoder.fingerprint == self.encoder().fingerprint, "`fingerprint` changes"
        assert encoder.dimension >= 1, "`dimension` is a count"
        assert encoder.max_tokens >= 16, "`max_tokens` is too small for a passage"
        assert isinstance(encoder.tokenizer, Tokenizer), "`tokenizer` is a tokenizers.Tokenizer"

    def test_vectors_are_unit_vectors_in_order(self) -> None:
        encoder = self.encoder()
        for encode in (encoder.encode_passages, encoder.encode_queries):
            self._fits(encode(_TEXTS), len(_TEXTS))
            both, turned = encode(_TEXTS), encode(_TEXTS[::-1])
            assert np.allclose(both, turned[::-1], atol=self.batch_tolerance), "rows are not in the order of the texts"

    def test_nothing_gives_no_rows(self) -> None:
        encoder = self.encoder()
        for encode in (encoder.encode_passages, encoder.encode_queries):
            self._fits(encode([]), 0)

    def test_a_vector_does_not_depend_on_its_neighbours(self) -> None:
        """Documents are encoded in batches of any size; the same passage must be found again."""
        encoder = self.encoder()
        together = encoder.encode_passages(_TEXTS)
        for row, text in zip(together, _TEXTS, strict=True):
            assert np.allclose(row, encoder.encode_passages([text])[0], atol=self.batch_tolerance), (
                f"{text!r} has another vector alone than in a batch"
            )

    def test_odd_texts_have_vectors_too(self) -> None:
        """Empty ones, very long ones, control characters."""
        encoder = self.encoder()
        self._fits(encoder.encode_passages(_ODD), len(_ODD))
        for text in _ODD:
            self._fits(encoder.encode_queries([text]), 1)

    def test_progress_counts_every_text(self) -> None:
        counted: list[int] = []
        self.encoder().encode_passages(_TEXTS * 5, progress=counted.append)
        assert sum(counted) in (0, len(_TEXTS) * 5), "`progress` is told how many were done since the last call"
        assert sum(counted), "`progress` is not called"

    def test_a_question_is_near_its_answer(self) -> None:
        """The least that an encoder is for."""
        encoder = self.encoder()
        passages = encoder.encode_passages(_TEXTS[:3])
        questions = ["At what temperature does water boil?", "Where does the cat sleep?", "When are refunds paid?"]
        found = (encoder.encode_queries(questions) @ passages.T).argmax(axis=1)
        assert found.tolist() == [0, 1, 2], f"the nearest passages are {found.tolist()}, not their answers"

    def _fits(self, vectors: Vectors, count: int) -> None:
        wanted = (count, self.encoder().dimension)
        assert isinstance(vectors, np.ndarray), "vectors are a numpy array"
        assert vectors.shape == wanted, f"the shape is {vectors.shape}, not {wanted}"
        assert vectors.dtype == np.float32, f"the type is {vectors.dtype}, not float32"
        assert np.all(np.abs(np.linalg.norm(vectors, axis=1) - 1) < _NEAR), "a vector is not of length 1"
