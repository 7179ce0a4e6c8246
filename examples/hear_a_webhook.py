"""Hears what a studio tells, and believes only what is signed. `HOOK_SECRET` is what `POST /api/v1/hooks` answered.

A proxy with a certificate stands before it: a studio tells nothing to an address without https.
"""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

HOOK = Webhook(os.environ["HOOK_SECRET"])
MOST = 1 << 20
known: set[str] = set()  # in real life a table: what was heard once may come again, under the same id


class Ear(BaseHTTPRequestHandler):
    """Answers one call."""

    def do_POST(self) -> None:
        """200 for what is true, 400 for what is not."""
        content = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MOST))
        try:
            told = HOOK.verify(content, dict(self.headers))
        except WebhookVerificationError:
            self.send_error(400)
            return
        if self.headers["webhook-id"] not in known:
            known.add(self.headers["webhook-id"])
            print(told["timestamp"], told["type"], told["data"], flush=True)
        self.send_response(204)
        self.end_headers()


server = HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Ear)
print("Listening on port", server.server_port, flush=True)
server.serve_forever()
