# inquest: `make` builds build/inquest; `make help` lists the rest.
#   DEV=1   warnings are errors       SAN=1   ASan + UBSan, into build/san
#   CC=…    gcc and clang both work   BUILD=… another output folder
SAN     ?=
BUILD   ?= build$(if $(SAN),/san)
CC      ?= cc
AR      ?= ar
PKGS    := libelf libdw capstone readline zlib libzstd json-c
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wundef \
           -Wno-missing-field-initializers $(if $(DEV),-Werror)
SANFLAG := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined \
           -fno-omit-frame-pointer)
comma   := ,
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -I. $(WARN) $(CFLAGS) $(SANFLAG) \
           $(shell pkg-config --cflags $(PKGS) 2>/dev/null) -MMD -MP
LIBS     = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -llzo2 -lsnappy -lpthread

SRC  := $(sort $(wildcard analyzer/*/*.c arch/*.c arch/*/*.c commands/*.c))
OBJ  := $(SRC:%.c=$(BUILD)/%.o)
UNIT := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/unit/test_*.c)))
FUZZ := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

.PHONY: all
all: $(BUILD)/inquest

$(BUILD)/inquest: $(BUILD)/analyzer/main.o $(BUILD)/libinquest.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libinquest.a: $(OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libinquest.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS) -lcmocka

# Without libFuzzer a fuzz target is driven by tests/fuzz/driver.c: seeds and their mutations.
$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/driver.o $(BUILD)/libinquest.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

.SECONDARY:
-include $(OBJ:.o=.d) $(UNIT:=.d) $(FUZZ:=.d) $(BUILD)/analyzer/main.d
