# Kernel profiles: each one shows, what no capture confirms says so, captures of other kernels get the
# nearest and name it.
. "$(dirname "$0")/lib.sh"

kernels=$("$NUMABOX" version | sed -n 's/^kernels: //p')
for k in $kernels; do
	nb show -m 2x4G --kernel "$k" zoneinfo buddyinfo meminfo vmstat zonelists sysrq-m
	is "$status" 0 "$k shows"
	case $k in
	6.12 | 6.1 | 6.18) is "$(cat "$tmp/err")" "" "$k is confirmed, and there is nothing to say" ;;
	*) is "$(cat "$tmp/err")" \
		"numabox: note: profile $k is not confirmed by any captured kernel on x86_64" \
		"$k says that nothing confirms it" ;;
	esac
done
nb show -m 2x4G --kernel 5.4
works "the summary says it in the text"
ok "and does" grep -q "profile 5.4 on x86_64: not confirmed by any captured kernel" "$tmp/out"
nb show -m 2x4G --kernel 5.4 --json
is "$("$JSONQ" "$tmp/out" kernel.confirmed)" false "and in JSON"

# A machine of one zone, as a Red Hat kernel printed it.
mkdir -p "$tmp/rhel/proc"
printf 'Linux version 4.18.0-80.el8.x86_64 (builder@host) (gcc) #1 SMP\n' >"$tmp/rhel/proc/version"
printf 'ro\n' >"$tmp/rhel/proc/cmdline"
cat >"$tmp/rhel/proc/zoneinfo" <<'END'
Node 0, zone      DMA
  per-node stats
      nr_inactive_anon 50
                   537792
  pages free     3975
        min      33
        low      41
        high     49
        spanned  4095
        present  3999
        managed  3977
        protection: (0, 3828, 7894, 7894, 7894)
      nr_free_pages 3975
  pagesets
    cpu: 0
              count: 0
              high:  0
              batch: 1
  vm stats threshold: 4
    cpu: 1
              count: 0
              high:  0
              batch: 1
  vm stats threshold: 4
  node_unreclaimable:  0
  start_pfn:           1
Node 0, zone    DMA32
  pages free     122008
        min      8178
        low      10222
        high     12266
        spanned  1044480
        present  1011520
        managed  995127
        protection: (0, 0, 4065, 4065, 4065)
      nr_free_pages 122008
  pagesets
    cpu: 0
              count: 0
              high:  186
              batch: 31
  vm stats threshold: 24
    cpu: 1
              count: 0
              high:  186
              batch: 31
  vm stats threshold: 24
  node_unreclaimable:  0
  start_pfn:           4096
Node 0, zone   Normal
  pages free     10852
        min      8684
        low      10855
        high     13026
        spanned  1081344
        present  1081344
        managed  1042033
        protection: (0, 0, 0, 0, 0)
      nr_free_pages 10852
  pagesets
    cpu: 0
              count: 0
              high:  42
              batch: 7
  vm stats threshold: 24
    cpu: 1
              count: 0
              high:  42
              batch: 7
  vm stats threshold: 24
  node_unreclaimable:  0
  start_pfn:           1048576
END
nb verify -m "$tmp/rhel/"
is "$status" 0 "a capture of RHEL 8: what can be predicted is equal"
ok "the page sets are among it" grep -Eq '^pagesets +18 +18 +0 ' "$tmp/out"
ok "the nearest profile is named" \
	grep -q "kernel 4.18.0-80.el8.x86_64 has no profile of its own: the nearest, 4.18, is used" "$tmp/out"
ok "and that nothing confirms it" \
	grep -q "no captured kernel in the tests confirms profile 4.18 for 4.18.0-80.el8.x86_64 on x86_64" \
	"$tmp/out"
nb show -m "$tmp/rhel/" zonelists
is "$(cat "$tmp/err")" "numabox: note: kernel 4.18.0-80.el8.x86_64 on x86_64 gets the nearest profile, \
4.18; no captured kernel confirms that" "so does show"

printf 'Linux version 9.9.1 (builder@host) (gcc) #1 SMP\n' >"$tmp/rhel/proc/version"
nb show -m "$tmp/rhel/" summary
ok "a kernel from the future gets the newest there is" grep -q "9.9.1, profile 6.18 on" "$tmp/out"
done_testing
