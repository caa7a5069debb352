# Options: short and long, before and after arguments, and what is said about wrong ones.
. "$(dirname "$0")/lib.sh"

nb show -m 2x32G zonelists
works "an option before the argument"
cp "$tmp/out" "$tmp/want"
nb show zonelists -m 2x32G
same "$tmp/want" "$tmp/out" "an option after the argument"
nb show zonelists --machine=2x32G
same "$tmp/want" "$tmp/out" "--name=value"
nb show --machine 2x32G zonelists
same "$tmp/want" "$tmp/out" "--name value"
nb show -m2x32G -- zonelists
same "$tmp/want" "$tmp/out" "-nvalue, and -- before arguments"
nb show -m 8x1G -m 2x32G zonelists
same "$tmp/want" "$tmp/out" "of an option given twice the last counts"

nb show --machien 2x32G
refused "a misspelt option" "unknown option '--machien'; did you mean '--machine'?"
nb show -q
refused "an unknown letter" "unknown option '-q'"
nb show -m
refused "a value that is missing" "-m needs a value: -m MACHINE"
nb show --machine
refused "a long one's value that is missing" "--machine needs a value: --machine=MACHINE"
nb show --json=yes
refused "a flag with a value" "--json takes no value, found 'yes'"
nb show --color=blue
refused "a word that is not in the list" "'blue' is none of: auto always never"
nb show --kernel 9.9
refused "a kernel that has no profile" "'9.9' is none of: .*6\.12"
nb show --arch mips
refused "an architecture that is not modelled" "'mips' is none of: x86_64"
nb
refused "no command" "no command"
nb shwo
refused "a misspelt command" "unknown command 'shwo'; did you mean 'show'?"
nb xyzzy
refused "an unknown command" "unknown command 'xyzzy'"
nb -m 2x32G show
refused "an option before the command" "the command stands first"
nb help shwo
refused "help for a misspelt command" "no command 'shwo'; did you mean 'show'?"
nb "$(printf 'sh\now\033[31m')"
refused "an error is one line of plain text, whatever was typed" 'sh\\x0aow\\x1b\[31m'

nb version
works "version works"
has "$tmp/out" '^numabox [0-9]+\.[0-9]+' "version says the version"
nb --version
has "$tmp/out" '^numabox [0-9]+\.[0-9]+' "--version too"
nb version --json
ok "version --json is JSON" json
is "$(json kernels.0)" 6.12 "the default kernel stands first"
for k in $(json kernels | tr -d '[]"' | tr , ' '); do
	nb show -m 2x1G --kernel "$k" zoneinfo
	is "$status" 0 "--kernel $k"
done
done_testing
