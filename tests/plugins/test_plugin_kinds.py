"""A package with a part of each kind: each is used, and when it misbehaves only it is affected."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instill import Workspace
from instill.compare.arms.plugged import BroughtArm, beside, brought_arms
from instill.compare.plan import ComparePlan, chosen_arms
from instill.errors import GeneratorError, UsageError
from instill.settings import EncoderSettings, GeneratorSettings
from instill.study.closed_book import ClosedBook, EvidenceInPrompt
from instill.testing.arms import item_of
from instill.train.gate.metrics import identity_of
from instill.train.gate.scoring import score
from instill.train.gate.specification import load_gate
from tests.cli.test_cli import instill
from tests.conftest import write_handbook
from tests.plugins.packages import install

ENTRIES = {
    "generators": {
        "parrot": "acme_parts:open_parrot",
        "mute": "acme_parts:open_mute",
        "none-such": "acme_parts:nothing",
    },
    "encoders": {"mirror": "acme_parts:open_mirror", "long": "acme_parts:open_long", "lame": "acme_parts:open_lame"},
    "metrics": {"same-length": "acme_parts:same_length", "wild": "acme_parts:wild"},
    "arms": {"first passage": "acme_parts:FIRST", "cheater": "acme_parts:CHEATER", "odd": "acme_parts:same_length"},
    "commands": {"greet": "acme_parts:greet", "broken": "acme_broken:greet", "search": "acme_parts:greet"},
}
PARTS = '''
    import os
    from pathlib import Path

    Path(os.environ["ACME_MARK"]).write_text("imported")

    from instill.models.encoders import open_encoder
    from instill.extending import ArmPart, GeneratorSettings, Said, WorkspaceOption, say


    class Parrot:
        name = "parrot"

        def stream(self, messages, *, max_tokens, temperature=0.0):
            yield "Squawk."


    class Mute:
        name = "mute"

        def stream(self, messages, *, max_tokens, temperature=0.0):
            raise KeyError("choices")
            yield ""


    def open_parrot(settings):
        assert isinstance(settings, GeneratorSettings)
        return Parrot()


    def open_mute(settings):
        return Mute()


    def nothing(settings):
        return None


    def open_mirror(settings):
        return open_encoder(settings.model_copy(update={"model": "instill"}))


    class Long:
        def __init__(self, encoder):
            self._encoder = encoder

        def __getattr__(self, name):
            return getattr(self._encoder, name)

        def encode_passages(self, texts, *, progress=None):
            return self._encoder.encode_passages(texts) * 3


    def open_long(settings):
        return Long(open_mirror(settings))


    class Lame:
        fingerprint = "lame"
        dimension = 8

        def encode_passages(self, texts, *, progress=None):
            return None


    def open_lame(settings):
        return Lame()


    def same_length(reply, accepted, *, question):
        return float(any(len(reply) == len(answer) for answer in accepted))


    def wild(reply, accepted, *, question):
        return 7


    class First:
        def __init__(self, workspace):
            self.count = len(workspace.documents())

        def answer(self, question, passages):
            hit = passages[0]
            return Said(hit.text, citations=((hit.doc_id, hit.start, hit.end),), tokens_in=self.count)


    class Cheats:
        def answer(self, question, passages):
            told = "Customers may return goods within thirty days of delivery for a full refund."
            return Said("30", messages=({"role": "user", "content": told},))


    FIRST = ArmPart("the first passage", "found", "show the first passage", First)
    CHEATER = ArmPart("", "nothing", "cheat", lambda workspace: Cheats())


    def greet(name: str = "you", workspace: WorkspaceOption = None) -> None:
        """Say hello."""
        if name == "nobody":
            raise RuntimeError("there is nobody to greet")
        say(f"hello {name}")
'''


@pytest.fixture(scope="module")
def mark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package is on Python's path, and writes this file when it is imported."""
    folder = tmp_path_factory.mktemp("packages")
    install(folder, "acme", {}, {"acme_parts": PARTS, "acme_broken": "import no_such_library_here"})
    lines = [
        line
        for group, entries in ENTRIES.items()
        for line in (f"[instill.{group}]", *(f"{name} = {target}" for name, target in entries.items()))
    ]
    (folder / "acme-1.0.dist-info" / "entry_points.txt").write_text("\n".join(lines))
    file = folder / "mark"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("ACME_MARK", str(file))
        yield file
    for name in ("acme_parts", "acme_broken"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, mark: Path) -> Path:
    folder = tmp_path_factory.mktemp("place")
    write_handbook(folder / "handbook")
    with Workspace.init(folder) as workspace:
        workspace.add(folder / "handbook")
    return folder


