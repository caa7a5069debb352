# bash completes commands, options, views, machine forms and sysctls.
. "$(dirname "$0")/lib.sh"
command -v bash >/dev/null 2>&1 || skip_all "no bash here"

cat >"$tmp/complete" <<'X'
# complete WORD...: what the last word may become
source "$SCRIPT"
COMP_WORDS=(numabox "$@")
COMP_CWORD=$#
_numabox
printf '%s\n' "${COMPREPLY[@]}" | sort
X
complete()
{
	SCRIPT=$BUILD_ROOT/man/numabox bash "$tmp/complete" "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
}

complete s
works "the script runs"
has "$tmp/out" '^show$' "s: show"
has "$tmp/out" '^sim$' "s: sim"
complete show zoneinf
has "$tmp/out" '^zoneinfo$' "show zoneinf: zoneinfo"
complete show --js
has "$tmp/out" '^--json$' "show --js: --json"
complete sim --membin
has "$tmp/out" '^--membind$' "sim --membin: --membind"
complete show --kernel ''
has "$tmp/out" '^2\.6\.24$' "show --kernel: 2.6.24"
complete show --kernel = 6.1
has "$tmp/out" '^6\.12$' "show --kernel=6.1: 6.12, as bash splits words at the ="
complete show -m hw
has "$tmp/out" '^hwloc:$' "show -m hw: hwloc:"
complete show --sysctl vm.min_f
has "$tmp/out" '^vm\.min_free_kbytes=$' "show --sysctl vm.min_f: vm.min_free_kbytes="
complete help cap
has "$tmp/out" '^capture$' "help cap: capture"
done_testing
