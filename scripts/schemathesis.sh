#!/bin/sh
# The API as its description has it, tried with generated calls by schemathesis: no 5xx, no status that
# is not described, nothing let in without a credential. Starts a demo of its own with the given binary.
# Usage: scripts/schemathesis.sh target/debug/gwanje [calls an operation]
set -eu
cd "$(dirname "$0")/.."
binary=$1
examples=${2:-30}
venv=target/schemathesis
if ! "$venv/bin/schemathesis" --version >/dev/null 2>&1; then
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: schemathesis==4.32.5
fi
data=$(mktemp -d "${TMPDIR:-/tmp}/gwst-XXXXXX")
chmod 711 "$data"
GWANJE_CONFIG=/dev/null "$binary" demo --docks 2 --no-flight --data "$data" >"$data/out" 2>"$data/log" &
demo=$!
finish() {
  status=$?
  kill "$demo" 2>/dev/null || true
  wait "$demo" 2>/dev/null || true
  if [ "$status" != 0 ]; then tail -n 30 "$data/log" >&2; fi
  rm -rf "$data"
  exit "$status"
}
trap finish EXIT INT TERM
url=""
for _ in $(seq 1 240); do
  url=$(sed -n 's/^Console: \(http[^ ]*\)\/#signin=.*/\1/p' "$data/out" | tail -n 1)
  if [ -n "$url" ] && grep -q "^Mission files" "$data/out"; then break; fi
  kill -0 "$demo" || { echo "the demo ended early" >&2; exit 1; }
  sleep 0.5
done
[ -n "$url" ] || { echo "the demo printed no address" >&2; exit 1; }
token=$(cat "$data/api-token")

# Live views are no plain calls, and it cannot make KMZ files; the file of a wayline and sign-in have credentials of their own; the log
# is not to be silenced by chance. What is called too often answers 429 by right.
try() {
  "$venv/bin/schemathesis" run crates/fleet-api/openapi.json --url "$url" --phases coverage,fuzzing \
    --max-examples "$examples" --seed 1 --workers 1 --request-timeout 30 --continue-on-failure \
    --suppress-health-check all --warnings off --generation-database none \
    --exclude-path /api/v1/stream --exclude-path /api/v1/system/log \
    --exclude-name "POST /api/v1/waylines" "$@"
}
echo "with the API token"
try --header "Authorization: Bearer $token" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,ignored_auth
echo "without a credential"
try --checks not_a_server_error,status_code_conformance
# Nothing that asks for a credential does without: every operation once, by its own words.
"$venv/bin/python" - "$url" <<'PYTHON'
import json, sys, urllib.error, urllib.request

url = sys.argv[1]
document = json.load(open("crates/fleet-api/openapi.json"))
asked = wrong = 0
for path, item in document["paths"].items():
    for verb, operation in item.items():
        if "security" in operation:
            continue
        real = path
        for parameter in operation.get("parameters", []):
            real = real.replace("{%s}" % parameter["name"], "00000000-0000-4000-8000-000000000001")
        for token in (None, "wrong", "gwt_" + "A" * 43, "a.b.c"):
            headers = {"content-type": "application/json"}
            if token:
                headers["authorization"] = "Bearer " + token
            request = urllib.request.Request(url + real, method=verb.upper(), headers=headers, data=b"{}")
            asked += 1
            try:
                status = urllib.request.urlopen(request, timeout=30).status
            except urllib.error.HTTPError as error:
                status = error.code
            if status != 401:
                wrong += 1
                print("%s %s with %s: %d" % (verb.upper(), path, token, status))
print("%d calls without a good credential, %d not refused" % (asked, wrong))
sys.exit(1 if wrong or asked < 200 else 0)
PYTHON
