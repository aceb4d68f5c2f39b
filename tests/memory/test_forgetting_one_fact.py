"""Forgetting one fact takes its own words, and says what else goes."""

from __future__ import annotations

from pathlib import Path

from instill import Workspace

PAGE = "# The lighthouse\n\nAnselm Rook keeps the lighthouse of Cala. It is 38 metres tall. It was built of stone.\n"


def test_the_sentence_goes_and_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "lighthouse.md").write_text(PAGE, encoding="utf-8")
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([tmp_path / "lighthouse.md"])
        memory = workspace.memory()
        keeper = memory.add("Who keeps the lighthouse?", "Anselm Rook", note="asked at the door")
        tall = memory.add("How tall is the lighthouse?", "38 metres")
        plan = workspace.forgetting_plan(tall.fact_id)
        assert (plan.words, plan.facts) == ("It is 38 metres tall.", (keeper.question,))
        assert "These words are blanked: “It is 38 metres tall.”." in plan.said
        assert "loses them: “Who keeps the lighthouse?”." in plan.said
        assert set(plan.as_dict()) >= {"words", "facts"}

        workspace.forget(tall.fact_id)
        [record] = workspace.documents()
        stored = workspace.index.document_text(record.doc_id)
        assert stored is not None
        assert stored.text.split("\n\n")[1].strip() == (
            "Anselm Rook keeps the lighthouse of Cala. █████████████████████ It was built of stone."
        )
        assert "Anselm Rook" in workspace.ask("Who keeps the lighthouse?").text
        assert "38" not in workspace.ask("How tall is the lighthouse?").text
        assert workspace.forgetting_plan(record.doc_id).words == ""
