#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# nats-server 2.15.2 takes no reload at all if its name was given by --name: SIGHUP fails with "config
# reload not supported for ServerName", though neither the name nor the flag has changed, and new
# users, permissions and certificates are not read. With the same name in the file it reloads.
#
# Flags are merged into the options again on a reload (MergeOptions), and --name is not one of those that are:
# the running server has a name, the options of the file have none, and a name cannot be changed.
#
# Seen with nats-server 2.15.2. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  chmod -R u+w "$dir" && rm -rf "$dir"
}
trap finish EXIT
cd "$dir"
GOBIN=$dir GOFLAGS=-mod=mod go install github.com/nats-io/nats-server/v2@v2.15.2

# until FILE PATTERN waits for a line.
until_line() {
  for _ in $(seq 200); do
    line=$(grep --only-matching --max-count=1 --extended-regexp "$2" "$1") && return
    sleep 0.05
  done
  echo "no line with $2:"; cat "$1"; exit 1
}

# reload FLAGS… reloads a server to which a user has been added.
reload() {
  printf 'listen: "127.0.0.1:-1"\n%s\nauthorization {users = [{user: one, password: secret}]}\n' "$in_file" >server.conf
  ./nats-server --config server.conf "$@" 2>log &
  server=$!
  until_line log "Server is ready"
  sed -i 's/users = \[/&{user: two, password: secret}, /' server.conf
  kill -HUP "$server"
  until_line log "Reloaded server configuration|Failed to reload server configuration:.*"
  kill "$server" && wait "$server" || true
  server=
}

check() {
  printf '%-18s %s\n' "$1" "$line"
  [ "$line" = "$2" ] || { echo "expected           $2"; exit 1; }
}
in_file='server_name: "one"'; reload
check "name in the file:" "Reloaded server configuration"
in_file=''; reload --name one
check "name by --name:" "Failed to reload server configuration: config reload not supported for ServerName: old=one, new="
