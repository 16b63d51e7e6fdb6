"""Prints what a webhook tells, once its signature is verified. It needs `pip install standardwebhooks`.

Run it as: WEBHOOK_SECRET=whsec_… python webhook_receiver.py 8080
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook, seen = Webhook(os.environ["WEBHOOK_SECRET"]), set()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            message = webhook.verify(body, dict(self.headers))
        except WebhookVerificationError:
            self.answer(401)
            return
        if self.headers["webhook-id"] not in seen:  # a message may come more than once
            seen.add(self.headers["webhook-id"])
            print(message["type"], message["data"], flush=True)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()


HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
