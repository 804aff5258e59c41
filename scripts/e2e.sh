#!/bin/sh
# The browser test: starts a demo of its own with the given binary, runs web/e2e/run.mjs against
# it, ends it. Its third dock hears commands and neither follows nor answers them.
# Usage: scripts/e2e.sh target/debug/gwanje
set -eu
cd "$(dirname "$0")/.."
binary=$1
data=$(mktemp -d "${TMPDIR:-/tmp}/gwe2e-XXXXXX")
chmod 711 "$data"
# An operator's grounds for the map, near one of the demo's docks; their server ends with us.
grounds=127.3845,36.3504
mkfifo "$data/hold"
node web/e2e/grounds.mjs "$data" "${grounds%,*}" "${grounds#*,}" <"$data/hold" >"$data/grounds" &
exec 8>"$data/hold"
for _ in $(seq 1 60); do grep -q ready "$data/grounds" && break; sleep 0.5; done

GWANJE_AUTHORITY_SILENCE_S=15 GWANJE_CONFIG=$data/gwanje.toml "$binary" demo --docks 20 --speed 8 --no-flight --faults silent@2 --data "$data" \
  >"$data/out" 2>"$data/log" 8>&- &
demo=$!
finish() {
  status=$?
  kill "$demo" 2>/dev/null || true
  wait "$demo" 2>/dev/null || true
  exec 8>&-
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

# Breaks one child of the demo. The broker is killed three times within two seconds: long enough
# to be seen, and few enough that its supervisor starts it again soon (it waits twice as long
# after each crash).
cat >"$data/fault" <<EOF
#!/bin/sh
set -eu
signal() {
  for pid in \$(cat /proc/$demo/task/$demo/children); do
    case \$(tr '\\0' ' ' </proc/\$pid/cmdline) in
      \$2) kill "-\$1" "\$pid" ;;
    esac
  done
}
case \$1 in
  tower-stop) signal STOP '*gwanje tower *' ;;
  tower-continue) signal CONT '*gwanje tower *' ;;
  tower-kill) signal KILL '*gwanje tower *' ;;
  docks-stop) signal STOP '*gwanje sim *' ;;
  docks-continue) signal CONT '*gwanje sim *' ;;
  broker-kill) for _ in 1 2 3; do signal KILL '*mosquitto *'; sleep 0.6; done ;;
  *) echo "no such fault: \$1" >&2; exit 2 ;;
esac
EOF
chmod 700 "$data/fault"
silent=$(ls "$data/missions" | sed -n '3s/\.kmz$//p')
GWANJE_URL=${link%%/#*} GWANJE_SIGNIN=$link GWANJE_KMZ="$data/missions/{sn}.kmz" \
  GWANJE_FAULT=$data/fault GWANJE_SILENT_SN=$silent GWANJE_TOKEN=$(cat "$data/api-token") \
  GWANJE_DOCKS=20 GWANJE_GROUNDS=$grounds node web/e2e/run.mjs
