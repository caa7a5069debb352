#!/bin/sh
# Brings the C sources into the form of .clang-format, or (--check) says where they differ.
set -eu
cd "$(dirname "$0")/.."

clang_format=$(command -v clang-format-14 || command -v clang-format)
case $("$clang_format" --version) in
*' version 14.'*) ;;
*) echo "format: needs clang-format 14, as other versions break lines elsewhere" >&2; exit 77 ;;
esac

files=$(find src include tests bench examples -name '*.[ch]' 2>/dev/null | sort)
if [ "${1:-}" = --check ]; then
	# shellcheck disable=SC2086
	exec "$clang_format" --dry-run --Werror $files
fi
# shellcheck disable=SC2086
"$clang_format" -i $files
