"""A notebook in JupyterLab, driven from the keyboard."""

from __future__ import annotations

from playwright.sync_api import Page

TOKEN = "browser-test"  # of a server that lives for one test
PATIENCE = 60_000
SERIOUS = ("serious", "critical")


class LabPage:
    """One page of JupyterLab; keys reach what has the focus, as they do for a person."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address

    def open(self, notebook: str) -> None:
        """Open a notebook and wait until its kernel is there."""
        self.page.goto(f"{self.address}/lab/tree/{notebook}.ipynb?token={TOKEN}&reset", timeout=PATIENCE)
        self.page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.context?.isReady === true", timeout=PATIENCE
        )
        self.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.ready")

    def run_all(self) -> None:
        """Select every cell and run them, by keys."""
        self.page.evaluate("window.jupyterapp.shell.currentWidget.content.activate()")
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+a")
        self.page.keyboard.press("Control+Enter")

    def tab_to(self, selector: str, most: int = 400) -> None:
        """Press Tab until what is looked for has the focus."""
        for _ in range(most):
            if self.page.evaluate("(selector) => document.activeElement?.matches(selector) ?? false", selector):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never reached {selector}")

    def command(self, name: str, **arguments: object) -> None:
        """Run one of JupyterLab's own commands."""
        self.page.evaluate("([name, told]) => window.jupyterapp.commands.execute(name, told)", [name, arguments])

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)
