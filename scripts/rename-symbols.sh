#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Links a static library to one relocatable object in which every symbol that it
# defines has a prefix. Symbols that it only uses keep their names.
# usage: rename-symbols.sh NM OBJCOPY PREFIX OUT.o LIB.a CC [ARG...]
set -eu
nm=$1 objcopy=$2 prefix=$3 out=$4 lib=$5
shift 5
map=$out.map

"$@" -r -nostdlib -o "$out" -Wl,--whole-archive "$lib" -Wl,--no-whole-archive
"$nm" --defined-only --extern-only --format=posix "$out" |
	while read -r name _; do
		echo "$name $prefix$name"
	done >"$map"
"$objcopy" --redefine-syms="$map" "$out"
rm -f "$map"
