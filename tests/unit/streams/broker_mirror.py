"""A Maven mirror on loopback that fails as mirrors do, and a short pinned list for it."""

from __future__ import annotations

import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

from streams.embedded_kafka.jars import Jar


class Asked(NamedTuple):
    path: str
    range: str | None
    login: str | None


def jar_of(content: bytes, artifact: str = "pump") -> Jar:
    return Jar(hashlib.sha256(content).hexdigest(), len(content), "org.holdfast", artifact, "1.0")


def listing_of(*jars: Jar) -> str:
    return "".join(f"{jar.sha256}  {jar.size}  {jar.group}:{jar.artifact}:{jar.version}\n" for jar in jars)


class Mirror:
    """Serves what is put into ``files``; ``cuts`` takes one number per answer: bytes after which it hangs up."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cuts: list[int] = []
        self.codes: list[int] = []
        self.resumes = True
        self.asked: list[Asked] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}/maven2/"

    def hold(self, content: bytes, artifact: str = "pump") -> Jar:
        jar = jar_of(content, artifact)
        self.files[f"/maven2/{jar.repository_path}"] = content
        return jar

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        wanted = call.headers.get("Range")
        self.asked.append(Asked(call.path, wanted, call.headers.get("Authorization")))
        content = self.files.get(call.path)
        code = self.codes.pop(0) if self.codes else 200
        if content is None or code != 200:
            call.send_error(404 if content is None else code)
            return
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.resumes else 0
        call.send_response(206 if begin else 200)
        call.send_header("Content-Length", str(len(content) - begin))
        call.end_headers()
        call.wfile.write(content[begin:][: self.cuts.pop(0) if self.cuts else None])

    def __enter__(self) -> Mirror:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
