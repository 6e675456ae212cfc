# Furl: `make demo` and `make check` do everything; the work is in tools/
PETSC_DIR  ?= $(HOME)/.cache/furl/petsc-3.26.1
PETSC_ARCH ?= $(notdir $(patsubst %/,%,$(firstword $(wildcard $(PETSC_DIR)/furl-*/))))

include $(PETSC_DIR)/$(PETSC_ARCH)/lib/petsc/conf/petscvariables

BUILD   ?= $(notdir $(PETSC_DIR))
OBJDIR  := build/$(BUILD)/obj
LIBFURL := build/$(BUILD)/libfurl.so
WARN    := -Wall -Wextra -Werror -Wno-unused-parameter
CFLAGS_FURL := -std=gnu11 -O3 -fPIC -fvisibility=hidden -g $(WARN) -Iinclude $(PETSC_CC_INCLUDES)

SOURCES := $(filter-out src/furlloader.c,$(wildcard src/*.c src/*/*.c src/*/*/*.c))
KERNELS := $(filter %kernels.c,$(SOURCES))
PLAIN   := $(filter-out $(KERNELS),$(SOURCES))
OBJECTS := $(PLAIN:%.c=$(OBJDIR)/%.o) $(foreach isa,base v3 v4,$(KERNELS:%.c=$(OBJDIR)/%.$(isa).o))

MARCH_base := x86-64
MARCH_v3   := x86-64-v3
MARCH_v4   := x86-64-v4

all: $(LIBFURL)

$(LIBFURL): $(OBJECTS)
	$(CC) -shared -Wl,-z,nodelete -Wl,-soname,libfurl.so -o $@ $^ -L$(PETSC_DIR)/$(PETSC_ARCH)/lib -Wl,-rpath,$(PETSC_DIR)/$(PETSC_ARCH)/lib -lpetsc -lm

define KERNEL_RULE
$$(OBJDIR)/%.$(1).o: %.c
	@mkdir -p $$(dir $$@)
	$$(CC) $$(CFLAGS_FURL) -march=$$(MARCH_$(1)) -ffp-contract=fast -DFURL_ISA=$(1) -MMD -c $$< -o $$@
endef
$(foreach isa,base v3 v4,$(eval $(call KERNEL_RULE,$(isa))))

$(OBJDIR)/%.o: %.c
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS_FURL) -MMD -c $< -o $@

-include $(OBJECTS:.o=.d)

.PHONY: all
