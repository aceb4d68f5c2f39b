"""Jobs in processes of their own: done once, told of, stopped, and gone on with by whoever is left."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from instill import Workspace
from instill.common.plurals import counted
from instill.errors import UsageError
from instill.server.access.keys import KeyStore
from instill.server.jobs.documents import do_documents
from instill.server.jobs.job_kinds import WORK, command_line, recipes
from instill.server.jobs.job_process import lane_lock
from instill.server.jobs.store import JobStore
from instill.server.served_workspace import Opened
from instill.train.gate.specification import load_gate
from instill.train.generator.recipes.recipe import read_recipe
from tests.server.running import process, running
from tests.server.test_api import events, ok


def store_of(workspace: Workspace) -> JobStore:
    return JobStore(workspace.catalog, workspace.home / "jobs")


def until(found: Callable[[], Any], seconds: float = 60) -> Any:
    """What is found, as soon as it is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.2)
    raise AssertionError("it did not come")


def test_a_failure_is_shown_first_until_it_is_dismissed_or_done_again(tmp_path: Path) -> None:
    html = {"accept": "text/html"}
    with Workspace.init(tmp_path / "kb") as workspace:
        jobs = store_of(workspace)
        job = jobs.add("calibrate", "work", {"risk": 0.1}, labels=("hr",), asked_by="ann")
        with pytest.raises(UsageError, match="The job goes on"):
            jobs.again(job.job_id, asked_by="boss")
        jobs.end(job.job_id, "failed", {"what": "There are too few.", "where": "--questions", "remedy": "Judge some."})
        store = KeyStore(workspace.catalog)
        store.add("boss", role="admin")
        reader = store.add("bob", role="reader", labels=["hr"]).secret
        editor = store.add("eve", role="editor", labels=["hr"]).secret
        with running(workspace.path) as server, server.client(editor) as client, server.client(reader) as other:
            first = re.compile(r'<div id="jobs" data-acts>\s*<instill-job')
            shown = client.get("/questions", headers=html).text
            assert first.search(shown)
            assert "There are too few. Judge some." in shown
            assert "· ann" in shown, "whose it was"
            assert "Ended lately" not in shown
            assert "Ended lately: 1 failed" in other.get("/questions", headers=html).text, "who cannot act on it"
            assert other.post(f"/api/jobs/{job.job_id}/dismiss").status_code == 403
            again = ok(client.post(f"/api/jobs/{job.job_id}/again"), 202)
            assert (again["kind"], again["arguments"], again["asked_by"]) == ("calibrate", {"risk": 0.1}, "eve")
            task = jobs.take("work")
            assert task is not None
            assert (task.job_id, task.labels) == (again["job_id"], ("hr",)), "under the labels that it had"
            assert jobs.get(job.job_id).dismissed, "who does it again has seen it"
            jobs.end(task.job_id, "failed", {"what": "Once more."})
            assert ok(client.post(f"/api/jobs/{task.job_id}/dismiss"))["dismissed"]
            shown = client.get("/questions", headers=html).text
            assert not first.search(shown)
            assert "Ended lately: 2 failed" in shown
            assert client.post("/api/jobs/nothing/again").status_code == 404


