"""Opens pages in headless Chromium: `make check-pages`, which `make test` leaves out.

CHROMIUM names the browser, PAGES further pages that are to open in time.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from reported_network import EVIL, NETWORK

from recog.tools.cli.main import main

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
MOST_BYTES, MOST_SECONDS = 5_000_000, 2.0
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert found, "no Chromium found: install Debian's package chromium, or set CHROMIUM=/path"
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=found, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a small network."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "net.py").write_text(NETWORK)
    frames = np.random.default_rng(0).normal(size=(8, 3, 16, 16)).astype(np.float32)
    np.savez(folder / "frames.npz", inputs=frames, targets=np.arange(8))
    data = ["--data", f"{folder}/frames.npz"]
    network = f"{folder}/net.py:make"
    command = [network, *data, "-o", f"{folder}/out", "--ratio", "5", "--no-tune"]
    assert main(["convert", *command]) == 0
    (folder / "scores.py").write_text("def first(outputs, _):\n    return outputs[0][:, 0]\n")
    metric = ["--metric", f"{folder}/scores.py:first"]
    assert main(["report", f"{folder}/out", *data, *metric]) == 0
    return folder / "out/report.html"


class Opened:
    """A page, what it asked for, and what went wrong in it."""

    def __init__(self, browser: Browser, path: Path, scheme: Any = "light"):
        self.page: Page = browser.new_page(
            viewport={"width": 1300, "height": 900}, color_scheme=scheme
        )
        self.requests, self.errors = list[str](), list[str]()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda dialog: self.errors.append(dialog.message))
        self.url = path.resolve().as_uri()
        start = time.perf_counter()
        self.page.goto(self.url)
        self.seconds = time.perf_counter() - start

    def moved(self) -> str | None:
        return self.page.locator("#moved").get_attribute("transform")


@pytest.fixture
def opened(browser: Browser, report: Path) -> Iterator[Opened]:
    found = Opened(browser, report)
    yield found
    assert found.errors == []
    assert found.requests == [found.url], "nothing else is loaded"
    found.page.close()


def test_every_plot_is_drawn(opened: Opened):
    plots = opened.page.locator(".plot")
    names = [plots.nth(index).get_attribute("data-plot") for index in range(plots.count())]
    levels, layers = {"levels-bytes"}, {"layer-bytes", "layer-sqnr", "layer-loss"}
    assert levels | layers | {"budget", "schedule", "roofline"} <= set(names)
    for index in range(plots.count()):
        plots.nth(index).scroll_into_view_if_needed()
        canvas = plots.nth(index).locator("canvas")
        canvas.wait_for()
        box = canvas.bounding_box()
        assert box is not None
        assert box["width"] > 200
        assert box["height"] > 50


def test_frames_are_pictures(opened: Opened):
    images = opened.page.locator("#frames img")
    assert images.count() == 8
    sizes = images.evaluate_all("all => all.map(each => [each.naturalWidth, each.clientWidth])")
    assert all(natural == shown == 144 for natural, shown in sizes)
    assert opened.page.locator("#frames figcaption b").first.is_visible()


def test_the_table_sorts(opened: Opened):
    page = opened.page

    def cycles() -> list[int]:
        place = page.locator("#table thead th").evaluate_all(
            "heads => heads.findIndex(each => each.dataset.key === 'cycles')"
        )
        texts = page.locator(f"#table tbody tr > :nth-child({place + 1})").all_inner_texts()
        return [int(text.replace(",", "")) for text in texts]

    before = cycles()
    page.click("#table th[data-key=cycles]")
    assert cycles() == sorted(before, reverse=True) != before
    page.click("#table th[data-key=cycles]")
    assert cycles() == sorted(before)


def test_the_network_zooms_and_moves(opened: Opened):
    page = opened.page
    page.locator("#graph").scroll_into_view_if_needed()
    start = opened.moved()
    box = page.locator("#graph").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.wheel(0, -400)
    page.wait_for_function("text => moved.getAttribute('transform') !== text", arg=start)
    zoomed = opened.moved()
    page.mouse.down()
    page.mouse.move(box["x"] + 350, box["y"] + 260, steps=4)
    page.mouse.up()
    dragged = opened.moved()
    assert dragged != zoomed
    assert str(dragged).split("scale")[1] == str(zoomed).split("scale")[1]
    page.click("#whole")
    assert opened.moved() not in (zoomed, dragged)


def test_columns_colour_the_network(opened: Opened):
    page = opened.page

    def fills() -> list[str]:
        return page.locator(".node rect").evaluate_all("all => all.map(each => each.style.fill)")

    page.select_option("#by", label="MACs")
    coloured = fills()
    assert len(set(filter(None, coloured))) >= 3
    page.select_option("#by", label="lost alone")
    assert set(filter(None, fills()))
    assert fills() != coloured
    page.select_option("#by", label="chip and host")
    assert set(fills()) == {""}
    assert page.locator(".node.host").count() > 0


def test_a_click_tells_of_a_layer(opened: Opened):
    page = opened.page
    row = page.locator("#table tbody tr").filter(has_text=EVIL).first
    row.locator("th").click()
    assert page.locator("#details h3").inner_text() == EVIL
    assert "cycles" in page.locator("#details").inner_text()
    assert page.locator(".node.chosen").count() == 1
    page.locator(".node.chosen").click()
    assert not page.locator("#details").is_visible()


def test_pages_open_in_time(browser: Browser, report: Path):
    for path in (report, *map(Path, os.environ.get("PAGES", "").split())):
        assert path.stat().st_size < MOST_BYTES
        for scheme in ("light", "dark"):
            found = Opened(browser, path, scheme)
            print(f"{path}: {path.stat().st_size:,} bytes, opened in {found.seconds:.2f} s")
            assert found.seconds < MOST_SECONDS
            assert found.errors == []
            found.page.close()
