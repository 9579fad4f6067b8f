# SPDX-License-Identifier: Apache-2.0
"""A stock socketio.AsyncClient in all cases of cases.mjs: `client.py URL TRANSPORTS`, the cases as JSON on standard input.

It prints {case: [what the callbacks saw]}.
"""

import asyncio
import json
import sys

import socketio

PATIENCE = 10
NO_ARGS = ("connect", "disconnect", "connect_error")


async def run(url, transports, name, case):
    """Runs a case until the server has answered what came behind it, or has closed the connection."""
    client = socketio.AsyncClient(reconnection=False)
    namespace = "/" if case["at"] == "event" else "/" + name
    log = []
    ready, ready_sync, heard, gone, ended = (asyncio.Event() for _ in range(5))

    def tell(event, *args):
        log.append(json.dumps([event, *args], separators=(",", ":")))

    def on(event, *then):
        def handler(*args):
            tell(event, *([list(a) if isinstance(a, bytes) else a for a in args] if event not in NO_ARGS else []))
            for flag in then:
                flag.set()
        client.on(event, handler, namespace=namespace)

    async def until(*flags):
        async def all_of_them():
            for flag in flags:
                await flag.wait()

        waiting = {asyncio.create_task(all_of_them()), asyncio.create_task(ended.wait())}
        await asyncio.wait(waiting, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    on("connect", ready)
    on("connect_error", ready)
    on("disconnect", gone)
    on("event", heard)
    on("binary")
    client.on("connect", ready_sync.set, namespace="/sync")
    client.on("disconnect", ended.set, namespace="/sync")

    await client.connect(url, transports=transports, namespaces=["/sync", namespace], wait=False)
    await until(ready, ready_sync)
    if case["at"] == "event":
        await client.emit(name, callback=(lambda *args: tell("ack", *args)) if "ack" in case["steps"] else None)
    if case["violate"]:
        if case["steps"]:
            await until(heard)
        await client.eio.send("no packet")
    elif not case["closes"] and not ended.is_set():
        await client.emit("sync", namespace="/sync", callback=lambda *_: ended.set())
    await until(ended)
    if case["closes"] and ended.is_set():  # Each namespace may have a DISCONNECT of its own.
        await asyncio.wait_for(gone.wait(), PATIENCE)
    if not ended.is_set():
        tell("nothing")
    for _ in range(20):  # It handles each packet in a task.
        await asyncio.sleep(0)
    seen = list(log)
    await client.disconnect()
    return seen


async def main():
    url, transports = sys.argv[1], sys.argv[2].split(",")
    some = asyncio.Semaphore(6)

    async def one(name, case):
        async with some:
            return name, await run(url, transports, name, case)

    cases = json.load(sys.stdin)
    print(json.dumps(dict(await asyncio.gather(*(one(*item) for item in cases.items())))))


asyncio.run(main())
