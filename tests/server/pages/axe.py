"""axe-core on a page as it stands: what keeps people from using it."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_RUN = """async (rules) => {
  const more = rules.length ? { runOnly: { type: "rule", values: rules } } : {};
  const found = await axe.run(document, { resultTypes: ["violations"], ...more });
  if (!found.passes.length) return ["axe looked at nothing"];
  const told = (each) => each.nodes.map((node) => `${each.impact}: ${each.id}: ${node.target.join(" ")}`);
  return found.violations.filter((each) => each.impact !== "minor").flatMap(told);
}"""


@lru_cache(maxsize=1)
def script() -> str:
    """The engine, as a package of the tests brings it."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def barriers(page: Page, *, details: bool = True) -> list[str]:
    """What axe finds of at least moderate weight: everything in light, contrast once more in dark.

    Args:
        details: open what can be unfolded first.
    """
    if details:
        page.evaluate("() => document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.emulate_media(reduced_motion="reduce")  # A colour that is on its way to another has no contrast yet.
    page.evaluate(script())
    found: list[str] = page.evaluate(_RUN, [])
    page.emulate_media(color_scheme="dark")
    found += page.evaluate(_RUN, ["color-contrast"])
    page.emulate_media(color_scheme="light")
    return [f"{page.url} {each}" for each in found]
