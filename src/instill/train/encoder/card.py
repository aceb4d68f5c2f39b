"""The card of a trained encoder: what it is, from what it was made, what it gained and what it lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instill.train.card_parts import making, origin
from instill.train.encoder.settings import Share


def card(manifest: Mapping[str, Any]) -> str:
    """Markdown from an encoder's manifest (`encoder.json`); parts that the manifest lacks are left out."""
    parts = [
        f"# Encoder\n\nText to a vector of {manifest['dimension']} numbers of length 1, so that the product of two is "
        f"their cosine. At most\n{manifest['max_tokens']} tokens of a text are read. A transformer, int8, for ONNX "
        "Runtime; its words and tokenizer are shared with the reader.\n\n"
        f"{origin(manifest)}"
    ]
    if "share" in manifest:
        parts[-1] += (
            f"\n- Of what was trained, {Share(**manifest['share'])} is taken over; the rest is the base's. The word "
            "and position tables are the base's"
        )
    parts += making(manifest, manifest.get("hyperparameters", {}))
    if "measured" in manifest:
        parts.append(_measured(manifest["measured"]))
    parts.append(
        "## Limits\n\nEnglish. A longer text is cut. Trained on questions about encyclopedia articles and stories: "
        "whether it suits your\ndocuments better than another encoder is for a measurement to say (`instill tune`, "
        "`instill train encoder`)."
    )
    return "\n\n".join(parts) + "\n"


def _measured(measured: Mapping[str, Any]) -> str:
    names = measured["unrelated"]
    head = f"| share of what was trained | held-out articles | gain [95%] | {' | '.join(names)} |"
    lines = [head, "|---|---|---|" + "---|" * len(names)]
    for entry in measured["weighed"]:
        held, gain = entry["held_out"], entry["gain"]
        cells = [
            str(Share(**entry["share"])),
            f"{held['mean']:.3f}",
            f"{gain['mean']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]",
        ]
        changes = zip(entry["unrelated"], entry["changes"], strict=True)
        cells += [f"{value:.3f} ({change['mean']:+.3f})" for value, change in changes]
        lines.append(f"| {' | '.join(cells)} |")
    return (
        "## Measured\n\nnDCG@10 by cosine alone, int8: questions about articles that were held out, and samples of "
        "collections that have nothing to\ndo with the training data, with the change against the base (the first "
        "line). The share was chosen on these.\n\n" + "\n".join(lines)
    )
