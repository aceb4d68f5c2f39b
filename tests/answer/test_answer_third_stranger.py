"""Kinds of faults that a newcomer with a folder of a workshop found: flags, bounds, superlatives, records elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill import Workspace
from instill.answer.asked.conversation import standalone
from instill.answer.asked.must_be_spoken_of import Pin, spoken_in
from instill.answer.asked.two_questions_in_one import parts_of
from instill.answer.found.days import Dated, first_day
from instill.answer.said.refusal import others_of_its_kind
from instill.answer.types import Turn
from instill.index.types import Hit
from tests.answer.answer_corpus import workspace_of

PAINTS = """[
 {"paint": "Harbour Blue", "finish": "gloss", "child_safe": true, "tin_no": 1, "litres_left": 14, "notes": "runs"},
 {"paint": "Oat", "finish": "matt", "child_safe": true, "tin_no": 2, "litres_left": 22, "notes": "the safe choice"},
 {"paint": "Signal Red", "finish": "gloss", "child_safe": false, "tin_no": 3, "litres_left": 6, "notes": "no toys"},
 {"paint": "Tar Spot", "finish": "gloss", "child_safe": false, "tin_no": 4, "litres_left": 3, "notes": "two coats"},
 {"paint": "Chalk", "finish": "satin", "child_safe": true, "tin_no": 5, "litres_left": 31, "notes": "settles fast"}
]"""
LATHES = """lathes:
  - name: Heron
    size: big
    volume_litres: 270
    bought: 2017
    last_service: 2026-03-11
    warden: Jun Watari
  - name: Plover
    size: small
    volume_litres: 95
    bought: 2021
    last_service: 2025-10-02
    warden: Dilys Penn
  - name: Wren
    size: test
    volume_litres: 18
    bought: 2009
    last_service: 2024-06-19
    warden: Mateo Brandt
"""
WOOD = """\
code,wood,colour,price_gbp,boards_in_stock,reorder_at
OA-1,Oak,brown,11.20,34,20
AS-2,Ash,white,13.90,9,15
PI-3,Pine,yellow,4.50,6,4
EB-4,Ebony,black,21.00,3,6
CH-5,Cherry,red,12.10,0,5
"""
COURSES = """# Courses 2026

### Turning for beginners
Tutor: Ros Tavener
When: Tuesdays 18:30 to 21:00, from 14 April
Price: £165
Places: 8

### Carving for all
Tutor: Wynn Abara
When: Thursdays 10:00 to 12:30, from 23 April
Price: £120
Places: 10

### Lathe course
Tutor: Jun Watari
When: Sunday 17 May, 10:00 to 16:00
Price: £70
Places: 4

### Family Saturday
Tutor: Wynn Abara
When: every first Saturday
Price: £18 per child
Places: 12
"""
ROOMS = """# Rooms of the courses

| Course | Room | Helper |
|---|---|---|
| Turning for beginners | Lathe bay | Oona Reilly |
| Carving for all | Gallery | none |
| Lathe course | Slipway | Jun Watari |
"""
PRICES = """# Price list 2026

| What | Price |
|---|---|
| Sharpening, a blade | £2.40 |
| Varnish firing, a piece | £3.75 |
| Whole small lathe, a day | £42.00 |
| Whole big lathe, a day | £85.00 |
"""
KEYS = """key,held_by,since
Paint store,Idris Vaughan,2016
Lathe shed,Jun Watari,2018
Office,Bettina Frey,2012
Gallery,Femi Ade,2020
"""
HOURS = """# Opening hours

| Day | Office | Shop |
|---|---|---|
| Monday | 9:00-13:00 | closed |
| Tuesday | 9:00-13:00 | 10:00-16:00 |
| Saturday | closed | 9:30-17:00 |
| Sunday | closed | 11:00-15:00 |
"""
MINUTES_OLD = (
    "# Committee minutes, 10 February 2026\n\nThe heron print has fallen down.\n\nNext meeting: 12 May 2026, 7 pm.\n"
)
MINUTES_NEW = """Committee minutes, 12 May 2026

1. Minutes of 10 February: accepted.

2. Lathe 3
   The maker wanted 460 pounds, so we bought a new one from the reserve.

3. Summer course
   Only 5 sign-ups for the weekend, we need 8. It is cancelled unless
   there are 8 by 1 June.

4. Car park
   The harbour office wants bollards.

Next meeting 8 September 2026.
"""
WORDS = """# Words

**Burl** – a round growth on a tree, from which bowls are turned.

