"""Receives webhooks, and prints those that the gateway has signed.

    pip install standardwebhooks
    WEBHOOK_SECRET=whsec_… PORT=4000 python examples/webhook_receiver.py

A gateway posts to https alone, and to public addresses, unless it has WEBHOOKS_ALLOW_PRIVATE=true.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

if "WEBHOOK_SECRET" not in os.environ:
    sys.exit("WEBHOOK_SECRET: is not set; POST /api/webhooks answers with it")
webhook = Webhook(os.environ["WEBHOOK_SECRET"])


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        # The signature is of the bytes as they came: never of JSON that was parsed and written again.
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = webhook.verify(body, headers)
        except WebhookVerificationError:
            self.answer(401)
            return
        # At least once: the same webhook-id may come again. What takes longer than 15 s is done after the answer.
        print(headers["webhook-id"], event["type"], event["data"]["fileId"], flush=True)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("", int(os.environ.get("PORT", "4000"))), Receiver)
print("listening on", server.server_port, file=sys.stderr, flush=True)
server.serve_forever()
