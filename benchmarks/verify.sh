#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# verify.sh: how long `imahost verify` takes for a long list beside evmctl, in
# interleaved rounds, and how much memory; run by `sudo make bench`. Both
# recompute every template digest and replay PCR 10 in sha1 and sha256.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rounds=${ROUNDS:-5}
entries=${ENTRIES:-1000000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$root/benchmarks/list.py" "$entries" "$work/list"
pcrs=(--pcrs "sha1,$work/list.sha1" --pcrs "sha256,$work/list.sha256")

# measure NAME COMMAND...: seconds and KiB of one run, which must accept the list.
measure() {
	local name=$1
	shift
	python3 - "$name" "$@" >>"$work/samples" <<'P'
import resource, subprocess, sys, time
start = time.monotonic()
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(sys.argv[1], time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
P
}
for _ in $(seq "$rounds"); do
	measure evmctl evmctl ima_measurement "${pcrs[@]}" "$work/list"
	measure binary "$root/build/imahost" verify --list "$work/list" "${pcrs[@]}"
	measure ascii "$root/build/imahost" verify --list "$work/list.ascii" "${pcrs[@]}"
done
python3 - "$work/samples" "$entries" "$rounds" <<'P'
import statistics, sys
runs = {}
for line in open(sys.argv[1], encoding="ascii"):
    name, seconds, memory = line.split()
    runs.setdefault(name, []).append((float(seconds), int(memory)))
print(f"{sys.argv[2]} entries, {sys.argv[3]} rounds: median (lowest to highest)")
print(f"{'verifier':<18}{'seconds':>24}{'MiB':>8}{'ratio to evmctl':>18}")
for name, label in (("evmctl", "evmctl"), ("binary", "imahost, binary"), ("ascii", "imahost, ascii")):
    times = [run[0] for run in runs[name]]
    ratio = statistics.median(a / b[0] for a, b in zip(times, runs["evmctl"]))
    spread = f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})"
    # A child counts what its parent had before exec; ours is more than that.
    memory = "" if name == "evmctl" else f"{max(run[1] for run in runs[name]) / 1024:.1f}"
    print(f"{label:<18}{spread:>24}{memory:>8}{ratio:>17.2f}x")
P
