#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# physbio replay as its user sees it. usage: replay.sh PHYSBIO DATADIR [RECORDED]
set -u
physbio=$1
log=$2/mixed.iolog
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

# expect STATUS TEXT ARG...: exit code, and text that must be in the output
expect() {
	status=$1 text=$2
	shift 2
	# shellcheck disable=SC2086 # a list of words
	${PHYSBIO_WRAPPER-} "$physbio" replay "$@" >"$tmp/out" 2>&1
	got=$?
	if [ $got = "$status" ] && grep -qF -e "$text" "$tmp/out"; then
		return
	fi
	echo "replay $*: exit $got, not $status, or no \"$text\" in:"
	cat "$tmp/out"
	bad=1
}

figure() {
	sed -n "s|^  $1 *\([0-9]*\).*|\1|p" "$tmp/out" | sort -u | tr '\n' ' '
}

# What goes in comes out, in both representations alike.
read_bytes=$(awk '$3 == "read" { n += $5 } END { print n }' "$log")
written=$(awk '$3 == "write" { n += $5 } END { print n }' "$log")
ios=$(grep -cE ' (read|write|sync) ' "$log")
expect 0 "every byte is right" --iolog "$log"
expect 0 "bytes moved             $read_bytes read, $written written" --iolog "$log"
[ "$(figure I/Os)" = "$ios " ] || {
	echo "I/Os: $(figure I/Os), not $ios"
	bad=1
}
[ "$(figure requests | wc -w)" = 1 ] || {
	echo "requests differ: $(figure requests)"
	bad=1
}
expect 0 "plug 1," --iolog "$log" --plug 1
expect 0 "every byte is right" --iolog "$log" --plug 4096 --repr page

# A scheduler finds more to merge, and every byte still arrives.
requests() {
	# shellcheck disable=SC2086 # a list of words
	${PHYSBIO_WRAPPER-} "$physbio" replay --iolog "$log" --repr phys --plug 64 "$@" |
		sed -n 's|^  requests *||p'
}
expect 0 "scheduler mq-deadline" --iolog "$log" --plug 64 --scheduler deadline
expect 0 "every byte is right" --iolog "$log" --plug 64 --scheduler deadline
[ "$(requests --scheduler deadline)" -lt "$(requests --scheduler none)" ] || {
	echo "no request less with a scheduler"
	bad=1
}
expect 2 '--scheduler: "cfq" is not one of' --iolog "$log" --scheduler cfq

# A byte flipped on its way is found, wherever it is.
last=$("$physbio" replay --iolog "$log" --repr phys |
	sed -n 's/.* in \([0-9]*\) transfers/\1/p')
for nth in 1 $((last / 2)) "$last"; do
	expect 1 "of the device is 0x" --iolog "$log" --repr phys --corrupt "$nth"
	expect 1 "of the device is 0x" --iolog "$log" --repr page --corrupt "$nth"
done
expect 1 "there were $last transfers" --iolog "$log" --repr phys --corrupt $((last + 1))

# Input that is wrong, named.
printf 'fio version 2 iolog\nf write 0 512\nf write 0 -512\n' >"$tmp/negative"
expect 2 "$tmp/negative:3: length \"-512\"" --iolog "$tmp/negative"
printf 'fio version 2 iolog\nf write 512 1024\n' >"$tmp/beyond"
expect 2 "$tmp/beyond:2: offset 512 + length 1024 is beyond" --iolog "$tmp/beyond" --size 1024
printf 'fio version 2 iolog\nf write 0 512\ng write 0 512\n' >"$tmp/two"
expect 2 "file 2 of the log ends at 1049088" --iolog "$tmp/two" --size 1048576
expect 0 "every byte is right" --iolog "$tmp/two"
expect 2 "can't be opened" --iolog "$tmp/none"
expect 2 "can't be read" --iolog "$tmp"
expect 2 "--size: \"x\"" --iolog "$log" --size x
expect 2 "--size: 100 is not of sectors" --iolog "$log" --size 100
expect 2 "--plug: \"0\"" --iolog "$log" --plug 0
expect 2 "--repr: \"dma\"" --iolog "$log" --repr dma
expect 2 "--iolog, is needed" --plug 1
expect 2 "\"x\" is no option" --iolog "$log" x
printf 'fio version 2 iolog\nf add\nf wait 100 0\nf trim 0 4096\nf sync\n' >"$tmp/other"
expect 0 "skipped                 add 1, wait 1" --iolog "$tmp/other"
expect 0 "(of these 1 trims, 1 flushes)" --iolog "$tmp/other"

# The same I/O, in every format; and where its memory was.
small=$2/small
for file in "$small".*; do
	case $file in *.json | *.limits) continue ;; esac
	for layout in frames contiguous scattered recorded; do
		expect 0 "every byte is right" --layout $layout "$file"
	done
	expect 0 "bytes moved             4096 read, 12288 written" "$file"
done
expect 2 '--layout: "odd" is not one of' --layout odd "$log"

# Limits: from the trace, or from a file.
expect 0 "max_sectors 16, max_segments 14," "$small.seg"
expect 0 "scheduler mq-deadline" "$small.seg"
printf 'max_sectors_kb=4\nmax_segments=3\nqueue/nomerges=2\n' >"$tmp/limits"
expect 0 "max_sectors 8, max_segments 3," --limits "$tmp/limits" "$small.seg"
expect 0 "merges                  0 back, 0 front" --limits "$tmp/limits" "$log"
printf 'max_segments=3\nmax_segmemts=4\n' >"$tmp/limits"
expect 2 "$tmp/limits:2: \"max_segmemts\" is no limit" --limits "$tmp/limits" "$log"
expect 2 "can't be opened" --limits "$tmp/none" "$log"

