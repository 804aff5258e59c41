#!/bin/sh
# The browser test: starts a demo of its own with the given binary, runs web/e2e/run.mjs against
# it, ends it. Usage: scripts/e2e.sh target/debug/gwanje
set -eu
cd "$(dirname "$0")/.."
binary=$1
data=$(mktemp -d "${TMPDIR:-/tmp}/gwe2e-XXXXXX")
chmod 711 "$data"
"$binary" demo --docks 20 --speed 20 --no-flight --data "$data" >"$data/out" 2>"$data/log" &
demo=$!
finish() {
  status=$?
  kill "$demo" 2>/dev/null || true
  wait "$demo" 2>/dev/null || true
  if [ "$status" != 0 ]; then tail -n 60 "$data/log" >&2; fi
  rm -rf "$data"
  exit "$status"
}
trap finish EXIT INT TERM

link=""
for _ in $(seq 1 120); do
  link=$(sed -n 's/^Console: \([^ ]*#signin=[^ ]*\).*/\1/p' "$data/out" | tail -n 1)
  if [ -n "$link" ] && grep -q "^Mission files" "$data/out"; then break; fi
  kill -0 "$demo" || { echo "the demo ended early" >&2; exit 1; }
  sleep 0.5
done
[ -n "$link" ] || { echo "the demo printed no address" >&2; exit 1; }

# Kills the broker as often as it is started again, for about five seconds.
cat >"$data/kill-broker" <<EOF
#!/bin/sh
for _ in 1 2 3 4 5 6 7 8 9 10; do
  for pid in \$(cat /proc/$demo/task/$demo/children); do
    case \$(cat /proc/\$pid/comm) in mosquitto) kill -9 "\$pid" ;; esac
  done
  sleep 0.5
done
EOF
chmod 700 "$data/kill-broker"
GWANJE_URL=${link%%/#*} GWANJE_SIGNIN=$link GWANJE_KMZ="$data/missions/{sn}.kmz" \
  GWANJE_KILL_BROKER=$data/kill-broker GWANJE_DOCKS=20 node web/e2e/run.mjs
