# inquest: `make` builds build/inquest; `make help` lists the rest.
#   DEV=1   warnings are errors       SAN=1   ASan + UBSan, into build/san
#   CC=…    gcc and clang both work   BUILD=… another output folder
comma   := ,
SAN     ?=
BUILD   ?= build$(if $(SAN),/san)
CC      ?= cc
AR      ?= ar
PKGS    := libelf libdw capstone readline zlib libmd libzstd liblzma json-c
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wformat-security -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wundef \
           -Wno-missing-field-initializers $(if $(DEV),-Werror)
SANFLAG := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined \
           -fno-omit-frame-pointer)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -I. $(WARN) $(CFLAGS) $(SANFLAG) \
           $(shell pkg-config --cflags $(PKGS) 2>/dev/null) -MMD -MP
LIBS     = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -llzo2 -lsnappy -lpthread

SRC  := $(sort $(wildcard analyzer/*/*.c arch/*.c arch/*/*.c commands/*.c))
OBJ  := $(SRC:%.c=$(BUILD)/%.o)
# The plugin of Python needs its headers; without them there is none.
PYTHON_EMBED := $(shell pkg-config --exists python3-embed 2>/dev/null && echo plugins/python/host.so)
PLUGINS := $(patsubst %.c,$(BUILD)/%.so,$(filter-out $(if $(PYTHON_EMBED),,plugins/python.c),$(sort $(wildcard plugins/*.c))))
UNIT := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/unit/test_*.c)))
FUZZ := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

.PHONY: all
all: $(BUILD)/inquest $(PLUGINS) $(PYTHON_EMBED:%=$(BUILD)/%)

$(BUILD)/inquest: $(BUILD)/analyzer/main.o $(BUILD)/libinquest.a $(BUILD)/api.list
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) -o $@ $(filter %.o %.a,$^) $(API_LINK) $(LIBS) -ldl

# What plugins may call is in the program, and nothing else of it can be seen from outside.
API      := $(shell sed -n 's/^function \([a-z0-9_]*\) .*/\1/p' plugins/abi.txt)
API_LINK  = -Wl,--dynamic-list=$(BUILD)/api.list $(API:%=-Wl,-u,%)
$(BUILD)/api.list: plugins/abi.txt
	@mkdir -p $(@D)
	@echo "{ $(API:%=%;) };" >$@

$(BUILD)/plugins/%.so: plugins/%.c
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) -fPIC -shared -fvisibility=hidden -o $@ $(filter %.c,$^) -lz
$(BUILD)/plugins/ramoops.so: plugins/ramoops/zone.c

PYTHON_SRC := $(wildcard plugins/python/*.c)
$(BUILD)/plugins/python/host.so: $(PYTHON_SRC) $(wildcard plugins/python/*.h) plugins/python/inquest.py plugins/abi.txt
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -fPIC -shared -fvisibility=hidden -isystem $(patsubst -I%,%,$(firstword $(shell pkg-config --cflags-only-I python3-embed))) \
		-o $@ $(PYTHON_SRC) $(shell pkg-config --libs python3-embed)

$(BUILD)/libinquest.a: $(OBJ)
	@rm -f $@
	@echo "  AR    $@"
	@$(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libinquest.a
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS) -lcmocka

# Without libFuzzer a fuzz target is driven by tests/fuzz/driver.c: seeds and their mutations.
$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/driver.o $(BUILD)/libinquest.a
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

.SECONDARY:
-include $(PLUGINS:.so=.d) $(OBJ:.o=.d) $(UNIT:=.d) $(FUZZ:=.d) $(BUILD)/analyzer/main.d $(BUILD)/bench/reads.d $(BUILD)/bench/scan.d

# ---- everything else ----------------------------------------------------------------------------

PYTHON   := /usr/bin/python3
PYTEST   := XDG_CACHE_HOME=$(abspath $(BUILD))/cache XDG_CONFIG_HOME=$(abspath $(BUILD))/config $(PYTHON) -m pytest -q -p no:cacheprovider
DEPS     := gcc make pkg-config libelf-dev libdw-dev libcapstone-dev libreadline-dev zlib1g-dev libmd-dev \
            liblzo2-dev libsnappy-dev libzstd-dev liblzma-dev libjson-c-dev libcmocka-dev \
            python3 python3-dev python3-pytest python3-jsonschema python3-pexpect device-tree-compiler less zsh

.PHONY: install abi docs deb check-deb check-crash help deps cores demo check check-unit check-truth check-golden check-layers check-verdicts check-signatures san mutate fuzz bench peers format clean

help:
	@echo "make            build/inquest"
	@echo "make demo       install what is missing, build, make one ARM64 and one ARM32 dump, examine both"
	@echo "make install    PREFIX=/usr/local, DESTDIR=: program, plugins, their headers, manual page, completion"
	@echo "make deb        a Debian package; make check-deb installs it in a clean system"
	@echo "make docs       docs/commands.md from the commands' tables"
	@echo "make abi        after a wanted change of the plugins' headers: writes plugins/abi.txt again"
	@echo "make check      all tests on the default set of dumps (made first where they are missing)"
	@echo "make san        the unit, fuzz and golden tests under ASan and UBSan, and every command once"
	@echo "make cores      the dumps: SET=default|all, or CORE=NAME; see tests/cores/README.md"
	@echo "make check-crash  what crash says to the same lines; DUMPS=NAME…, after make peers"
	@echo "make bench      speed and memory; make peers gets crash, drgn and gdb for the comparison"
	@echo "make fuzz       MINUTES=10: libFuzzer runs"
	@echo "make format     clang-format over all sources"

# Debian's packages, installed only where one is missing.
deps:
	@tests/lib/deps $(DEPS)

PREFIX  ?= /usr/local
INSTALL := $(DESTDIR)$(PREFIX)
HEADERS := $(shell sed -n 's/^header //p' plugins/abi.txt)
install: all
	install -d $(INSTALL)/bin $(INSTALL)/lib/inquest/plugins $(INSTALL)/share/doc/inquest
	install $(BUILD)/inquest $(INSTALL)/bin/inquest
	install -m 644 $(PLUGINS) $(INSTALL)/lib/inquest/plugins
	$(if $(PYTHON_EMBED),install -D -m 644 $(BUILD)/$(PYTHON_EMBED) $(INSTALL)/lib/inquest/$(PYTHON_EMBED))
	for h in $(HEADERS); do install -D -m 644 $$h $(INSTALL)/include/inquest/$$h || exit 1; done
	install -d $(INSTALL)/share/man/man1 $(INSTALL)/share/bash-completion/completions
	$(BUILD)/inquest --man >$(INSTALL)/share/man/man1/inquest.1
	$(BUILD)/inquest --bash-completion >$(INSTALL)/share/bash-completion/completions/inquest
	install -d $(INSTALL)/share/zsh/vendor-completions
	$(BUILD)/inquest --zsh-completion >$(INSTALL)/share/zsh/vendor-completions/_inquest
	cp -R plugins/template $(INSTALL)/share/doc/inquest/
	install -m 644 docs/plugins.md docs/python.md $(INSTALL)/share/doc/inquest/
	cp -R plugins/python/examples $(INSTALL)/share/doc/inquest/python-examples

# docs/commands.md says what the commands' tables say.
docs: $(BUILD)/inquest
	$(BUILD)/inquest --commands-md >docs/commands.md

# A Debian package of this host's release and architecture, into $(BUILD); nothing is fetched but dpkg-dev.
VERSION  = $(shell sed -n 's/^.define INQUEST_VERSION "\(.*\)"/\1/p' analyzer/shell/options.h)
DEB      = $(BUILD)/inquest_$(VERSION)_$(shell dpkg --print-architecture).deb
deb: all
	@tests/lib/deps dpkg-dev
	rm -rf $(BUILD)/deb
	$(MAKE) -s install BUILD=$(BUILD) PREFIX=/usr DESTDIR=$(abspath $(BUILD))/deb/root
	tests/lib/make-deb $(VERSION) $(BUILD)/deb $(DEB)

# Whether it installs and runs on a Debian that has nothing else: needs root, debootstrap and a mirror.
check-deb: deb
	@tests/lib/deps debootstrap
	tests/lib/check-deb $(DEB)

# Opt-in: the lines that crash's users type, and their numbers, beside crash itself (make peers).
check-crash: $(BUILD)/inquest
	tests/lib/compare-crash $(BUILD)/inquest $(DUMPS)

abi:
	plugins/list-abi . plugins/abi.txt >plugins/abi.new
	mv plugins/abi.new plugins/abi.txt

cores: deps
	tests/cores/make-cores $(if $(CORE),--core $(CORE),--set $(or $(SET),default))

DEMO := arm64-cloud-sysrq-c armmp-sysrq-c
demo: deps
	$(MAKE) all
	tests/cores/make-cores $(DEMO:%=--core %)
	tests/lib/demo $(BUILD)/inquest $(DEMO)

check: deps
	tests/lib/check

check-layers:
	tests/check-layers.sh

check-unit: $(UNIT) $(FUZZ)
	tests/lib/run-units $(UNIT) -- $(FUZZ)

check-golden: $(BUILD)/inquest
	INQUEST=$(BUILD)/inquest $(PYTEST) tests/golden

check-truth: $(BUILD)/inquest
	INQUEST=$(BUILD)/inquest $(PYTEST) tests/truth

# What triage says of every labelled dump that is there; the tables of docs/verdicts.md.
check-verdicts: $(BUILD)/inquest
	tests/lib/check-verdicts --inquest $(BUILD)/inquest $(VERDICTS)

# Whether one bug has one signature over boots with other RAM and KASLR (make cores SET=boots).
check-signatures: $(BUILD)/inquest
	tests/lib/check-signatures --inquest $(BUILD)/inquest

san: deps
	$(MAKE) SAN=1 DEV=1 check-unit check-golden check-truth

# Whole dumps, damaged: RUNS mutations of a small one of each architecture.
mutate:
	$(MAKE) SAN=1 DEV=1 all
	tests/lib/mutate-dump --inquest build/san/inquest --runs $(or $(RUNS),200) \
		$(or $(INQUEST_CORES),$(HOME)/.cache/inquest-cores)/arm32-lpae-bug \
		$(or $(INQUEST_CORES),$(HOME)/.cache/inquest-cores)/arm64-kasan-null

bench: all $(BUILD)/bench/reads $(BUILD)/bench/scan
	bench/startup $(if $(STRICT),--strict) $(BUILD)/inquest
	bench/memory $(BUILD)
	bench/shadow $(if $(STRICT),--strict) $(BUILD)
	bench/stacks $(if $(STRICT),--strict) $(BUILD)/inquest
	bench/triage $(if $(STRICT),--strict) $(BUILD)/inquest
	bench/heap $(if $(STRICT),--strict) $(BUILD)/inquest
	bench/pipeline $(if $(STRICT),--strict) $(BUILD)/inquest

# The programs that the benches measure beside ours, from Debian's packages; crash is built, which takes long.
peers:
	tests/lib/peers

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(BUILD)/libinquest.a
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

format:
	clang-format -i $(SRC) analyzer/main.c $(wildcard analyzer/*.h analyzer/*/*.h arch/*.h arch/*/*.h tests/unit/*.[ch] tests/fuzz/*.c bench/*.c)

clean:
	rm -rf build

# Each target under libFuzzer for MINUTES; needs clang and its runtime (libclang-rt-14-dev).
fuzz:
	@tests/lib/deps clang libclang-rt-14-dev
	tests/lib/run-fuzz $(or $(MINUTES),1) $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
