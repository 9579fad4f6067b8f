# SPDX-License-Identifier: Apache-2.0
"""The lines between a client and matrix.test.mjs, described in ../matrix/client.mjs."""

import base64
import json
import sys
import threading

_lock = threading.Lock()


def tell(event, *args):
    """Tells what happened."""
    line = json.dumps({"event": event, "args": encode(list(args))})
    with _lock:
        print(line, flush=True)


def encode(value):
    """Makes JSON of arguments with bytes in them."""
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(value).decode()}
    return _mapped(value, encode)


def decode(value):
    """Makes arguments with bytes in them of JSON."""
    if isinstance(value, dict) and list(value) == ["$bytes"]:
        return base64.b64decode(value["$bytes"])
    return _mapped(value, decode)


def _mapped(value, change):
    if isinstance(value, list):
        return [change(item) for item in value]
    if isinstance(value, dict):
        return {key: change(item) for key, item in value.items()}
    return value


def read(line):
    """Reads an order; its arguments are a tuple, which python-socketio takes for several."""
    order = json.loads(line)
    if "args" in order:
        order["args"] = tuple(decode(order["args"]))
    return order


def auth(tokens):
    """What a client shows at each attempt to connect: the tokens, one by one; None without tokens."""
    return tokens and (lambda: {"token": tokens.pop(0)})