# A machine that is described: windows and offsets apply.
topo=$2/two-bridges.topo
expect 0 "every byte is right" --topology "$topo" "$log"
expect 2 "has no endpoint nowhere" --topology "$topo" --device nowhere "$log"
expect 2 "--device needs --topology" --device nowhere "$log"

expect 0 '"bytes_written": 12288' --json "$small.seg"
expect 0 '"runs": [' --json "$log"
[ "$(grep -c '"right": true' "$tmp/out")" = 2 ] || {
	echo "--json: not two runs that are right"
	bad=1
}

# Decisions: of the kernel that was recorded. A changed one is found.
expect 0 "mismatches=0" --check "$small".*
expect 2 "says nothing of decisions" --check "$log"
sed 's/M 16 8 WS path=plug/F 16 8 WS path=plug/' "$small.seg" >"$tmp/front"
expect 1 "expected a front merge, got a back merge in the plug" --check "$tmp/front"
sed 's/segs=2 opf=0x801 rqf/segs=3 opf=0x801 rqf/' "$small.seg" >"$tmp/segs"
expect 1 "expected a request of 3 segments" --check "$tmp/segs"
sed 's/B 16 8 segs=1/B 16 8 segs=x/' "$small.seg" >"$tmp/bad"
expect 2 "segs=x is no number" --check "$tmp/bad"

sed 's/M WS 16 8/F WS 16 8/' "$small.blk" >"$tmp/blind"
expect 1 "expected a front merge, got a back merge in the plug" --check "$tmp/blind"
sed 's/ D WS 8 16/ D WS 8 8/' "$small.blk" >"$tmp/blind"
expect 1 "expected request 8 + 8 to be issued, got 16 sectors" --check "$tmp/blind"

# More in flight than any device has; each is found where it begins when it ends.
awk 'BEGIN {
	n = 40000
	for (i = 0; i < n; i++)
		for (a = 1; a <= 3; a++)
			printf "8,0 0 %d 0.0 7 %s R %d + 8 [x]\n", i, substr("QGD", a, 1), i * 7919 % n * 16
	for (i = n; i--; )
		printf "8,0 0 %d 0.0 7 C R %d + 8 [0]\n", n + i, i * 16
}' >"$tmp/deep"
expect 0 "decisions=80000 mismatches=0" --check "$tmp/deep"
sed '120000s/ D R \([0-9]*\) + 8/ D R \1 + 4/' "$tmp/deep" >"$tmp/short"
expect 1 "to be issued, got 8 sectors" --check "$tmp/short"

# Each error has the line and what is wrong in it.
wrong() {
	printf '%s\n' "$2" >"$tmp/wrong"
	expect 2 "$tmp/wrong:1: $1" "$tmp/wrong"
}
wrong 'CPU "x" is no number' '8,0 x 1 0.0 7 Q WS 8 + 16 [fio]'
wrong 'PID "7y" is no number' '8,0 0 1 0.0 7y Q WS 8 + 16 [fio]'
wrong '"ZZ" is no operation' '8,0 0 1 0.0 7 Q ZZ 8 + 16 [fio]'
wrong 'sector "8z" is no number' '8,0 0 1 0.0 7 Q WS 8z + 16 [fio]'
wrong 'the rest at sector 7 does not begin behind the front at 8' '8,0 0 1 0.0 7 X WS 8 / 7 [fio]'
wrong 'what follows, "N" is no number' '8,0 0 1 0.0 7 U N [fio] N'
wrong '"# format blkparse -x" is not "# format' '# format blkparse -x'
wrong '"16x" is no number of sectors' 'fio 7 [001] 1.0: block:block_bio_queue: 8,0 WS 8 + 16x [fio]'
wrong '"[0x1]" is no CPU in brackets' 'fio 7 [0x1] 1.0: block:block_bio_queue: 8,0 WS 8 + 16 [fio]'
wrong 'CPU "c" or PID "1" is no number' 'tracepoint:block:block_bio_queue c 1 W 8 8'
wrong '"y" is no number of sectors' 'tracepoint:block:block_bio_queue 0 1 W 8 y'
wrong '"hello" is no line of a known trace format' 'hello'

# What overlaps what is plugged waits, but two reads: in either order, and in part.
printf 'fio version 2 iolog\nf write 0 4096\nf write 8192 512\nf read 512 512\n' >"$tmp/overlap"
expect 0 "waited for an overlap   1 times" --iolog "$tmp/overlap" --repr phys
printf 'fio version 2 iolog\nf read 0 4096\nf read 512 512\nf write 1024 512\n' >"$tmp/overlap"
expect 0 "waited for an overlap   1 times" --iolog "$tmp/overlap" --repr phys
printf 'fio version 2 iolog\nf read 0 4096\nf read 512 512\nf write 4096 512\n' >"$tmp/overlap"
expect 0 "waited for an overlap   0 times" --iolog "$tmp/overlap" --repr phys

# Recorded elsewhere, where there are any: a log of every workload, and all
# recordings.
for file in "${3-/nonexistent}"/*-vblk-none-def-nm0.iolog.xz; do
	[ -e "$file" ] || continue
	expect 0 "every byte is right" --iolog "$file"
done
if [ -d "${3-/nonexistent}" ]; then
	expect 0 "mismatches=0" --check "$3"/*.seg.xz
	expect 0 "mismatches=0" --check "$3"/*.blk.xz "$3"/*.def.xz
	for layout in frames recorded; do
		expect 0 "every byte is right" --layout $layout "$3"/twostream-vblk-mqd-def-nm0.seg.xz
		expect 0 "every byte is right" --layout $layout "$3"/mixrev-nvme-none-def-nm0.seg.xz
	done
fi
exit $bad
