#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pcrs-for-evmctl.sh BANK: turns what `tpm2_pcrread BANK` prints into the file
# that `evmctl ima_measurement --pcrs BANK,FILE` reads. Taken from standard
# input, written to standard output; all of PCR 0 to 23 have to be there.
sed -n 's/^ *\([0-9][0-9]*\) *: 0x\([0-9A-Fa-f]*\)$/\1 \2/p' |
	sort -n |
	while read -r number value; do
		printf 'PCR-%02d: %s\n' "$number" "$value"
	done
