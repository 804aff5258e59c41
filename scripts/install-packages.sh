#!/bin/sh
# Sourced: need_package PROGRAM PACKAGE…, then install_missing. Says what it does; without root and
# sudo it names the packages and stops. A service that a package starts is stopped again when this
# script installed it: Gwanje runs a broker of its own, and yours, if you have one, is left alone.
set -eu

missing=""

need_package() {
  program=$1
  package=$2
  if [ -x "/usr/sbin/$program" ] || command -v "$program" >/dev/null 2>&1; then return; fi
  missing="$missing $package"
}

# The server's programs are not on the path; version 15 or newer will do.
need_postgres() {
  for bin in /usr/lib/postgresql/*/bin; do
    version=${bin#/usr/lib/postgresql/}
    version=${version%/bin}
    if [ "$version" -ge 15 ] 2>/dev/null && [ -x "$bin/postgres" ] && [ -x "$bin/initdb" ]; then
      return
    fi
  done
  missing="$missing postgresql"
}

need_program() {
  program=$1
  advice=$2
  if ! command -v "$program" >/dev/null 2>&1; then
    echo "$program is missing: $advice" >&2
    exit 1
  fi
}

need_languages() {
  need_program cargo "install Rust 1.95 or newer with rustup (https://rustup.rs)"
  need_program node "install Node.js 20.19 or newer (https://nodejs.org)"
  need_program npm "it comes with Node.js"
}

install_missing() {
  if [ -z "$missing" ]; then return; fi
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "Please install what these Debian packages hold:$missing" >&2
    exit 1
  fi
  if [ "$(id -u)" = 0 ]; then
    as_root=""
  elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    as_root="sudo"
  else
    echo "These packages are missing, and this is neither root nor a user with sudo. Please run:" >&2
    echo "  apt-get install --no-install-recommends$missing" >&2
    case $missing in
      *mosquitto*) echo "  systemctl disable --now mosquitto   # Gwanje runs its own" >&2 ;;
    esac
    case $missing in
      *postgresql*) echo "  systemctl disable --now postgresql   # Gwanje runs its own" >&2 ;;
    esac
    exit 1
  fi
  echo "Installing Debian packages:$missing"
  $as_root apt-get update -q
  case $missing in
    *postgresql*) make_no_cluster "$as_root" ;;
  esac
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends \
    -o Dpkg::Options::=--force-confold $missing
  case $missing in
    *mosquitto*) stop_service "$as_root" mosquitto ;;
  esac
  case $missing in
    *postgresql*) stop_service "$as_root" postgresql ;;
  esac
}

# The package would make and start a cluster of its own; where there is none yet, it is told not to.
make_no_cluster() {
  as_root=$1
  if [ -e /etc/postgresql-common ]; then return; fi
  $as_root mkdir -p /etc/postgresql-common
  echo "create_main_cluster = false" |
    $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
}

stop_service() {
  as_root=$1
  service=$2
  echo "Stopping the $service service that the package started: Gwanje runs its own."
  if [ -d /run/systemd/system ]; then
    $as_root systemctl disable --now "$service"
  elif [ -x "/etc/init.d/$service" ]; then
    $as_root "/etc/init.d/$service" stop || true
    $as_root update-rc.d "$service" disable || true
  fi
}
