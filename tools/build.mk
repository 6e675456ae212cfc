# Compiles the library for the PETSc of build/config/$(PETSC).mk, which sets
#   PETSC_DIR PETSC_ARCH PETSC_LIBDIR PETSC_LIBRARY PETSC_INCLUDES PETSC_LINK PETSC_SCALAR PETSC_VERSION CC MPIEXEC FURL_BUILD
# SANITIZE=1 makes a separate build with AddressSanitizer and UndefinedBehaviorSanitizer.
, := ,
OUT      := build$(if $(SANITIZE),/sanitize)
OBJDIR   := $(OUT)/$(PETSC)
FURL_LIB := $(CURDIR)/$(OUT)/lib/libpetscfurl.so
KERNDIR  := $(OUT)/kernels-$(filter int32 int64,$(subst -, ,$(FURL_BUILD)))
LIBFURL  := $(OUT)/lib/furl/$(FURL_BUILD)/libfurl.so
STATIC   := $(OBJDIR)/libfurl.a

SANITIZER := $(if $(SANITIZE),-fsanitize=address$(,)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
WARNINGS  := -Wall -Wextra -Werror -Wno-unused-parameter
FLAGS     := -std=gnu11 -fPIC -fvisibility=hidden -g $(if $(SANITIZE),-O1,-O3) $(WARNINGS) -D_GNU_SOURCE -Iinclude $(SANITIZER)

SOURCES := $(filter-out src/furlloader.c,$(wildcard src/*.c src/*/*.c src/*/*/*.c))
KERNELS := $(filter %kernels.c,$(SOURCES))
PLAIN   := $(filter-out $(KERNELS),$(SOURCES))
ISAS    := base v3 v4
OBJECTS := $(PLAIN:src/%.c=$(OBJDIR)/%.o) $(foreach isa,$(ISAS),$(KERNELS:src/%.c=$(KERNDIR)/%.$(isa).o))

MARCH_base := x86-64
MARCH_v3   := x86-64-v3
MARCH_v4   := x86-64-v4

# a complex PETSc gets the loader, which refuses it and says why
build: $(FURL_LIB) $(if $(filter real,$(PETSC_SCALAR)),$(LIBFURL) $(STATIC))

$(FURL_LIB): src/furlloader.c src/furlloader.h
	@mkdir -p $(@D)
	@echo LD $@
	@cc $(filter-out $(SANITIZER),$(FLAGS)) -shared -Wl,-z,nodelete,-soname,libpetscfurl.so.0 -o $@ $< -ldl

# No run path: the build must take the PETSc that is in the process already, and never find another
$(LIBFURL): $(OBJECTS)
	@mkdir -p $(@D)
	@echo LD $@
	@$(CC) -shared $(SANITIZER) -Wl,-z,nodelete,-soname,libfurl.so,-Bsymbolic-functions -o $@ $^ -L$(PETSC_LIBDIR) $(PETSC_LINK) -lm

$(STATIC): $(OBJECTS)
	@rm -f $@
	@ar rcs $@ $^

# Kernel bodies know nothing of PETSc but the width of PetscInt: compiled once for each instruction set, they serve all such builds.
# They may multiply what they then leave out, which -ftrapping-math would have them branch around
define KERNEL_RULE
$$(KERNDIR)/%.$(1).o: src/%.c | $$(CONFIG)
	@mkdir -p $$(@D)
	@echo CC $$<, $(1)
	@$$(CC) $$(FLAGS) $$(PETSC_INCLUDES) -march=$$(MARCH_$(1)) -ffp-contract=fast -fno-trapping-math -fno-math-errno -DFURL_ISA=$(1) -MMD -MP -c $$< -o $$@
endef
$(foreach isa,$(ISAS),$(eval $(call KERNEL_RULE,$(isa))))

$(OBJDIR)/%.o: src/%.c $(CONFIG)
	@mkdir -p $(@D)
	@echo CC $<
	@$(CC) $(FLAGS) $(PETSC_INCLUDES) -MMD -MP -c $< -o $@


-include $(OBJECTS:.o=.d)
export PETSC_DIR PETSC_ARCH PETSC_LIBDIR PETSC_LIBRARY PETSC_INCLUDES PETSC_LINK PETSC_SCALAR PETSC_VERSION
export CC MPIEXEC FURL_BUILD FURL_LIB OBJDIR STATIC SANITIZER
