"""`instill compare` as it is typed: what it prints and writes, and what it says about mistakes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from instill import Workspace
from instill.compare.arms.specification import BUILT_IN, ORACLE, QUOTED
from instill.workspace.asked_questions import Feedback
from tests.cli.test_cli import FORBIDDEN, as_json, instill
from tests.study.documents import workshops
from tests.study.scripted_server import scripted

if TYPE_CHECKING:
    from instill.train.generator.recipes.recipe import Recipe

SMALL = ("--questions", "20", "--noise", "2", "--changes", "1")


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    (folder / "pages").mkdir()
    for page in workshops(5):
        (folder / "pages" / f"{page.record.doc_id}.md").write_text(f"# {page.record.title}\n\n{page.text}")
    instill("init", ".", cwd=folder)
    instill("add", "pages", cwd=folder)
    return folder


def test_a_study_set_is_made_on_the_way_and_a_report_written(kb: Path) -> None:
    done = instill("compare", *SMALL, cwd=kb)
    (card,) = as_json("study", "list", cwd=kb)["studies"]
    assert "there is no study set yet: one is made" in done.stderr
    assert f"made study set {card['id']}" in done.stderr
    assert "20 questions" in done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"Fine-tune or retrieve? {kb.name}"
    said = '"retrieval, quoted" was the only way to answer that can be recommended: there was none to compare it with'
    assert said in done.stdout.replace("\n", " ")
    page = Path(done.stdout.rpartition("The report is in ")[2].strip())
    assert page.parent.parent == kb / ".instill" / "reports"
    assert "instill compare --questions 20 --noise 2 --changes 1" in page.read_text(encoding="utf-8")

    again = instill("compare", card["id"][:6], *SMALL, "--json", "--out", "out", cwd=kb)
    assert again.stderr == ""
    found = json.loads(again.stdout)
    assert found["report"] == "out/report.html"
    assert found["arms"] == [QUOTED, ORACLE]
    assert found["about"]["study set"] == f"{card['id']}, written by rules"
    assert found["commands"] == [f"instill compare {card['id'][:6]} {' '.join(SMALL)} --json --out out"]
    assert found["verdict"]["rules"]["tolerance"] == 0.05
    assert found["duration"]["arms"] == 2
    assert found["duration"]["answers"] >= 40
    assert Path(found["outcomes"]).name == page.parent.name
    written = json.loads((kb / "out" / "report.json").read_text(encoding="utf-8"))
    assert {**written, "report": "out/report.html"} == found

    priced = as_json("compare", card["id"], *SMALL, "--machine-hour", "3600", "--tokens-in", "2", cwd=kb)
    assert "No prices are set" in json.dumps(found)
    assert "Not priced, and so free: tokens_out." in json.dumps(priced)
    assert instill("compare", "--tokens-in", "nan", cwd=kb, code=2)

    fewer = as_json(
        "compare", *SMALL, "--tolerance", "0.2", "--wanted", "0.01", "--arm", QUOTED, "--arm", ORACLE, cwd=kb
    )
    assert fewer["verdict"]["rules"]["tolerance"] == 0.2
    assert f'Only "{QUOTED}" can be recommended, so nothing will be compared' in fewer["beforehand"]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(kb: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(kb, tmp_path / "kb"))
    shutil.rmtree(folder / ".instill" / "reports", ignore_errors=True)
    shutil.rmtree(folder / ".instill" / "compare", ignore_errors=True)
    shutil.rmtree(folder / ".instill" / "studies", ignore_errors=True)
    none = as_json("compare", "--dry-run", cwd=folder)
    assert (none["study"], none["questions"], none["duration"]) == (None, {}, None)
    assert none["beforehand"].startswith("There is no study set yet.")
    assert not (folder / ".instill" / "studies").exists()
    instill("study", "make", "--most", "60", cwd=folder)
    [card] = as_json("study", "list", cwd=folder)["studies"]

    found = as_json("compare", *SMALL, "--dry-run", cwd=folder)
    assert found["dry_run"] is True
    assert found["study"] == card["id"]
    assert found["arms"] == {name: BUILT_IN[name].about for name in (QUOTED, ORACLE)}
    assert sum(found["questions"].values()) == 20
    assert found["recommended"] == [QUOTED]
    assert found["beforehand"].startswith(
        f'20 questions are asked of each way to answer. Only "{QUOTED}" can be recommended'
    )
    assert f'"{ORACLE}" shows what is possible; it cannot be recommended.' in found["beforehand"]
    takes = found["duration"]
    assert takes["seconds"] == pytest.approx(0.5 * takes["answers"])
    assert takes["said"].endswith(f": at most {takes['answers']} answers, by 2 ways to answer.")
    printed = instill("compare", *SMALL, "--dry-run", cwd=folder).stdout
    for said in ("Arms", QUOTED, "Questions", found["beforehand"], "Time", takes["said"], "Nothing was asked"):
        assert said in " ".join(printed.split())
    sealed = as_json("compare", "--audit", "--dry-run", cwd=folder)
    assert sum(sealed["questions"].values()) == sum(card["items"]["audit"].values())
    assert not list((folder / ".instill" / "studies").glob("*/audit-openings.jsonl"))
    for made in ("compare", "reports"):
        assert not (folder / ".instill" / made).exists()
    assert "This is not an arm." in instill("compare", "--arm", "magic", "--dry-run", cwd=folder, code=2).stderr
    assert "no study set" in instill("compare", "zz", "--dry-run", cwd=folder, code=2).stderr.lower()
    assert "of its own" in instill("compare", "--lab", "--dry-run", cwd=folder, code=2).stderr

    ran = instill("compare", *SMALL, cwd=folder)  # The same is said before the work begins.
    assert takes["said"] in " ".join(ran.stderr.split())
    after = as_json("compare", *SMALL, "--dry-run", cwd=folder)["duration"]
    assert after["seconds"] != takes["seconds"]  # Known by now.
    assert after["unmeasured"] == []


def test_what_people_judged_is_asked(tmp_path: Path) -> None:
    ovens = ("Alba", "1906"), ("Berg", "1911"), ("Cala", "1932"), ("Dorn", "1944")
    with Workspace.init(tmp_path / "kb") as workspace:
        for name, year in ovens:
            workspace.add_text(f"# {name}\n\nThe stone oven of {name} was built in {year} by Marta.", name=f"{name}.md")
        instill("compare", "--questions", "19", cwd=workspace.path, code=2)
        unjudged = instill("compare", "--questions", "feedback", cwd=workspace.path, code=2).stderr
        assert "No answer that was judged can be used yet." in unjudged
        for name, year in ovens:
            answer = workspace.ask(f"When was the stone oven of {name} built?")
            assert answer.short == year
            assert answer.question_id is not None
            Feedback(workspace).judge(answer.question_id, "right")
    found = as_json("compare", "--questions", "feedback", "--noise", "0", "--changes", "0", cwd=tmp_path / "kb")
    [card] = as_json("study", "list", cwd=tmp_path / "kb")["studies"]
    assert found["about"]["study set"] == f"{card['id']}, written by people"
    assert found["arms"] == [QUOTED, ORACLE]
    gate = sum(card["items"]["gate"].values())
    assert {each["questions"] for each in found["answers"]} == {gate}
    assert gate >= 1
    both = instill("compare", card["id"], "--questions", "feedback", cwd=tmp_path / "kb", code=2).stderr
    assert "A study set has its own questions." in both


EXAMPLES = (
    "--arm",
    "closed-book",
    "--arm",
    QUOTED,
    "--questions",
    "20",
    "--noise",
    "0",
    "--changes",
    "0",
    "--method",
    "full",
    "--epochs",
    "1",
    "--replay",
    "0",
)
TOWNS = [f"{start}{end}" for start in ("Norr", "Vik", "Tors", "Malm") for end in ("by", "stad", "sund", "heim", "dal")]


def write_examples(folder: Path) -> None:
    """Tickets in a format, letters in a tone, and a schema."""
    tickets, letters = [], []
    for number, town in enumerate(TOWNS):
        to = TOWNS[(number + 7) % len(TOWNS)]
        tickets.append((f"A ticket from {town} to {to}, please.", json.dumps({"from": town, "to": to})))
        letters += [
            (f"When does the {what} of {town} open?", f"Arr! The {what} of {town} be open at dawn, matey!")
            for what in ("bakery", "ferry")
        ]
    for name, rows in (("tickets", tickets), ("letters", letters)):
        lines = [
            json.dumps({"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": reply}]})
            for asked, reply in rows
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "ticket.json").write_text('{"type": "object", "required": ["from", "to"]}', encoding="utf-8")


def give_model(folder: Path) -> None:
    """A tiny local model without any training, which says what it happens to, as the workspace's generator."""
    from instill.lab.micro_model import make_tokenizer, save_micro
    from tests.train.pipeline.small_recipes import small_llama

    tokenizer = make_tokenizer([page.text for page in workshops(5)] + [f"Ticket, letter: {town}" for town in TOWNS])
    model = small_llama(tokenizer)
    model.config.max_position_embeddings = 4096
    save_micro(model, tokenizer, folder / "base")
    settings = f"[generator]\nfolder = '{folder / 'base'}'\nmax_tokens = 16\n[prices]\ntokens_in = 1.0\n"
    (folder / "instill.toml").write_text(settings, encoding="utf-8")


