# SPDX-License-Identifier: Apache-2.0
"""A stock socketio.AsyncClient for test/chaos: `client.py URL TRANSPORT…`; client.mjs says what it reads and tells.

Not socketio.Client, which has a thread handle each event, so that the order of those that come at once is lost."""

import asyncio
import json
import sys

import socketio

url, *transports = sys.argv[1:]
# How many seconds a client may be without a connection. It reconnects by itself, but may hang in that, and a POST that fails resets
# its transport without an event.
PATIENCE = 15


def tell(**what):
    """Tells what happened."""
    print(json.dumps(what), flush=True)


class Member:
    """The client of now. One that does not come back is replaced."""

    def __init__(self):
        self.client = None

    def new_client(self):
        """Makes another client, and lets nothing be heard of the one before."""
        client = self.client = socketio.AsyncClient()
        is_current = lambda: self.client is client
        client.on("connect", lambda: is_current() and tell(connected=client.get_sid(), recovered=False))
        client.on("disconnect", lambda *_: is_current() and tell(disconnected=""))
        client.on("said", lambda message, *_: is_current() and tell(said=message))
        return client

    async def connect(self):
        """Connects a new client."""
        while True:
            client = self.new_client()
            try:
                await asyncio.wait_for(client.connect(url, transports=transports), PATIENCE)
                return
            except (socketio.exceptions.ConnectionError, asyncio.TimeoutError):
                await asyncio.sleep(1)

    async def watch(self):
        """Replaces a client that has had no connection for long."""
        lost = 0
        while True:
            await asyncio.sleep(1)
            connected = self.client.connected and self.client.eio.state == "connected"
            lost = 0 if connected else lost + 1
            if lost == PATIENCE:
                tell(disconnected="for long")
                await self.connect()
                lost = 0

    async def obey(self, line):
        """Emits what a line says. What is not acknowledged is ordered again."""
        order = json.loads(line)
        try:
            await self.client.emit(
                order["event"], tuple(order["args"]), callback=lambda answer=None: tell(tag=order["tag"], answer=answer)
            )
        except socketio.exceptions.BadNamespaceError:
            pass  # It is not connected.


async def main():
    """Runs the client until the end of the input."""
    member = Member()
    await member.connect()
    watching = asyncio.create_task(member.watch())
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        await member.obey(line)
    watching.cancel()


try:
    asyncio.run(main())
except asyncio.CancelledError:
    pass
