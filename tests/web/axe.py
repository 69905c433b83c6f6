"""What axe-core objects to on a page."""

from tests.building import ROOT

AXE = ROOT / "book" / "node_modules" / "axe-core" / "axe.min.js"


def add_axe(tab) -> None:
    """Give a page axe-core; once until it is left."""
    assert AXE.is_file(), "axe-core is not installed: run make test"
    tab.add_script_tag(path=AXE)


def objections(tab, within: object = None) -> list[tuple[str, list[str]]]:
    """Each rule that is broken, in words, with the first elements that break it.

    ``within`` is a context of axe's: a selector, or what to include; None is the whole page. What
    axe finds right is megabytes on a long page, and stays in the browser.
    """
    found = tab.evaluate("async (c) => (await axe.run(c ?? document)).violations", within)
    return [(v["help"], [n["html"][:160] for n in v["nodes"][:4]]) for v in found]
