"""Promises kept? Thresholds fitted on some questions and measured on others, end to end in a real workspace.

    python bench/abstention.py --data DIR [--sets nq_oracle,squad11_dev] [--questions 300] [--risks 0.1,0.2]
        [--cache FOLDER] [--seed 0]

DIR is laid out as in `question_sets.py`. Each set's passages are added to a workspace as files. Asked are

- human: the set's own questions; half of them with every passage hidden that is evidence or holds the answer. An answer
  is right when its text holds a gold answer;
- written: questions that the rules write from the same documents, asked in the same way;
- foreign: unanswerable questions of clapnq and of selfaware, which these documents do not answer.

The threshold is fitted on half of the human questions and measured on the other half; that is repeated over 200 random
halves. Then it is fitted on the written questions and measured on all human ones (transfer).
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from answers import auc_with_interval
from question_sets import Asked, Set, load_set

from instill import Workspace
from instill.fit.calibration import questions_for
from instill.fit.trials import AskedTrial, Trial, ask_trials, trials_of
from instill.measure.risk import choose_threshold
from instill.measure.statistics.exact_share import share_interval

SPLITS = 200


@dataclass(frozen=True)
class Measured:
    """What a threshold does on a set of outcomes."""

    given: int
    wrong: int
    asked: int
    answered: int
    answerable: int

    @property
    def risk(self) -> float:
        return self.wrong / self.given if self.given else 0.0

    def __str__(self) -> str:
        found = share_interval(self.wrong, self.given)
        return (
            f"risk {found.mean:.3f} ({found.low:.3f}-{found.high:.3f}), {self.wrong} of {self.given} answers wrong; "
            f"coverage {self.given / self.asked:.2f}, of the answerable {self.answered / max(1, self.answerable):.2f}"
        )


def measured(outcomes: Sequence[AskedTrial], threshold: float) -> Measured:
    given = [outcome for outcome in outcomes if outcome.confidence >= threshold]
    answerable = [outcome for outcome in outcomes if outcome.trial.kind == "answerable"]
    wrong = sum(not outcome.right for outcome in given)
    answered = sum(outcome.trial.kind == "answerable" for outcome in given)
    return Measured(len(given), wrong, len(outcomes), answered, len(answerable))


def workspace_of(name: str, data: Set, folder: Path) -> Workspace:
    """The set's documents as files in a workspace; made once a folder."""
    home = folder / name
    if (home / "instill.toml").exists():
        return Workspace.open(home)
    files = folder / f"{name}-files"
    files.mkdir(parents=True, exist_ok=True)
    for document in data.documents:
        title = f"# {document.title}\n\n" if document.title else ""
        (files / f"{document.doc_id}.md").write_text(title + document.text + "\n", encoding="utf-8")
    workspace = Workspace.init(home)
    workspace.add([str(files)], follow=False)
    return workspace


def human_trials(asked: Sequence[Asked], workspace: Workspace, rng: random.Random) -> list[Trial]:
    """Half as they are, half with their evidence hidden."""
    known = {record.source.rsplit("/", 1)[-1].removesuffix(".md"): record for record in workspace.documents()}
    trials = []
    for number, entry in enumerate(asked):
        if number % 2:
            trials.append(Trial(entry.question, entry.golds))
            continue
        spans = tuple((known[name].doc_id, 0, 1_000_000) for name in entry.evidence if name in known)
        trials.append(Trial(entry.question, entry.golds, spans, kind="removed"))
    rng.shuffle(trials)
    return trials


def foreign_questions(data: Path) -> dict[str, list[str]]:
    rows = json.loads((data / "reading/selfaware/SelfAware.json").read_text("utf-8"))["example"]
    return {
        "clapnq": [asked.question for asked in load_set("clapnq", data).unanswerable],
        "selfaware": [row["question"] for row in rows if not row["answerable"]],
    }


def auroc(outcomes: Sequence[AskedTrial], positive: Sequence[bool]) -> str:
    scores = np.array([max(0.0, outcome.confidence) for outcome in outcomes])
    mask = np.array(positive, dtype=bool)
    return auc_with_interval(scores[mask], scores[~mask])


