"""Collects every result of a file in Python, through reconnects and restarts. When the file is over it prints them.

    pip install python-socketio aiohttp
    python examples/listener.py FILE_ID

VERIGATE_URL (http://127.0.0.1:3000), VERIGATE_TOKEN (none).

The rules are those of docs/socket.md, "Missing nothing". All that happens goes through one queue: what comes while the
answer to `subscribe` is awaited is taken after it. The handlers must not await: python-socketio runs each as a task.
"""

import asyncio
import json
import os
import sys
from urllib.parse import quote

import aiohttp
import socketio

URL = os.environ.get("VERIGATE_URL", "http://127.0.0.1:3000")
TOKEN = os.environ.get("VERIGATE_TOKEN")
ENDED = ("completed", "failed")
EVENTS = ("connect", "file_stats", "file_emails", "file_deleted", "unsubscribed")


class Refused(Exception):
    pass


class Listener:
    def __init__(self, file_id):
        self.file_id = file_id
        self.stats = None
        self.since = None  # epoch and revision of the last change that is in `results`
        self.results = {}  # by place: batch and position
        self.happened = asyncio.Queue()
        self.socket = socketio.AsyncClient()
        for name in EVENTS:
            self.socket.on(name, lambda body=None, name=name: self.happened.put_nowait((name, body)))

    async def run(self):
        auth = {"token": TOKEN} if TOKEN else None
        await self.socket.connect(URL, auth=auth, transports=["websocket"], retry=True)
        while not self.is_over():
            name, body = await self.happened.get()
            if name == "connect":
                await self.subscribe()
            elif name == "file_stats":
                self.stats = body
            elif name == "file_emails":
                await self.take(body)
            else:
                raise Refused(f"{name} {body.get('code', '')}")
            if self.stats:
                print(self.stats["status"], f"{self.stats['progress']['percentage']}%", file=sys.stderr)

    def is_over(self):
        stats = self.stats
        return bool(stats) and stats["status"] in ENDED and len(self.results) == stats["progress"]["processed"]

    async def take(self, event):
        if self.since is None or event["epoch"] != self.since["epoch"] or event["previous"] > self.since["revision"]:
            await self.subscribe()
        elif event["revision"] > self.since["revision"]:
            self.apply(event)

    async def subscribe(self):
        while self.socket.get_sid():  # else `connect` comes again; `connected` turns true only after it
            try:
                answer = await self.socket.call("subscribe", self.request(), timeout=10)
                if answer["ok"]:
                    return await self.catch_up(answer)
                if not answer["error"]["retryable"]:
                    raise Refused(answer["error"]["message"])
            except (socketio.exceptions.SocketIOError, aiohttp.ClientError):
                pass  # the gateway is away, or busy
            await asyncio.sleep(1)

    def request(self):
        return {"fileId": self.file_id, **({"since": self.since} if self.since else {})}

    async def catch_up(self, answer):
        if answer["recovered"]:
            for event in answer["missed"]:
                self.apply(event)
        else:
            self.since, self.results = None, {}
            await self.read_pages()
        self.since = {"epoch": answer["epoch"], "revision": answer["revision"]}
        self.stats = answer["stats"]

    def apply(self, event):
        for batch in event.get("truncated", []):
            for place in list(self.results):
                if place[0] == batch["batchId"] and place[1] >= batch["length"]:
                    del self.results[place]
        self.add(event["emails"])
        self.since = {"epoch": event["epoch"], "revision": event["revision"]}

    def add(self, results):
        for result in results:
            self.results[result["batchId"], result["position"]] = result

    async def read_pages(self):
        headers = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}
        async with aiohttp.ClientSession(headers=headers) as http:
            page = pages = 1
            while page <= pages:
                url = f"{URL}/api/files/{quote(self.file_id, safe='')}/emails?limit=500&page={page}"
                async with http.get(url) as answer:
                    if answer.status == 404:  # nothing is known of the file yet
                        return
                    answer.raise_for_status()
                    body = await answer.json()
                self.add(body["emails"])
                page, pages = page + 1, body["pagination"]["pages"]


async def main(file_id):
    listener = Listener(file_id)
    try:
        await listener.run()
        for result in listener.results.values():
            print(json.dumps({key: result[key] for key in ("batchId", "position", "status", "email")}))
    except Refused as error:
        sys.exit(str(error))
    finally:
        await listener.socket.disconnect()


if len(sys.argv) != 2:
    sys.exit(__doc__)
asyncio.run(main(sys.argv[1]))
