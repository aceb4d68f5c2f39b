"""A long table: most vectors are estimated, a person is told so, and every row is found with its column names."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill.workspace import Workspace


def table(folder: Path) -> Path:
    lines = ["number,owner,city,price"]
    lines += [f"N-{n:05d},owner{n % 97},{('Oslo', 'Rome', 'Bern')[n % 3]},{n * 7 % 1000}" for n in range(900)]
    path = folder / "stock.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.mark.parametrize("estimated_from", [300, 0])
def test_a_long_table_is_found_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, estimated_from: int) -> None:
    monkeypatch.setenv("INSTILL_DOCUMENTS__ESTIMATED_FROM", str(estimated_from))
    monkeypatch.setenv("INSTILL_DOCUMENTS__PASSAGE_TOKENS", "60")
    with Workspace.init(tmp_path / "kb") as workspace:
        report = workspace.add([str(table(tmp_path))])
        assert report.passages >= 300
        told = [text for _, text in report.notices if "were estimated" in text]
        assert len(told) == (1 if estimated_from else 0)
        if told:
            assert "documents.estimated_from = 0" in told[0]
        for number in (17, 450, 899):
            hit = workspace.search(f"What is the price of N-{number:05d}?", k=1).hits[0]
            assert f"number: N-{number:05d}; owner: owner{number % 97};" in hit.text
            assert f"price: {number * 7 % 1000}" in hit.text
