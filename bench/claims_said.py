"""The claims of docs/claims.md: what is said, what has to be seen for it, which figures stand in its table.

A claim's parts are differences between two arms, or between an arm and a line. The verdict follows from their
intervals (`claims_figures.verdict`); what is written here does not decide it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from claims_figures import LINE

from instill.lab.experiments.experiment import Claim

ENOUGH = "0.8"
"""From this share on a thing counts as learned."""

ALIKE = 0.1
"""So much less counts as "no worse"."""

Q, ONE, MANY = "with questions", "one wording", "many wordings"
NAMES = {
    "base": "untrained", Q: "three wordings and six questions", MANY: "ten wordings", ONE: "one wording",
    "tickets": "50 tickets, each three times", "tickets, longer": "50 tickets, each eight times",
    "tone": "100 sentences in the tone", "sequence": "tickets, then tone",
    "together": "both together", "words": "eight examples a word", "capitals": "trained on changed capitals",
    "last layers": "last 8 of 30 layers", "replay": "the same with replay (a quarter of the rows)",
    "search": "index: keywords and vectors",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """One claim.

    Args:
        name: heading.
        who: says so, in general.
        says: the claim in a sentence.
        parts: what has to be seen for it to hold.
        arms, quantities: rows and columns of its table, with the names of the columns.
        beside: figures of the laboratory, or of another comparison, by arm; and the name of this column.
        notes: what one must know to read the table.
    """

    name: str
    who: str
    says: str
    parts: Sequence[Claim]
    arms: Sequence[str]
    quantities: Mapping[str, str]
    beside: Mapping[str, str] | None = None
    beside_name: str = "laboratory"
    notes: str = ""


CLAIMS = (
    Said(
        "One wording or many",
        "papers on knowledge in language models",
        "A fact that is read in one wording is not known in another one; many wordings make it known.",
        (Claim("ten wordings teach more than one", (MANY, "asked"), (ONE, "asked")),),
        ("base", ONE, MANY),
        {"asked": "asked in other words", "controls": "never taught"},
        {"base": ".03 [.01, .05]", ONE: ".17 [.14, .21]", MANY: ".25 [.21, .29] (five)"},
        notes="All arms show as many rows, so a fact in one wording is read ten times as often in that wording.",
    ),
    Said(
        "Questions among the rows",
        "papers on knowledge in language models",
        "A fact can be asked for only when questions about it were trained too.",
        (Claim("statements and questions teach more than statements", (Q, "asked"), (MANY, "asked")),),
        (MANY, Q),
        {
            "asked": "asked in other words",
            "as taught": "asked in a question's trained words",
            "controls": "never taught",
        },
        {MANY: ".25 [.21, .29] (five)", Q: ".51 [.46, .55]"},
    ),
    Said(
        "Turned round",
        "papers on knowledge in language models",
        "Who learns that A is B does not know that B is A.",
        (Claim("the trained question is answered more often than the reverse one", (Q, "asked"), (Q, "reverse")),),
        ("base", Q, MANY),
        {"asked": "asked in other words", "reverse": "asked in reverse"},
        {Q: "reverse .05 where the question has .22, statements only"},
        notes="Of the statements, the three have the name first; some of the ten have the value first. All trained "
        "questions ask for the value, so a model may have learned to reply with a value to everything. With six "
        "people, a guess of one of their names is right in a sixth of the questions.",
    ),
    Said(
        "Yes or no",
        "people who teach facts by fine-tuning",
        "A fact that was learned as a statement and a question can be used to answer yes or no.",
        (Claim("right answers are more than the half that guessing gives", (Q, "yes or no"), (LINE, "0.5")),),
        ("base", ONE, MANY, Q),
        {"yes or no": "yes or no"},
        notes='The true value and another one are asked for each fact. The more likely of "Yes" and "No" counts.',
    ),
    Said(
        "A new word from 50 examples",
        "guides to fine-tuning",
        "Fifty examples or fewer teach a model a new word and its meaning.",
        (
            Claim(f"the meaning is told in {ENOUGH[1:]} of the questions", ("words", "meaning"), (LINE, ENOUGH)),
            Claim(f"the word is found for the meaning in {ENOUGH[1:]}", ("words", "word"), (LINE, ENOUGH)),
            Claim(f"the word is understood in a sentence in {ENOUGH[1:]}", ("words", "use"), (LINE, ENOUGH)),
        ),
        ("base", "words"),
        {
            "meaning": "its meaning",
            "word": "the word for it",
            "use": "in a sentence",
            "control words": "words never taught",
        },
        notes="Six made-up words for common things with eight examples each, 48 in all; every question is in a wording "
        "that was not trained on.",
    ),
    Said(
        "A JSON format from 50 to 100 examples",
        "guides to fine-tuning",
        "Fifty to a hundred examples teach a model to reply in a JSON format.",
        (
            Claim(f"{ENOUGH[1:]} of the replies have the form", ("tickets, longer", "form"), (LINE, ENOUGH)),
            Claim(f"{ENOUGH[1:]} are wholly right", ("tickets, longer", "wholly right"), (LINE, ENOUGH)),
        ),
        ("base", "tickets", "tickets, longer"),
        {"form": "of the form", "wholly right": "wholly right"},
        {"tickets, longer": "form .98 [.95, .99], wholly right .02 [.00, .04] (100 examples)"},
        notes="Held-out messages have other wordings, things and rooms. The form: only JSON, three keys, right types. "
        "The longer training goes on from the shorter one. It was added when the first seed had shown the form to be "
        "right and the values to be wrong.",
    ),
    Said(
        "A tone takes a thousand examples",
        "guides to fine-tuning",
        "It takes about a thousand examples to teach a tone.",
        (Claim("with 100 examples it is not learned yet", (LINE, ENOUGH), ("tone", "tone")),),
        ("base", "tone"),
        {"tone": "in the tone", "content": "with what was to be said"},
        {"tone": "word F1 .37 with 300, .40 with 1,484 (e2e_nlg)"},
        notes="The tone of a made-up inn: an opening and an ending that rules can recognise. A tone that only people "
        "can tell was not measured. Nor were 1,000 examples.",
    ),
    Said(
        "One set after the other",
        "papers on continual learning",
        "Trained on one set and then on another, a model loses the first; trained on both together, it keeps both.",
        (
            Claim("after the second set the first is worse than before", ("tickets", "form"), ("sequence", "form")),
            Claim("together, the first is better than in sequence", ("together", "form"), ("sequence", "form")),
            Claim("together, the second is no worse", ("together", "tone"), ("sequence", "tone"), ALIKE),
        ),
        ("tickets", "sequence", "together"),
        {"form": "tickets: form", "wholly right": "tickets: wholly right", "tone": "tone"},
        {"sequence": "tone first: tone .00, tickets 1.00", "together": "tone .87, tickets 1.00"},
        notes="The two sets have different system prompts, which tell the model what is wanted. The claim is judged "
        "by the form of the tickets, as their values are learned badly in any case. This was decided after the first "
        "seed.",
    ),
    Said(
        "Last layers against overfitting",
        "tutorials on fine-tuning",
        "To train only the last layers overfits less, and teaches as much.",
        (
            Claim("wordings as taught are less ahead of other wordings", (Q, "gap"), ("last layers", "gap")),
            Claim("texts that it never saw are predicted better", (Q, "nats"), ("last layers", "nats")),
            Claim("facts are learned no worse", ("last layers", "asked"), (Q, "asked"), ALIKE),
        ),
        ("base", Q, "last layers"),
        {
            "asked": "asked in other words",
            "gap": "as taught, minus in other words",
            "nats": "perplexity of other texts",
        },
        {Q: ".48 [.44, .53]; old facts .59", "last layers": ".51 [.47, .55]; old facts .35 (last two of four)"},
    ),
    Said(
        "Replay",
        "papers on continual learning",
        "To mix in rows of what the model could do before keeps it from forgetting, at no cost to what it learns.",
        (
            Claim("texts that it never saw are predicted better", (Q, "nats"), ("replay", "nats")),
            Claim("facts are learned no worse", ("replay", "asked"), (Q, "asked"), ALIKE),
        ),
        ("base", Q, "replay"),
        {"asked": "asked in other words", "nats": "perplexity of other texts", "different pairs": "variety"},
        {Q: ".49 [.45, .54]; old facts .32", "replay": ".48 [.43, .52]; old facts .81 (25%)"},
        notes="Replay rows are the base's own short replies to general requests.",
    ),
    Said(
        "What fine-tuning takes away",
        "critics of fine-tuning",
        "Fine-tuning on few facts makes replies less various and old skills worse.",
        (
            Claim("replies have fewer different pairs of words", ("base", "different pairs"), (Q, "different pairs")),
            Claim("replies are shorter", ("base", "words"), (Q, "words")),
            Claim("texts that it never saw are predicted worse", (Q, "nats"), ("base", "nats")),
            Claim("fewer true facts are preferred to false ones", ("base", "known before"), (Q, "known before")),
            Claim("fewer answers are found in a passage", ("base", "reading"), (Q, "reading")),
        ),
        ("base", Q, "replay", "last layers", "tone"),
        {
            "nats": "perplexity of other texts",
            "known before": "true facts preferred",
            "reading": "right answer preferred",
            "different pairs": "variety",
            "words": "words a reply",
        },
        {
            "base": "old facts 1.00",
            Q: "old facts .33 to .40",
            "replay": "old facts .82",
            "last layers": "old facts .83",
        },
        notes="Perplexity: eight paragraphs of WikiText-2. True facts: 30 of CounterFact, the true end of a sentence "
        "against a false one. Right answer: 16 questions of SQuAD with the paragraph, the answer against that of "
        "another question. Variety: of three drawn replies to each of eight open requests, the share of different "
        "pairs of neighbouring words; short replies have few pairs, so read it beside their length. The untrained "
        "model is near the half that guessing gives for true facts and right answers, so these two can hardly show a "
        "loss.",
    ),
    Said(
        "Documents that contradict the model",
        "people who recommend retrieval",
        "A passage in the prompt wins over what the model believes.",
        (
            Claim(
                "capitals: the passage's answer comes more often than the old one",
                ("base", "capital, passage: new"),
                ("base", "capital, passage: old"),
            ),
            Claim(
                f"capitals: it comes in {ENOUGH[1:]} of the questions",
                ("base", "capital, passage: new"),
                (LINE, ENOUGH),
            ),
            Claim(
                "facts trained in: the passage's answer comes more often than the trained one",
                (Q, "passage: new"),
                (Q, "passage: old"),
            ),
        ),
        ("base", Q),
        {
            "capital, passage: new": "capitals: the passage's",
            "capital, passage: old": "capitals: the old one",
            "passage: new": "taught facts: the passage's",
            "passage: old": "taught facts: the old one",
        },
        {Q: "the passage wins in .88"},
        notes="Capitals of eight countries that the model knows, moved to towns that do not exist. The untrained model "
        "believes nothing of the taught facts; its figures there show that it reads badly in any case. A quoted "
        "passage stays as it is, whatever a model believes.",
    ),
    Said(
        "To overwrite what the model believes",
        "people who teach facts by fine-tuning",
        "Training on changed facts replaces the old ones, and leaves others as they are.",
        (
            Claim(
                f"the new capital is named in {ENOUGH[1:]} of the questions",
                ("capitals", "capital: new"),
                (LINE, ENOUGH),
            ),
            Claim(
                "capitals that nobody changed are known no worse",
                ("capitals", "neighbours"),
                ("base", "neighbours"),
                ALIKE,
            ),
        ),
        ("base", "capitals"),
        {"capital: new": "the new one", "capital: old": "the old one", "neighbours": "capitals that nobody changed"},
        {"capitals": "changed documents, trained again: 12 of 12"},
        notes="Eight capitals, each in three statements and three questions; asked in other words. The capitals that "
        "nobody changed are ten that the untrained model names, so its 1.00 there is by choice. Replay was not used.",
    ),
    Said(
        "Ten million times cheaper",
        "people who recommend retrieval",
        "One more fact costs ten million times less by an index than by weights.",
        (Claim("it is ten million times cheaper", ("cost", "log10 times"), (LINE, "7")),),
        (),
        {},
    ),
    Said(
        "Search against fine-tuning",
        "people who recommend retrieval",
        "For questions on documents, keyword and semantic search does better than fine-tuning on them.",
        (
            Claim("taught facts: search answers more often", ("search", "asked"), (Q, "asked")),
            Claim("facts that only the index has: search answers more often", ("search", "controls"), (Q, "controls")),
            Claim("reverse questions: search answers more often", ("search", "reverse"), (Q, "reverse")),
        ),
        (Q, "search"),
        {
            "asked": "asked in other words",
            "as taught": "in usual words",
            "reverse": "asked in reverse",
            "controls": "only in the index",
        },
        {Q: ".24 [.12, .40]", "search": ".63 [.47, .78]"},
        "documentation of Redis",
        notes="The index quotes without a model; a quotation is right where the answer stands in it. It holds the "
        "pages of 70 people, the fine-tuned model learned about six of them.",
    ),
)
