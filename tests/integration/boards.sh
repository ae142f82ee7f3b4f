#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Boards: their windows are those of the real ones, all pairs end as they must, and the
# table in docs/boards.md is what comes out.
# usage: boards.sh PHYSBIO TEST_BOARDS SOURCEDIR DTBDIR BOARD.dtb...
set -u
physbio=$1
test_boards=$2
source=$3
real=$4
shift 4
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

run() {
	# shellcheck disable=SC2086 # a list of words
	${PHYSBIO_WRAPPER-} "$@"
}

# same TEXT FILE FILE: the two are alike
same() {
	diff "$2" "$3" >"$tmp/diff" && return
	echo "$1:"
	head -n 20 "$tmp/diff"
	bad=1
}

# The tree that a board's windows are taken from.
real_name() {
	case $1 in
	armada-385) echo armada-385-db-ap ;;
	bamboo) echo qemu-bamboo ;;
	hi3798cv200) echo hi3798cv200-poplar ;;
	imx8qm) echo imx8qm-mek ;;
	j721e) echo k3-j721e-sk ;;
	ls1088a | lx2160a) echo "fsl-$1-rdb" ;;
	mpfs) echo mpfs-icicle-kit ;;
	pseries) echo qemu-pseries-2phb ;;
	rpi4) echo bcm2711-rpi-4-b ;;
	rpi5) echo bcm2712-rpi-5-b ;;
	tegra234) echo tegra234-p3737-0000+p3701-0000 ;;
	*) echo "$1" ;;
	esac
}

tab=$(printf '\t')
for dtb; do
	board=$(basename "$dtb" .dtb)
	run "$physbio" topo --windows "$dtb" >"$tmp/rows" || bad=1
	sed "s/^/$board$tab/" "$tmp/rows" >>"$tmp/windows"
	# Which controllers are enabled is the firmware's choice: here, all.
	it=$real/$(real_name "$board").dtb
	[ -e "$it" ] || continue
	run "$physbio" topo --windows "$it" | cut -f 1-8,10 >"$tmp/want"
	cut -f 1-8,10 "$tmp/rows" >"$tmp/got"
	same "$dtb and $it" "$tmp/want" "$tmp/got"
done
same "boards/windows.tsv" "$source/boards/windows.tsv" "$tmp/windows"

run "$test_boards" "$@" >"$tmp/table" || bad=1
grep '^| *[a-z0-9-]* |.*|.*| \(listed\|off\) |' "$source/docs/boards.md" >"$tmp/doc"
sed 1,2d "$tmp/table" >"$tmp/got"
same "docs/boards.md" "$tmp/doc" "$tmp/got"

# A machine that has devices keeps them; one that has none gets the same ones twice.
machine=$source/tests/data/two-bridges.topo
run "$physbio" topo "$machine" >"$tmp/want"
run "$physbio" topo --populate "$machine" >"$tmp/text" || bad=1
run "$physbio" topo "$tmp/text" >"$tmp/got" || bad=1
same "$machine, populated" "$tmp/want" "$tmp/got"
run "$physbio" topo --populate "$1" >"$tmp/text" || bad=1
run "$physbio" topo --populate "$tmp/text" >"$tmp/got" || bad=1
same "$1, populated twice" "$tmp/text" "$tmp/got"
run "$test_boards" "$machine" >/dev/null || bad=1

# Hardware unlike its config space is noticed, and only that.
lying=$source/tests/data/redirecting.topo
run "$test_boards" "$lying" >/dev/null 2>"$tmp/out"
if [ $? != 1 ] || grep -v 'disk [a-z]* BAR 0 of peer at 0x40000000: failed, not right$' "$tmp/out"; then
	echo "$lying: not noticed, or more than that"
	bad=1
fi
sed 's/ acs-hw=always//' "$lying" >"$tmp/honest.topo"
run "$test_boards" "$tmp/honest.topo" >/dev/null || bad=1

run "$test_boards" "$tmp/none" >/dev/null 2>"$tmp/out"
if [ $? != 2 ] || ! grep -q "none: can't be read" "$tmp/out"; then
	echo "a board that is not there: $(cat "$tmp/out")"
	bad=1
fi
exit $bad