**Green wood** – wood with so much water left in it that it warps.

**Spalting** – dark lines in wood, made by fungi.
"""
FILES = {
    "paints.json": PAINTS,
    "lathes.yaml": LATHES,
    "wood.csv": WOOD,
    "courses.md": COURSES,
    "rooms.md": ROOMS,
    "prices-2026.md": PRICES,
    "keys.csv": KEYS,
    "hours.md": HOURS,
    "minutes-2026-02-10.md": MINUTES_OLD,
    "minutes-2026-05-12.txt": MINUTES_NEW,
    "words.md": WORDS,
}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with workspace_of(tmp_path_factory.mktemp("workshop"), FILES) as opened:
        yield opened


@pytest.mark.parametrize(
    ("question", "there", "missing"),
    [
        ("Which paints are not child safe?", ["Signal Red", "Tar Spot"], ["Harbour", "Oat", "Chalk"]),
        ("which paints are child safe?", ["Harbour Blue", "Oat", "Chalk"], ["Signal Red", "Tar Spot"]),
        ("Which paints have child_safe false?", ["Signal Red", "Tar Spot"], ["Harbour", "Oat", "Chalk"]),
        ("which woods do we have to reorder", ["Ash", "Ebony", "Cherry"], ["Oak", "Pine"]),
        ("Which woods are running low?", ["Ash", "Ebony", "Cherry"], ["Oak", "Pine"]),
        ("Which courses cost less than 130 pounds?", ["Carving", "Lathe course", "Family"], ["beginners"]),
        ("Which courses cost more than £130?", ["beginners"], ["Carving", "Lathe course", "Family"]),
        ("Which lathe is the biggest?", ["Heron", "270"], ["Plover", "£"]),
        ("Which lathe is the smallest one?", ["Wren", "18"], ["Plover", "£"]),
        ("Which lathe has the largest volume?", ["Heron"], ["Plover", "Wren"]),
    ],
)
def test_records_are_selected_by_what_is_asked(
    workshop: Workspace, question: str, there: list[str], missing: list[str]
) -> None:
    answer = workshop.ask(question)
    assert not answer.abstained
    assert all(words in answer.text for words in there)
    assert not any(words in answer.text for words in missing)


@pytest.mark.parametrize(
    ("question", "short"),
    [
        ("How much is the carving course?", "£120"),
        ("Who is the tutor of the lathe course?", "Jun Watari"),
        ("When was the Plover last serviced?", "2025-10-02"),
        ("when is the lathe course?", "Sunday 17 May, 10:00 to 16:00"),
    ],
)
def test_a_record_is_shown_from_the_table_that_has_what_is_asked(
    workshop: Workspace, question: str, short: str
) -> None:
    answer = workshop.ask(question)
    assert answer.short == short
    assert "Slipway" not in answer.text
    assert "Gallery" not in answer.text


def test_a_short_answer_is_not_the_name_that_was_asked_about(workshop: Workspace) -> None:
    answer = workshop.ask("Who has the key to the paint store?")
    assert "Idris Vaughan" in answer.text
    assert answer.short in ("", "Idris Vaughan")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("How much does Oona Reilly get paid?", 'The records of rooms.md have no "salary".'),
        ("how heavy is the heron lathe", 'What was found says nothing of "weight".'),
    ],
)
def test_a_measure_that_nothing_tells_is_refused(workshop: Workspace, question: str, said: str) -> None:
    answer = workshop.ask(question)
    assert answer.abstained
    assert said in answer.text


def test_the_most_of_one_record_is_no_answer(workshop: Workspace) -> None:
    assert not workshop.ask("Which varnish is the most expensive?").short


def test_the_newer_minutes_name_the_next_meeting(workshop: Workspace) -> None:
    answer = workshop.ask("when is the next committee meeting")
    assert answer.text.index("8 September 2026") < answer.text.index("12 May 2026, 7 pm")
    assert answer.notices == ("The documents differ on this; the newer one comes first.",)


def test_a_numbered_point_with_a_line_as_title_stands_alone(workshop: Workspace) -> None:
    answer = workshop.ask("why was the summer course going to be cancelled?")
    assert "5 sign-ups" in answer.text
    assert "bollards" not in answer.text


def test_a_definition_stands_alone(workshop: Workspace) -> None:
    answer = workshop.ask("What does green wood mean?")
    assert "warps" in answer.text
    assert "fungi" not in answer.text


def test_a_table_that_is_asked_for_by_its_title_is_whole(workshop: Workspace) -> None:
    answer = workshop.ask("opening hours")
    assert all(day in answer.text for day in ("Monday", "Tuesday", "Saturday", "Sunday"))


def test_a_refusal_holds_years_against_years() -> None:
    texts = ["fired at 1000 and 1222 degrees in 2026"]
    assert others_of_its_kind(Pin("2024", "number"), texts) == ["2026"]


@pytest.mark.parametrize(
    ("before", "asked", "whole"),
    [
        ("Is Signal Red child safe?", "and Chalk?", "Is Chalk child safe?"),
        ("Does Signal Red dry fast?", "and Tar Spot?", "Does Tar Spot dry fast?"),
        ("What does the Basic plan cost?", "and the Pro plan?", "What does the Pro plan cost?"),
        (
            "how far ahead do I have to book it?",
            "what about the deposit?",
            "What about the deposit: how far ahead do I have to book it?",
        ),
        ("What happened with lathe 3?", "why didn't they repair it?", "why didn't they repair it (lathe 3)?"),
    ],
)
def test_follow_ups_exchange_whole_names(before: str, asked: str, whole: str) -> None:
    history = [Turn("user", before), Turn("assistant", "The bearing is gone.")]
    assert standalone(asked, history).question == whole


RAILWAY = {
    "faq.md": """# Questions visitors ask

