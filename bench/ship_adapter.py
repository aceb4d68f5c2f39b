"""A trained adapter of a known model as it ships: `python bench/ship_adapter.py --candidate DIR --skill ground ...`.

--candidate is the folder of a candidate in a workspace, with its card; --model the name of the model that it was
trained on, which has to be got. Written are the LoRA as a GGUF file of 16-bit numbers and a card, into --out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from instill.models.generators.gguf.candidate_files import write_lora
from instill.models.generators.gguf.known import KNOWN, gguf_file
from instill.models.generators.gguf.model_file import read_model
from instill.models.generators.protocol import Skill
from instill.models.registry.card import CARD

ABOUT = {
    "ground": "Answers a question from numbered passages in sentences with [n] and quotes, or says that they do not "
    "answer.",
    "questions": "Lists questions about a text, each with the words that answer it.",
    "standalone": "Rewrites a follow-up as a question that can be understood without the conversation.",
}


def card(
    skill: str, model: str, made: dict[str, Any], digest: str, measured: Sequence[str], sources: Sequence[str]
) -> str:
    """Markdown: what it is, from what and how it was made, what was measured."""
    known, recipe = KNOWN[model], made["recipe"]
    settings = {**recipe.get("lora", {}), **recipe.get("training", {})}
    lines = [
        f"# {skill}: an adapter for {model}",
        "",
        ABOUT[skill],
        "",
        f"- A LoRA for {known.about} ({known.licence}), sha256 of the model `{known.sha256[:16]}`",
        f"- sha256 of `{skill}.gguf`: `{digest}`",
        f"- Rows: {made['rows']['count']} (hash `{made['rows']['hash'][:24]}`)",
        "",
        "## Made from",
        "",
        *[f"- {source}" for source in sources],
        "",
        "The texts themselves are not part of the weights' package.",
        "",
        "## Command",
        "",
        "```",
        "python bench/training_sets.py --facts --train DATA/train --reading rows --out cut",
        "python bench/adapter_rows.py --rows cut --train DATA/train --out adapters",
        f"instill train adapters/{skill}.toml",
        "```",
        "",
        "## Settings",
        "",
        "| setting | value |",
        "|---|---|",
        *[f"| {name} | {value} |" for name, value in settings.items()],
        "",
        "## Measured",
        "",
        *[f"- {line}" for line in measured],
        "",
        "## Limits",
        "",
        "English. A model of 135 million parameters that was trained for an hour on two cores: it copies well",
        "and reasons little. Every sentence of its answers is proved from its passage, or dropped.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidate", type=Path, required=True)
    parser.add_argument("--skill", choices=get_args(Skill), required=True)
    parser.add_argument("--model", choices=sorted(KNOWN), default="smollm2")
    parser.add_argument("--measured", action="append", default=[], help="a line for the card (repeatable)")
    parser.add_argument("--attribution", action="append", default=[], help="a source and its licence (repeatable)")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    folder = chosen.out / chosen.model
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{chosen.skill}.gguf"
    write_lora(chosen.candidate, read_model(gguf_file(chosen.model)), file)
    made = json.loads((chosen.candidate / CARD).read_text(encoding="utf-8"))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    text = card(chosen.skill, chosen.model, made, digest, chosen.measured, chosen.attribution)
    file.with_suffix(".md").write_text(text, encoding="utf-8")
    print(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