def test_a_job_s_way_through_the_catalog(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        jobs = store_of(workspace)
        first = jobs.add("calibrate", "work", {"risk": 0.1}, labels=("hr",), asked_by="ann")
        second = jobs.add("tune", "work", {}, labels=None, asked_by="owner")
        assert [job.kind for job in jobs.all()] == ["tune", "calibrate"]
        assert [job.kind for job in jobs.all(("hr", "it"))] == ["calibrate"]
        with pytest.raises(UsageError, match="There is no such job"):
            jobs.get(first.job_id, ("it",))
        task = jobs.take("work")
        assert task is not None
        assert (task.job_id, task.labels, task.arguments) == (first.job_id, ("hr",), {"risk": 0.1})
        jobs.tell(task.job_id, "progress", {"done": 3, "total": 9, "what": "asking"})
        assert jobs.get(first.job_id).progress.done == 3
        assert jobs.stop(second.job_id).state == "cancelled"
        again = jobs.take("work")
        assert again is not None
        assert again.job_id == first.job_id, "what was left running comes first"
        assert jobs.get(first.job_id).attempts == 2
        assert jobs.take("documents") is None
        jobs.take("work")
        assert jobs.take("work") is None, "after three deaths it is given up"
        ended = jobs.get(first.job_id)
        assert (ended.state, ended.result["what"][:11]) == ("failed", "The process")
        jobs.end(first.job_id, "done", 1)
        assert jobs.get(first.job_id).state == "failed", "what has ended stays so"
        kinds = [event.kind for event in jobs.events(first.job_id)]
        assert kinds == ["state", "state", "progress", "state", "state", "state"]
        assert len(jobs.events(first.job_id, None, jobs.events(first.job_id)[3].number)) == 2


def test_work_takes_no_paths_and_no_unknown_words(tmp_path: Path) -> None:
    for kind, arguments in (
        ("compare", {"arms": "/etc/passwd"}),
        ("compare", {"study": "../../x"}),
        ("compare", {"study": "--out=/tmp/x"}),
        ("curve", {"study": "x y"}),
        ("train", {"recipe": "../../etc/x.toml"}),
        ("train", {"recipe": "/etc/x.toml"}),
        ("train", {"recipe": "--strict.toml"}),
        ("calibrate", {"questions": "/etc/passwd"}),
        ("compare", {"questions": "/etc/passwd"}),
        ("compare", {"questions": 19}),
        ("compare", {"tokens_out": -1}),
        ("study", {"questions": "/etc/passwd"}),
        ("calibrate", {"risk": 2}),
        ("tune", {"most": "many"}),
    ):
        with pytest.raises(UsageError):
            WORK[kind].checked(arguments)
    compare = command_line("compare", WORK["compare"].checked({"arm": ["retrieval", "--lab"]}), None, tmp_path)
    assert compare[:3] == ["compare", "--arm=retrieval", "--arm=--lab"]
    priced = command_line("compare", WORK["compare"].checked({"tokens_in": 0.5, "machine_hour": 0}), None, tmp_path)
    assert {"--tokens-in=0.5", "--machine-hour=0.0"} <= set(priced)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "tone.toml").write_text('name = "tone"\nbase = "micro"\n')
    (tmp_path / "instill.toml").write_text("")
    (tmp_path / "other.toml").write_text("x = 1\n")
    (tmp_path / "link.toml").symlink_to(tmp_path / "recipes" / "tone.toml")
    assert recipes(tmp_path) == ["recipes/tone.toml"]
    words = command_line("consolidate", WORK["consolidate"].checked({"base": "micro"}), None, tmp_path)
    assert words[:2] == ["consolidate", "--base=micro"]
    words = command_line("train", WORK["train"].checked({"recipe": "recipes/tone.toml"}), None, tmp_path)
    assert words[:4] == ["train", "run", str(tmp_path / "recipes" / "tone.toml"), "--promote"]
    with pytest.raises(UsageError, match="with all documents"):
        command_line("train", WORK["train"].checked({"recipe": "recipes/tone.toml"}), ("hr",), tmp_path)


OVENS = "# Ovens\n\n" + "\n\n".join(
    f"The stone oven of the village {name} was built in {1900 + number} by Marta {name}." for number, name in
    enumerate(("Alba", "Berg", "Cala", "Dorn", "Elva", "Fels", "Gola", "Hain", "Isla", "Jura", "Kamp", "Lund"))
)  # fmt: skip


