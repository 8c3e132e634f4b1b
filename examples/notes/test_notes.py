import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

NOTES = Path(__file__).with_name("notes.py")


class NotesTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.env = {**os.environ, "PORT": "0", "NOTES_DB": str(Path(directory.name, "notes.db"))}
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, str(NOTES)], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.addCleanup(self.stop)
        self.url = self.process.stdout.readline().split()[-1]

    def stop(self):
        self.process.terminate()
        self.process.stdout.close()
        return self.process.wait(timeout=10)

    def ask(self, path, body=None, content_type="application/json"):
        data = body.encode() if body is not None else None
        request = Request(self.url + path, data=data, headers={"Content-Type": content_type} if body else {})
        try:
            response = urlopen(request, timeout=5)
        except HTTPError as error:
            response = error
        with response:
            return response.status, response.headers.get_content_type(), response.read().decode()

    def test_a_note_is_added_read_and_listed(self):
        status, _, body = self.ask("/notes", json.dumps({"text": "milk & eggs"}))
        note = json.loads(body)
        self.assertEqual((status, note["text"]), (201, "milk & eggs"))
        self.assertEqual(json.loads(self.ask("/notes/%d" % note["id"])[2]), note)
        self.assertEqual(json.loads(self.ask("/notes")[2]), {"notes": [note]})

    def test_the_page_has_a_form_and_shows_text_as_text(self):
        self.assertEqual(self.ask("/notes", "text=%3Cb%3Ebread", "application/x-www-form-urlencoded")[0], 200)
        status, content_type, body = self.ask("/")
        self.assertEqual((status, content_type), (200, "text/html"))
        self.assertIn("&lt;b&gt;bread", body)

    def test_health(self):
        self.assertEqual(self.ask("/health"), (200, "text/plain", "ok\n"))

    def test_what_is_not_there_is_404(self):
        for path in ("/notes/1", "/notes/x", "/notes/" + "9" * 30, "/anything"):
            self.assertEqual(self.ask(path)[0], 404, path)

    def test_bad_input_is_refused(self):
        for body, status in (("{", 400), ("[]", 400), ('{"text": " "}', 400), ('{"text": 1}', 400), ('{"text": "\\ud800"}', 400)):
            self.assertEqual(self.ask("/notes", body)[0], status, body)
        self.assertEqual(self.ask("/notes", json.dumps({"text": "x" * 4001}))[0], 400)
        self.assertEqual(self.ask("/notes", "x" * 70000)[0], 413)
        self.assertEqual(self.ask("/notes", "hello", "text/plain")[0], 415)

    def test_sigterm_ends_it_and_notes_stay(self):
        self.ask("/notes", json.dumps({"text": "keep"}))
        self.assertEqual(self.stop(), 0)
        self.start()
        self.assertEqual(json.loads(self.ask("/notes/1")[2])["text"], "keep")


if __name__ == "__main__":
    unittest.main()
