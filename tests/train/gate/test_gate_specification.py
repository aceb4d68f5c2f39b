"""Gate files: what is read, and what is refused with which advice."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill.errors import UsageError
from instill.train.gate.specification import Gate, load_gate


def gate_of(tmp_path: Path, text: str) -> Gate:
    file = tmp_path / "gate.toml"
    file.write_text(text, encoding="utf-8")
    return load_gate(file)


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("", "gate.toml", "none of the sections"),
        ('[gian]\nrows = "a"', "gian", "Did you mean gain?"),
        ('[gain]\nrows = "a"\nat_lest = 0.1', "gain.at_lest", "Did you mean gain.at_least?"),
        ('[format]\nshema = "a"\nschema = "b"\nrows = "c"', "format.shema", "Did you mean format.schema?"),
        ("[gain]\nat_least = 0.1", "gain.rows", "missing"),
        ('[reading]\nrows = "a"\ndrop = 0', "reading.drop", "must be more than 0"),
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
