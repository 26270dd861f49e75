"""Time the grid of value maps as a person meets it: from a key to the frame that shows it, in a browser, at 5,000 spellings.

python tests/bench/editing.py [SPELLINGS]   (5,000 without a number); exits 1 when a median is over its bound.

The spellings are those of suggesting.py, with what is really proposed for them. `script` is how long the page itself works on a
key, and on an answer; then it waits for the screen's next frame. An act goes to Python and back, writes the CSV and shows what
changed; `Python` is its share. Both shares are held to a bound, the whole is not: it holds the frame and the browser's wire.
Without Chromium only Python is timed.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from grid_page import GridPage
from playwright.sync_api import Page, sync_playwright
from suggesting import many_spellings

from workbench.editors.decisions import Decisions
from workbench.editors.grid import ValueMapGrid
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import ValueMap
from workbench.settings import read_settings
from workbench.suggest.carriers import suggest_carriers
from workbench.suggest.proposals import Proposal

PAGE, ACT, ANY = 50.0, 100.0, float("inf")
"""Milliseconds, median: the page's work on a key; Python's on an act on a line or a group; what is told and not held."""
MAP = "insurance_carrier"
TIMED = """
(what) => new Promise((done) => {
  const grid = document.querySelector("[role=treegrid]"), search = document.querySelector("input[type=search]");
  const asked = window.answered ?? 0, begun = performance.now();
  window.drew = 0;
  if (what.submit) document.querySelector(".wb-ask").requestSubmit();
  else if (what.key) grid.dispatchEvent(new KeyboardEvent("keydown", { ...what, bubbles: true, cancelable: true }));
  else {
    search.value = what.text;
    search.dispatchEvent(new Event("input"));
  }
  const script = performance.now() - begun;
  const shown = () => {
    if (what.answers && (window.answered ?? 0) === asked) requestAnimationFrame(shown);
    else requestAnimationFrame(() => { const channel = new MessageChannel(); channel.port1.onmessage = () => done([performance.now() - begun, script + window.drew]); channel.port2.postMessage(0); });
  };
  shown();
})
"""


class Desk:
    """A grid in a browser, and how long Python was at work for each answer."""

    def __init__(self, page: Page, grid: ValueMapGrid, folder: Path) -> None:
        self.grid, self.worked = grid, 0.0
        received = grid._received

        def timed(*told: Any) -> None:
            started = time.perf_counter()
            received(*told)
            self.worked = 1000 * (time.perf_counter() - started)

        grid._received = timed
        self.shown = GridPage(page, grid, folder)

    def measure(self, times: int, **what: Any) -> tuple[float, float, float]:
        """Medians of milliseconds: from the key to the frame, of it the page's script, of it Python."""
        found = []
        for _ in range(times):
            self.worked = 0.0
            whole, script = self.shown.page.evaluate(TIMED, what)
            found.append((whole, script, self.worked))
        return tuple(statistics.median(one) for one in zip(*found, strict=True))


def make_grid(folder: Path, count: int) -> ValueMapGrid:
    (folder / "migration.toml").touch()
    records = {one: 1 + place * 7919 % 37 for place, one in enumerate(many_spellings(count))}
    asked = Asked(MAP, records, ValueMap(MAP, {}, lambda: b"k" * 32), True)
    said = {one.source_value: one for one in suggest_carriers(records)}
    return ValueMapGrid(Decisions(read_settings(folder), Proposal(asked, said), by="Ana"))


@contextmanager
def browser_page() -> Iterator[Page | None]:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        yield None
        return
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield opened.new_page(viewport={"width": 1400, "height": 1100})
        opened.close()


def in_python(grid: ValueMapGrid) -> list[tuple[str, float, float]]:
    """What an act costs without a browser: name, milliseconds, bound."""
    sent: list[Any] = []
    grid.send = lambda content, **_: sent.append(content)

    def act(**message: Any) -> float:
        started = time.perf_counter()
        grid._received(grid, message, None)
        return 1000 * (time.perf_counter() - started)

    def median(times: int, made: Callable[[int], float]) -> float:
        return statistics.median(made(place) for place in range(times))

    above = act(act="accept_above", share=0.95)
    found = [("accept all at 0.95 and above", above, float("inf"))]
    found.append(("map one line", median(9, lambda place: act(act="map", ids=[place], answer=f"Payer {place}")), ACT))
    found.append(("undo it", median(9, lambda _: act(act="undo")), ACT))
    found.append(("read the file again, unchanged", median(9, lambda _: act(act="refresh")), PAGE))
    found.append(("undo all at 0.95 and above", act(act="undo"), ANY))
    return found


def in_browser(desk: Desk) -> list[tuple[str, tuple[float, float, float], float]]:
    """What a person waits for: name, milliseconds of the whole, of script and of Python, and the bound of both parts."""
    acts = {"answers": True}
    return [
        ("↓", desk.measure(60, key="ArrowDown"), PAGE),
        ("no groups: V four times", max(desk.measure(1, key="v", answers=one < 3) for one in range(4)), ANY),
        ("↓ without groups", desk.measure(60, key="ArrowDown"), PAGE),
        ("PageDown", desk.measure(30, key="PageDown"), PAGE),
        ("End, Home", max(desk.measure(9, key="End"), desk.measure(9, key="Home")), PAGE),
        ("a letter in the filter, most lines found", desk.measure(15, text="e"), PAGE),
        ("the filter, few found", desk.measure(15, text="guardian"), PAGE),
        ("the filter taken out", desk.measure(15, text=""), PAGE),
        ("S: another order", desk.measure(9, key="s"), PAGE),
        ("Ctrl+A", desk.measure(5, key="a", ctrlKey=True), PAGE),
        ("Esc", desk.measure(5, key="Escape"), PAGE),
        ("V: by what they become", desk.measure(1, key="v"), PAGE),
        ("B on a line or a group", desk.measure(15, key="b", **acts), ACT),
        ("U", desk.measure(15, key="u", **acts), ACT),
        ("Enter on a group", desk.measure(15, key="Enter", **acts), ACT),
        ("A, and what it would accept", desk.measure(1, key="a", answers=True), ACT),
        ("OK of its form, at 0.95", desk.measure(1, submit=True, **acts), ANY),
        ("U of all that", desk.measure(1, key="u", **acts), ANY),
    ]


def main(count: int) -> int:
    over = []
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        print(f"{count:,} spellings\n\n| In Python | ms |\n| --- | --- |")
        for what, took, bound in in_python(make_grid(Path(one), count)):
            print(f"| {what} | {took:.0f} |")
            over += [what] if took > bound else []
        with browser_page() as page:
            if page is None:
                print("\nno chromium on the PATH: nothing was timed in a browser")
            else:
                print("\n| From the key to the frame | ms | script | Python |\n| --- | --- | --- | --- |")
                for what, (whole, script, worked), bound in in_browser(
                    Desk(page, make_grid(Path(other), count), Path(other))
                ):
                    print(f"| {what} | {whole:.0f} | {script:.0f} | {worked:.0f} |")
                    over += [what] if max(script, worked) > bound else []
    print(f"\nover the bound: {', '.join(over) or 'nothing'}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 5_000))