def over_splits(outcomes: Sequence[AskedTrial], risk: float, seed: int) -> str:
    """Fit on a random half and measure on the other, many times."""
    rng = random.Random(seed)
    found, broken, coverage, pooled = 0, 0, 0.0, [0, 0]
    for _ in range(SPLITS):
        shuffled = rng.sample(list(outcomes), len(outcomes))
        fit, held = shuffled[: len(shuffled) // 2], shuffled[len(shuffled) // 2 :]
        choice = choose_threshold([outcome.judged for outcome in fit], risk=risk)
        if choice.threshold is None:
            continue
        figures = measured(held, choice.threshold)
        found, broken = found + 1, broken + (figures.risk > risk)
        coverage += figures.given / figures.asked
        pooled = [pooled[0] + figures.wrong, pooled[1] + figures.given]
    if not found:
        return f"no threshold in {SPLITS} halves"
    return (
        f"{found} of {SPLITS} halves give a threshold; on the other halves risk {pooled[0] / max(1, pooled[1]):.3f} on "
        f"average, above {risk:g} in {broken / found:.3f} of them, coverage {coverage / found:.2f}"
    )


def report(
    name: str,
    human: list[AskedTrial],
    written: list[AskedTrial],
    foreign: dict[str, list[AskedTrial]],
    options: argparse.Namespace,
) -> None:
    for label, outcomes in (("human", human), ("written", written)):
        kinds = [outcome.trial.kind == "answerable" for outcome in outcomes]
        right = sum(outcome.right for outcome in outcomes)
        print(f"{name} {label}: {len(outcomes)} asked, {sum(kinds)} answerable, {right} right without a threshold")
        by_right = auroc(outcomes, [outcome.right for outcome in outcomes])
        print(f"  AUROC answerable/removed {auroc(outcomes, kinds)}, right/wrong {by_right}")
    half = len(human) // 2
    for risk in (float(part) for part in options.risks.split(",")):
        print(f"{name}, risk {risk:g} promised with 95%:")
        fitted = choose_threshold([outcome.judged for outcome in human[:half]], risk=risk)
        show("  human half -> other half", fitted.threshold, fitted.more, human[half:], risk, foreign)
        print(f"  {over_splits(human, risk, options.seed)}")
        moved = choose_threshold([outcome.judged for outcome in written], risk=risk)
        show("  written -> all human", moved.threshold, moved.more, human, risk, foreign)


def show(
    label: str,
    threshold: float | None,
    more: int | None,
    held: list[AskedTrial],
    risk: float,
    foreign: dict[str, list[AskedTrial]],
) -> None:
    if threshold is None:
        print(
            f"{label}: no threshold ({'too many wrong answers' if more is None else f'{more} more questions needed'})"
        )
        return
    figures = measured(held, threshold)
    kept = "kept" if figures.risk <= risk else "BROKEN"
    refused = ", ".join(
        f"{name} refused {np.mean([outcome.confidence < threshold for outcome in outcomes]):.3f}"
        for name, outcomes in foreign.items()
    )
    print(f"{label}: threshold {threshold:g}; {figures}; {kept}; {refused}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default="nq_oracle,squad11_dev")
    parser.add_argument(
        "--questions", type=int, default=300, help="of each kind and set; foreign ones: half as many each"
    )
    parser.add_argument("--risks", default="0.1,0.2")
    parser.add_argument("--cache", type=Path, help="keep the workspaces here, for the next run")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for name in options.sets.split(","):
            data = load_set(name, options.data)
            rng = random.Random(options.seed)
            with workspace_of(name, data, options.cache or Path(temporary)) as workspace:
                started = time.perf_counter()
                asked = rng.sample(data.answerable, min(options.questions, len(data.answerable)))
                human = ask_trials(workspace, human_trials(asked, workspace, rng))
                each = 1e3 * (time.perf_counter() - started) / len(human)
                print(f"\n{name}: {workspace.index.count()} documents and passages, {each:.0f} ms a question")
                questions = questions_for(workspace, most=options.questions, seed=options.seed)
                written = ask_trials(workspace, trials_of(questions, seed=options.seed))
                foreign = {
                    label: ask_trials(
                        workspace,
                        [
                            Trial(text, kind="unanswerable")
                            for text in rng.sample(texts, min(options.questions // 2, len(texts)))
                        ],
                    )
                    for label, texts in foreign_questions(options.data).items()
                }
            report(name, human, written, foreign, options)


if __name__ == "__main__":
    main()
