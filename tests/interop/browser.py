"""Opens reports in a headless Chromium, where there is one: `browser.py REPORT…` (an index.html each).

Each has to have its sections, to ask for nothing from outside and to leave no word in the console; before that, a page that does both
shows that this would be seen. Ends with exit status 1 and what is wrong, else prints what was opened and how long that took.
"""

import html.parser
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

SECTIONS = {"recorded", "found", "sure", "settings"}
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What the browser asks for by itself, whatever it shows.
ITS_OWN = {"accounts.google.com", "clients2.google.com", "optimizationguide-pa.googleapis.com", "update.googleapis.com", "redirector.gvt1.com"}
OUTSIDE = '<script>console.error("heard"); fetch("http://outside.invalid/a")</script><img src="http://outside.invalid/b.png">'


class Sections(html.parser.HTMLParser):
    """The identifiers of the sections of a page."""

    def __init__(self, text):
        super().__init__()
        self.found = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "section":
            self.found.add(dict(attributes).get("id"))


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
    asked = {url for url in urls if url.startswith(("http", "ws")) and urllib.parse.urlsplit(url).hostname not in ITS_OWN}
    return done.stdout, asked, console, seconds


def events(log):
    """The browser may leave before it closes the list."""
    text = log.read_text()
    try:
        return json.loads(text)["events"]
    except json.JSONDecodeError:
        return json.loads(text.rstrip().rstrip(",") + "]}")["events"]


def main(reports):
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        print(f"skipped: no browser ({', '.join(NAMES)})")
        return
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "outside.html")
        page.write_text(f"<!DOCTYPE html><title>outside</title>{OUTSIDE}")
        _, asked, console, _ = visit(browser, page, "800,600")
        assert console and {urllib.parse.urlsplit(url).path for url in asked} == {"/a", "/b.png"}, (asked, console)
    for report in reports:
        for size in ("1280,900", "390,844"):
            document, asked, console, seconds = visit(browser, Path(report), size)
            found = Sections(document).found
            assert SECTIONS <= found, f"{report}: sections {sorted(SECTIONS - found)} are missing"
            assert not asked, f"{report} asks for {sorted(asked)}"
            assert not console, f"{report} says {console}"
            print(f"{report} at {size}: {len(document):,} characters, {len(found)} sections, nothing from outside, {seconds:.1f} s with the browser's start")


if __name__ == "__main__":
    main(sys.argv[1:])
