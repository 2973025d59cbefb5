#!/bin/sh
# Each folder may include only what this table grants (the design's layers); base is granted to all.
# Prints every include that breaks the rule and exits 1 when there is one.
set -eu
cd "$(dirname "$0")/.."

grants() {
	case $1 in
	analyzer/base) echo ;;
	analyzer/out) echo ;;
	analyzer/dump) echo ;;
	arch | arch/arm | arch/arm64) echo analyzer/dump arch ;;
	analyzer/space) echo analyzer/dump arch ;;
	analyzer/debug) echo analyzer/out analyzer/space analyzer/dump arch ;;
	analyzer/target) echo analyzer/debug analyzer/space analyzer/dump arch ;;
	analyzer/kernel) echo analyzer/target "$(grants analyzer/target)" ;;
	analyzer/stack) echo analyzer/kernel "$(grants analyzer/kernel)" ;;
	analyzer/explain) echo analyzer/stack "$(grants analyzer/stack)" ;;
	analyzer/triage) echo analyzer/explain "$(grants analyzer/explain)" ;;
	analyzer/shell) echo analyzer/out analyzer/triage "$(grants analyzer/triage)" ;;
	analyzer) echo analyzer/shell "$(grants analyzer/shell)" ;;
	commands) echo analyzer/api.h analyzer/model.h ;;
	plugins | plugins/*) echo analyzer/api.h ;;
	*) echo "no layer: $1" >&2; return 1 ;;
	esac
}

# "FILE HEADER" pairs of quoted includes.
includes() {
	grep -rn --include='*.[ch]' '^#include "' analyzer arch commands plugins |
		sed 's/^\([^:]*\):[0-9]*:#include "\(.*\)".*/\1 \2/'
}

includes | {
	bad=0
	while read -r file header; do
		folder=$(dirname "$file")
		[ "$file" = analyzer/model.h ] && continue
		allowed=" analyzer/base $folder $(grants "$folder") "
		case $folder in commands | plugins | plugins/*) what=$header ;; *) what=$(dirname "$header") ;; esac
		# Only arch.c names the architectures' folders.
		case $file:$what in arch/arch.c:arch/arm | arch/arch.c:arch/arm64) continue ;; esac
		# A plugin of several files has them in the folder of its name.
		case $what in plugins/*/*) own=${what%/*} && case $file in "$own".c | "$own"/*) continue ;; esac ;; esac
		case "$allowed" in
		*" $what "*) ;;
		*)
			echo "$file may not include $header"
			bad=1
			;;
		esac
	done
	exit $bad
}
