"""Open a page of one file in headless Chromium."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, list[str]]]:
    """Yield the page and what it complained of or asked others for; skip where there is no browser."""
    if find_spec("playwright") is None or not CHROMIUM.exists():
        pytest.skip("needs the package playwright and /usr/bin/chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(("data:", "file:")) else complaints.append(request.url)
            ),
        )
        page.goto(path.absolute().as_uri())
        yield page, complaints
        browser.close()


def overflow(page: Any, width: int) -> int:
    """How many pixels a page is wider than a window of that width."""
    page.set_viewport_size({"width": width, "height": 900})
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def broken_pictures(page: Any) -> int:
    """How many pictures of a page could not be drawn."""
    return int(page.evaluate("[...document.images].filter(image => !image.naturalWidth).length"))
