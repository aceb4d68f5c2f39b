"""What it cost to write a study set by a generator, from the tokens that were kept with its prompts."""

from __future__ import annotations

from instill.compare.prices import Prices
from instill.measure.page.units import money
from instill.study.stored_study import StoredStudy


def writing_cost(study: StoredStudy, prices: Prices) -> dict[str, str]:
    """A line for the report; none where rules wrote the set.

    Raises:
        WorkspaceError: the file of prompts is not as it was written.
    """
    prompts = study.prompts()
    if not prompts:
        return {}
    told = [(int(read), int(written)) for read, written in (each["tokens"] for each in prompts if "tokens" in each)]
    requests = f"{len(prompts):,} requests"
    if not told:
        return {"writing the study set": f"{requests}; the generator did not tell its tokens"}
    read, written = (sum(side) for side in zip(*told, strict=True))
    counted = "" if len(told) == len(prompts) else f"; {len(prompts) - len(told):,} of them not counted"
    price = money(prices.of_tokens(read, written), prices.currency)
    said = f"{requests}, {read:,} tokens read and {written:,} written, {price}{counted}"
    return {"writing the study set": said}
