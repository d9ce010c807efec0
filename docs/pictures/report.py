"""Draw the pictures of a report that the guides show, in headless Chromium.

    python docs/pictures/report.py build/photos/converted/report.html

with the environment of `make check-pages`; CHROMIUM names the browser. The page is that of the tour
(docs/tour.md).
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent
FLAGS = ["--no-sandbox", "--disable-gpu"]
SETTLE = 1000  # milliseconds that plots take to be drawn


def drawn(page: Page, section: str | None) -> None:
    """A picture of what the window shows from a section on."""
    if section is not None:
        page.evaluate(f"document.getElementById('{section}').scrollIntoView()")
    page.wait_for_timeout(SETTLE)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    # A third of the bytes, and paper stays white.
    small = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(FOLDER / f"report-{section or 'levels'}.png", optimize=True)


def main() -> None:
    """Write report-*.png beside this file."""
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
        )
        page = browser.new_page(viewport={"width": 1200, "height": 760}, color_scheme="light")
        page.goto(Path(sys.argv[1]).resolve().as_uri())
        drawn(page, None)
        page.click("#whole")
        page.select_option("#by", label="MACs")
        page.locator(".node").nth(4).click(force=True)
        drawn(page, "network")
        page.click("#table th[data-key=cycles]")
        drawn(page, "layers")
        drawn(page, "schedule")
        browser.close()


if __name__ == "__main__":
    main()