def test_documents_and_long_work_over_http(tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    with running(tmp_path / "kb", jobs=True) as server, server.client() as client:
        files = [
            ("files", ("ovens.md", OVENS.encode())),
            ("files", ("empty.md", b"")),
            ("files", ("x.pdf", b"%PDF-no")),
        ]
        data = {"paths": ["a/ovens.md", "a/empty.md", "x.pdf"], "metadata": '{"year": 2024}', "wait": "50"}
        job = ok(client.post("/api/documents", files=files, data=data), 202)
        assert job["state"] == "done", job
        assert [Path(source).name for source in job["result"]["added"]] == ["ovens.md"]
        assert len(job["result"]["failed"]) == 2
        [record] = ok(client.get("/api/documents", params={"where": "year = 2024"}))["documents"]
        assert record["source"].endswith("/.instill/uploads/all/a/ovens.md")
        with client.stream("GET", f"/api/jobs/{job['job_id']}/events") as response:
            told = events(response)
        assert [data["result"] for kind, data in told if kind == "file"].count("failed") == 2
        assert told[-1][0] == "job"
        assert ok(client.post("/api/jobs", json={"kind": "calibrate", "arguments": {"risk": 7}}), 400)
        study = ok(client.post("/api/jobs", json={"kind": "study", "arguments": {"most": 12, "check": False}}), 202)
        with client.stream("GET", f"/api/jobs/{study['job_id']}/events") as response:
            told = events(response)
        done = told[-1][1]
        assert done["state"] == "done", ok_log(client, study["job_id"])
        assert [each["id"] for each in ok(client.get("/api/studies"))["studies"]] == [done["result"]["id"]]
        assert set(done["result"]) == {"id", "folder", "made"}
        assert "progress" in [kind for kind, _ in told]
        shown = ok(client.get(f"/api/studies/{done['result']['id']}", params={"many": 2}))
        assert len(shown["shown"]) == 2
        _estimated(client, done["result"]["id"])
        _recipe_written(client, tmp_path / "kb", done["result"]["id"])
        _refused_comparisons(client)
        wrong = ok(client.post("/api/jobs", json={"kind": "curve", "arguments": {"study": "none"}}), 202)
        ended = until(lambda: ended_job(client, wrong["job_id"]))
        assert (ended["state"], ended["result"]["what"]) == ("failed", "No study set has this id.")
        assert "$ instill curve" in ok_log(client, wrong["job_id"])
        assert ok(client.delete(f"/api/documents/{record['doc_id']}"))["removed"][0]["doc_id"] == record["doc_id"]
        assert Path(record["source"]).exists(), "it can be brought back"
        assert ok(client.get("/api/documents"))["documents"] == []


def _recipe_written(client: httpx.Client, place: Path, study: str) -> None:
    """For the rows of a study set, where they stand; it is trained like any other, and never overwritten."""
    wanted = {"study": study, "base": "micro"}
    assert ok(client.post("/api/recipes", json=wanted), 201)["recipes"] == [f"recipes/{study}-micro.toml"]
    recipe = read_recipe(place / "recipes" / f"{study}-micro.toml")
    assert (recipe.name, recipe.base) == (f"study-{study}", "micro")
    assert load_gate(recipe.path(recipe.gate)).gain is not None
    assert recipe.path(recipe.gate).parent.resolve() == (place / ".instill" / "studies" / study).resolve()
    [rows] = [recipe.path(name) for name in recipe.data.rows]
    assert rows.resolve() == (place / ".instill" / "studies" / study / "rows.jsonl").resolve()
    _training_estimated(client, place, f"recipes/{study}-micro.toml")
    again = ok(client.post("/api/recipes", json=wanted), 400)["error"]
    assert again["what"] == "There is a recipe for this study set and this model already."
    unset = ok(client.post("/api/recipes", json={"study": study}), 400)["error"]
    assert unset["what"] == "No model is set that could be trained."
    assert ok(client.post("/api/recipes", json={"study": "none", "base": "micro"}), 404)
    assert ok(client.post("/api/recipes", json={"study": "../x", "base": "micro"}), 422)


def _training_estimated(client: httpx.Client, place: Path, recipe: str) -> None:
    """Before a training begins it is known what it takes, and nothing is trained for it."""
    before = len(ok(client.get("/api/jobs"))["jobs"])
    found = ok(client.post("/api/recipes/estimate", json={"recipe": recipe}))
    assert (found["passed"], found["errors"], found["fits"]) == (True, [], True)
    assert found["seconds"] > 0
    assert found["memory"] > 1_000_000
    assert 0 < found["gate_seconds"] < found["seconds"]
    assert f" for {counted(found['steps'], 'step')} over {counted(found['rows'], 'row')}, and at most " in found["said"]
    assert " for its gate (" in found["said"]
    text = (place / recipe).read_text()
    (place / "recipes" / "ungated.toml").write_text(re.sub(r"(?m)^gate = .*", "", text))
    ungated = ok(client.post("/api/recipes/estimate", json={"recipe": "recipes/ungated.toml"}))
    assert ungated["gate_seconds"] is None
    none = "The recipe has no gate: what is trained will not be measured, nor promoted by itself."
    assert f" over {counted(found['rows'], 'row')}. {none} It takes up to " in ungated["said"]
    (place / "recipes" / "ungated.toml").unlink()
    (place / "recipes" / "bad.toml").write_text('base = "micro"\n\n[data]\nrows = ["gone.jsonl"]\n')
    refused = ok(client.post("/api/recipes/estimate", json={"recipe": "recipes/bad.toml"}), 422)["error"]
    assert (refused["what"], refused["where"].rpartition(" ")[2]) == ("This setting is missing.", "name")
    assert ok(client.post("/api/recipes/estimate", json={"recipe": "recipes/none.toml"}), 400)
    (place / "recipes" / "bad.toml").unlink()
    assert len(ok(client.get("/api/jobs"))["jobs"]) == before
    assert not list((place / ".instill" / "candidates").glob("*"))


def _refused_comparisons(client: httpx.Client) -> None:
    """What cannot be compared is told before a job begins."""

    def begun(status: int, **arguments: Any) -> Any:
        job = {"kind": "compare", "arguments": arguments}
        return ok(client.post("/api/jobs", json=job), status)["error"]

    before = len(ok(client.get("/api/jobs"))["jobs"])
    unknown = begun(422, arm=["retrieval, quoted", "nonsense"])
    assert (unknown["what"], unknown["where"]) == ("This is not an arm.", "nonsense")
    assert "right passage, given" in unknown["remedy"]
    assert begun(422, arm=["retrieval"])["what"] == "This arm needs a generator."
    assert begun(404, study="none")["what"] == "No study set has this id."
    assert len(ok(client.get("/api/jobs"))["jobs"]) == before


def _estimated(client: httpx.Client, study: str) -> None:
    """How long a comparison takes is known from what was asked, and what it shows from the set's questions."""

    def estimate(status: int = 200, **arguments: Any) -> Any:
        return ok(client.post("/api/comparisons/estimate", json=arguments), status)

    asked = ok(client.get(f"/api/studies/{study}", params={"many": 1000}))["shown"]
    first = estimate(study=study, wanted=0.05)
    assert first["arms"] == ["retrieval, quoted", "right passage, given"]
    assert first["questions"] == len(asked)
    assert first["answers"] > 2 * len(asked)
    assert first["seconds"] == pytest.approx(first["answers"] * 0.5)  # Nobody asked yet: what a quotation takes.
    assert f": at most {first['answers']} answers, by 2 ways to answer. " in first["said"]
    assert f"{len(asked)} questions are asked of each way to answer." in first["shows"]
    assert first["recommended"] == ["retrieval, quoted"]
    assert 'Only "retrieval, quoted" can be recommended, so nothing will be compared' in first["shows"]
    assert "in 4 of 5 runs" not in first["shows"]
    assert estimate(404, study="none")["error"]["what"] == "No study set has this id."
    assert estimate(400, questions="feedback")["error"]["what"] == "No answer that was judged can be used yet."
    assert estimate(422, study=study, arm=["nonsense"])["error"]["what"] == "This is not an arm."
    answer = ok(client.post("/api/ask", json={"question": "When was the stone oven of the village Alba built?"}))
    then = estimate(study=study)
    assert then["seconds"] == pytest.approx(first["answers"] * answer["timings"]["total"] / 1000, rel=0.01)
    assert then["unmeasured"] == []
    ok(client.post(f"/api/questions/{answer['question_id']}/judgements", json={"verdict": "right"}), 201)
    judged = estimate(questions="feedback")
    assert judged["shows"].startswith("Of 1 judged question 1 is asked. ")
    assert f"{judged['questions']} questions are asked of each way to answer." in judged["shows"]
    words = command_line("compare", WORK["compare"].checked({"questions": "feedback"}), None, Path("/kb"))
    assert "--questions=feedback" in words
    words = command_line("study", WORK["study"].checked({"questions": "feedback"}), None, Path("/kb"))
    assert "--questions=feedback" in words


def ended_job(client: httpx.Client, job_id: str) -> Any:
    job = ok(client.get(f"/api/jobs/{job_id}"))
    return job if job["state"] in ("done", "failed", "cancelled") else None


def ok_log(client: httpx.Client, job_id: str) -> str:
    return client.get(f"/api/jobs/{job_id}/log").text


def test_who_sends_the_bytes_of_a_hidden_document_gets_one_of_their_own(tmp_path: Path) -> None:
    """The hidden document's file is gone, so that for its owner the same bytes elsewhere would be that document."""
    with Workspace.init(tmp_path / "kb") as workspace:
        secret = tmp_path / "board-secrets.md"
        secret.write_text("# Plan\n\nThe plan is bold.")
        workspace.add(secret, labels="hr")
        secret.rename(tmp_path / "elsewhere.md")
        jobs = store_of(workspace)
        upload = tmp_path / "kb" / ".instill" / "uploads" / "x" / "mine.md"
        upload.parent.mkdir(parents=True)
        upload.write_text("# Plan\n\nThe plan is bold.")
        arguments = {"paths": [str(upload)], "labels": ["staff"], "metadata": {}}
        job = jobs.add("add", "documents", arguments, labels=("staff",), asked_by="ann")
        task = jobs.take("documents")
        assert task is not None
        told = do_documents(Opened(workspace.path), jobs, task)
        assert "board-secrets" not in json.dumps([told, [each.data for each in jobs.events(job.job_id)]])
        assert told["added"] == [str(upload)]
        labels = {Path(record.source).name: record.labels for record in workspace.documents()}
        assert labels == {"board-secrets.md": ("hr",), "mine.md": ("staff",)}


def test_two_servers_do_a_job_once_and_the_one_that_is_left_goes_on(tmp_path: Path) -> None:
    """Uploads to two servers; one is killed while they are taken in. Everything that was acknowledged goes in, once."""
    place = tmp_path / "kb"
    Workspace.init(place).close()
    acknowledged: list[str] = []
    with process(place) as first, process(place) as second:
        with first.client() as one, second.client() as other:
            for number in range(16):
                client = (one, other)[number % 2]
                text = f"# Note {number}\n\nThe number of this note is {number}.\n" + "Filling words stand here. " * 400
                ok(client.post("/api/documents", files={"files": (f"{number}.md", text.encode())}), 202)
                acknowledged.append(f"{number}.md")
            until(lambda: [job for job in ok(other.get("/api/jobs"))["jobs"] if job["state"] == "done"])
            with Workspace.open(place) as workspace:
                workers = lane_processes(place)
                assert len(workers) == 1, "one process does the documents of a workspace"
                first.kill()
                jobs = until(lambda: all_ended(other))
                records = workspace.documents()
                events_of = {job["job_id"]: store_of(workspace).events(job["job_id"]) for job in jobs}
            assert sorted(Path(record.source).name for record in records) == sorted(acknowledged)
            assert [job["state"] for job in jobs] == ["done"] * 16
            for job in jobs:
                done = [event for event in events_of[job["job_id"]] if event.data == {"state": "done"}]
                assert len(done) == 1
                assert job["attempts"] <= 2
            assert sum(job["attempts"] for job in jobs) <= 17, "only the one that was being done is done again"
        code, said = second.end()
        assert code == 0, said
        assert "Traceback" not in said
    until(lambda: not lane_processes(place))


def all_ended(client: httpx.Client) -> Any:
    jobs = ok(client.get("/api/jobs"))["jobs"]
    return jobs if all(job["state"] in ("done", "failed", "cancelled") for job in jobs) else None


def lane_processes(place: Path) -> list[int]:
    """Processes that do the documents of this workspace, as the system lists them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"instill.server.jobs.job_process" in words and str(place).encode() in words:
            found.append(int(folder.name))
    return found


def test_a_job_is_stopped_and_a_lane_is_held_by_one(tmp_path: Path) -> None:
    place = tmp_path / "kb"
    with Workspace.init(place) as workspace:
        workspace.add_text(OVENS, name="ovens.md")
        jobs = store_of(workspace)
        with lane_lock(jobs.folder, "work") as held, lane_lock(jobs.folder, "work") as second:
            assert held is not None
            assert second is None
        with running(place, jobs=True) as server, server.client() as client:
            job = ok(client.post("/api/jobs", json={"kind": "tune", "arguments": {"most": 300}}), 202)
            until(lambda: "$ instill tune" in ok_log(client, job["job_id"]))
            stopped = ok(client.delete(f"/api/jobs/{job['job_id']}"))
            assert stopped["state"] in ("waiting", "running", "cancelled")
            ended = until(lambda: ended_job(client, job["job_id"]))
            assert ended["state"] == "cancelled"
            assert ended["attempts"] == 1
            assert "Traceback" not in (jobs.folder / "work.log").read_text()
            again = ok(client.delete(f"/api/jobs/{job['job_id']}"))
            assert again["state"] == "cancelled"
            assert json.dumps(ended["result"]) == "null"
