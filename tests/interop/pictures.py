"""The pictures of docs/tutorial.md: what a browser shows of the report and of the review page that the tutorial's commands made.

`tutorial.py CHORUS --pictures FOLDER` calls this once the commands have run. Letters look a little different from machine to machine, so
nothing compares pictures. What each shows is listed below; a part of a page that is not there is an error, and so is a picture that the page
does not show or that is larger than a page should ask a reader with a slow line to load.
"""

import base64
import io
import re
import tempfile
from pathlib import Path

from PIL import Image

import chromium

REPORT, REVIEW = "runs/ponds/report/index.html", "listen/review.html"
MOST_BYTES, MARGIN = 60_000, 16
# A picture has the first of these numbers of colours with which it is small enough.
COLOURS = (128, 64, 32, 16)
# Name, page, width of the window, keys that are pressed first, and the first and the last element that are shown.
PICTURES = [
    ("report-head", REPORT, 860, "", "of('h1')", "of('header nav')"),
    ("report-classes", REPORT, 920, "", "heading('#found [aria-label=\"Classes detected\"]')", "of('#found [aria-label=\"Classes detected\"]')"),
    ("report-hours", REPORT, 860, "", "heading('#found .clocks:not(.seasons)')", "of('#found .clocks:not(.seasons)')"),
    ("review", REVIEW, 1000, "yynyu", "of('header')", "of('.verdicts')"),
]
# An element by its selector, and the heading that stands before it.
SCRIPT = """(() => {
  const of = (selector) => document.querySelector(selector) ?? (() => { throw new Error(`the page has no ${selector}`); })();
  const heading = (selector) => { let at = of(selector); while (at.tagName !== "H3") at = at.previousElementSibling ?? at.parentElement; return at; };
  const [first, last] = [FIRST, LAST].map((element) => element.getBoundingClientRect());
  return [first.top + scrollY, last.bottom + scrollY];
})()"""


def take(pages, folder, tutorial):
    """Saves the pictures in `folder`. `pages` is where the commands were run, and `tutorial` the text that shows them."""
    program = chromium.find()
    if program is None:
        print(f"no pictures: no browser ({', '.join(chromium.NAMES)})")
        return
    shown = set(re.findall(r"!\[[^\]]+\]\(figures/([\w-]+)\.png\)", tutorial))
    assert shown == {name for name, *_ in PICTURES}, f"the tutorial shows other pictures: {sorted(shown)}"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, chromium.Chromium(program, Path(profile)) as browser:
        # A picture has none, and with them a page is narrower while it is measured.
        browser.call("Emulation.setScrollbarsHidden", hidden=True)
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
        for name, page, width, keys, first, last in PICTURES:
            browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
            browser.open((pages / page).resolve().as_uri())
            judge(browser, keys)
            top, bottom = browser.run(SCRIPT.replace("FIRST", first).replace("LAST", last))
            area = {"x": 0, "y": max(0, top - MARGIN), "width": width, "height": bottom - top + 2 * MARGIN, "scale": 1}
            drawn = base64.b64decode(browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=area)["data"])
            path, picture = folder / f"{name}.png", Image.open(io.BytesIO(drawn)).convert("RGB")
            for colours in COLOURS:
                # This way rare colours stay, such as those of verdicts beside a spectrogram.
                picture.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
                if path.stat().st_size <= MOST_BYTES:
                    break
            print(f"{path}: {picture.width} x {picture.height}, {colours} colours, {path.stat().st_size:,} bytes")
            assert path.stat().st_size <= MOST_BYTES, f"{path} is larger than {MOST_BYTES:,} bytes"
    assert not browser.problems, browser.problems


def judge(browser, verdicts):
    """Gives the first clips of a review page these verdicts, so that there is progress to see."""
    if not verdicts:
        return
    # The next clip would play at once, and a line run over its picture.
    browser.run("document.getElementById('autoplay').click()")
    browser.press(*verdicts)
    browser.wait("document.getElementById('picture').complete && document.getElementById('picture').naturalWidth > 0")
