"""An editor on a page of its own: the same script and the same Python behind it, without a notebook around."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from workbench.editors.grid import FieldPanel, ValueMapGrid

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Editor</title><style>{css}</style></head>
<body><main><h1>Editor</h1><div id="here"></div></main><script type="module">
{script}
const held = {data}, listeners = [];
const model = {{
  get: (name) => held[name], set: (name, value) => {{ held[name] = value; }}, off() {{}},
  on: (name, listener) => name === "msg:custom" && listeners.push(listener),
  send: (message) => window.toPython(message).then((text) => {{ const answer = JSON.parse(text), begun = performance.now(); listeners.forEach((one) => one(answer)); window.drew = performance.now() - begun; window.answered = (window.answered ?? 0) + 1; }}),
}};
render({{ model, el: document.getElementById("here") }});
</script></body></html>"""


class GridPage:
    """One editor in a browser, driven by keys that are counted."""

    def __init__(self, page: Page, grid: ValueMapGrid | FieldPanel, folder: Path) -> None:
        self.page, self.grid, self.keys, self.acts = page, grid, 0, 0
        self.sent: list[dict[str, Any]] = []
        grid.send = lambda content, **_: self.sent.append(content)
        script = str(grid._esm).replace("export default { render };", "")
        held = {name: getattr(grid, name) for name in grid.trait_names(sync=True) if not name.startswith("_")}
        data = json.dumps(held, default=str).replace("<", "\\u003c")
        path = folder / "editor.html"
        path.write_text(PAGE.format(css=grid._css, script=script, data=data), "utf-8")
        page.expose_function("toPython", self._to_python)
        page.goto(path.as_uri())
        page.evaluate("document.querySelector('[role=treegrid], [role=grid]').focus()")

    def _to_python(self, message: dict[str, Any]) -> str:
        self.grid._received(self.grid, message, None)
        self.acts += 1
        return json.dumps(self.sent.pop())  # as a notebook's messages travel

    def press(self, *keys: str) -> None:
        """Press keys, each counted, and wait until what they asked for is answered."""
        for key in keys:
            self.keys += 1
            before = self.acts
            self.page.keyboard.press(key)
            self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => done()))")
            if self.acts > before:
                self.page.wait_for_function("(acts) => window.answered >= acts", arg=self.acts)

    def type(self, text: str) -> None:
        """Type a text, each letter counted."""
        self.keys += len(text)
        self.page.keyboard.type(text)

    def here(self) -> str:
        """Return the key of the line where the cursor is: `r:` and a spelling's number, or `g:` and a group's answer."""
        return str(self.page.locator(".wb-here").get_attribute("data-key") or "")

    def is_open(self) -> bool:
        """Say whether the group under the cursor is open."""
        return self.page.locator(".wb-here").get_attribute("aria-expanded") == "true"

    def told(self) -> str:
        """Return what the grid told last."""
        return str(self.page.locator("[role=status]").text_content())
