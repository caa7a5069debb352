# A thin wrapper around Meson, for people and for CI. `make help` lists the targets.
BUILD ?= build
MESON ?= meson
NINJA ?= ninja

.PHONY: all deps demo check bench fuzz install uninstall format clean help

# Quiet build: build/numabox, build/libnumabox.a, build/libnumabox.so
all: $(BUILD)/build.ninja
	@$(NINJA) -C $(BUILD) --quiet program

$(BUILD)/build.ninja:
	@tools/deps.sh --check build
	@$(MESON) setup $(BUILD) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@mv $(BUILD).log $(BUILD)/setup.log

# Install what is missing, from Debian's packages
deps:
	@tools/deps.sh

# Build, capture this computer, run the same work under four policies
demo: deps
	@$(MAKE) --no-print-directory all
	@tools/demo.sh $(BUILD)

# Everything that must hold; T=word runs the tests whose name contains it
check: deps
	@tools/check.sh "$(T)"

# Speed and size, reported
bench: all
	@$(NINJA) -C $(BUILD) --quiet benches
	@tools/deps.sh bench
	@tools/bench.sh $(BUILD)

# Fuzz every reader for a while (FUZZ_SECONDS each, default 30)
fuzz: deps
	@tools/fuzz.sh

install: all
	@$(MESON) install --no-rebuild -C $(BUILD)

uninstall: all
	@$(NINJA) -C $(BUILD) uninstall

# Bring the sources into the form that `make check` asks for
format:
	@tools/format.sh

clean:
	@rm -rf $(BUILD) build-check-* $(BUILD).log

help:
	@awk '/^# /{h=substr($$0,3)} /^[a-z]+:/{split($$0,a,":"); printf "  make %-10s %s\n", a[1], h; h=""}' Makefile
