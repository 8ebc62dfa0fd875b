"""S3 servers on loopback for check.py: moto within this process, SeaweedFS as a process of its own, and a proxy that spoils answers."""

import http.client
import logging
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
from botocore.config import Config
from ports import free_ports

BUCKET = "surveys"


def client(endpoint):
    config = Config(retries={"max_attempts": 5}, request_checksum_calculation="when_required", s3={"addressing_style": "path"})
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s", config=config)


@contextmanager
def moto():
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


@contextmanager
def seaweedfs(folder):
    """SeaweedFS with S3; the second address is that of WebDAV on the same files."""
    folder.mkdir()
    weed = next(path for path in (Path(p) / "bin/weed" for p in sys.path) if path.exists())
    for attempt in range(5):
        master, volume, filer, s3, webdav, *grpc = free_ports(9)
        data, log = folder / str(attempt), folder / f"{attempt}.txt"
        data.mkdir()
        command = [weed, "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=8", "-master.volumeSizeLimitMB=64"]
        # The ports of gRPC are the others plus 10000, unless they are named.
        command += [f"-master.port={master}", f"-master.port.grpc={grpc[0]}", f"-volume.port={volume}", f"-volume.port.grpc={grpc[1]}"]
        command += ["-filer", f"-filer.port={filer}", f"-filer.port.grpc={grpc[2]}", "-s3", f"-s3.port={s3}", f"-s3.port.grpc={grpc[3]}"]
        command += ["-webdav", f"-webdav.port={webdav}"]
        with open(log, "wb") as out:
            process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=out)
        try:
            if answers(f"http://127.0.0.1:{s3}/", process):
                yield f"http://127.0.0.1:{s3}", f"http://127.0.0.1:{webdav}"
                return
        finally:
            process.terminate()
            process.wait(30)
        if "address already in use" not in log.read_text(errors="replace"):
            break
    raise SystemExit(f"SeaweedFS does not answer on port {s3}, try {attempt + 1}: {log.read_text(errors='replace')[-2000:]}")


def answers(url, process):
    """Waits until a server answers twice in a row; whether it did."""
    end, good = time.monotonic() + 90, 0
    while time.monotonic() < end and process.poll() is None:
        try:
            client(url).list_buckets()
            good += 1
            if good == 2:
                return True
        except Exception:
            good = 0
        time.sleep(0.5)
    return False


class Spoiler:
    """A proxy. `spoil` is asked about each request, and gives None or what to do: a status, 'cut' (half of an object comes, and the
    connection breaks), or a function that makes the answer. It may take headers away from the request."""

    def __init__(self, target, spoil):
        self.target, self.spoil, self.requests = urllib.parse.urlsplit(target), spoil, 0
        spoiler = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do(self):
                spoiler.requests += 1
                what = spoiler.spoil(self.command, urllib.parse.unquote(self.path), self.headers, spoiler.requests)
                if isinstance(what, int):
                    return self.answer(what, {}, b"<Error><Code>Spoilt</Code></Error>")
                if callable(what):
                    return self.answer(200, {"Content-Type": "application/xml"}, what())
                upstream = http.client.HTTPConnection(spoiler.target.hostname, spoiler.target.port)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                upstream.request(self.command, self.path, body=body, headers=dict(self.headers))
                answer = upstream.getresponse()
                body = answer.read()
                headers = {k: v for k, v in answer.getheaders() if k.lower() not in ("content-length", "connection", "date", "server", "transfer-encoding")}
                if self.command == "HEAD":
                    headers["Content-Length"] = answer.getheader("Content-Length", "0")
                self.answer(answer.status, headers, body, what == "cut")

            def answer(self, status, headers, body, cut=False):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if cut else body)
                if cut:
                    self.wfile.flush()
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        # A client may break a connection off: nothing to tell of.
        self.server.handle_error = lambda *_: None

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
