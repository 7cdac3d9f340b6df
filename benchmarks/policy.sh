#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# policy.sh: what one decision by a thousand rules takes, and that it allocates
# nothing; run by `make bench`. Compiled ahead of time, as the host is.
set -eu
cd "$(dirname "$0")/.."
rid=linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
dotnet publish benchmarks/PolicyBenchmark -c Release -r "$rid" \
	-o build/benchmarks/policy --nologo -v quiet
build/benchmarks/policy/PolicyBenchmark "${ROUNDS:-15}"
