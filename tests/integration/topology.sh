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

# A page above 4 GiB behind an IOMMU, which has its addresses below; and memory that
# devices see below where the CPU has it.
file=$data/a1-switch.txt
sed 's/^\(ram [^ ]*\) .*/\1 phys=200000000 dma=ffffb000 iommu=1/' "$file" >"$tmp/ram"
expect 0 "mismatches=0" "$check" "$tmp/ram"
sed '/^ram/ s/phys=/phys=100/; /^mixed/ s/,530000,/,100530000,/' "$file" >"$tmp/ram"
expect 0 "mismatches=0" "$check" "$tmp/ram"
# Of inbound windows that overlap Linux takes the first, whatever the others say.
file=$data/arm-rpi5-inbound-wl.txt
for more in cpu=0-fffffffff cpu=1f00000000-1f003fffff; do
	sed "/^dmarange .* $more/ { p; s/$more .*/$more bus=${more#cpu=}/ }" "$file" >"$tmp/overlap"
	expect 0 "mismatches=0" "$check" "$tmp/overlap"
done

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
	1) grep -q "^$tmp/changed:[0-9]*: " "$tmp/out" || bad=1 ;;
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
malformed $hb 'fewer than 2 fields: "hb"' "NR == $hb { \$0 = \"hb\" } { print }"
malformed $hb 'no name: "hb d' "NR == $hb { sub(/hb [^ ]*/, \"hb\") } { print }"
malformed $((hb + 1)) 'cpu= is no range' "NR == $hb + 1 { sub(/cpu=/, \"cpu=-\") } { print }"
dev=$(grep -n '^dev' "$file" | head -n 1 | cut -d: -f1)
for change in 'type=[a-z]*/type=x/no such type' 'acs=[^ ]*/acs=1/acs= is no capability' \
	'acs=[^ ]*/acs=1\/10000/acs= is no capability' 'up=[^ ]*/up=x/has no parent "x"' \
	'id=[^ ]*/id=1/id= is no vendor:device' 'id=[^ ]*/id=10000:1/id= is no vendor:device' \
	'dev [^ ]*/dev 0002:00:20.0/no such type, or no function' 'hb=[^ ]*/hx=1/hb= is missing'; do
	program=$(echo "$change" | sed 's/\(.*\)\/[^/]*$/\1/')
	sed "$dev s/$program/" "$file" >"$tmp/malformed"
	expect 2 "$tmp/malformed:$dev: " "$check" "$tmp/malformed"
	expect 2 "${change##*/}" "$check" "$tmp/malformed"
done
echo 'copy 0002:02:00.0 nvme0 peer-to-disk ret=16384 errno=0' >"$tmp/copy"
for line in bar bwin prov ram pair find many mixed; do
	at=$(grep -n "^$line " "$file" | head -n 1 | cut -d: -f1)
	sed "$at s/ .*//" "$file" >"$tmp/malformed"
	expect 2 "$tmp/malformed:$at: " "$check" "$tmp/malformed"
	sed "$at s/ [^ ]*/ 00ff:00:00.0/" "$file" >"$tmp/malformed"
	expect 2 "$tmp/malformed:$at: " "$check" "$tmp/malformed"