def states() -> dict[str, tuple[str, str]]:
    listed = json.loads(instill("plugins", "--json", cwd=Path.cwd()).stdout)["plugins"]
    return {f"{each['group']}.{each['name']}": (each["state"], each["problem"]) for each in listed}


def test_what_answers_every_day_imports_no_plug_in(place: Path, mark: Path) -> None:
    """Also not with the help and with formats that Instill reads itself. First of the module, before anything is."""
    for command in (["search", "refund"], ["ask", "When is a refund paid?"], ["status"], ["--help"], ["sync"]):
        instill(*command, cwd=place)
    assert not mark.exists()


def test_all_are_listed_and_what_is_wrong_is_named(place: Path) -> None:
    found = states()
    assert {name for name, (state, _) in found.items() if state == "ok"} == {
        "generators.parrot", "generators.mute", "generators.none-such", "encoders.mirror", "encoders.long",
        "encoders.lame", "metrics.same-length", "metrics.wild", "arms.first passage", "arms.cheater", "commands.greet",
    }  # fmt: skip
    assert found["arms.odd"] == ("broken", "it is a function, not an instill.extending.ArmPart")
    assert found["commands.broken"][1] == "ModuleNotFoundError: No module named 'no_such_library_here'"
    assert found["commands.search"][1] == "Instill has a part of this name already"
    findings = json.loads(instill("doctor", "--json", cwd=place, code=1).stdout)["findings"]
    broken = {each["name"] for each in findings if each["verdict"] == "broken"}
    assert broken == {"arms.odd", "commands.broken", "commands.search"}


def test_a_generator_writes_answers_and_a_failing_one_leaves_quotes(place: Path) -> None:
    question = "Within how many days may customers return goods?"
    with Workspace.open(place, generator="plugin:parrot") as workspace:
        assert workspace.generator is not None
        assert workspace.generator.name == "parrot"
        assert "Squawk." in "".join(workspace.ask(question, stream=True)) + workspace.ask(question).text
    with Workspace.open(place, generator="plugin:mute") as workspace:
        answer = workspace.ask(question)
        assert "thirty days" in answer.text
        assert any("The plug-in 'mute' failed (KeyError: 'choices')" in each for each in answer.notices)
        assert workspace.generator is not None
        with pytest.raises(GeneratorError, match="mute"):
            list(workspace.generator.stream([], max_tokens=3))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"plugin": "none-such"}, "The plug-in 'none-such' opened a NoneType, which has no `name` and `stream`"),
        ({"plugin": "nobody"}, "There is no plug-in 'nobody'; there is mute, none-such, parrot"),
        ({"plugin": "parrot", "gguf": "smollm2"}, "2 generators are set"),
        ({"plugin": "parrot", "adapter": "tone-01"}, "needs the local model"),
    ],
)
def test_a_generator_that_cannot_be_opened_says_why(mark: Path, settings: dict[str, Any], said: str) -> None:
    from instill.models.generators import open_generator

    with pytest.raises(UsageError, match=said):
        open_generator(GeneratorSettings(**settings))


def test_what_is_turned_off_in_the_settings_is_not_used(place: Path, tmp_path: Path) -> None:
    (tmp_path / "instill.toml").write_text('[plugins]\noff = ["acme"]\n[generator]\nplugin = "parrot"\n')
    (tmp_path / ".instill").mkdir()
    with Workspace.open(tmp_path) as workspace, pytest.raises(UsageError, match="turned off"):
        workspace.generator  # noqa: B018 - opened on first use
    assert instill("plugins", cwd=tmp_path).stdout.count(" off") == sum(map(len, ENTRIES.values()))
    assert brought_arms(["acme"]) == ()
    assert "turned off" in instill("greet", cwd=tmp_path, code=2).stderr


def test_an_encoder_makes_an_index_of_its_own(tmp_path: Path, mark: Path) -> None:
    write_handbook(tmp_path / "handbook")
    (tmp_path / "instill.toml").write_text('[encoder]\nmodel = "plugin:mirror"\n')
    (tmp_path / ".instill").mkdir()
    with Workspace.open(tmp_path) as workspace:
        workspace.add(tmp_path / "handbook")
        assert workspace.index.generation.fingerprint.startswith("plugin:mirror:")
        assert "passwords.txt" in workspace.search("how long is a secret word", mode="vector").hits[0].source


