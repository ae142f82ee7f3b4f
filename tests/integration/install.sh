#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A consumer sees what is installed and nothing else. usage: install.sh BUILDDIR CC
set -eu
build=$1
shift
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

meson install -C "$build" --destdir "$tmp/root" --no-rebuild >/dev/null
pc=$(find "$tmp/root" -name physbio.pc)
prefix=$(sed -n 's/^prefix=//p' "$pc")
cat >"$tmp/consumer.c" <<'EOF'
#include <stdio.h>
#include <physbio/bio.h>
#include <physbio/submit.h>

int main(void)
{
	struct pb_bio_vec table[4];
	struct pb_bio bio;

	pb_bio_init(&bio, NULL, table, 4, PB_REQ_OP_WRITE);
	if (pb_bio_add_phys(&bio, 0x1000, 4096) != 4096 ||
	    pb_bio_add_phys(&bio, 0x2000, 4096) != 4096)
		return 1;
	printf("%d entry of %u bytes\n", bio.bi_vcnt, table[0].bv_len);
	return bio.bi_vcnt != 1;
}
EOF
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$tmp/root"
# Where the prefix is not the system's, pkg-config adds the sysroot itself.
libdir=$tmp/root$(pkg-config --variable=libdir physbio | sed "s|^$tmp/root||")
cflags="-I$tmp/root$prefix/include"
for flags in "-L$libdir -lphysbio" "$libdir/libphysbio.a $(pkg-config --libs --static physbio | sed 's/-lphysbio//') -lpthread"; do
	# shellcheck disable=SC2086 # lists of words
	"$@" -Wall -Wextra -Werror $cflags "$tmp/consumer.c" -o "$tmp/consumer" $flags
	LD_LIBRARY_PATH=$libdir "$tmp/consumer"
done

# Nothing but our names is exported.
others=$(nm -D --defined-only "$libdir/libphysbio.so" |
	awk '$3 !~ /^(__)?pb_|^physbio_|^PHYSBIO_/ { print $3 }')
[ -z "$others" ] || {
	echo "exported: $others"
	exit 1
}

# A library of another layout must not link.
sed 's/physbio_layout_phys16/physbio_layout_other/' "$tmp/root$prefix/include/physbio/repr.h" >"$tmp/repr.h"
cp "$tmp/repr.h" "$tmp/root$prefix/include/physbio/repr.h"
# shellcheck disable=SC2086
if "$@" $cflags "$tmp/consumer.c" -o "$tmp/consumer" "-L$libdir" -lphysbio 2>"$tmp/err"; then
	echo "another layout links"
	exit 1
fi
grep -q physbio_layout_other "$tmp/err"
