#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Publishes over HTTP: API=http://chat-api:8080 TOKEN=… sh emit.sh
curl --fail-with-body --silent --show-error \
  --header "Authorization: Bearer $TOKEN" \
  --data '{"event": "newMessage", "args": [{"username": "curl", "message": "hello"}]}' \
  "$API/v1/namespaces/%2F/emit"
