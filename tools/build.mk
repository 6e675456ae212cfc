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

# CUDA=yes builds the kernels for GPUs too, which takes minutes, once, and needs nvcc; without, a GPU is said to have no kernels. A bundle for
# a GPU has them where there is an nvcc.
# FURL_CUDA_ARCHS: machine code for each of these; the last one's PTX is for all that come later
FURL_CUDA_ARCHS ?= 80 90 100 120
NVCC ?= $(or $(shell command -v nvcc),$(wildcard /usr/local/cuda/bin/nvcc))
CUDA ?= $(if $(and $(filter gpu-bundle,$(MAKECMDGOALS)),$(NVCC)),yes,no)
FATBINS    := Mat Pc Grid Ksp
FATBIN_Mat  := mat/matkernels
FATBIN_Pc   := pc/pckernels
FATBIN_Grid := pc/grid/gridkernels
FATBIN_Ksp  := ksp/kernels/kspkernels
NVCCFLAGS  := -std=c++17 -Iinclude -Isrc -Xcompiler -Wall -diag-suppress 177 -Xptxas -v $(foreach arch,$(FURL_CUDA_ARCHS),-gencode arch=compute_$(arch)$(,)code=sm_$(arch)) -gencode arch=compute_$(lastword $(FURL_CUDA_ARCHS))$(,)code=compute_$(lastword $(FURL_CUDA_ARCHS))
ifeq ($(CUDA),yes)
  OBJECTS += $(FATBINS:%=$(KERNDIR)/fatbin%.o)
endif

# What was linked, or compiled, for another choice is made again
space  := $(subst ,, )
LINKED := $(OBJDIR)/linked-cuda-$(CUDA)
ARCHS  := $(KERNDIR)/archs-$(subst $(space),-,$(strip $(FURL_CUDA_ARCHS)))
$(LINKED) $(ARCHS):
	@mkdir -p $(@D)
	@rm -f $(dir $@)$(firstword $(subst -, ,$(notdir $@)))-*
	@touch $@

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
$(LIBFURL): $(OBJECTS) $(LINKED)
	@mkdir -p $(@D)
	@echo LD $@
	@$(CC) -shared $(SANITIZER) -Wl,-z,nodelete,-soname,libfurl.so,-Bsymbolic-functions -o $@ $(OBJECTS) -L$(PETSC_LIBDIR) $(PETSC_LINK) -lm

$(STATIC): $(OBJECTS) $(LINKED)
	@rm -f $@
	@ar rcs $@ $(OBJECTS)

# Kernel bodies know nothing of PETSc but the width of PetscInt: compiled once for each instruction set, they serve all such builds.
# They may multiply what they then leave out, which -ftrapping-math would have them branch around; and 32 zeros are not worth a memset(),
# which gcc would make `rep stos`
define KERNEL_RULE
$$(KERNDIR)/%.$(1).o: src/%.c | $$(CONFIG)
	@mkdir -p $$(@D)
	@echo CC $$<, $(1)
	@$$(CC) $$(FLAGS) $$(PETSC_INCLUDES) -march=$$(MARCH_$(1)) -ffp-contract=fast -fno-trapping-math -fno-math-errno -fno-tree-loop-distribute-patterns -DFURL_ISA=$(1) -MMD -MP -c $$< -o $$@
endef
$(foreach isa,$(ISAS),$(eval $(call KERNEL_RULE,$(isa))))

# The bodies as machine code of GPUs, as bytes of the library; registers and spills of each kernel go to the .ptxas file
define FATBIN_RULE
$$(KERNDIR)/$(1).fatbin: src/$$(FATBIN_$(1)).cu $$(ARCHS) | $$(CONFIG)
	@mkdir -p $$(@D)
	@echo NVCC $$<, $$(FURL_CUDA_ARCHS)
	@$$(NVCC) $$(NVCCFLAGS) $$(PETSC_INCLUDES) -MD -MP -MT $$@ -MF $$(@:.fatbin=.fatbin.d) -fatbin $$< -o $$@ 2> $$(@:.fatbin=.ptxas) || { cat $$(@:.fatbin=.ptxas) >&2; exit 1; }
$$(KERNDIR)/fatbin$(1).o: $$(KERNDIR)/$(1).fatbin
	@printf '.section .rodata\n.global FurlFatbin$(1)\n.hidden FurlFatbin$(1)\n.balign 64\nFurlFatbin$(1):\n.incbin "%s"\n.section .note.GNU-stack,"",@progbits\n' $$< | $$(CC) -x assembler -c - -o $$@
endef
$(foreach fatbin,$(FATBINS),$(eval $(call FATBIN_RULE,$(fatbin))))
-include $(FATBINS:%=$(KERNDIR)/%.fatbin.d)

$(OBJDIR)/%.o: src/%.c $(CONFIG)
	@mkdir -p $(@D)
	@echo CC $<
	@$(CC) $(FLAGS) $(PETSC_INCLUDES) -MMD -MP -c $< -o $@


-include $(OBJECTS:.o=.d)
export PETSC_DIR PETSC_ARCH PETSC_LIBDIR PETSC_LIBRARY PETSC_INCLUDES PETSC_LINK PETSC_SCALAR PETSC_VERSION
export CC MPIEXEC FURL_BUILD FURL_LIB OBJDIR STATIC SANITIZER FURL_CUDA_ARCHS
