# Furl: `make demo` and `make check` do everything that is needed before them; the work is in tools/
#
#   make [TARGET] [PETSC=default|debian|debian64|debian-complex]   or   make [TARGET] PETSC_DIR=... PETSC_ARCH=...
#
# chooses the PETSc. Builds for several lie side by side below build/lib/furl/, and build/lib/libpetscfurl.so finds the right one.
VERSION := 0.1.0
PREFIX  ?= /usr/local
ifndef PETSC
  PETSC := $(if $(PETSC_DIR),$(notdir $(PETSC_DIR:%/=%))$(PETSC_ARCH:%=-%),default)
endif
CONFIG := build/config/$(PETSC).mk

ifeq (,$(filter -j%,$(MAKEFLAGS)))
  MAKEFLAGS += -j$(shell nproc)
endif

all: build

# These need no PETSc; for all others one is found or built first, and again when the one that was found is gone
ifneq ($(filter-out setup style format uninstall clean,$(or $(MAKECMDGOALS),all)),)
  include $(CONFIG)
  ifdef FURL_BUILD
    include tools/build.mk
  endif
# what setup says is no part of what `make env` prints
$(CONFIG): $(if $(wildcard $(PETSC_LIBRARY)),,FORCE)
	@tools/setup $(PETSC) $@ >&2
endif

setup:                        # finds or builds a PETSc
	@tools/setup $(PETSC) $(CONFIG)

demo: build                   # the main job; `make demo N=100` sets the size
	@tools/plotting
	@tools/demo $(if $(N),-n $(N))

check: build                  # all tests; `make check TESTS="mat/ ksp/"` runs those whose names contain a word
	@tools/runtests $(TESTS)

bench: build                  # measured ratios against the opponents of bench/opponents.txt
	@bench/run $(BENCHFLAGS)

gpu-bundle: build             # packs build/furl-gpu.tar.gz, for tests and measurements on another machine's GPU: docs/device.md
	@tools/gpu-bundle build/furl-gpu.tar.gz

env:                          # shell lines for programs of your own: eval "$$(make -s env)"
	@printf 'export PETSC_DIR=%s PETSC_ARCH=%s FURL_LIB=%s FURL_DIR=%s MPIEXEC="%s"\n' '$(PETSC_DIR)' '$(PETSC_ARCH)' '$(FURL_LIB)' '$(dir $(FURL_LIB))' '$(MPIEXEC)'

style:
	@tools/style

format:
	@clang-format -i $$(git ls-files '*.c' '*.h' '*.cu')

install: build
	@tools/install install

uninstall:
	@PREFIX='$(PREFIX)' tools/install uninstall

clean:
	rm -rf build

FORCE:
.PHONY: all setup build demo check bench gpu-bundle env style format install uninstall clean FORCE
export VERSION PREFIX DESTDIR PETSC SANITIZE
