"""Notes: a page and a small JSON API over one SQLite file, on Python's standard library."""

import json
import os
import signal
import sqlite3
import sys
import threading
from contextlib import closing
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

MAX_BODY_BYTES = 64 * 1024
MAX_TEXT_LENGTH = 4000
LATEST = 100
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}


class Store:
    """Notes in a SQLite file; each call has its own connection, so threads do not share one."""

    def __init__(self, path):
        self.path = path
        with closing(self.connect()) as db, db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(
                "CREATE TABLE IF NOT EXISTS notes ("
                "id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL, "
                "created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')))"
            )

    def connect(self):
        db = sqlite3.connect(self.path, timeout=5)
        db.row_factory = sqlite3.Row
        return db

    def add(self, text):
        with closing(self.connect()) as db, db:
            return db.execute("INSERT INTO notes (text) VALUES (?)", (text,)).lastrowid

    def get(self, note_id):
        with closing(self.connect()) as db:
            row = db.execute("SELECT * FROM notes WHERE id = ?", (note_id,)).fetchone()
            return dict(row) if row else None

    def latest(self):
        with closing(self.connect()) as db:
            rows = db.execute("SELECT * FROM notes ORDER BY id DESC LIMIT ?", (LATEST,))
            return [dict(row) for row in rows]


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Notes</title></head><body><main><h1>Notes</h1>
<form method="post" action="/notes"><p><label for="text">New note</label><br>
<textarea id="text" name="text" rows="3" cols="50" maxlength="{limit}" required></textarea></p>
<p><button type="submit">Add</button></p></form>
<ul>
{items}
</ul></main></body></html>
"""


def render(notes):
    items = (
        '<li><a href="/notes/{id}">{id}</a> {text}</li>'.format(id=n["id"], text=escape(n["text"]))
        for n in notes
    )
    return PAGE.format(limit=MAX_TEXT_LENGTH, items="\n".join(items))


class Refused(Exception):
    """An answer other than the one that was asked for."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "notes"
    sys_version = ""
    timeout = 60

    def do_GET(self):
        self.answer(self.get)

    def do_POST(self):
        self.answer(self.post)

    def answer(self, handler):
        try:
            handler(urlsplit(self.path).path)
        except Refused as error:
            self.close_connection = True
            self.send_json(error.status, {"error": str(error)})
        except sqlite3.Error as error:
            self.log_error("database: %s", error)
            self.close_connection = True
            self.send_json(503, {"error": "the notes cannot be reached"})

    def get(self, path):
        if path == "/health":
            self.send(200, "text/plain; charset=utf-8", "ok\n")
        elif path == "/":
            self.send(200, "text/html; charset=utf-8", render(self.server.store.latest()))
        elif path == "/notes":
            self.send_json(200, {"notes": self.server.store.latest()})
        else:
            self.send_json(200, self.find(path))

    def find(self, path):
        digits = path[len("/notes/"):] if path.startswith("/notes/") else ""
        # SQLite's ids end at 2^63 - 1, which has 19 digits.
        known = digits.isascii() and digits.isdigit() and len(digits) < 19
        note = self.server.store.get(int(digits)) if known else None
        if note is None:
            raise Refused(404, "there is nothing at this address")
        return note

    def post(self, path):
        if path != "/notes":
            raise Refused(404, "there is nothing at this address")
        content_type = self.headers.get_content_type()
        text = self.read_text(content_type)
        if not isinstance(text, str) or not 1 <= len(text.strip()) <= MAX_TEXT_LENGTH:
            raise Refused(400, "text must have 1 to %d characters" % MAX_TEXT_LENGTH)
        note_id = self.server.store.add(text.strip())
        if content_type == "application/json":
            self.send_json(201, self.server.store.get(note_id), {"Location": "/notes/%d" % note_id})
        else:
            self.send(303, "text/plain; charset=utf-8", "", {"Location": "/"})

    def read_text(self, content_type):
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise Refused(411, "the body's length must be given")
        if int(length) > MAX_BODY_BYTES:
            raise Refused(413, "the body may have at most %d bytes" % MAX_BODY_BYTES)
        try:
            body = self.rfile.read(int(length)).decode("utf-8")
            if content_type == "application/json":
                value = json.loads(body)
                text = value.get("text") if isinstance(value, dict) else None
            elif content_type == "application/x-www-form-urlencoded":
                text = parse_qs(body).get("text", [""])[0]
            else:
                raise Refused(415, "send application/json")
            if isinstance(text, str):
                # JSON can spell half a surrogate pair, which no UTF-8 text can hold.
                text.encode("utf-8")
            return text
        except ValueError:
            raise Refused(400, "the body cannot be read") from None

    def send_json(self, status, value, headers=None):
        self.send(status, "application/json", json.dumps(value) + "\n", headers)

    def send(self, status, content_type, body, headers=None):
        data = body.encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in {**self.security_headers(), **(headers or {})}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def security_headers(self):
        """No scripts, no frames, no guessing of types; over TLS (the proxy in front says so), TLS for good."""
        found = dict(SECURITY_HEADERS)
        if self.headers is not None and self.headers.get("X-Forwarded-Proto") == "https":
            found["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
        return found

    def log_request(self, code="-", size="-"):
        pass


class Server(ThreadingHTTPServer):
    # A connection that a client keeps open must not keep the process alive after SIGTERM.
    daemon_threads = True

    def __init__(self, address, store):
        super().__init__(address, Handler)
        self.store = store


def main(env):
    port = env.get("PORT") or "8000"
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        sys.exit("notes: PORT must be a number from 0 to 65535; it is %r" % port)
    path = env.get("NOTES_DB") or "notes.db"
    try:
        store = Store(path)
    except sqlite3.Error as error:
        sys.exit("notes: NOTES_DB: %s: %s" % (path, error))
    try:
        server = Server((env.get("HOST") or "127.0.0.1", int(port)), store)
    except OSError as error:
        sys.exit("notes: port %s: %s" % (port, error.strerror))
    # shutdown() waits for serve_forever, which this very thread runs: so it needs another.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("notes: listening on http://%s:%d" % server.server_address[:2], flush=True)
    with server:
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main(os.environ)
