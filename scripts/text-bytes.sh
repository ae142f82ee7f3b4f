#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Writes the bytes of code and constants that src/core has in each build of it, as
# TEXT_BYTES_NAME for size and librepr-NAME.a that are given: text-bytes.sh size LIB...
set -eu

size=$1
shift
for lib in "$@"; do
	name=${lib##*/librepr-}
	"$size" "$lib" | awk -v name="${name%.a}" '
		/core_[a-z]*\.c\.o/ { sum += $1 }
		END {
			if (!sum)
				exit 1
			print "#define TEXT_BYTES_" name " " sum
		}'
done
