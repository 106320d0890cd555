# What every part of shim-c is built with. A part names its VARIANTS, includes this, and asks for
# $(call objects,VARIANT,SOURCES): each source is an object of each variant, build/VARIANT/NAME.o
# (build/VARIANT/up/… for ../…), compiled again when it, or a header that it reads, has changed.
CC ?= cc
WARN = -Wall -Wextra -Werror -Wshadow -Wconversion -Wno-sign-conversion
BASE = -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARN) -fstack-protector-strong -fPIC -fvisibility=hidden
LDFLAGS_ALL = -Wl,-z,relro,-z,now $(LDFLAGS)

VARIANTS ?= plain asan
FLAGS_plain = -D_FORTIFY_SOURCE=2
FLAGS_asan = -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

objects = $(patsubst %.c,build/$(1)/%.o,$(patsubst ../%,up/%,$(2)))
# The object files among what a target is made of, linked; flags may stand behind it.
link = $(CC) $(BASE) $(FLAGS_$(1)) $(CFLAGS) -o $@ $(filter %.o,$^) $(LDFLAGS_ALL)

define rules
build/$(1)/up/%.o: ../%.c Makefile ../common.mk
	@mkdir -p $$(@D)
	$$(CC) $$(BASE) $$(FLAGS_$(1)) $$(CFLAGS) -MMD -MP -c -o $$@ $$<
build/$(1)/%.o: %.c Makefile ../common.mk
	@mkdir -p $$(@D)
	$$(CC) $$(BASE) $$(FLAGS_$(1)) $$(CFLAGS) -MMD -MP -c -o $$@ $$<
endef
$(foreach variant,$(VARIANTS),$(eval $(call rules,$(variant))))

-include $(shell find build -name '*.d' 2>/dev/null)
.DEFAULT_GOAL = all
.SECONDARY:
.PHONY: all test clean

# By rename: a process that has the old file open keeps it.
define put
@mkdir -p $(@D)
cp $< $@.$$$$ && mv $@.$$$$ $@
endef

clean:
	rm -rf build
