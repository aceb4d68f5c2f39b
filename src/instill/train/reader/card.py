"""The card of a trained reader: what it is, from what it was made, how well it reads, what it is not for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instill.train.card_parts import making, origin

_METRICS = {
    "f1": "word F1, questions that their passage answers",
    "exact": "exact match, the same questions",
    "auc": "AUC of the score, answered against unanswerable questions",
}


def card(manifest: Mapping[str, Any]) -> str:
    """Markdown from a reader's manifest (`reader.json`); parts that the manifest lacks are left out."""
    parts = [
        "# Reader\n\nGiven a question and a passage, it marks the words that answer and says whether any do, and "
        "whether the\npassage is about what is asked. A transformer with three small heads, int8, for ONNX Runtime. "
        "English.",
        origin(manifest),
        *making(manifest, {**manifest.get("hyperparameters", {}), **manifest.get("mix", {})}),
    ]
    if "metrics" in manifest:
        lines = "\n".join(
            f"| {_METRICS.get(name, name)} | {each['value']:.3f} | {each['low']:.3f} to {each['high']:.3f} "
            f"| {each['count']} |"
            for name, each in manifest["metrics"].items()
        )
        parts.append(
            "## Measured on held-out articles (as shipped)\n\n| | value | 95% interval | questions |\n"
            f"|---|---|---|---|\n{lines}"
        )
    parts.append(
        "## Limits\n\nIt marks words; it does not reason over several passages, count or compute. Measure it on "
        "your own documents\n(`instill calibrate`) before you rely on its refusals: it knows the kinds of text that it "
        "was made from."
    )
    return "\n\n".join(parts) + "\n"
