"""Gate files: what is read, and what is refused with which advice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from instill.errors import UsageError
from instill.gate.specification import SECTIONS, Gate, load_gate, template_toml


def gate_of(tmp_path: Path, text: str) -> Gate:
    file = tmp_path / "gate.toml"
    file.write_text(text, encoding="utf-8")
    return load_gate(file)


def test_the_template_is_a_gate(tmp_path: Path) -> None:
    found = gate_of(tmp_path, template_toml())
    assert found.gain is not None
    assert found.gain.rows == tmp_path / "unseen.jsonl"
    assert found.forgetting is not None
    assert (found.forgetting.accuracy_drop, found.forgetting.perplexity_rise, found.forgetting.kl) == (0.02, 0.1, 0.05)
    assert found.reading is None


def test_the_whole_template_is_a_gate_and_shows_the_defaults(tmp_path: Path) -> None:
    switched_on = re.sub(r"^# (?=\[|\w+ = )", "", template_toml(), flags=re.MULTILINE)
    found = gate_of(tmp_path, switched_on)
    assert all(getattr(found, name) is not None for name in SECTIONS)
    sparse = gate_of(
        tmp_path,
        "".join(f'[{name}]\nrows = "{name}.jsonl"\n' for name in ("gain", "reading", "abstention", "text", "controls")),
    )
    for name in ("gain", "reading", "abstention", "text", "controls"):
        shown, default = getattr(found, name), getattr(sparse, name)
        assert shown.model_dump(exclude={"rows"}) == default.model_dump(exclude={"rows"})
    assert found.format is not None
    assert found.format.schema_file == tmp_path / "reply.schema.json"
    assert (found.scoring, found.max_tokens) == (Gate.model_fields["scoring"].default, 64)


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("", "gate.toml", "none of the sections"),
        ('[gian]\nrows = "a"', "gian", "Did you mean gain?"),
        ('[gain]\nrows = "a"\nat_lest = 0.1', "gain.at_lest", "Did you mean gain.at_least?"),
        ('[format]\nshema = "a"\nschema = "b"\nrows = "c"', "format.shema", "Did you mean format.schema?"),
        ("[gain]\nat_least = 0.1", "gain.rows", "missing"),
        ('[reading]\nrows = "a"\ndrop = 0', "reading.drop", "greater than 0"),
        ('[gain]\nrows = "a"\nscoring = "fuzzy"', "gain.scoring", "'exact', 'verbatim', 'f1'"),
        ('[forgetting]\nrows = "a"', "forgetting", "sets none of accuracy_drop"),
        ("[text]\nloops = 0.1", "gate.toml", "names no rows"),
        ('[format]\nschema = "a"', "gate.toml", "no [gain]"),
        ('[abstention]\nrows = "a"\nover_refusal = 0.1', "gate.toml", "needs the rows of"),
        ("[gain", "gate.toml", "not valid TOML"),
    ],
)
def test_mistakes_are_explained(tmp_path: Path, text: str, where: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        gate_of(tmp_path, text)
    assert where in caught.value.where
    assert says in str(caught.value)


def test_a_section_has_its_own_scoring(tmp_path: Path) -> None:
    found = gate_of(tmp_path, 'scoring = "f1"\n[gain]\nrows = "a"\n[reading]\nrows = "/b"\nscoring = "contains"')
    assert (found.scoring_of("gain"), found.scoring_of("reading")) == ("f1", "contains")
    assert list(found.files()) == [tmp_path / "a", Path("/b")]
