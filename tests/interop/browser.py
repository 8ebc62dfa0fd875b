"""Opens reports in a headless Chromium, where there is one: `browser.py REPORT…` (an index.html each).

Each has to have its sections, to ask for nothing from outside and to leave no word in the console, where the browser tells what the page's
policy refuses; before that, a page that does all of this shows that it would be seen. Every picture of a report has to be drawn, by the
browser too: scripts of ours look at a copy of the page, which may have them. Every sound has to be whole and of the length that its
header says. Ends with exit status 1 and what is wrong, else prints what was opened and how long that took.
"""

import html.parser
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import wave
from pathlib import Path

from chromium import NAMES, find

SECTIONS = {"recorded", "found", "listen", "sure", "settings"}
# What the browser asks for by itself, whatever it shows.
ITS_OWN = {"accounts.google.com", "clients2.google.com", "optimizationguide-pa.googleapis.com", "update.googleapis.com", "redirector.gvt1.com"}
# An address of the browser's own on a host that a page might ask too.
ITS_OWN_ADDRESS = "https://www.google.com/async/"
OUTSIDE = '<script>console.error("heard"); fetch("http://outside.invalid/a")</script><img src="http://outside.invalid/b.png">'
# A page whose policy refuses its own picture.
REFUSED = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'"><img src="there.png">"""
# What a picture's size is once it was drawn, put where the document can be read.
DRAWN = """<script>
addEventListener("load", () => { for (const image of document.images) { image.dataset.drawn = image.naturalWidth + "x" + image.naturalHeight; } });
</script></body>"""
PNG = b"\x89PNG\r\n\x1a\n"


class Page(html.parser.HTMLParser):
    """The identifiers of the sections of a page, its pictures, and all that it names by address."""

    def __init__(self, text):
        super().__init__()
        self.found, self.images, self.addresses = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "section":
            self.found.add(attributes.get("id"))
        if tag == "img":
            self.images.append(attributes)
        self.addresses += [value for name, value in attributes.items() if name in ("src", "href", "srcset", "poster", "data")]


def visit(browser, page, size):
    """What the page's document, the requests to others and the console are, and the seconds until all was loaded."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "net.json")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
        command += ["--disable-component-update", "--disable-extensions", f"--window-size={size}", f"--user-data-dir={folder}/profile"]
        command += ["--enable-logging=stderr", f"--log-net-log={log}", "--dump-dom", page.resolve().as_uri()]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        seconds = time.perf_counter() - start
        console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
        urls = {event["params"]["url"] for event in events(log) if isinstance(event.get("params"), dict) and "url" in event["params"]}
    from_outside = {url for url in urls if url.startswith(("http", "ws")) and not url.startswith(ITS_OWN_ADDRESS)}
    asked = {url for url in from_outside if urllib.parse.urlsplit(url).hostname not in ITS_OWN}
    return done.stdout, asked, console, seconds


def events(log):
    """The browser may leave before it closes the list."""
    text = log.read_text()
    try:
        return json.loads(text)["events"]
    except json.JSONDecodeError:
        return json.loads(text.rstrip().rstrip(",") + "]}")["events"]


def check_files(report, page):
    """That all which a page names lies in its folder, and can be seen or heard; how many files that are."""
    names = {address for address in page.addresses if not address.startswith("#")}
    for name in names:
        assert re.fullmatch(r"clips/[A-Za-z0-9-]+\.(png|wav)", name), f"{report} names {name}"
        path = report.parent / name
        if path.suffix == ".png":
            assert path.read_bytes().startswith(PNG), f"{path} is no PNG"
            check_png(path, next(image for image in page.images if image["src"] == name))
        else:
            with wave.open(str(path)) as sound:
                frames = sound.readframes(sound.getnframes())
                assert sound.getnframes() > 0 and len(frames) == 2 * sound.getnframes(), f"{path} is no whole sound"
    beside = {str(path.relative_to(report.parent)) for path in report.parent.rglob("*") if path.is_file()}
    assert beside == names | {report.name}, f"{report}: {sorted(beside ^ names)}"
    return len(names)


def check_png(path, image):
    """That all of a picture can be decoded, and is as large as the page says."""
    try:
        from PIL import Image
    except ImportError:
        return
    with Image.open(path) as picture:
        picture.load()
        assert [str(side) for side in picture.size] == [image["width"], image["height"]], f"{path}: {picture.size}"


def check_drawn(browser, report):
    """That the browser draws every picture, under the page's own policy but for one script."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "report")
        shutil.copytree(report.parent, copy)
        page = copy / report.name
        text = page.read_text()
        watched = text.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'", 1).replace("</body>", DRAWN, 1)
        assert watched.count("<script") == 1 and watched.count("script-src") == 1
        page.write_text(watched)
        document, _, console, _ = visit(browser, page, "1280,900")
        assert not console, f"{report} says {console}"
        for image in Page(document).images:
            assert image.get("data-drawn") == f"{image['width']}x{image['height']}", f"{report}: {image}"


def main(reports):
    browser = find()
    if browser is None:
        print(f"skipped: no browser ({', '.join(NAMES)})")
        return
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "outside.html")
        page.write_text(f"<!DOCTYPE html><title>outside</title>{OUTSIDE}")
        _, asked, console, _ = visit(browser, page, "800,600")
        assert console and {urllib.parse.urlsplit(url).path for url in asked} == {"/a", "/b.png"}, (asked, console)
        page.write_text(f"<!DOCTYPE html><title>refused</title>{REFUSED}")
        _, _, console, _ = visit(browser, page, "800,600")
        assert any("Content Security Policy" in line for line in console), console
    for report in map(Path, reports):
        files = check_files(report, Page(report.read_text()))
        check_drawn(browser, report)
        for size in ("1280,900", "390,844"):
            document, asked, console, seconds = visit(browser, report, size)
            found = Page(document).found
            assert SECTIONS <= found, f"{report}: sections {sorted(SECTIONS - found)} are missing"
            assert not asked, f"{report} asks for {sorted(asked)}"
            assert not console, f"{report} says {console}"
            print(f"{report} at {size}: {len(document):,} characters, {len(found)} sections, {files} files beside it, nothing from outside, {seconds:.1f} s with the browser's start")


if __name__ == "__main__":
    main(sys.argv[1:])
