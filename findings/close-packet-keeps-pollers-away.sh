#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A server closes a connection, as it does when it is about to restart: clients reconnect. A client of
# python-engineio that uses WebSocket does. One that polls gets the same close packet in the answer to its poll,
# takes it for a wish of its own, and stays away for ever, although `reconnection` is on.
#
# Seen with python-socketio 5.7.2 and python-engineio 4.3.4 of Debian 12, and socket.io 4.8.4. Fails if that
# changes. Needs apt-get, python3 and Node 20 or later.
set -euo pipefail
dir=$(mktemp -d)
chmod 755 "$dir" # apt-get downloads as a user of its own
cleanup() {
  [ -z "${server:-}" ] || kill "$server"
  rm -rf "$dir"
}
trap cleanup EXIT
cd "$dir"
apt-get download -qq python3-socketio=5.7.2-2 python3-engineio=4.3.4-2 python3-bidict python3-requests python3-urllib3 python3-certifi \
  python3-chardet python3-charset-normalizer python3-idna python3-websocket python3-six
for package in *.deb; do dpkg-deb --extract "$package" python; done
npm init -y >/dev/null
npm install --silent --no-audit --no-fund socket.io@4.8.4

cat > server.mjs <<'JS'
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
new Server(http).on("connection", (socket) => setTimeout(() => socket.conn.close(), 100));
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
JS

cat > client.py <<'PY'
import sys
import threading

import socketio

port, transport = sys.argv[1:]
connections, again = [], threading.Event()
client = socketio.Client(reconnection=True, reconnection_delay=0.1)


@client.event
def connect():
    connections.append(client.sid)
    if len(connections) == 2:
        again.set()


client.connect(f"http://127.0.0.1:{port}", transports=[transport])
print(f"by {transport}, a client whose connection was closed", "comes back" if again.wait(10) else "stays away")
client.reconnection = False
client.disconnect()
PY

node server.mjs > port &
server=$!
until [ -s port ]; do kill -0 "$server" && sleep 0.1; done
seen=$(for transport in websocket polling; do
  PYTHONPATH=python/usr/lib/python3/dist-packages timeout 60 python3 client.py "$(cat port)" "$transport"
done)
echo "$seen"
diff <(echo "$seen") - <<'OUT'
by websocket, a client whose connection was closed comes back
by polling, a client whose connection was closed stays away
OUT
