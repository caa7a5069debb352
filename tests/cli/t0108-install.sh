# What `make install` leaves is whole: the program runs, an embedder builds against it.
. "$(dirname "$0")/lib.sh"
command -v meson >/dev/null 2>&1 || skip_all "no meson here"

ok "installs" meson install --no-rebuild -C "$BUILD_ROOT" --destdir "$tmp/root"
bin=$(find "$tmp/root" -name numabox -path '*/bin/*')
ok "the program runs from there" "$bin" version
for c in show capture verify sim help version; do
	ok "man page of $c" [ -s "$(find "$tmp/root" -name "numabox-$c.1")" ]
done
ok "man page of the program" [ -s "$(find "$tmp/root" -name numabox.1)" ]
ok "bash completion" [ -s "$(find "$tmp/root" -path '*bash-completion/completions/numabox')" ]

lib=$(dirname "$(find "$tmp/root" -name libnumabox.so)")
prefix=${bin%/bin/numabox}
flags=$(PKG_CONFIG_PATH=$lib/pkgconfig pkg-config --define-variable=prefix="$prefix" --cflags --libs numabox)
ok "the example builds with pkg-config's flags" $CC -o "$tmp/embed" "$SOURCE_ROOT/examples/embed.c" $flags
ok "and runs" env LD_LIBRARY_PATH="$lib" "$tmp/embed"
done_testing
