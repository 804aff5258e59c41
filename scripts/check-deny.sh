#!/bin/sh
# Licences, bans and sources of every dependency. Uses the installed cargo-deny, else builds one
# once into target/tools (minutes on two cores; kept for the next run).
set -eu
cd "$(dirname "$0")/.."
tools=$PWD/target/tools
if cargo deny --version >/dev/null 2>&1; then
  deny="cargo deny"
else
  deny=$tools/bin/cargo-deny
  if [ ! -x "$deny" ]; then
    echo "Building cargo-deny into target/tools; this takes minutes, once."
    CARGO_TARGET_DIR=$tools/build cargo install cargo-deny --version '^0.19' --locked \
      --no-default-features --quiet --root "$tools"
    rm -rf "$tools/build"
  fi
fi
$deny --log-level error check bans licenses sources
