# SPDX-License-Identifier: GPL-2.0-or-later
#
# make help lists the targets. CC, CFLAGS, CPPFLAGS and LDFLAGS are the user's: what the program cannot
# do without is kept in other variables.

VERSION := 0.1.0

PREFIX ?= /usr/local
bindir = $(PREFIX)/bin
shimdir = $(PREFIX)/lib/qrap
mandir = $(PREFIX)/share/man
completiondir = $(PREFIX)/share/bash-completion/completions

CFLAGS ?= -O2 -g
INSTALL ?= install
CLANG ?= clang
# Links by these names lead to the launcher: what starts QEMU by its name starts it through qrap.
QEMU_NAMES := kvm qemu-kvm $(addprefix qemu-system-,aarch64 alpha arm avr cris hppa i386 loongarch64 \
	m68k microblaze microblazeel mips mips64 mips64el mipsel nios2 or1k ppc ppc64 riscv32 riscv64 rx \
	s390x sh4 sh4eb sparc sparc64 tricore x86_64 x86_64-microvm xtensa xtensaeb)

FUZZ_SECONDS ?= 60
FUZZ_RUNS ?= 0

# Where all that is built goes, and sanitizers for everything but the shim, which lives in programs
# that know nothing of them: make check SANITIZE=address,undefined
BUILD ?= build
SANITIZE ?=

