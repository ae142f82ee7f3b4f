#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The engine against the decisions of a real kernel, and what oracle_check makes of a
# file that is not as it should be. usage: oracle.sh ORACLE_CHECK FILE...
# shellcheck disable=SC2016 # what awk expands, not the shell
set -u
check=$1
shift
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

run() {
	# shellcheck disable=SC2086 # a list of words
	${PHYSBIO_WRAPPER-} "$check" "$@"
}

# expect STATUS TEXT ARG...: exit code, and text that must be in the output
expect() {
	status=$1 text=$2
	shift 2
	run "$@" >"$tmp/out" 2>&1
	got=$?
	if [ $got = "$status" ] && grep -qF -e "$text" "$tmp/out"; then
		return
	fi
	echo "oracle_check $*: exit $got, not $status, or no \"$text\" in:"
	cat "$tmp/out"
	bad=1
}

nr_files=0
for file; do
	[ -e "$file" ] || continue
	nr_files=$((nr_files + 1))
	xzcat "$file" >"$tmp/plain"
	cases=$(grep -c '^C ' "$tmp/plain")
	expect 0 "cases=$cases mismatches=0 differs=0" --repr page "$file"
	expect 0 "cases=$cases mismatches=0 differs=0" --repr sparse "$file"
	for repr in phys phys12 phyr; do # phys31 would cut entries of 2 GiB
		expect 0 "cases=$cases mismatches=0 differs=" --repr $repr "$file"
	done
	expect 0 "cases=$cases mismatches=0 differs=" "$file"
	run --emit "$file" | grep -v '^#' >"$tmp/emitted"
	grep -v '^#' "$tmp/plain" | cmp - "$tmp/emitted" || bad=1
done
[ $nr_files -gt 0 ] || {
	echo "no recorded cases"
	exit 1
}

# A case of each kind, and one digit of every output line changed in turn.
awk '/^C/ { keep = !seen[$3]++ } keep || /^#/' "$tmp/plain" >"$tmp/few"
few=$(grep -c '^C ' "$tmp/few")
expect 0 "cases=$few mismatches=0 differs=0" --repr page "$tmp/few"
outputs=$(awk '/^[VSXQGMYFpeJIPO]/ && !/^F [01] f$/ { n++ } END { print n }' "$tmp/few")
step=$((outputs / 40 + 1))
for repr in phys page; do
	n=$step
	while [ "$n" -le "$outputs" ]; do
		awk -v n="$n" '
			/^[VSXQGMYFpeJIPO]/ && !/^F [01] f$/ && ++at == n {
				digit = substr($0, length($0))
				other = digit == "1" ? "0" : "1"
				$0 = substr($0, 1, length($0) - 1) other
			}
			{ print }' "$tmp/few" >"$tmp/changed"
		expect 1 "cases=$few mismatches=1 differs=" --repr $repr "$tmp/changed"
		n=$((n + step))
	done
done

# malformed LINE TEXT: what awk makes of the lines is refused there, with that text
malformed() {
	awk "$3" "$tmp/few" >"$tmp/malformed"
	expect 2 "$tmp/malformed:$1: $2" "$tmp/malformed"
}
malformed 4 'no such type of line: "?' 'NR == 4 { print "? 1"; next } { print }'
malformed 2 'no case begins so: "L' 'NR != 2'
malformed 3 'limits must come first: "B' 'NR != 3'
malformed 3 'mss= is missing: "L' 'NR == 3 { $3 = "ms=1" } { print }'
malformed 3 'ms=xyz is no number: "L' 'NR == 3 { $2 = "ms=xyz" } { print }'
malformed 3 'a block size that is none: "L' \
	'NR == 3 { sub(/lb=[0-9a-f]*/, "lb=0") } { print }'
malformed 2 'no such section: "C 0 ABC' 'NR == 2 { $3 = "ABC" } { print }'
malformed 4 'too few fields: "B' 'NR == 4 { NF -= 1 } { print }'
malformed 4 'too many fields: "B' 'NR == 4 { $0 = $0 " 0" } { print }'
malformed 4 '"-1" is no value for this field: "B' 'NR == 4 { $4 = "-1" } { print }'
malformed 4 '"01" is no value for this field: "B' 'NR == 4 { $4 = "01" } { print }'
malformed 4 'an unknown operation or kind: "B' 'NR == 4 { $2 = "q" } { print }'
malformed 4 'an unknown operation or kind: "N' 'NR == 4 { print "N w 0 1000 0 0 0 0" } { print }'
malformed 5 'an address outside of memory: "A' 'NR == 5 { $2 = "fffffffffffff000" } { print }'
malformed 4 'no bio to add to: "A' 'NR != 4'
# A seed may bring what this recording has not.
limits=$(sed -n '3s/ch=[0-9a-f]*/ch=0/; 3s/md=[0-9a-f]*/md=8/; 3s/dg=[0-9a-f]*/dg=200/
	3s/da=[0-9a-f]*/da=1ff/; 3s/fl=[0-9a-f]*/fl=0/; 3s/mfs=[0-9a-f]*/mfs=1000/; 3p' "$tmp/few")
printf '%s\n' 'C 0 DSC 0' "$limits" 'N d 0 2000 2 0 0 0' E >"$tmp/atomic"
expect 0 "X 16 A 0 2000 0 0" --emit "$tmp/atomic"
# The tail of a folio: within a page by its address, beyond it by its offset.
printf '%s\n' 'C 0 RW 0' "$limits" 'B w 0 1 0 0 0 0' 'U 1000 1004 200 200' \
	'V 1 200 1000+1004:200' E >"$tmp/tail"
run --emit "$tmp/tail" >"$tmp/tail.page"
expect 0 "X 16 M 0 200 0 0" --emit "$tmp/tail"
expect 0 "cases=1 mismatches=0 differs=0" --repr page "$tmp/tail.page"
expect 0 "cases=1 mismatches=0 differs=1" --repr phys "$tmp/tail.page"
expect 0 "differs: fast-path-beyond-page=1" --repr phys "$tmp/tail.page"
sed 's/^X 16 M/X 16 Z/' "$tmp/tail.page" >"$tmp/tail.wrong"
expect 1 "cases=1 mismatches=1 differs=0" --repr phys "$tmp/tail.wrong"
expect 2 "the file ends within a case" /dev/stdin <<END
$(head -n 9 "$tmp/few")
END
head -c 1000 "$1" >"$tmp/short.xz"
expect 2 "can't be read: damaged, or cut short" "$tmp/short.xz"
: >"$tmp/empty"
expect 2 "$tmp/empty:1: holds no case" "$tmp/empty"
expect 2 "nothing.txt:0: can't be opened: No such file" "$tmp/nothing.txt"
expect 2 "page or sparse" --repr both "$tmp/few"
exit $bad
