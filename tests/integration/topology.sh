#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Recorded machines: the windows of real boards, and what real kernels said of peers. And
# files that are not as they should be.
# usage: topology.sh PHYSBIO P2P_CHECK DATADIR [RECORDED]
# shellcheck disable=SC2016 # what awk expands, not the shell
set -u
physbio=$1
check=$2
data=$3
recorded=${4-/nonexistent}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

run() {
	# shellcheck disable=SC2086 # a list of words
	${PHYSBIO_WRAPPER-} "$@"
}

# expect STATUS TEXT COMMAND...: exit code, and text that must be in the output
expect() {
	status=$1 text=$2
	shift 2
	run "$@" >"$tmp/out" 2>&1
	got=$?
	if [ $got = "$status" ] && grep -qF -e "$text" "$tmp/out"; then
		return
	fi
	echo "$*: exit $got, not $status, or no \"$text\" in:"
	head -n 20 "$tmp/out"
	bad=1
}

# Verdicts: what is here, and all that were recorded.
expect 0 "mismatches=0" "$check" "$data"/*.txt
[ -d "$recorded/recorded" ] &&
	expect 0 "mismatches=0" "$check" "$recorded"/recorded/*.txt

# One verdict changed is one mismatch.
file=$data/arm-lx2160a-wl.txt
for change in 's/dist=4/dist=5/' 's/map=bus/map=host/' 's/dma=4/dma=5/' 's/err=0/err=-5/' \
	's/bus:4/bus:5/' 's/acs=none drv=p2p/acs=1\/4 drv=p2p/' 's/bus=40000000-/bus=40001000-/'; do
	sed "$change" "$file" >"$tmp/changed"
	run "$check" "$tmp/changed" >"$tmp/out" 2>&1
	case $? in
	0)
		echo "$change: not noticed"
		bad=1
		;;
	esac
done

# malformed LINE TEXT PROGRAM: what awk makes of it is refused there, with that text
malformed() {
	awk "$3" "$file" >"$tmp/malformed"
	expect 2 "$tmp/malformed:$1: $2" "$check" "$tmp/malformed"
}
first=$(grep -n '^env' "$file" | cut -d: -f1)
hb=$((first + 1))
malformed "$first" 'no such kind of line: "what' '/^env/ { print "what is=this"; next } { print }'
malformed "$first" 'mask= is no number: "env' '/^env/ { sub(/mask=64/, "mask=x") } { print }'
malformed $((hb + 1)) 'two nodes have the name' "NR == $hb { print } { print }"
win=$(grep -n '^win' "$file" | head -n 1 | cut -d: -f1)
malformed "$win" 'cpu= and bus= are not of one size' \
	'/^win/ && !done++ { sub(/bus=/, "bus=0") ; sub(/bus=[0-9a-f]*-/, "bus=0-") } { print }'
expect 2 'the file ends before its "end"' "$check" /dev/stdin <<END
$(grep -v '^end' "$file")
END
expect 2 "can't be opened" "$check" "$tmp/none"
expect 2 "usage:" "$check"

# Boards: the rows that were decoded by hand.
tab=$(printf '\t')
for dtb in "$recorded"/dtb/*.dtb; do
	[ -e "$dtb" ] || continue
	board=$(basename "$dtb" .dtb)
	grep -F "$board$tab" "$recorded/dtb/windows.tsv" | awk -F'\t' -v b="$board" '$1 == b' |
		cut -f2- >"$tmp/want"
	run "$physbio" topo --windows "$dtb" >"$tmp/rows" || bad=1
	cmp "$tmp/want" "$tmp/rows" || bad=1
	run "$physbio" topo "$dtb" >/dev/null || bad=1
done
head -c 100 /dev/zero >"$tmp/zero.dtb"
if run "$physbio" topo --help | grep -q usage; then
	expect 2 "zero.dtb:1: has a zero byte" "$physbio" topo "$tmp/zero.dtb"
	expect 2 "none.dtb: can't be read" "$physbio" topo "$tmp/none.dtb"
	expect 2 "one file is needed" "$physbio" topo --windows
fi
# A machine as text: the tree, the matrix, a pair.
machine=$data/../../data/two-bridges.topo
expect 0 "          BAR 0 bus 0x40000000 cpu 0x9000000000 size 0x100000 published" "$physbio" topo "$machine"
expect 0 "1    nvme0                            b0   h4   .    h6" "$physbio" p2p "$machine"
expect 0 "redirected by the ACS bits of dn1" "$physbio" p2p "$machine" nvme0 nvme1
expect 0 "in no inbound window of hb0" "$physbio" p2p "$machine" nvme0 nvme1
expect 0 "bus address 0x40000000" "$physbio" p2p "$machine" nvme0 nvme0
expect 0 "gpu from nic: not at all" "$physbio" p2p "$machine" gpu nic
expect 2 'there is no device "hb0"' "$physbio" p2p "$machine" hb0 nvme0
expect 2 'there is no device "x"' "$physbio" p2p "$machine" nvme0 x
expect 2 "usage:" "$physbio" p2p "$machine" nvme0
printf 'host-bridge a\nhub b\n' >"$tmp/bad.topo"
expect 2 'bad.topo:2: "hub" is no kind of line' "$physbio" p2p "$tmp/bad.topo"
exit $bad