done
# A value that is none, of any line: also where nothing is derived from it.
for change in env/arch= env/cpu=x hb/domain=x hb/bus= win/cpu=1 dev/class=x dev/sec=x bar/raw=x \
	bwin/cpu=1 bwin/bus=x prov/published= ram/iommu=x pair/dist=- pair/map=x pair/dma= pair/len=x \
	pair/nents=x many/dist=x mixed/err=x mixed/nents=2 copy/ret=x copy/errno=; do
	value=${change#*/}
	sed '/^end/r '"$tmp/copy" "$file" >"$tmp/whole"
	at=$(grep -n "^${change%%/*} .*${value%=*}=" "$tmp/whole" | head -n 1 | cut -d: -f1)
	sed "$at s/${value%=*}=[^ ]*/$value/" "$tmp/whole" >"$tmp/malformed"
	expect 2 "$tmp/malformed:$at: ${value%=*}= is " "$check" "$tmp/malformed"
done
expect 0 "skipped=1 (copy 1)" "$check" "$tmp/whole"
sed 's/^\(pair .*\)map=bus/\1map=error/' "$file" >"$tmp/malformed"
expect 2 'err= is no number: "pair' "$check" "$tmp/malformed"
for kind in win bar bwin; do
	at=$(grep -n "^$kind .*mem" "$file" | head -n 1 | cut -d: -f1)
	sed "$at s/ mem[^ ]*/ men/" "$file" >"$tmp/malformed"
	expect 2 "no such type" "$check" "$tmp/malformed"
done
expect 2 'the file ends before its "end"' "$check" /dev/stdin <<END
$(grep -v '^end' "$file")
END
expect 2 "none: can't be opened" "$check" "$tmp/none"
expect 2 "usage:" "$check"
expect 0 "usage:" "$check" --help

# Boards: the rows that were decoded by hand.
tab=$(printf '\t')
for dtb in "$recorded"/dtb/*.dtb; do
	[ -e "$dtb" ] || continue
	board=$(basename "$dtb" .dtb)
	grep -F "$board$tab" "$recorded/dtb/windows.tsv" | awk -F'\t' -v b="$board" '$1 == b' |
		cut -f2- >"$tmp/want"
	run "$physbio" topo --windows "$dtb" >"$tmp/rows" || bad=1
	cmp "$tmp/want" "$tmp/rows" || bad=1
	run "$physbio" topo "$dtb" >/dev/null 2>&1 || bad=1
done
head -c 100 /dev/zero >"$tmp/zero.dtb"
if run "$physbio" topo --help | grep -q usage; then
	expect 2 "zero.dtb:1: has a zero byte" "$physbio" topo "$tmp/zero.dtb"
	expect 2 "none.dtb: can't be read" "$physbio" topo "$tmp/none.dtb"
	expect 2 "one file is needed, or --live" "$physbio" topo --windows
fi
# A machine as text: the tree, the matrix, a pair.
machine=$data/../../data/two-bridges.topo
expect 0 "          BAR 0 bus 0x40000000 cpu 0x9000000000 size 0x100000 published" "$physbio" topo "$machine"
expect 0 "1    nvme0                            b0   h4!  .    h6!" "$physbio" p2p "$machine"
expect 0 "2    nvme1                            h4!  b0!  .    h6!" "$physbio" p2p "$machine"
expect 0 "4    nic                              h6!  h6!  .    b0!" "$physbio" p2p "$machine"
expect 0 "nvme1 has no BAR" "$physbio" p2p "$machine" nvme1 nvme0
expect 0 "redirected by the ACS bits of dn1" "$physbio" p2p "$machine" nvme0 nvme1
expect 0 "in no inbound window of hb0" "$physbio" p2p "$machine" nvme0 nvme1
expect 0 "bus address 0x40000000" "$physbio" p2p "$machine" nvme0 nvme0
expect 0 "gpu from nic: not at all" "$physbio" p2p "$machine" gpu nic
printf 'host-bridge a\n' >"$tmp/empty.topo"
expect 1 "empty.topo: there is no device: physbio topo --populate adds some" \
	"$physbio" p2p "$tmp/empty.topo"
: >"$tmp/nothing.topo"
expect 0 "nothing.topo: no host bridge is enabled" "$physbio" topo "$tmp/nothing.topo"
# What a client's inbound window and its mask leave of a BAR of 1 MiB.
for reach in "0x100000000 0x100000 64|: 0x100000000" \
	"0x100000000 0x80000 64|: 0x100000000, but its end is out of reach of nvme1" \
	"0xfff80000 0x100000 32|: 0xfff80000, but its end is out of reach of nvme1" \
	"0xfff00000 0x100000 32|: 0xfff00000" \
	"0x100000000 0x100000 32|: 0x100000000 is beyond the mask of nvme1"; do
	# shellcheck disable=SC2086 # three words
	set -- ${reach%|*}
	sed -e "s/^inbound .*/inbound hb0 cpu=0x9000000000 bus=$1 size=$2/" \
		-e "s/^endpoint nvme1.*/& mask=$3/" "$machine" >"$tmp/reach.topo"
	run "$physbio" p2p "$tmp/reach.topo" nvme0 nvme1 >"$tmp/out"
	grep -q "${reach#*|}\$" "$tmp/out" || {
		echo "no \"${reach#*|}\" at the end of a line:"
		cat "$tmp/out"
		bad=1
	}
done
# Behind an IOMMU what a client uses is an IOVA; a bus address stays one.
sed -e 's/^host-bridge [^ ]*/& iommu=4096/' -e '/^inbound/d' "$machine" >"$tmp/iommu.topo"
expect 0 "an IOVA of the IOMMU of hb0" "$physbio" p2p "$tmp/iommu.topo" nvme0 nvme1
expect 0 "bus address 0x40000000" "$physbio" p2p "$tmp/iommu.topo" nvme0 nvme0
expect 2 '"hb0" is a host bridge, no device' "$physbio" p2p "$machine" hb0 nvme0
expect 2 'there is no device "x"' "$physbio" p2p "$machine" nvme0 x
expect 2 "a PROVIDER needs a CLIENT" "$physbio" p2p "$machine" nvme0
expect 2 "one TOPOLOGY is needed" "$physbio" p2p
expect 2 'there is no device "x": physbio topo --populate' "$physbio" p2p "$tmp/empty.topo" x y
expect 2 'there is no device "x": physbio topo --populate' "$physbio" map "$tmp/empty.topo" x 0 1
expect 2 "a TOPOLOGY, a DEVICE, PADDR and LEN are needed" "$physbio" map "$machine" nvme0
printf 'host-bridge a\nhub b\n' >"$tmp/bad.topo"
expect 2 'bad.topo:2: "hub" is no kind of line' "$physbio" p2p "$tmp/bad.topo"

# A machine by what lspci, /sys and /proc show of it.
live=$data/../../data/live
run "$physbio" topo --live="$live" >"$tmp/live" 2>&1
if ! grep -q "built without libpci" "$tmp/live"; then
	run "$physbio" topo --live="$live" --windows | tr '\t' ' ' >"$tmp/rows"
	cmp - "$tmp/rows" <<END || bad=1
pci0002:00 ranges mem32 - 40000000 8040000000 40000000 8000000000 okay -
pci0004:00 ranges mem64 - 8c00000000 8c00000000 400000000 0 okay -
pci0004:00 ranges mem32 - 40000000 8840000000 4000 8800000000 okay -
END
	for text in "pci0004:00  host bridge  domain 0004 bus 00-ff  iommu 4096" \
		"  0002:00:00.0  root port  1957:8d80  acs 0x1d" \
		"    forwards bus 0x8c00000000-0x8c03ffffff" \
		"    0002:01:00.0  144d:a808  mask 0xffffffffffff  node 0" \
		"      BAR 1 bus 0x40000000 cpu 0x8840000000 size 0x4000"; do
		expect 0 "$text" "$physbio" topo --live="$live"
	done
	expect 2 "PCI can't be read" "$physbio" topo --live="$tmp"
	: >"$tmp/lspci"
	expect 2 "there is no PCI device" "$physbio" topo --live="$tmp"
	expect 2 "one file is needed, or --live" "$physbio" topo --live "$machine"
	# A secondary bus that is the bridge's own, and a register that is cut off.
	sed '/^0002:00:00.0/,/^$/ s/^10: \(.*\) 00 01 ff 00$/10: \1 00 00 ff 00/' \
		"$live/lspci" >"$tmp/lspci"
	expect 0 "0002:01:00.0" "$physbio" topo --live="$tmp"
	sed '/^[1-9a-f][0-9a-f]*: /d' "$live/lspci" >"$tmp/lspci"
	expect 0 "0004:00:00.0" "$physbio" topo --live="$tmp"
	expect 0 "ACS bits are unknown" "$physbio" topo --live="$tmp"
fi

# The same columns for text.
run "$physbio" topo --windows "$machine" | tr '\t' ' ' >"$tmp/rows"
cmp - "$tmp/rows" <<END || bad=1
hb0 ranges mem32 - 40000000 9000000000 40000000 8fc0000000 okay -
hb0 dma-ranges mem32 - 80000000 0 80000000 -80000000 okay -
hb1 ranges mem32 - 40000000 a000000000 40000000 9fc0000000 okay -
END

# 10,000 nodes: a chain, a bus, and a host bridge each.
for shape in 1 2 3; do
	awk -v shape=$shape 'BEGIN {
		print "host-bridge n0"
		for (i = 1; i < 10000; i++) {
			if (shape == 1)
				print "bridge n" i " below=n" i - 1
			else if (shape == 2)
				print "endpoint n" i " below=n0"
			else
				printf "host-bridge n%d\noutbound n%d cpu=%d bus=0 size=65536\n",
					i, i, i * 65536
		} }' >"$tmp/big.topo"
	expect 0 "n9999" "$physbio" topo "$tmp/big.topo"
done
printf 'host-bridge a\nbridge b below=c\nbridge c below=b\n' >"$tmp/cycle.topo"
expect 2 'cycle.topo:2: "b" has no parent "c"' "$physbio" topo "$tmp/cycle.topo"

# Trees cut short at any length, by the tool too.
dtb=$recorded/dtb/qemu-bamboo.dtb
if [ -e "$dtb" ]; then
	size=$(wc -c <"$dtb")
	for at in 1 3 4 39 40 41 100 $((size / 2)) $((size - 1)); do
		head -c "$at" "$dtb" >"$tmp/cut.dtb"
		if [ "$at" -ge 4 ]; then
			expect 2 "cut.dtb: no device tree" "$physbio" topo --windows "$tmp/cut.dtb"
		fi
		expect 2 "cut.dtb" "$physbio" topo "$tmp/cut.dtb"
	done
fi
exit $bad