SHIM_SOURCES := $(sort $(wildcard shim/*.c shim/*/*.c))
LAUNCHER_SOURCES := $(sort $(wildcard launcher/*.c launcher/*/*.c launcher/*/*/*.c))
HELPER_SOURCES := $(sort $(wildcard tests/helpers/*.c))
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/*.c))

MACHINE := $(shell $(CC) -dumpmachine)

OWN_CFLAGS := -std=gnu11 -Wall -Wextra -ffile-prefix-map=$(CURDIR)=.
OWN_CPPFLAGS := -iquote . -D_GNU_SOURCE -DQRAP_VERSION='"$(VERSION)"' -MMD -MP

# A packager who sets a level of _FORTIFY_SOURCE keeps it; it means nothing without optimization.
USER_FORTIFY = $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS))$(filter -O0,$(CFLAGS))
LAUNCHER_CPPFLAGS = $(if $(USER_FORTIFY)$(SANITIZE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)

# Every start pays for each segment: code and constants are one, in the launcher and in the shim.
LAUNCHER_CFLAGS := -fPIE -fstack-protector-strong $(SANITIZE:%=-fsanitize=% -fno-sanitize-recover=all)
LAUNCHER_LDFLAGS := -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,noseparate-code \
	$(SANITIZE:%=-fsanitize=%)

# The shim is loaded into programs that are not ours: it needs libc and nothing else. No __*_chk
# names, and a stack protector only where its guard is kept in the thread and not in ld.so.
STACK_GUARD := $(if $(filter x86_64-% s390x-% powerpc64le-%,$(MACHINE)),-strong)
SHIM_CFLAGS := -fPIC -fvisibility=hidden -U_FORTIFY_SOURCE \
	$(if $(STACK_GUARD),-fstack-protector-strong,-fno-stack-protector)
SHIM_LDFLAGS := -shared -nostartfiles -Wl,-z,initfirst -Wl,-z,now -Wl,-z,relro -Wl,-z,noexecstack -Wl,-z,defs \
	-Wl,-z,noseparate-code
# dlsym() is in the libc since glibc 2.34, and in a library of its own before. That one is needed only
# where the libc has it not: one library more costs each program that is started 40 us.
SHIM_LIBS := -lc -Wl,--as-needed -ldl

# shim/ is compiled for each half. All objects but the two with a main are in an archive: launcher and
# tests' programs take from it what they use.
SHIM_OBJECTS := $(SHIM_SOURCES:%.c=$(BUILD)/pic/%.o)
ARCHIVE := $(BUILD)/obj/objects.a
ARCHIVE_OBJECTS := $(filter-out %/qrap.o %/qrap_preload.o,\
	$(LAUNCHER_SOURCES:%.c=$(BUILD)/obj/%.o) $(SHIM_SOURCES:%.c=$(BUILD)/obj/%.o))

HELPERS := $(filter-out %_lib %_static,$(HELPER_SOURCES:tests/helpers/%.c=$(BUILD)/tests/%))
# Those with something of the program in them.
UNIT_HELPERS := $(patsubst tests/helpers/%.c,$(BUILD)/tests/%,$(shell grep -lE '^\#include "(launcher|shim)/' $(HELPER_SOURCES)))
HELPER_LIBS := $(patsubst tests/helpers/%.c,$(BUILD)/tests/%.so,$(filter %_lib.c,$(HELPER_SOURCES)))
HELPER_STATICS := $(patsubst tests/helpers/%.c,$(BUILD)/tests/%,$(filter %_static.c,$(HELPER_SOURCES)))
FUZZERS := $(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/fuzz/%)

all: $(BUILD)/qrap $(BUILD)/qrap_preload.so $(BUILD)/links

helpers: $(HELPERS) $(HELPER_LIBS) $(HELPER_STATICS)

fuzzers: $(FUZZERS)

$(BUILD)/qrap: $(BUILD)/obj/launcher/qrap.o $(ARCHIVE)
	$(CC) $(CFLAGS) $(LAUNCHER_CFLAGS) $(LDFLAGS) -pie $(LAUNCHER_LDFLAGS) -o $@ $^

$(BUILD)/links: Makefile
	@mkdir -p $(BUILD)/bin
	@for name in $(QEMU_NAMES); do ln -sf ../qrap $(BUILD)/bin/$$name || exit; done
	@touch $@

$(ARCHIVE): $(ARCHIVE_OBJECTS)
	@rm -f $@
	$(AR) qcs $@ $^

$(BUILD)/qrap_preload.so: $(SHIM_OBJECTS)
	$(CC) $(CFLAGS) $(SHIM_CFLAGS) $(LDFLAGS) $(SHIM_LDFLAGS) -o $@ $^ $(SHIM_LIBS)

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(OWN_CPPFLAGS) $(LAUNCHER_CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) \
		$(LAUNCHER_CFLAGS) -c -o $@ $<

$(BUILD)/pic/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(OWN_CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) $(SHIM_CFLAGS) -c -o $@ $<

# The one file that knows where `make install` puts the shim.
$(BUILD)/obj/launcher/preload/loadable.o: OWN_CPPFLAGS += -DQRAP_SHIMDIR='"$(abspath $(shimdir))"'
$(BUILD)/obj/launcher/preload/loadable.o: $(BUILD)/prefix

$(UNIT_HELPERS): $(ARCHIVE)
$(HELPERS): $(BUILD)/tests/%: tests/helpers/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(OWN_CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) $(LAUNCHER_CFLAGS) \
		$(LDFLAGS) -pie $(LAUNCHER_LDFLAGS) -o $@ $< $(filter %.a,$^) -pthread

$(HELPER_LIBS): $(BUILD)/tests/%.so: tests/helpers/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(OWN_CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) -fPIC $(LDFLAGS) -shared \
		-o $@ $< -ldl

$(HELPER_STATICS): $(BUILD)/tests/%: tests/helpers/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(OWN_CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) $(LDFLAGS) -static -o $@ $<

# Fuzzers have objects of their own, with coverage and sanitizers, and take from their archive what
# they use: the less there is in one, the faster it runs.
FUZZ_CFLAGS := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	-fno-sanitize-coverage=trace-cmp -O2 -g -include tests/fuzz/lean.h
FUZZ_OBJECTS := $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,\
	$(filter-out %/qrap.c %/qrap_preload.c,$(LAUNCHER_SOURCES) $(SHIM_SOURCES)))

$(BUILD)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(OWN_CPPFLAGS) -DQRAP_SHIMDIR='"$(abspath $(shimdir))"' $(OWN_CFLAGS) \
		$(patsubst -fsanitize=fuzzer%,-fsanitize=fuzzer-no-link%,$(FUZZ_CFLAGS)) -c -o $@ $<

$(BUILD)/fuzz/objects.a: $(FUZZ_OBJECTS)
	@rm -f $@
	$(AR) qcs $@ $^

$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/tests/fuzz/%.o $(BUILD)/fuzz/objects.a
	$(CLANG) $(OWN_CFLAGS) $(FUZZ_CFLAGS) -o $@ $^ -pthread

# Stamps: written anew only when their text changes, so that other flags mean another build.
define stamp
@mkdir -p $(@D)
@printf '%s\n' '$(subst ','\'',$(1))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(1))' >$@
endef

$(BUILD)/flags: FORCE
	$(call stamp,$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(OWN_CPPFLAGS) $(OWN_CFLAGS) $(SANITIZE))

$(BUILD)/prefix: FORCE
	$(call stamp,$(abspath $(shimdir)))

# The links go up from below the shim's directory to the prefix, where both are below it, else to the
# root, and down again: right wherever DESTDIR is.
SHARED = $(if $(filter-out $(abspath $(PREFIX))/%,$(abspath $(shimdir)) $(abspath $(bindir))),,$(abspath $(PREFIX)))
below_shared = $(patsubst $(SHARED)/%,%,$(abspath $(1)))
LINK_TARGET = $(subst / ,/,$(patsubst %,../,$(subst /, ,$(call below_shared,$(shimdir))/bin)))$(call below_shared,$(bindir))/qrap

install: all
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(shimdir)/bin $(DESTDIR)$(mandir)/man1 \
		$(DESTDIR)$(completiondir)
	$(INSTALL) -m 755 $(BUILD)/qrap $(DESTDIR)$(bindir)/qrap
	$(INSTALL) -m 644 $(BUILD)/qrap_preload.so $(DESTDIR)$(shimdir)/qrap_preload.so
	@for name in $(QEMU_NAMES); do \
		ln -sf $(LINK_TARGET) $(DESTDIR)$(shimdir)/bin/$$name || exit; \
	done
	$(INSTALL) -m 644 man/qrap.1 $(DESTDIR)$(mandir)/man1/qrap.1
	$(INSTALL) -m 644 .packaging/completion $(DESTDIR)$(completiondir)/qrap

uninstall:
	rm -f $(DESTDIR)$(bindir)/qrap $(DESTDIR)$(shimdir)/qrap_preload.so \
		$(DESTDIR)$(mandir)/man1/qrap.1 $(DESTDIR)$(completiondir)/qrap
	rm -f $(addprefix $(DESTDIR)$(shimdir)/bin/,$(QEMU_NAMES))
	[ ! -d $(DESTDIR)$(shimdir) ] || rmdir $(DESTDIR)$(shimdir)/bin $(DESTDIR)$(shimdir)

# The targets below first see to it that what they need is there (tests/packages).
export BUILD

# For people; a target is public if it is here.
help:
	@echo 'make                 $(BUILD)/qrap and $(BUILD)/qrap_preload.so'
	@echo 'make install         both, manual and completion, below $$(DESTDIR)$$(PREFIX), which is $(PREFIX)'
	@echo 'make uninstall       takes them away'
	@echo 'make clean           takes $(BUILD) away'
	@echo 'make demo            boots a guest in seconds: its lease, and a page that it fetched'
	@echo 'make check           the tests; TESTS="tests/NAME.bats:WORDS ..." for some of them only'
	@echo 'make check-all       those that take long'
	@echo 'make check-cost      how many programs make check runs, by test file'
	@echo 'make check-original  the tests, against the program that this one replaces'
	@echo 'make check-releases  the tests in other releases of Debian; RELEASES="bookworm sid ..."'
	@echo 'make check-arch      the tests with musl and on other machines; ARCHES="musl i386 ..."'
	@echo 'make lint            style, static analysis, order of includes, manual'
	@echo 'make fuzz            random input; FUZZ_SECONDS=N for each target, FUZZ_RUNS=N at least'
	@echo 'make soak            what check does a few times, many times'
	@echo 'make mutants         changes the code and sees whether tests notice; FILES= COUNT= SEED= JOBS='
	@echo 'make bench           ours, the original and QEMU alone, in one run'
	@echo 'make bench-guard     its rows that are counted, held to their goals'
	@echo 'make deb, make rpm   packages, in $(BUILD)'
	@echo 'make dist            $(BUILD)/qrap-$(VERSION).tar.gz of what is committed'
	@echo
	@echo 'Variables: CC CFLAGS CPPFLAGS LDFLAGS BUILD PREFIX DESTDIR SANITIZE=address,undefined'

# The release as a file; its bytes depend on the commit alone.
dist:
	@mkdir -p $(BUILD)
	@git archive --format=tar --prefix=qrap-$(VERSION)/ HEAD | gzip --best --no-name >$(BUILD)/qrap-$(VERSION).tar.gz
	@echo $(BUILD)/qrap-$(VERSION).tar.gz

# Packages, in $(BUILD); from a clean copy of the sources, with flags of their own.
deb:
	@tests/need deb
	@.packaging/deb

rpm:
	@tests/need rpm
	@.packaging/rpm

check: check-ready
	@tests/run $(or $(TESTS),--fast)

# What is slow: real guests that are restarted often, libvirt, packages, builds, other releases' roots.
check-all: check-ready
	@tests/run --slow

check-cost: check-ready
	@tests/cost tests/run $(or $(TESTS),--fast)

check-ready:
	@tests/need check
	@$(MAKE) -s --no-print-directory all helpers

# The tests themselves, against the program that this one replaces: what it does right passes, what
# it does wrong fails.
check-original: export QRAP_UNDER_TEST := $(or $(QRAP_UNDER_TEST),/usr/bin/qrap)
check-original:
	@tests/need check
	@$(MAKE) -s --no-print-directory helpers
	@tests/run tests/dropin.bats
	@tests/run --must-fail tests/defects.bats

lint:
	@tests/need lint
	@tests/lint

demo:
	@tests/need demo
	@$(MAKE) -s --no-print-directory all
	@tests/demo

# Ours, the original and QEMU alone, in the same run: a table; BENCH_JSON=FILE: the same as JSON;
# BENCH="PART ...": only these of tests/bench.
bench:
	@tests/need bench
	@$(MAKE) -s --no-print-directory all helpers
	@tests/bench/run $(BENCH)

# The rows that are counted, which are the same on any machine: CI keeps them within their goals.
bench-guard:
	@tests/need bench
	@$(MAKE) -s --no-print-directory all helpers
	@tests/bench/run --guard

# The same as bench, with its table put into the tree.
bench-results: export BENCH_TABLE := tests/bench/RESULTS.md
bench-results: bench

fuzz: export FUZZ_SECONDS := $(FUZZ_SECONDS)
fuzz: export FUZZ_RUNS := $(FUZZ_RUNS)
fuzz:
	@tests/need fuzz
	@$(MAKE) -s --no-print-directory fuzzers
	@tests/fuzz/run $(FUZZERS)

# What check does a few times, many times: SOAK_RESTARTS restarts of passt under a guest.
soak:
	@tests/need soak
	@$(MAKE) -s --no-print-directory all helpers
	@tests/soak

# Small changes to the code, one at a time: do the tests notice? (tests/README.md)
mutants: export FILES := $(FILES)
mutants: export COUNT := $(COUNT)
mutants: export SEED := $(SEED)
mutants: export JOBS := $(JOBS)
mutants:
	@tests/need check
	@tests/mutants

# Other releases of Debian, each with its own compiler, libc, QEMU and passt. What is tested there:
# RELEASE_TESTS, arguments of tests/run; by default all that may depend on those.
RELEASES ?= bullseye bookworm trixie sid
RELEASE_FILES := guest lose-fd restart reconnect frame fd-store shim-alone processes shim standalone check private \
	discover dropin rewrite symbols
RELEASE_TESTS ?= $(RELEASE_FILES:%=tests/%.bats)

check-releases: export RELEASE_TESTS := $(RELEASE_TESTS)
check-releases:
	@tests/need check-releases
	@tests/releases/run $(RELEASES)

# The same, with its table put into the tree.
check-releases-results: export RELEASES_TABLE := tests/releases/RESULTS.md
check-releases-results: check-releases

# Another libc, and other machines: cross compiled, and run by QEMU's user emulation.
ARCHES ?= musl i386 aarch64 s390x

check-arch:
	@tests/need check-arch
	@tests/arch/run $(ARCHES)

clean:
	rm -rf $(BUILD)

.PHONY: all help dist helpers fuzzers install uninstall deb rpm check check-all check-cost check-ready check-original lint demo \
	bench bench-guard bench-results fuzz soak check-releases \
	check-releases-results check-arch mutants clean FORCE

DEPENDENCIES = $(patsubst %.o,%.d,$(SHIM_OBJECTS) $(ARCHIVE_OBJECTS) $(BUILD)/obj/launcher/qrap.o) \
	$(HELPERS:%=%.d) $(HELPER_LIBS:%.so=%.d) $(HELPER_STATICS:%=%.d) $(FUZZ_OBJECTS:%.o=%.d) $(FUZZERS:$(BUILD)/fuzz/%=$(BUILD)/fuzz/obj/tests/fuzz/%.d)

-include $(wildcard $(DEPENDENCIES))
