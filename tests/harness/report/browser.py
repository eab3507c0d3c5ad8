"""A real browser that opens a report without a screen, and tells what it saw."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

DEADLINE_S = 240


class Browser:
    """Opens a page by itself or in a frame of some size, and complains of any complaint."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("chromium")
        if found is None:
            pytest.fail("the report is tested in a real browser: apt-get install chromium")
        self._program = found
        self._folder = folder

    def dom(self, page: Path) -> str:
        """The document after its script has run."""
        return self._open(page)

    def width(self, page: Path, screen: int) -> int:
        """How wide a page is that has no script, on a screen so wide."""
        frame = self._folder / "frame.html"
        frame.write_text(
            f"""<iframe src="{page.as_uri()}" id="frame" width="{screen}" style="border:0"></iframe>
            <pre id="seen"></pre><script>frame.onload = () => {{ seen.textContent =
            frame.contentDocument.documentElement.scrollWidth; }}</script>"""
        )
        dom = self._open(frame, "--allow-file-access-from-files")
        match = re.search(r'<pre id="seen">([0-9]+)</pre>', dom)
        assert match, "the page never finished loading"
        return int(match[1])

    def after(self, page: Path, script: str = "", width: int = 1280, height: int = 900) -> Any:
        """What `script` put into `seen` while it played with the page from outside."""
        hands = self._folder / "hands.html"
        hands.write_text(
            f"""<iframe src="{page.as_uri()}" id="frame" width="{width}" height="{height}"
            style="border:0"></iframe>
            <pre id="seen"></pre><script>
            frame.onload = async () => {{
              const page = frame.contentDocument, view = frame.contentWindow, seen = {{}};
              const all = (selector) => [...page.querySelectorAll(selector)];
              const text = (selector) => page.querySelector(selector).textContent;
              const click = (selector) => page.querySelector(selector).click();
              const drawn = () => new Promise((go) => setTimeout(go, 1000));
              const key = (selector, key) => page.querySelector(selector)
                .dispatchEvent(new view.KeyboardEvent("keydown", {{ key, bubbles: true }}));
              const inked = (selector) => {{
                const canvas = page.querySelector(selector);
                const pen = canvas.getContext("2d");
                const {{ data }} = pen.getImageData(0, 0, canvas.width, canvas.height);
                let inked = 0;
                for (let i = 3; i < data.length; i += 4) inked += data[i] > 0;
                return inked;
              }};
              try {{ {script} }} catch (error) {{ seen.thrown = String(error.stack); }}
              seen.wide = page.documentElement.scrollWidth;
              seen.ready = page.documentElement.dataset.ready || null;
              seen.error = page.documentElement.dataset.error || null;
              const told = encodeURIComponent(JSON.stringify(seen));
              document.getElementById("seen").textContent = told;
            }};
            </script>""",
            encoding="utf-8",
        )
        dom = self._open(hands, "--allow-file-access-from-files")
        match = re.search(r'<pre id="seen">([^<]+)</pre>', dom)
        assert match, "the page never finished loading"
        seen: dict[str, Any] = json.loads(unquote(match[1]))
        assert seen.get("thrown") is None, seen["thrown"]
        assert seen["error"] is None, seen["error"]
        assert seen["ready"] == "true"
        return seen

    def _open(self, file: Path, *options: str) -> str:
        done = subprocess.run(
            [
                self._program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--enable-logging=stderr",
                f"--user-data-dir={self._folder / 'profile'}",
                *options,
                "--window-size=1400,1000",
                "--virtual-time-budget=20000",
                "--dump-dom",
                file.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=True,
        )
        said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        assert not said, said
        return done.stdout
