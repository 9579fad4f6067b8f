# SPDX-License-Identifier: Apache-2.0
"""A stock socketio.Client for test/chaos: `client.py URL TRANSPORT…`; client.mjs says what it reads and tells."""

import json
import sys
import threading
import time

import socketio

url, *transports = sys.argv[1:]
lock = threading.Lock()
client = socketio.Client()


def tell(**what):
    """Tells what happened."""
    with lock:
        print(json.dumps(what), flush=True)


client.on("connect", lambda: tell(connected=client.get_sid(), recovered=False))
client.on("disconnect", lambda *_: tell(disconnected=""))
client.on("said", lambda message, *_: tell(said=message))


def connect():
    """Connects for the first time; later the client reconnects by itself."""
    while not client.connected:
        try:
            client.connect(url, transports=transports, wait_timeout=20)
        except socketio.exceptions.ConnectionError:
            time.sleep(1)


def watch():
    """Connects again when the client has lost its transport and does not know: a POST that fails resets it without an event."""
    while True:
        time.sleep(1)
        if client.connected and client.eio.state == "disconnected":
            time.sleep(1)  # It may be about to tell.
            if client.connected and client.eio.state == "disconnected":
                tell(disconnected="without an event")
                client.connected = False
                connect()


connect()
threading.Thread(target=watch, daemon=True).start()
for line in sys.stdin:
    order = json.loads(line)
    try:
        client.emit(
            order["event"], tuple(order["args"]), callback=lambda answer=None, tag=order["tag"]: tell(tag=tag, answer=answer)
        )
    except socketio.exceptions.BadNamespaceError:
        pass  # It is not connected. What is not acknowledged is ordered again.
client.disconnect()
