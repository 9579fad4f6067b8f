# SPDX-License-Identifier: Apache-2.0
"""A stock socketio.AsyncClient that obeys orders on standard input and tells what happens on standard output."""

import asyncio
import sys

import socketio

from lines import auth, read, tell


def listen(client, events):
    """Tells of these events and of the connection."""

    @client.on("connect")
    async def connected():
        tell("connect", client.get_sid())
        tell("transport", client.transport())

    client.on("disconnect", lambda: tell("disconnect"))
    client.on("connect_error", lambda reason=None: tell("connect_error", str(reason)))
    for event in events:
        client.on(event, lambda *args, event=event: tell(event, *args))


async def main():
    client = socketio.AsyncClient(reconnection_delay=0.05, reconnection_delay_max=0.2)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = read(line)
        if order["do"] == "connect":
            listen(client, order["events"])
            try:
                await client.connect(order["url"], transports=order["transports"], auth=auth(order.get("tokens")), wait_timeout=10)
            except socketio.exceptions.ConnectionError:
                pass  # Told by connect_error.
        elif order["do"] == "emit":
            await client.emit(order["event"], order["args"])
        elif order["do"] == "ask":
            await client.emit(order["event"], order["args"], callback=lambda *answer: tell("ack", *answer))
        elif order["do"] == "close":
            await client.disconnect()
    await client.disconnect()


asyncio.run(main())
