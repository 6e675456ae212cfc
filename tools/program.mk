# Compiles an ordinary PETSc program: make -f tools/program.mk OUT=program SRC="a.c b.c" PETSC_DIR=... PETSC_ARCH=...
include $(PETSC_DIR)/$(PETSC_ARCH)/lib/petsc/conf/petscvariables

# Debian's PETSC names its compiler mpicc, which may be another MPI's: PETSc's own include paths say which is meant
ifneq ($(and $(findstring openmpi,$(PETSC_CC_INCLUDES)),$(shell command -v mpicc.openmpi)),)
  COMPILER := mpicc.openmpi
else
  COMPILER := $(CC)
endif

$(OUT): $(SRC) $(DEPENDS)
	@mkdir -p $(dir $@)
	@$(COMPILER) $(CC_FLAGS) -O3 -std=gnu11 $(WARN) -I$(dir $(firstword $(SRC))) $(PETSC_CC_INCLUDES) -o $@ $(SRC) $(PETSC_WITH_EXTERNAL_LIB) -Wl,-rpath,$(PETSC_DIR)/$(PETSC_ARCH)/lib -lm
