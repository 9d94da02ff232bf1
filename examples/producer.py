"""A producer on Redis: works through a batch of addresses and sends an update after every few.

    pip install redis
    python examples/producer.py BATCH_ID ADDRESS...            # Pub/Sub, as the validator does it
    python examples/producer.py --stream BATCH_ID ADDRESS...   # a stream: for those who can choose

It needs a Redis, and a gateway of the distributed engine on it.

REDIS_URL (redis://127.0.0.1:6379), FILE_ID (none: the batch is registered elsewhere), STREAM_SHARDS (1: one stream; as
the gateways have it).

Pub/Sub is at most once: what is published while no gateway listens is lost, and found again at the key only. An entry
of the stream waits until a gateway has stored it.
"""

import json
import os
import sys
import zlib
from datetime import datetime, timezone

import redis

CHANNEL = "email_validation_results"
STREAM = "email_validation_results:stream"
PUBLISH_EVERY = 5
KEPT_SECONDS = 3600
# Trimmed by hand, or not at all, a stream grows for ever. About so many entries stay.
STREAM_LENGTH = 100_000


def validate(email):
    """Replace this with your own validation."""
    is_valid = "@" in email.strip("@")
    return {
        "email": email,
        "is_valid": is_valid,
        "status": "deliverable" if is_valid else "undeliverable",
        "risk_level": "low" if is_valid else "high",
        "deliverability_score": 95 if is_valid else 0,
        "details": {"general": {"reason": ""}, "sub_status": None if is_valid else "Invalid Email"},
    }


def publish(client, batch_id, text):
    # The key first: a gateway that misses the message finds the update there.
    client.set(f"validation_results:{batch_id}", text, ex=KEPT_SECONDS)
    client.publish(CHANNEL, text)


def stream_of(batch_id, shards):
    # All of a batch in one stream: there its updates keep their order.
    return STREAM if shards == 1 else f"{STREAM}:{zlib.crc32(batch_id.encode()) % shards}"


def append(client, batch_id, text):
    stream = stream_of(batch_id, int(os.environ.get("STREAM_SHARDS", "1")))
    client.xadd(stream, {"data": text}, maxlen=STREAM_LENGTH, approximate=True)


def main(arguments):
    send = publish
    if arguments[:1] == ["--stream"]:
        send, arguments = append, arguments[1:]
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 64
    batch_id, *emails = arguments
    client = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))
    results = []
    for email in emails:
        results.append(validate(email))
        is_complete = len(results) == len(emails)
        if not is_complete and len(results) % PUBLISH_EVERY:
            continue
        # Cumulative: every result so far, so that the next update heals any that got lost.
        update = {
            "batchId": batch_id,
            "isComplete": is_complete,
            "totalEmails": len(emails),
            "processedCount": len(results),
            # UTC, without saying so: as the validator writes it.
            "lastUpdated": datetime.now(timezone.utc).replace(tzinfo=None).isoformat(),
            "validatedEmails": results,
        }
        if os.environ.get("FILE_ID"):
            update["fileId"] = os.environ["FILE_ID"]
        send(client, batch_id, json.dumps(update))
        print(f"{len(results)} of {len(emails)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
