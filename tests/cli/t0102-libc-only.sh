# libnumabox.so needs libc and nothing else, and what the contract names is where it says.
. "$(dirname "$0")/lib.sh"

needed=$(readelf -d "$SHARED_LIB" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
	grep -v '^ld-linux\|^lib[atu][a-z]*san\.so\|^libclang_rt')
is "$needed" "libc.so.6" "libnumabox.so needs libc.so.6 alone"
for f in numabox libnumabox.a libnumabox.so; do
	ok "$f stands at the top of the build directory" [ -f "$BUILD_ROOT/$f" ]
done

cat >"$tmp/embed.c" <<'X'
#include <numabox/system.h>
int main(void)
{
	struct nb_port port;
	nb_port_posix(&port, false);
	struct nb_machine *m = nb_machine_new(&port);
	if (!m)
		return 1;
	nb_machine_free(m);
	return 0;
}
X
ok "a program links against the shared library" $CC -I"$SOURCE_ROOT/include" -o "$tmp/embed" \
	"$tmp/embed.c" -L"$BUILD_ROOT" -lnumabox
ok "and runs" env LD_LIBRARY_PATH="$BUILD_ROOT" "$tmp/embed"
ok "a program links against the static library" $CC -I"$SOURCE_ROOT/include" -o "$tmp/embed" \
	"$tmp/embed.c" "$BUILD_ROOT/libnumabox.a"
ok "and runs" "$tmp/embed"
done_testing
