# SPDX-License-Identifier: Apache-2.0
"""Sends integers that no double holds by a stock socketio.Client, and prints what comes back: bytes.test.mjs."""

import json
import queue
import sys

import socketio


def main():
    url, *ids = sys.argv[1:]
    answers = queue.Queue()
    client = socketio.Client()
    client.connect(url, transports=["websocket"])
    for text in ids:
        number = int(text)
        client.emit("wrap", number)
        client.emit("id", {"id": number})
        client.emit("echo", (number, {"id": [number]}), callback=lambda *answer: answers.put(answer))
        print(json.dumps(answers.get(timeout=10)), flush=True)
    client.disconnect()


main()
