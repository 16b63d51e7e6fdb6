"""Whom a page keeps out: rules that a machine can judge, targets smaller than a fingertip, text that does not fit."""

from playwright.sync_api import Page

from tests.support.steps import broken_rules

SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, select, input, summary')]
  .filter(e => e.offsetParent && !e.closest('p:not(.row), .skip, h2') && e.type !== 'hidden')
  .map(e => e.closest('label.tick') || e).map(e => [e, e.getBoundingClientRect()])
  .filter(([e, r]) => r.height < 43.5 || r.width < 24)
  .map(([e, r]) => `a small target: ${e.outerHTML.slice(0, 80)} ${r.width}x${r.height}`)"""
"""Below 44 px high; links within a sentence may be."""

WIDER = """size => {
  const root = document.documentElement
  root.style.fontSize = size
  return root.scrollWidth - innerWidth
}"""


def faults(page: Page) -> list[str]:
    """What axe says, targets smaller than a fingertip, and what does not fit with text twice as large."""
    page.wait_for_load_state("load")
    faults = [*broken_rules(page), *page.evaluate(SMALL_TARGETS)]
    for size in ("200%", "100%"):
        wider = page.evaluate(WIDER, size)
        faults += [f"wider than its window by {wider} px at {size}"] if wider else []
    return faults
