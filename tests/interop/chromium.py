"""A headless Chromium that is driven by real key presses, over the DevTools protocol through two pipes: it needs no other package."""

import base64
import json
import os
import shutil
import subprocess
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Keys that are no letters: their code and their number.
NAMED = {" ": ("Space", 32), "Enter": ("Enter", 13), "Escape": ("Escape", 27), "ArrowLeft": ("ArrowLeft", 37), "ArrowRight": ("ArrowRight", 39), "ArrowDown": ("ArrowDown", 40), "Tab": ("Tab", 9)}


def find():
    """The program, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One browser with one page. `folder` takes its profile and its downloads."""

    def __init__(self, program, folder, width=1280, height=900):
        ours, theirs = os.pipe(), os.pipe()
        # The browser reads commands from 3 and writes answers to 4.
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
        command += ["--disable-component-update", "--disable-extensions", "--mute-audio", f"--window-size={width},{height}", f"--user-data-dir={folder}/profile"]
        command += ["--remote-debugging-pipe", "about:blank"]
        shell = ["sh", "-c", f'exec "$@" 3<&{ours[0]} 4>&{theirs[1]}', "sh", *command]
        self.process = subprocess.Popen(shell, pass_fds=(ours[0], theirs[1]), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(ours[0])
        os.close(theirs[1])
        self.commands, self.answers = os.fdopen(ours[1], "wb", buffering=0), os.fdopen(theirs[0], "rb")
        self.number, self.session, self.problems, self.asked = 0, None, [], []
        self.downloads = folder / "downloads"
        self.downloads.mkdir(parents=True, exist_ok=True)
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))
        page = next(target for target in self.call("Target.getTargets")["targetInfos"] if target["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)

    def call(self, method, **params):
        """The answer to a command. What the page said meanwhile is remembered."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params} | ({"sessionId": self.session} if self.session else {})
        self.commands.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self.read())
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.hear(answer)

    def read(self):
        message = bytearray()
        while not message.endswith(b"\0"):
            byte = self.answers.read(1)
            assert byte, "the browser has ended"
            message += byte
        return bytes(message[:-1])

    def hear(self, event):
        params = event.get("params", {})
        if event["method"] == "Runtime.exceptionThrown":
            self.problems.append(params["exceptionDetails"].get("exception", {}).get("description") or params["exceptionDetails"]["text"])
        if event["method"] == "Log.entryAdded" and params["entry"]["level"] in ("warning", "error"):
            self.problems.append(params["entry"]["text"])
        if event["method"] == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])

    def open(self, address):
        """Opens a page, and waits until it and its script are there."""
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def run(self, script):
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, (script, answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait(self, condition, seconds=20):
        """Waits until an expression is true."""
        until = time.monotonic() + seconds
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < until, f"not within {seconds} s: {condition}; the page says {self.problems}"
            time.sleep(0.05)

    def press(self, *keys):
        """Presses and releases keys as a keyboard does."""
        for key in keys:
            code, number = NAMED.get(key) or (f"Key{key.upper()}", ord(key.upper()))
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            common = {"key": key, "code": code, "windowsVirtualKeyCode": number}
            self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **common, **({"text": text} if text else {}))
            self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def choose_file(self, selector, path):
        """Gives a file to a file picker."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def downloaded(self, name, seconds=20):
        """A file that the page saved; it is taken away."""
        path, until = self.downloads / name, time.monotonic() + seconds
        while not path.exists():
            assert time.monotonic() < until, f"{name} was not saved: {list(self.downloads.iterdir())}"
            time.sleep(0.05)
        content = path.read_bytes()
        path.unlink()
        return content

    def picture(self, path):
        """Saves what the window shows as a PNG file."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
