#!/bin/sh
# Installs what `make test` needs: what the demo needs, a browser, an MQTT client and a DDS that we
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
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  missing="$missing python3-venv"
fi
install_missing

# Eclipse Cyclone DDS, into target/cyclone; it needs nothing else to read and write.
cyclone=$(dirname "$0")/../target/cyclone
if ! "$cyclone/bin/python" -c 'import cyclonedds.core' 2>/dev/null; then
  echo "Installing Eclipse Cyclone DDS into target/cyclone"
  python3 -m venv "$cyclone"
  "$cyclone/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --only-binary :all: cyclonedds==11.0.1
fi

# An S3 client that we did not write, into target/boto3.
boto3=$(dirname "$0")/../target/boto3
if ! "$boto3/bin/python" -c 'import boto3' 2>/dev/null; then
  echo "Installing boto3 into target/boto3"
  python3 -m venv "$boto3"
  "$boto3/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
    boto3==1.40.61
fi
