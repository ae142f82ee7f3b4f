#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What physbio map says: every command of a transcript, run again.
# usage: map.sh PHYSBIO DATADIR
set -u
physbio=$(realpath "$1")
cd "$2" || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

sed -n 's/^\$ physbio //p' map.txt | while read -r args; do
	echo "\$ physbio $args"
	# shellcheck disable=SC2086 # lists of words
	${PHYSBIO_WRAPPER-} "$physbio" $args 2>&1
	echo "exit $?"
done >"$tmp/got"
diff map.txt "$tmp/got"
