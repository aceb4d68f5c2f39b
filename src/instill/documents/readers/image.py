"""Images and scanned pages: OCR by rapidocr-onnxruntime, whose models come with the package (the extra `ocr`)."""

from __future__ import annotations

import io
import logging
import warnings
from functools import lru_cache
from typing import Any

from instill.common.extras import how_to_install, is_installed, needed
from instill.documents.document import Page, Parsed
from instill.documents.readers.job import OCR_SECONDS, Job
from instill.errors import DocumentError

MAX_PIXELS = 100_000_000
OCR_MODULE = "rapidocr_onnxruntime"
_OCR_PIXELS = 12_000_000
_SCALE = 150 / 72  # pages are drawn at 150 dots per inch
_LEAST_CONFIDENCE = 0.5


def read_image(job: Job) -> Parsed:
    """The text in an image, one `Page` a frame (TIFF).

    Raises:
        DocumentError: damaged, larger than 100 million pixels, or without text.
    """
    if job.settings.ocr == "never":
        raise DocumentError("It is an image, and OCR is off.", remedy='Set ocr = "auto" under [documents].')
    if not can_read_pictures():
        raise DocumentError("It is an image, and OCR is not installed.", remedy=how_to_install("ocr"))
    from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

    texts: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(job.data))
            for frame in ImageSequence.Iterator(image):
                job.alive(OCR_SECONDS)
                if frame.width * frame.height > MAX_PIXELS:
                    raise DocumentError(
                        f"The image is too large ({frame.width} x {frame.height} pixels).",
                        remedy="Make it smaller than 100 million pixels and add it again.",
                    )
                texts.append("\n".join(_lines(ImageOps.exif_transpose(frame).convert("RGB"))))
                if image.format == "GIF" or len(texts) >= 200:
                    break
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise DocumentError(
            "The image is damaged or in a format that cannot be opened.", remedy="Save it as PNG and add it again."
        ) from error
    if not any(text.strip() for text in texts):
        raise DocumentError(
            "No text was found in the image.", remedy="Describe it in a text file beside it, and add that."
        )
    pages: list[Page] = []
    length = 0
    for number, text in enumerate(texts, 1):
        pages.append(Page(number, length, length + len(text)))
        length += len(text) + 2
    return Parsed(
        text="\n\n".join(texts), pages=pages if len(pages) > 1 else (), notices=("The text was read by OCR.",)
    )


def can_read_pictures() -> bool:
    """Whether OCR is installed."""
    return is_installed(OCR_MODULE)


def ocr_page(page: Any) -> list[str]:
    """Lines of text on a PDF page, drawn and read."""
    width, height = page.get_size()
    scale = min(_SCALE, (_OCR_PIXELS / max(width * height, 1.0)) ** 0.5)
    return _lines(page.render(scale=scale).to_pil().convert("RGB"))


@lru_cache(maxsize=1)
def _engine() -> Any:
    logging.disable(logging.WARNING)
    try:
        return needed(OCR_MODULE, "OCR is not installed.").RapidOCR(intra_op_num_threads=2)
    finally:
        logging.disable(logging.NOTSET)


def _lines(image: Any) -> list[str]:
    """Recognised boxes put together to lines from top to bottom; boxes of one row are joined by two spaces."""
    import numpy as np

    if image.width * image.height > _OCR_PIXELS:
        image.thumbnail((int(_OCR_PIXELS**0.5), int(_OCR_PIXELS**0.5)))
    result, _ = _engine()(np.asarray(image))
    rows: list[tuple[float, float, list[tuple[float, str]]]] = []  # middle, height, (left, text)
    for box, text, confidence in sorted(result or [], key=lambda entry: sum(point[1] for point in entry[0])):
        if float(confidence) < _LEAST_CONFIDENCE or not str(text).strip():
            continue
        heights = [point[1] for point in box]
        middle, height = sum(heights) / 4, max(heights) - min(heights)
        left = min(point[0] for point in box)
        if rows and abs(rows[-1][0] - middle) < 0.5 * min(height, rows[-1][1]):
            rows[-1][2].append((left, str(text).strip()))
        else:
            rows.append((middle, height, [(left, str(text).strip())]))
    return ["  ".join(text for _, text in sorted(row)) for _, _, row in rows]
