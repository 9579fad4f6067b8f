# SPDX-License-Identifier: Apache-2.0
"""A stock socketio.AsyncClient for test/chaos: `client.py URL TRANSPORT…`; client.mjs says what it reads and tells.

Not socketio.Client, which has a thread handle each event, so that the order of those that come at once is lost."""

import asyncio
import json
import sys

import socketio

url, *transports = sys.argv[1:]


def tell(**what):
    """Tells what happened."""
    print(json.dumps(what), flush=True)


async def connect(client):
    """Connects for the first time; later the client reconnects by itself."""
    while not client.connected:
        try:
            await client.connect(url, transports=transports, wait_timeout=20)
        except socketio.exceptions.ConnectionError:
            await asyncio.sleep(1)


async def watch(client):
    """Connects again when the client has lost its transport and does not know: a POST that fails resets it without an event."""
    while True:
        await asyncio.sleep(1)
        if client.connected and client.eio.state == "disconnected":
            await asyncio.sleep(1)  # It may be about to tell.
            if client.connected and client.eio.state == "disconnected":
                tell(disconnected="without an event")
                client.connected = False
                await connect(client)


async def obey(client, line):
    """Emits what a line says. What is not acknowledged is ordered again."""
    order = json.loads(line)
    try:
        await client.emit(
            order["event"], tuple(order["args"]), callback=lambda answer=None: tell(tag=order["tag"], answer=answer)
        )
    except socketio.exceptions.BadNamespaceError:
        pass  # It is not connected.


async def main():
    """Runs the client until the end of the input."""
    client = socketio.AsyncClient()
    client.on("connect", lambda: tell(connected=client.get_sid(), recovered=False))
    client.on("disconnect", lambda *_: tell(disconnected=""))
    client.on("said", lambda message, *_: tell(said=message))
    await connect(client)
    watching = asyncio.create_task(watch(client))
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        await obey(client, line)
    watching.cancel()
    await client.disconnect()


asyncio.run(main())
