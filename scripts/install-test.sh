#!/bin/sh
# Installs what `make test` needs: what the demo needs, a browser, an MQTT client that we
# did not write, and openssl for test certificates.
set -eu
. "$(dirname "$0")/install-packages.sh"
need_languages
need_package cc gcc
need_package git git
need_package mosquitto mosquitto
need_postgres
need_package mosquitto_pub mosquitto-clients
need_package chromium chromium
need_package openssl openssl
install_missing
