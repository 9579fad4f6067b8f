# SPDX-License-Identifier: Apache-2.0
"""Publishes over HTTP: API=http://chat-api:8080 TOKEN=… python3 emit.py"""

import json
import os
from urllib.parse import quote
from urllib.request import Request, urlopen


def emit(namespace, event, *args, **options):
    """Emits an event; options are rooms, except, sockets and so on. Raises urllib.error.HTTPError if it is refused."""
    request = Request(
        f"{os.environ['API']}/v1/namespaces/{quote(namespace, safe='')}/emit",
        data=json.dumps({"event": event, "args": args, **options}).encode(),
        headers={"Authorization": f"Bearer {os.environ['TOKEN']}"},
    )
    with urlopen(request, timeout=10) as answer:
        return json.load(answer)


print(json.dumps(emit("/", "newMessage", {"username": "python", "message": "hello"}), separators=(",", ":")))
