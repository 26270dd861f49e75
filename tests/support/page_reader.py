"""Read a page as a person without the product would: the lines that stand under a heading, a table's row being one line."""

from __future__ import annotations

from html.parser import HTMLParser

LEVELS = {"h1": 0, "h2": 1, "h3": 2, "caption": 3, "figcaption": 3}
ENDS_LINE = {"tr", "p", "li", "dd", *LEVELS}
ENDS_CELL = {"th", "td", "dt", "dd"}
UNSEEN = {"style", "title", "svg"}


class _Reader(HTMLParser):
    def __init__(self, heading: str) -> None:
        super().__init__()
        self.heading, self.level = heading, -1
        self.lines: list[str] = []
        self.text: list[str] = []
        self.unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.unseen += tag in UNSEEN
        if tag in {"tr", "li", "p", "dt", *LEVELS}:
            self.text = ["| "] if tag in {"tr", "dt"} else []

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.unseen -= tag in UNSEEN
        if tag in ENDS_CELL:
            self.text.append(" | ")
        if tag in ENDS_LINE:
            self._end(tag, " ".join("".join(self.text).split()))
            self.text = []

    def _end(self, tag: str, line: str) -> None:
        if tag in LEVELS and self.level >= 0 and LEVELS[tag] <= self.level:
            self.level = -1
        if self.level >= 0 and line:
            self.lines.append(line)
        if tag in LEVELS and line == self.heading:
            self.level = LEVELS[tag]


def lines_under(html: str, heading: str) -> list[str]:
    """Return the lines from a heading to the next one of its rank: `| cell | cell |` for a table's row, else the text."""
    reader = _Reader(heading)
    reader.feed(html)
    return reader.lines


def missing(html: str, heading: str, answers: list[str]) -> list[str]:
    """Return the answers that no line under the heading holds."""
    lines = lines_under(html, heading)
    return [one for one in answers if not any(one in line for line in lines)]
