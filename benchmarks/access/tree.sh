#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tree.sh DIR PROGRAMS FILES: fills DIR with what run.sh runs and reads:
#
#   bin/tiny        a static program of 9 KB without a libc, which ends at once
#   bin/stranger    the same with other bytes; fapolicyd is not told of it
#   programs/       PROGRAMS of them, no two alike
#   big/            programs of 16 MB, no two alike
#   lib/libx.so     a shared library
#   data/one        a data file
#   data/*/         FILES small data files, a hundred in a directory
#   memory/         the same as programs/, big/ and data/*/, to be read beforehand;
#                   a tenth as many of the small ones
#   root/           a root directory in which gcc compiles src/hello.c
set -euo pipefail
tree=$1
programs=$2
files=$3

# Ends without a libc, so that an exec is little besides the kernel's own work.
# shellcheck disable=SC2016 # C, not shell
tiny_source='
void _start(void);
void _start(void)
{
	__asm__ volatile("mov $60, %eax; xor %edi, %edi; syscall");
	__builtin_unreachable();
}'
library_source='
static const char table[200000] = { 1 };
int lookup(int place);
int lookup(int place) { return table[place & 1023]; }'
hello_source='
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
	char *line = malloc(64);
	if (!line)
		return 1;
	snprintf(line, 64, "%d %s", argc, argv[0]);
	puts(line + strlen(argv[0]));
	free(line);
	return 0;
}'

# fill_programs DIR COUNT
fill_programs() {
	local i
	mkdir -p "$1"
	for ((i = 1; i <= $2; i++)); do
		{ cat "$tree/bin/tiny" && echo "$1 $i"; } >"$1/$i"
	done
}

# fill_big DIR
fill_big() {
	local i
	mkdir -p "$1"
	for i in {1..5}; do
		{
			cat "$tree/bin/tiny"
			head -c 16M /dev/zero | tr '\0' x
			echo "$1 $i"
		} >"$1/$i"
	done
}

make_programs() {
	mkdir "$tree/bin" "$tree/lib"
	gcc -O2 -static -nostdlib -x c -o "$tree/bin/tiny" - <<<"$tiny_source"
	gcc -O2 -shared -fPIC -x c -o "$tree/lib/libx.so" - <<<"$library_source"
	{ cat "$tree/bin/tiny" && echo stranger; } >"$tree/bin/stranger"
	fill_programs "$tree/programs" "$programs"
	fill_programs "$tree/memory/programs" $((programs / 10))
	fill_big "$tree/big"
	fill_big "$tree/memory/big"
	chmod -R a+rx "$tree"/{bin,programs,big,memory,lib}
}

# fill_data DIR COUNT
fill_data() {
	local i place
	for ((i = 0; i < $2; i++)); do
		place=$1/$((i / 100))
		[ $((i % 100)) -ne 0 ] || mkdir -p "$place"
		printf 'file %d %*s\n' "$i" $((200 + i % 1800)) x >"$place/$i"
	done
}

make_data() {
	fill_data "$tree/data" "$files"
	fill_data "$tree/memory/data" $((files / 10))
	echo "a data file" >"$tree/data/one"
}

# compiler_files: what gcc opens when it compiles and links hello.c.
compiler_files() {
	local name program programs=()
	for name in cc1 collect2 lto-wrapper as ld; do
		program=$(gcc -print-prog-name="$name")
		programs+=("$(command -v "$program")")
	done
	programs+=("$(command -v gcc)" "$(gcc -print-file-name=liblto_plugin.so)")
	printf '%s\n' "${programs[@]}"
	ldd "${programs[@]}" | grep -o '/[^ :]*' | grep -F '.so'
	for name in {crt1,Scrt1,crti,crtn}.o crt{begin,end}{,S}.o libc.so libc.so.6 \
		libc_nonshared.a libgcc.a libgcc_s.so libgcc_s.so.1; do
		gcc -print-file-name="$name"
	done
	gcc -O2 -M -x c - <<<"$hello_source" | grep -o '/[^ ]*'
}

make_root() {
	local root=$tree/root file place
	mkdir -p "$root"/{dev,src,tmp,usr/{bin,lib,lib64,sbin}}
	for place in bin lib lib64 sbin; do
		ln -s "usr/$place" "$root/$place"
	done
	mknod -m 0666 "$root/dev/null" c 1 3
	chmod 1777 "$root/tmp"
	echo "$hello_source" >"$root/src/hello.c"
	compiler_files | xargs realpath -s | sort -u | while read -r file; do
		install -D -m "$(stat -L -c %a "$file")" "$file" "$root$file"
	done
}

umask 022
make_programs
make_data
make_root
