"""A user's own arms: read from a file, refused in plain words where it is wrong, and asked like the others."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.compare.arms.built_in_arms import ClosedBookArm, PipelineArm, ReadingArm
from instill.compare.arms.line_up import LineUp
from instill.compare.arms.specification import BUILT_IN, CLOSED, QUOTED
from instill.compare.arms.users_arms import MOST_BYTES, identity_of, read_arms
from instill.compare.asking_arms import run_arms
from instill.compare.plan import ComparePlan, chosen_arms
from instill.compare.prices import Prices
from instill.errors import InstillError, UsageError
from tests.compare.compare_world import World
from tests.models.generators.endpoint_process import Endpoint

PRICES = Prices(tokens_in=1.0, tokens_out=2.0)
ENDPOINT = '[arms."large one"]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "big"\n'


def written(folder: Path, text: str) -> Path:
    file = folder / "arms.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_an_arm_is_read_with_all_that_it_is(tmp_path: Path) -> None:
    (found,) = read_arms(written(tmp_path, f'{ENDPOINT}documents = "nothing"\ntokens_in = 0.5\ndo = "rent"'), PRICES)
    assert (found.name, found.given, found.model, found.way.do) == ("large one", "nothing", "own", "rent")
    assert (found.needs_generator, found.needs_tuning, found.finds, found.renewal) == (False, False, False, "nothing")
    assert found.own is not None
    assert found.own.prices is not None
    assert (found.own.prices.tokens_in, found.own.prices.tokens_out) == (0.5, 2.0)
    (plain,) = read_arms(written(tmp_path, ENDPOINT), PRICES)
    assert plain.own is not None
    assert (plain.about, plain.way.do, plain.own.prices) == ("big, with what retrieval finds", 'use "large one"', None)
    assert identity_of([plain]) != identity_of([found])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("arms = 3", "must be a section with keys"),
        ("", "no arm in the file"),
        ("[arms]", "0 arms"),
        ("[arms.x", "not valid TOML"),
        ("[arms.x]", "has none"),
        ('[arms.x]\nfolder = "a"\ngguf = "b"', "has folder and gguf"),
        ('[arms.x]\nbase_ulr = "http://a/v1"', "not a setting.*Did you mean base_url"),
        ('[arms.x]\ngguf = "smollm2"\nkey = "sk-1"', "not a setting.*An arm has: base_url, model, key_variable, "),
        ('[arm.x]\nfolder = "."', r"no arm in the file.*\[arms"),
        ("[arms.x]\nbase_url = 7", "must be a text"),
        ('[arms.x]\nbase_url = "file:///etc/passwd"\nmodel = "m"', "not the address"),
        ('[arms.x]\nbase_url = "http://me:pw@host/v1"\nmodel = "m"', "not the address"),
        ('[arms.x]\nbase_url = "http://[::1"\nmodel = "m"', "not the address"),
        ('[arms.x]\nbase_url = "http://host:99999/v1"\nmodel = "m"', "not the address"),
        ('[arms.x]\nbase_url = "http://host/v1"', "name of its model"),
        ('[arms.x]\nbase_url = "http://host/v1"\nmodel = "m"\nkey_variable = "sk-123"', "not the key"),
        ('[arms.x]\nbase_url = "http://host/v1"\nmodel = "m"\nkey_variable = "INSTILL_NO_SUCH"', "is not set"),
        ('[arms.x]\nfolder = "nowhere"', "no such folder"),
        ('[arms.x]\nfolder = "."', "no config.json"),
        ('[arms.x]\ngguf = "arms.toml"', "not a GGUF file"),
        ('[arms.x]\ngguf = "smolm2"', "no such file.*Did you mean smollm2"),
        ('[arms.x]\nrecipe = "arms.toml"', "missing.*name"),
        ('[arms.x]\nfolder = "a\\u0000b"', "not a path"),
        ('[arms.x]\nrecipe = "."', "no such file"),
        ('[arms.x]\ngguf = "~nobody-here/x.gguf"', "no such file"),
        ('[arms.x]\nmodel = "m"\nfolder = "."', "belongs to an endpoint"),
        ('[arms.x]\nfolder = "."\ndocuments = "all"', 'must be "nothing", "found" or "whole"'),
        ('[arms.x]\nfolder = "."\ntokens_in = -1.0', "must be 0 or more"),
        ('[arms.x]\nfolder = "."\ntokens_in = nan', "must be a finite number"),
        ('[arms."Closed-Book"]\nfolder = "."', "of this name already"),
        ('[arms.Prompted]\nfolder = "."', "of this name already"),
        ('[arms.x]\ngguf = "smollm2"\n[arms.X]\ngguf = "smollm2"', "of this name already"),
        ('[arms."\\u001b[31m"]\nfolder = "."', "not a valid name for an arm"),
        ('[arms."../x"]\nfolder = "."', "not a valid name for an arm"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_plain_words(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        read_arms(written(tmp_path, text), PRICES)
    assert "\x1b" not in str(error.value)


def test_a_file_that_is_too_large_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too large"):
        read_arms(written(tmp_path, f"#{'x' * MOST_BYTES}\n{ENDPOINT}"), PRICES)
    for missing in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(UsageError, match="no such file"):
            read_arms(missing, PRICES)
    many = "".join(f'[arms.a{number}]\nfolder = "."\n' for number in range(21))
    with pytest.raises(UsageError, match="21 arms"):
        read_arms(written(tmp_path, many), PRICES)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda text: f'[arms."{text}"]\nfolder = "."'.encode()))
def test_no_file_makes_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "arms.toml"
    file.write_bytes(data)
    with suppress(InstillError):
        read_arms(file, PRICES)


def test_it_is_chosen_and_made_like_the_others(tmp_path: Path, world: World) -> None:
    text = f'{ENDPOINT}[arms.bare]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\ndocuments = "nothing"\n'
    text += '[arms.long]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\ndocuments = "whole"\n'
    plan = ComparePlan(own=read_arms(written(tmp_path, text), PRICES))
    assert chosen_arms(plan, generator=False) == [QUOTED, "right passage, given", "large one", "bare", "long"]
    assert chosen_arms(ComparePlan(own=plan.own, arms=("bare", QUOTED)), generator=False) == [QUOTED, "bare"]
    line_up = LineUp(world.workspace, plan, world.facts, {})
    made = [type(line_up.arm(name)) for name in ("large one", "bare", "long")]
    assert made == [PipelineArm, ClosedBookArm, ReadingArm]
    assert {*plan.known} == {*BUILT_IN, "large one", "bare", "long"}
    assert not plan.known["long"].way.offered


def test_an_endpoint_of_ones_own_is_asked_at_its_own_prices(tmp_path: Path, world: World, endpoint: Endpoint) -> None:
    text = f'[arms.mine]\nbase_url = "{endpoint.url}"\nmodel = "honest"\ndocuments = "nothing"\ntokens_in = 3.0\n'
    plan = ComparePlan(own=read_arms(written(tmp_path, text), PRICES))
    (own,) = plan.own
    assert own.own is not None
    assert own.own.prices is not None
    prices = Prices(own={"mine": own.own.prices})
    items = [world.items[0]]
    line_up = LineUp(world.workspace, plan, world.facts, {})
    (found,) = run_arms(items, [line_up.arm("mine")], tmp_path / "asked", identity="a", prices=prices)
    assert not found.error
    outcome = found.outcome
    assert outcome.money == pytest.approx((outcome.tokens_in * 3.0 + outcome.tokens_out * 2.0) / 1000)
    assert outcome.money > 0
    with pytest.raises(UsageError, match="needs a generator"):
        line_up.arm(CLOSED)