def test_an_encoder_that_lacks_something_names_it(mark: Path) -> None:
    from instill.models.encoders import open_encoder

    with pytest.raises(UsageError) as caught:
        open_encoder(EncoderSettings(model="plugin:lame"))
    assert caught.value.what == (
        "The plug-in 'lame' opened something that is no encoder: "
        "a Lame has no `max_tokens`, `tokenizer`, `encode_queries`."
    )
    assert "EncoderTests" in caught.value.remedy


def test_a_name_in_plugins_off_that_nothing_has_is_told(place: Path, tmp_path: Path) -> None:
    (tmp_path / "instill.toml").write_text('[plugins]\noff = ["acme", "arms.odd", "nothere"]\n')
    (tmp_path / ".instill").mkdir()
    findings = json.loads(instill("doctor", "--json", cwd=tmp_path).stdout)["findings"]
    [told] = [each for each in findings if each["name"] == "plugins.off"]
    assert told["what"] == "no installed package or part is named 'nothere'"


def test_an_encoder_whose_vectors_are_wrong_stores_nothing(tmp_path: Path, mark: Path) -> None:
    from instill.models.encoders import open_encoder

    encoder = open_encoder(EncoderSettings(model="plugin:long"))
    with pytest.raises(UsageError, match="gave a vector that is not of length 1"):
        encoder.encode_passages(["tea"])
    assert encoder.encode_queries(["tea"]).shape == (1, encoder.dimension)


def test_a_metric_scores_for_a_gate(tmp_path: Path, mark: Path) -> None:
    gate = tmp_path / "gate.toml"
    gate.write_text('scoring = "same-length"\n[gain]\nrows = "rows.jsonl"\n')
    assert load_gate(gate).metrics() == "metrics.same-length acme 1.0"
    assert identity_of("exact") == ""
    assert (score("1987", ["2024"], "same-length"), score("87", ["2024"], "same-length")) == (1.0, 0.0)
    with pytest.raises(UsageError, match="gave 7 as a score"):
        score("1987", ["1987"], "wild")
    with pytest.raises(UsageError, match="turned off"):
        load_gate(gate, off=["metrics.same-length"])
    gate.write_text('scoring = "same-lenght"\n[gain]\nrows = "rows.jsonl"\n')
    with pytest.raises(UsageError, match=r"no way 'same-lenght' to score.*same-length"):
        load_gate(gate)


def test_an_arm_is_compared_with_the_others(place: Path) -> None:
    arms = brought_arms()
    assert [(each.name, each.given, each.renewal) for each in arms] == [
        ("cheater", "nothing", "nothing"),
        ("first passage", "found", "indexing"),
    ]
    assert chosen_arms(ComparePlan(own=arms), generator=False)[-1] == "first passage"
    listed = json.loads(instill("compare", "--list", "--json", cwd=place).stdout)["arms"]
    assert listed["first passage"] == "the first passage"
    assert listed["cheater"] == "of the package acme"
    with pytest.raises(UsageError, match="A plug-in has an arm of this name"):
        beside(arms[:1], arms)
    with Workspace.open(place) as workspace:
        [first] = [each.brought for each in arms if each.name == "first passage"]
        assert first is not None
        hits = workspace.search("When is a refund paid?").hits
        reply = BroughtArm("first passage", workspace, first, lambda _: (hits, ""), None).answer(item_of("When?"))
        assert reply.text == reply.citations[0].text == hits[0].text
        assert reply.tokens_in == len(workspace.documents())


def test_an_arm_that_is_given_nothing_may_tell_no_evidence(place: Path) -> None:
    [cheater] = [each.brought for each in brought_arms() if each.name == "cheater"]
    assert cheater is not None
    closed = ClosedBook(["Customers may return goods within thirty days of delivery for a full refund."])
    with Workspace.open(place) as workspace:
        arm = BroughtArm("cheater", workspace, cheater, None, closed)
        with pytest.raises(EvidenceInPrompt):
            arm.answer(item_of("Within how many days may customers return goods?"))


def test_a_command_is_one_of_instills(place: Path) -> None:
    assert instill("greet", "--name", "Ada", cwd=place).stdout == "hello Ada\n"
    failed = instill("greet", "--name", "nobody", cwd=place, code=1).stderr
    assert "RuntimeError: there is nobody to greet" in failed
    assert failed.endswith("This command is part of the package acme. Show this to its authors.\n")
    assert "Say hello." in instill("greet", "--help", cwd=place).stdout
    assert "From the package acme." in instill("--help", cwd=place).stdout
    assert "no_such_library_here" in instill("broken", cwd=place, code=2).stderr
    assert "No such command" in instill("greeet", cwd=place, code=2).stderr
    assert "refunds" in instill("search", "refund", cwd=place).stdout  # its own, whatever a package calls itself
    assert os.environ["ACME_MARK"]