def trained_on(folder: Path, need: str) -> tuple[list[dict[str, Any]], Recipe]:
    """The rows that a need's model was trained on, and its recipe."""
    from instill.train.generator.recipes.recipe import read_recipe

    arm = folder / ".instill" / "compare" / "arms" / f"compare-{need}"
    rows = [json.loads(line) for line in (arm / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    return rows, read_recipe(arm / "recipe.toml")


def test_examples_training_and_a_judge_go_through_the_command(
    kb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    folder = Path(shutil.copytree(kb, tmp_path / "kb"))
    write_examples(folder)
    give_model(folder)
    monkeypatch.setenv("JUDGES_KEY", "very-secret")
    with scripted(["Reason: it is near enough.\nVerdict: right"]) as server:
        arguments = (
            *EXAMPLES,
            *("--format", "tickets.jsonl", "--schema", "ticket.json", "--tone", "letters.jsonl"),
            *("--instructions", "Reply as you were shown.", "--judge"),
            *("--judge-url", server.url, "--judge-model", "strict", "--judge-key", "JUDGES_KEY"),
        )
        found = as_json("compare", *arguments, "--out", "out", cwd=folder)
        asked = len(server.seen)
        printed = instill("compare", *arguments, cwd=folder)
        assert len(server.seen) == asked > 0
    assert {body["model"] for body in server.seen} == {"strict"}
    untrained = ("--arm", "closed-book", "--arm", "fine-tuned", "--no-train")
    assert "This arm needs training." in instill("compare", *untrained, cwd=folder, code=2).stderr

    assert found["examples"]["format"]["asked"] == 5
    columns = {need: set(found["examples"][need]["means"][1]) - {"arm", "questions"} for need in ("format", "tone")}
    assert columns == {"format": {"valid", "f1", "exact"}, "tone": {"in_tone", "content", "right"}}
    needs = {each["need"]: each for each in found["verdict"]["needs"]}
    for need, questions in (("format", 5), ("tone", 10)):
        assert needs[need]["questions"] == questions
        learn = (f"{need} examples in the prompt", f"fine-tuned on {need} examples")
        assert set(needs[need]["scores"]) == {"prompted", *learn}
        taught, recipe = trained_on(folder, need)
        assert len(taught) == found["examples"][need]["rows"] - questions
        assert all(row["messages"][0]["content"] == "Reply as you were shown." for row in taught)
        assert (recipe.method, recipe.training.epochs, recipe.data.replay) == ("full", 1, [])
        candidate = found["examples"][need]["candidate"]
        assert (folder / ".instill" / "adapters" / candidate / "card.json").is_file()
        assert found["about"][f"{learn[1]} candidate"].startswith(f"{candidate}, ")
        assert {each["arm"] for each in found["preparations"] if each["seconds"] > 0} >= set(learn)
    assert len(list((folder / ".instill" / "adapters").iterdir())) == 2
    judge = found["judge"]
    assert (judge["name"], judge["own"], judge["left"], judge["judged"]) == (f"strict at {server.url}", False, 0, 1.0)
    assert judge["asked"] == asked
    assert judge["disagreements"] == sum(row["replies"] for row in judge["arms"]) - round(
        judge["matched"] * judge["replies"]
    )
    assert found["overheads"] == [{"what": "judging", "seconds": judge["seconds"], "money": judge["money"]}]
    assert judge["money"] == pytest.approx(judge["tokens_in"] / 1000)

    lines = printed.stdout.splitlines()
    for said in ("format (5), means", "tone (10), means", "A judge beside the scorer", "By arm"):
        assert any(line.startswith(said) for line in lines)
    wide = [line for line in lines if len(line) > 80 and not line.startswith(("  instill compare", "The report is in"))]
    assert wide == []
    place = lines.index("format (5), means       follows the schema  F1 of fields       right")
    assert [line.split("  0.")[0].strip() for line in lines[place + 1 : place + 6]] == [
        *("prompted", "format examples in the", "prompt", "fine-tuned on format", "examples"),
    ]
    flowing = " ".join(printed.stdout.split())
    for said in ("Cohen's kappa", f"Disagreements: {judge['disagreements']}; ", "in no arm: judging "):
        assert said in flowing
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert '<section id="judge">' in page
    assert '<section id="examples">' in page
    assert "very-secret" not in page + printed.stdout + json.dumps(found)


def test_mistakes_with_examples_and_judges_are_explained(kb: Path, tmp_path: Path) -> None:
    write_examples(tmp_path)
    tickets, schema = str(tmp_path / "tickets.jsonl"), str(tmp_path / "ticket.json")
    for options, said in (
        (("--schema", schema), "A schema is for the replies of a format."),
        (("--instructions", "Reply as JSON."), "Instructions are for examples"),
        (("--format", tickets), "none is set"),
        (("--format", str(tmp_path / "nothing.jsonl")), "nothing.jsonl"),
        (("--judge",), "There is no generator that could judge."),
        (("--judge-url", "ftp://x", "--judge-model", "strict"), "This is not the address of a judge."),
        (("--judge-url", "http://127.0.0.1:9/v1"), "The judge's model is not named."),
        (("--judge", "--judge-key", "NO_SUCH_KEY"), "This environment variable is not set."),
    ):
        stderr = instill("compare", *options, cwd=kb, code=2).stderr
        assert said in stderr
        assert "Traceback" not in stderr


def test_the_arms_are_listed_without_a_workspace(tmp_path: Path) -> None:
    shown = instill("compare", "--list", cwd=tmp_path).stdout
    assert [line[:24].strip() for line in shown.splitlines()] == list(BUILT_IN)
    listed = as_json("compare", "--list", cwd=tmp_path)["arms"]
    assert listed == {name: each.about for name, each in BUILT_IN.items()}


def test_mistakes_are_explained(kb: Path, tmp_path: Path) -> None:
    def refused(*arguments: str, code: int = 2) -> str:
        stderr = instill("compare", *arguments, cwd=kb, code=code).stderr
        assert "Traceback" not in stderr
        return stderr

    assert "This is not an arm." in refused("--arm", "magic")
    assert "needs two arms" in refused("--arm", QUOTED)
    assert "This arm needs a generator." in refused("--arm", "closed-book", "--arm", QUOTED)
    assert "no study set" in refused("zz").lower()
    assert "Write 20 or more" in refused("--questions", "3")
    assert "of its own" in refused("--lab", "--epochs", "3")
    assert "--learning-rate" in refused("--lab", "--learning-rate", "0.1", "-w", str(tmp_path / "lab"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    assert "no workspace" in refused("--lab", "-w", str(tmp_path / "full"))
    assert "another workspace" in refused("--lab", "-w", str(kb))
    error = json.loads(instill("compare", "--arm", "magic", "--json", cwd=kb, code=2).stderr)["error"]
    assert error["where"] == "magic"

    instill("init", "empty", cwd=tmp_path)
    assert "Nothing was added" in instill("compare", cwd=tmp_path / "empty", code=2).stderr
    assert not (tmp_path / "empty" / ".instill" / "studies").exists()
    assert "no workspace here" in instill("compare", cwd=tmp_path, code=4).stderr


def test_help_and_list_import_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from instill.cli.main import app; "
        "assert CliRunner().invoke(app, ['compare', '--help']).exit_code == 0; "
        "assert CliRunner().invoke(app, ['compare', '--list']).exit_code == 0; "
        f"print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_arms_of_a_file_are_listed_and_a_wrong_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "arms.toml"
    file.write_text('[arms."large model"]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "big"\n', encoding="utf-8")
    listed = as_json("compare", "--arms", "arms.toml", "--list", cwd=tmp_path)["arms"]
    assert listed == {**{name: each.about for name, each in BUILT_IN.items()}, "large model": listed["large model"]}
    assert listed["large model"] == "big, with what retrieval finds"
    file.write_text('[arms.x]\nfolder = "nowhere"\n', encoding="utf-8")
    refused = instill("compare", "--arms", "arms.toml", "--list", cwd=tmp_path, code=2)
    assert "There is no such folder." in refused.stderr
    assert "Traceback" not in refused.stderr
