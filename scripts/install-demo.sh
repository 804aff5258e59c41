#!/bin/sh
# Installs what `make demo` needs: a C compiler for ring, Mosquitto with its plugin, PostgreSQL.
set -eu
. "$(dirname "$0")/install-packages.sh"
need_languages
need_package cc gcc
need_package mosquitto mosquitto
need_postgres
install_missing
