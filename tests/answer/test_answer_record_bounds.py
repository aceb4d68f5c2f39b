"""Questions over records with more than one bound: each bound is meant for the column that its own clause speaks of."""

from __future__ import annotations

import random

import pytest

from instill import Workspace

STOCK = {
    "anvil": (12, 240),
    "bellows": (3, 95),
    "chisel": (40, 18),
    "hammer": (1, 35),
    "tongs": (7, 120),
    "file": (0, 9),
}
COLOURS = ("black", "brown", "grey", "grey", "black", "grey")
ROOMS = {"Cedar": (12, 1), "Oak": (8, 2), "Pine": (20, 2), "Elm": (15, 3), "Ash": (6, 1)}
PLACES = (("Berlin", 2018), ("Hamburg", 2020), ("Bremen", 2015), ("Berlin", 2019), ("Hamburg", 2021))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace.init(tmp_path_factory.mktemp("bounds"))
    stock = [f"{name},{n},{price},{colour}" for (name, (n, price)), colour in zip(STOCK.items(), COLOURS, strict=True)]
    rooms = [
        f"{name},{seats},{floor},{city},{built}"
        for (name, (seats, floor)), (city, built) in zip(ROOMS.items(), PLACES, strict=True)
    ]
    workspace.add_text("\n".join(["article,stock,price,colour", *stock]), name="stock.csv")
    workspace.add_text("\n".join(["room,seats,floor,city,built", *rooms]), name="rooms.csv")
    return workspace


def shown(workspace: Workspace, question: str) -> set[str]:
    answer = workspace.ask(question)
    assert not answer.abstained, answer.text
    return {name for name in (*STOCK, *ROOMS) if f": {name};" in answer.text}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which articles cost less than 100 and have more than 2 in stock?", {"bellows", "chisel"}),
        ("Which articles have more than 2 in stock and cost less than 100?", {"bellows", "chisel"}),
        ("Which articles have at least 3 in stock but cost more than 100?", {"anvil", "tongs"}),
        ("Which articles cost between 20 and 100?", {"bellows", "hammer"}),
        ("Which grey articles cost less than 20?", {"chisel", "file"}),
        ("Which rooms have more than 10 and less than 20 seats?", {"Cedar", "Elm"}),
        ("Which rooms have between 8 and 15 seats?", {"Cedar", "Oak", "Elm"}),
        ("Which rooms have 12 seats or more?", {"Cedar", "Pine", "Elm"}),
        ("Which rooms have 8 or fewer seats?", {"Oak", "Ash"}),
        ("Which rooms were built between 2018 and 2020?", {"Cedar", "Oak", "Elm"}),
        ("Which rooms with more than 10 seats are in Berlin or Hamburg?", {"Cedar", "Elm"}),
        ("Which rooms have over 10 seats and are on floor 2?", {"Pine"}),
    ],
)
def test_each_bound_has_its_own_column(shop: Workspace, question: str, expected: set[str]) -> None:
    assert shown(shop, question) == expected


def test_what_matches_is_counted(shop: Workspace) -> None:
    answer = shop.ask("How many articles cost less than 100 and have more than 2 in stock?")
    assert answer.short == "2"
    assert shop.ask("How many rooms have between 8 and 15 seats?").short == "3"


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Which articles cost more than 100 or are grey?", 'what "or" means'),
        ("Which articles cost less than 20 or more than 100?", 'what "or" means'),
        ("Which articles are below 100 and have more than 2 in stock?", 'what "below 100" means'),
    ],
)
def test_what_cannot_be_told_is_refused(shop: Workspace, question: str, said: str) -> None:
    answer = shop.ask(question)
    assert answer.abstained
    assert said in answer.text


@pytest.mark.parametrize("seed", range(6))
def test_any_two_bounds_in_any_order_select_what_they_say(shop: Workspace, seed: int) -> None:
    rng = random.Random(seed)
    price, stock = rng.choice([10, 20, 36, 100, 121]), rng.choice([0, 1, 3, 8, 13])
    low_price, low_stock = rng.random() < 0.5, rng.random() < 0.5
    clauses = [
        f"cost {'less' if low_price else 'more'} than {price}",
        f"have {'fewer' if low_stock else 'more'} than {stock} in stock",
    ]
    rng.shuffle(clauses)
    expected = {
        name
        for name, (n, cost) in STOCK.items()
        if (cost < price if low_price else cost > price) and (n < stock if low_stock else n > stock)
    }
    answer = shop.ask(f"Which articles {' and '.join(clauses)}?")
    if not expected:
        assert answer.abstained
        assert "None of the 6 records" in answer.text
    else:
        assert {name for name in STOCK if f": {name};" in answer.text} == expected