**Can I bring my dog?** Of course. Dogs on a lead cost £1 for the day.

**Do I have to book?** Only for Santa trains and driver days. On other days just turn up.

**Is there parking?** Free at Merrow Bridge, about 70 spaces.

**What happens if it rains?** We run. The closed coaches are heated from October.
""",
    "glossary.txt": """Words

blower: a ring of steam jets in the chimney base that draws the fire
bothy: the hut at the halt with the kettle and the stove
passed cleaner: a cleaner who has passed the rules exam and may fire under supervision
token: the brass staff that a driver must carry on the single line
""",
    "fares-2026.md": """# Fares 2026

| Ticket | Adult | Child | Senior |
|---|---|---|---|
| Single | £8.00 | £4.00 | £7.00 |
| Return | £13.50 | £6.50 | £11.50 |
| Day rover | £20.00 | £10.00 | £17.50 |
""",
    "locomotives.csv": """name,type,built,status
Penhale,steam,1883,in service
Stroud,steam,1908,under repair
Nora,steam,1921,in service
Bumble,diesel,1952,in service
Lady Merrow,steam,1934,stored
""",
}


@pytest.fixture(scope="module")
def railway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with workspace_of(tmp_path_factory.mktemp("railway"), RAILWAY) as opened:
        yield opened


@pytest.mark.parametrize(
    ("question", "there", "missing"),
    [
        ("does it cost anything to bring a dog?", ["£1"], ["70 spaces", "Santa"]),
        ("do I have to book?", ["Only for Santa trains"], ["70 spaces", "£1"]),
        ("what's a passed cleaner?", ["rules exam"], ["bothy", "token"]),
        ("Which steam engines are not in service?", ["Stroud", "Lady Merrow"], ["Penhale", "Nora", "Bumble"]),
    ],
)
def test_one_answer_of_many_stands_alone(
    railway: Workspace, question: str, there: list[str], missing: list[str]
) -> None:
    answer = railway.ask(question)
    assert not answer.abstained
    assert all(words in answer.text for words in there)
    assert not any(words in answer.text for words in missing)


def test_a_row_and_a_column_name_a_cell(railway: Workspace) -> None:
    assert railway.ask("how much is an adult return").short == "£13.50"


def test_what_is_asked_for_is_not_exchanged() -> None:
    history = [Turn("user", "which days is Len Fothergill in?"), Turn("assistant", "Mon Wed Sat")]
    assert standalone("and the archivist?", history).question == "which days is the archivist in?"


@pytest.mark.parametrize(
    ("question", "there", "notices"),
    [
        ("Do I have to book and how much is an adult return?", ["Santa", "£13.50"], []),
        (
            "Do I have to book and who is the president of France?",
            ["Santa"],
            ['The documents do not answer: "who is the president of France?"'],
        ),
    ],
)
def test_two_questions_in_one_are_both_answered_or_named(
    railway: Workspace, question: str, there: list[str], notices: list[str]
) -> None:
    answer = railway.ask(question)
    assert not answer.abstained
    assert all(words in answer.text for words in there)
    assert [each for each in answer.notices if each.startswith("The documents do not answer")] == notices
    numbers = {int(number) for number in re.findall(r"\[(\d+)\]", answer.text)}
    assert numbers == set(range(1, len(answer.citations) + 1))


def test_two_questions_that_nothing_answers_are_one_refusal(railway: Workspace) -> None:
    assert railway.ask("what is the weather in Paris and who is the president of France?").abstained


SOCIETY = {
    "expenses.txt": """EXPENSES OF VOLUNTEERS
