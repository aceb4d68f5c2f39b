"""Questions that were refused while documents were still being read: what their pages say, and when they are gaps."""

from __future__ import annotations

import re
from pathlib import Path

from instill import Workspace
from tests.server.pages.test_pages import HTML, sent
from tests.server.running import running

COFFEE = "# Coffee\n\nCoffee is brewed at 93 degrees.\n"
LATE, NEVER = "Who waters the plants?", "Who is the king of Spain?"
GAPS = re.compile(r"<h3>.*?<ul><li>([^<]+)</li>", re.DOTALL)
NOTICE = "Asked while 2 documents were still being read. Ask again when they are in."
OVER = "Asked while documents were still being read."
BUTTON = '<form data-call="POST /api/chat" data-then="go:/ask/{conversation_id}">'


def test_a_refusal_before_all_is_read_is_marked_until_it_is_asked_again(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace, running(workspace.path) as server, server.client() as client:
        workspace.add_text(COFFEE, name="coffee.md")
        jobs = server.service.jobs
        job = jobs.add("add", "documents", {"paths": ["stdin:plants.md", "x.md"]}, labels=None, asked_by="ann")
        said = [sent(client, text=words) for words in (LATE, NEVER)]
        assert [NOTICE in each["answer"]["html"] for each in said] == [True, True]
        answered = client.post("/api/ask", json={"question": LATE}).json()
        assert (answered["abstained"], answered["trace"]["unread"], answered["notices"]) == (True, 2, [NOTICE])
        full = client.post("/api/ask", json={"question": "At how many degrees is coffee brewed?"}).json()
        assert (full["abstained"], full["trace"]["unread"], full["notices"]) == (False, 2, [])
        shown = sent(client, text="At how many degrees is coffee brewed?")["answer"]["html"]
        assert "Asked while 2 documents were still being read.</p>" in shown

        listed = client.get("/questions?kind=refused", headers=HTML).text
        assert GAPS.findall(listed) == [], "nothing is a gap that waits for documents"
        assert listed.count(NOTICE) == 2, "the earlier one of both that are alike is asked again"
        assert BUTTON not in listed

        workspace.add_text("# Plants\n\nThe plants are watered by Ann Carter.", name="plants.md")
        jobs.stop(job.job_id)
        listed = client.get("/questions?kind=refused", headers=HTML).text
        assert GAPS.findall(listed) == [], "none is a gap before it is asked again"
        assert (listed.count(OVER), listed.count(BUTTON)) == (2, 2)

        talk = said[0]["conversation"]["conversation_id"]
        page = client.get(f"/ask/{talk}", headers=HTML).text
        assert f'<span data-over="{OVER}">{NOTICE}</span>' in page
        assert page.count("being read") == 2, "said once, with what stands there later"
        again = client.post("/api/chat", json={"text": LATE, "conversation_id": talk}).json()
        assert (again["answer"]["abstained"], again["answer"]["trace"]["unread"]) == (False, 0)
        turns = client.get(f"/api/conversations/{talk}").json()["turns"]
        assert [each["role"] for each in turns] == ["user", "assistant"], "the answer is in the place of the refusal"
        assert "data-over" not in client.get(f"/ask/{talk}", headers=HTML).text
        listed = client.get("/questions?kind=refused", headers=HTML).text
        assert listed.count(OVER) == 1, "of the question that nobody asked again"
        assert listed.count("refused before all was read") == 3
        assert client.post("/api/chat", json={"text": NEVER}).json()["answer"]["abstained"]
        listed = client.get("/questions?kind=refused", headers=HTML).text
        assert (GAPS.findall(listed), listed.count(OVER)) == ([NEVER], 0)


def test_what_is_asked_before_anything_is_read_is_kept_and_taken_up_again(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace, running(workspace.path) as server, server.client() as client:
        jobs = server.service.jobs
        job = jobs.add("add", "documents", {"paths": ["stdin:coffee.md", "x.md"]}, labels=None, asked_by="ann")
        early = sent(client, text="At how many degrees is coffee brewed?")
        talk, shown = early["conversation"]["conversation_id"], early["answer"]["html"]
        assert (NOTICE in shown, 'class="refusal"' in shown) == (True, False), "nothing was there that could refuse"
        sent(client, text="Who waters it?", conversation_id=talk)
        workspace.add_text(COFFEE, name="coffee.md")
        jobs.stop(job.job_id)
        again = client.post("/api/chat", json={"text": "Who waters it?", "conversation_id": talk}).json()["answer"]
        assert again["trace"]["unread"] == 0
        for _ in range(2):  # Only an early refusal gives its place, and only where it was the last.
            client.post("/api/chat", json={"text": "At how many degrees is coffee brewed?", "conversation_id": talk})
        turns = client.get(f"/api/conversations/{talk}").json()["turns"]
        assert [each["text"] for each in turns[::2]] == [
            "At how many degrees is coffee brewed?",
            "Who waters it?",
            "At how many degrees is coffee brewed?",
            "At how many degrees is coffee brewed?",
        ]
