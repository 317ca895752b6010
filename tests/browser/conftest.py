"""Browsers for the tests: Chromium, pages from disk, and JupyterLab without a screen."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    # The browser's own chatter with its maker: updates, lists, first-run pages.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
]


@pytest.fixture(scope="module")
def small_notebook(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a notebook with the test module's ``CELLS``, named after the module."""
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source.strip()) for source in request.module.CELLS],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    )
    path = tmp_path_factory.mktemp("books") / f"{request.path.stem}.ipynb"
    nbformat.write(book, path)
    return path


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Return Chromium's path; without one skip with the reason, or fail where ``CI=true``."""
    wanted = os.environ.get("TALKING_HEADS_CHROMIUM")
    found = shutil.which(wanted) if wanted else next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    reason = (
        "no Chromium found: install one (Debian: apt install chromium) or give its path in "
        "TALKING_HEADS_CHROMIUM"
    )
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    print(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Any]:
    """A headless Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        instance = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield instance
        instance.close()


@pytest.fixture
def open_file(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a page from disk, offline; ``page.requests`` and ``page.errors`` collect events."""
    contexts = []

    def open_page(path: Path, **options: Any) -> Any:
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.requests, page.errors = [], []
        page.on("request", lambda request: page.requests.append(request.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on(
            "console",
            lambda message: message.type == "error" and page.errors.append(message.text),
        )
        page.goto(path.resolve().as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


class Heads:
    """The players of a page, read through ``element.talkingHead``."""

    def __init__(self, page: Any, index: int = 0) -> None:
        self.page = page
        self.index = index

    def get(self, expression: str) -> Any:
        """Evaluate an expression of ``head`` (the player's test object) in the page."""
        return self.page.evaluate(
            "(index) => { const head = document.querySelectorAll('.talking-head')[index]"
            f"?.talkingHead; return head ? ({expression}) : null; }}",
            self.index,
        )

    def act(self, expression: str) -> None:
        """Evaluate for its effect only."""
        self.get(f"(void ({expression}), true)")

    def wait(self, expression: str, seconds: float = 20) -> Any:
        """Wait until an expression holds; the page's policy forbids playwright's own way."""
        return wait_until(lambda: self.get(expression), expression, seconds)

    def gap(self) -> float:
        """Return by how many seconds the picture misses the sound while playing.

        The median of moments spread over half a second: a busy machine may drop a few frames.
        """
        gaps = []
        for _ in range(11):
            gaps.append(abs(self.get("head.shownTimes[0] - head.soundTime")))
            self.page.wait_for_timeout(50)
        return float(np.median(gaps))

    def show(self) -> None:
        """Scroll the player into view."""
        self.page.evaluate(
            "(index) => document.querySelectorAll('.talking-head')[index]"
            ".scrollIntoView({ block: 'center' })",
            self.index,
        )

    def click_play(self) -> None:
        """Press the play button as a person would."""
        self.page.locator(".th-play").nth(self.index).click()

    def pixels(self, box: tuple[float, float, float, float] = (0, 0, 1, 1)) -> np.ndarray:
        """Photograph a part of the picture, given as shares (left, top, right, bottom)."""
        from io import BytesIO

        from PIL import Image

        shot = self.page.locator(".th-canvas").nth(self.index).screenshot()
        picture = np.asarray(Image.open(BytesIO(shot)).convert("RGB")).astype(int)
        height, width = picture.shape[:2]
        left, top, right, bottom = box
        return picture[
            int(top * height) : int(bottom * height), int(left * width) : int(right * width)
        ]

    def pixels_at(self, seconds: float, box: tuple[float, float, float, float]) -> np.ndarray:
        """Go to a time, wait until it is drawn, and photograph."""
        self.act(f"head.seek({seconds})")
        self.wait(f"Math.abs(head.shownTimes[0] - {seconds}) < 0.02")
        self.page.wait_for_timeout(500)  # the finest picture follows when all stands still
        return self.pixels(box)


def wait_until(check: Callable[[], Any], what: str, seconds: float = 20) -> Any:
    """Call until the answer is true, and return it; fail after some seconds."""
    end = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for: {what}")
        time.sleep(0.05)


@pytest.fixture
def heads() -> type[Heads]:
    """Give access to the players of a page: ``heads(page, index)``."""
    return Heads


@dataclass
class Lab:
    """A JupyterLab that runs: its address with token, and the folder it serves."""

    url: str
    token: str
    folder: Path

    def notebook_url(self, name: str) -> str:
        """Return the address that opens a notebook, without tabs from earlier."""
        return f"{self.url}tree/{name}?token={self.token}&reset"


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab without a browser, in folders of its own, on a free port."""
    pytest.importorskip("jupyterlab")
    home = tmp_path_factory.mktemp("lab")
    folder = home / "work"
    folder.mkdir()
    settings = home / "settings" / "@jupyterlab"
    for plugin, values in {
        "apputils-extension/notification.jupyterlab-settings": {
            "fetchNews": "false",
            "checkForUpdates": False,
        },
    }.items():
        (settings / plugin).parent.mkdir(parents=True, exist_ok=True)
        (settings / plugin).write_text(json.dumps(values))
    token = secrets.token_hex(16)
    environment = {
        **os.environ,
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_NO_CONFIG": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0"]
    command += ["--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={token}"]
    command += [
        f"--ServerApp.root_dir={folder}",
        "--LabApp.news_url=",
        "--LabApp.extension_manager=readonly",
    ]
    command += ["--LabApp.expose_app_in_browser=True"]
    log = home / "log.txt"
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, env=environment, stdout=stream, stderr=stream, cwd=folder
        )
    try:

        def address() -> str | None:
            if process.poll() is not None:
                raise AssertionError(f"JupyterLab ended:\n{log.read_text()[-3000:]}")
            found = re.search(r"http://127\.0\.0\.1:\d+/(?=lab)", log.read_text())
            return found.group(0) + "lab/" if found else None

        yield Lab(wait_until(address, "JupyterLab's address", 180), token, folder)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Notebook:
    """A notebook open in JupyterLab, driven by the lab's own commands."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def ask(self, expression: str, argument: Any = None) -> Any:
        """Evaluate an expression of ``panel`` (the notebook) and ``value`` in the lab."""
        return self.page.evaluate(
            "(value) => { const app = window.jupyterapp; const panel = app?.shell.currentWidget;"
            f" return panel?.content?.model ? ({expression}) : null; }}",
            argument,
        )

    def kernel_status(self) -> str:
        """Return ``idle``, ``busy`` or the like."""
        return self.ask("panel.sessionContext.kernelDisplayStatus") or ""

    def run_all(self, seconds: float = 240) -> None:
        """Run all cells, and wait until the last one has run."""
        self.ask("void app.commands.execute('notebook:run-all-cells')")
        self.wait_done(seconds)

    def wait_done(self, seconds: float = 240) -> None:
        """Wait until every code cell has a number and the kernel is idle."""
        code = (
            "[...panel.content.model.cells].filter(c => c.type === 'code' && "
            "c.sharedModel.getSource().trim()).every(c => c.executionCount > 0)"
        )

        def done() -> bool:
            return self.kernel_status() == "idle" and bool(self.ask(code))

        wait_until(done, "all cells to run", seconds)

    def append_cell(self, source: str) -> None:
        """Add a code cell at the end."""
        self.ask("panel.content.activeCellIndex = panel.content.widgets.length - 1")
        self.ask("app.commands.execute('notebook:insert-cell-below')")
        self.replace_last_cell(source)

    def replace_last_cell(self, source: str) -> None:
        """Give the last cell another source."""
        last = "panel.content.model.cells.get(panel.content.model.cells.length - 1)"
        self.ask(f"{last}.sharedModel.setSource(value)", source)

    def run_last_cell(self) -> None:
        """Run the last cell, and return as soon as the kernel is busy with it."""
        self.ask("panel.content.activeCellIndex = panel.content.widgets.length - 1")
        self.ask("void app.commands.execute('notebook:run-cell')")
        wait_until(lambda: self.kernel_status() == "busy", "the kernel to take the cell", 20)

    def errors(self) -> list[str]:
        """Return what stands in the notebook as an error or on stderr."""
        return self.ask(
            "[...panel.content.model.cells].filter(c => c.type === 'code')"
            ".flatMap(c => c.outputs.toJSON()).filter(o => o.output_type === 'error' || "
            "o.name === 'stderr').map(o => o.ename ? o.ename + ': ' + o.evalue : String(o.text))"
        )


@pytest.fixture
def open_notebook(browser: Any, lab: Lab) -> Iterator[Callable[..., Notebook]]:
    """Copy a notebook into the lab's folder and open it: ``open_notebook(path)``."""
    contexts = []

    def open_it(path: Path, **options: Any) -> Notebook:
        if path.parent != lab.folder:
            shutil.copy(path, lab.folder / path.name)
        context = browser.new_context(viewport={"width": 1280, "height": 1000}, **options)
        contexts.append(context)
        page = context.new_page()
        page.goto(lab.notebook_url(path.name), timeout=90_000)
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=90_000)
        notebook = Notebook(page)
        wait_until(lambda: notebook.kernel_status() == "idle", "the kernel to start", 90)
        return notebook

    yield open_it
    for context in contexts:
        context.close()