(agreed in January)

We can't pay you.

What you can claim
  * travel by car, 30p a mile,
    up to 40 miles
  * bus or train: the actual fare,
    keep the ticket
  * overalls are lent: ask at the stores

What you can't claim
  * meals (there is soup in the mess
    room on running days)
  * parking fines!!
""",
    "coaches.json": """{"coaches": [
 {"number": 1, "kind": "open", "seats": 32, "in_use": true, "owner": "young members' group"},
 {"number": 3, "kind": "closed", "seats": 36, "in_use": true, "owner": "society"},
 {"number": 4, "kind": "closed", "seats": 36, "in_use": false, "owner": "society"},
 {"number": 7, "kind": "saloon", "seats": 24, "in_use": true, "owner": "society"}
]}""",
    "engines.csv": """name,built,ticket_expires,owner
Penhale,1883,2031-05-01,society
Stroud,1908,2027-03-15,society
Nora,1921,2029-09-30,museum
Bumble,1952,2030-01-01,young members' group
""",
    "news.md": "# News\n\nWe now have 614 members, of whom 143 worked at least one turn last year.\n",
    "turns.md": """# Turns in July

| Date | Driver | Guard |
|---|---|---|
| Wed 8 July | C. Ram | P. Sal |
| Thu 9 July | V. Moss | E. Str |
| Sat 11 July | V. Moss | *vacant* |
| Sun 12 July | C. Ram | E. Str |
""",
}


@pytest.fixture(scope="module")
def society(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with workspace_of(tmp_path_factory.mktemp("society"), SOCIETY) as opened:
        yield opened


@pytest.mark.parametrize(
    ("question", "there", "missing"),
    [
        ("what can I claim as a volunteer?", ["What you can claim", "30p a mile"], []),
        ("what can't I claim", ["What you can't claim", "parking"], []),
        ("Which coaches are in use?", ["number: 1;", "number: 3;", "number: 7;"], ["number: 4;"]),
        ("Which coaches are not in use?", ["number: 4;"], ["number: 1;", "number: 3;", "number: 7;"]),
        ("which engines are older than 1920", ["Penhale", "Stroud"], ["Nora", "Bumble"]),
        ("which dates have no guard?", ["Sat 11 July"], ["Wed 8 July"]),
        ("how many members do we have?", ["614"], ["Bumble"]),
    ],
)
def test_headings_of_plain_text_flags_ages_and_what_is_counted(
    society: Workspace, question: str, there: list[str], missing: list[str]
) -> None:
    answer = society.ask(question)
    assert not answer.abstained
    assert all(words in answer.text for words in there)
    assert not any(words in answer.text for words in missing)


def test_a_sum_holds_what_is_demanded(society: Workspace) -> None:
    assert society.ask("how many seats do the coaches in use have together?").short == "92"


def test_a_day_that_ends_something_does_not_date_a_text() -> None:
    assert first_day("Valid 28 March to 1 November 2026.") == Dated((2026, 1, 1), "2026")
    assert first_day("Minutes of 5 October 2026, valid until 1 May 2027") == Dated((2026, 10, 5), "5 October 2026")


@pytest.mark.parametrize(("kind", "spoken"), [("xlsx", False), ("email", True), ("markdown", True)])
def test_when_an_office_file_was_saved_is_no_mark_of_what_it_says(kind: str, spoken: bool) -> None:
    dates = {"date": "2026-11-29T14:26:01Z" if kind != "markdown" else "2026-11-29", "year": 2026}
    hit = Hit("d", 0, 0, 4, "Open", "", None, None, f"a.{kind}", kind, "Events", (), dates, 1.0, 1.0, 1.0)
    assert any("2026" in text for text in spoken_in(hit, "", "Open")) is spoken


@given(
    st.lists(st.sampled_from(["who pays for the gate", "when does it open again", "how do I get in there", "the oven"]))
)
def test_a_part_of_a_question_has_no_parts(parts: list[str]) -> None:
    for part in parts_of(" and ".join(parts)):
        assert parts_of(part) == ()
