/*
  Aggregates of strongly coupled nodes (P. Vanek, J. Mandel, M. Brezina, Computing 56, 1996): nodes all of whose neighbours are free gather
  them, and in wide aggregates their free neighbours as well; what is left joins the neighbouring aggregate to which it is coupled most;
  what is left then gathers its free neighbours.
*/
#include "algebraic.h"

#define FREE -1

static PetscBool HasCouplings(const FurlCouplings *c, PetscInt i)
{
  return (PetscBool)(c->rowptr[i + 1] > c->rowptr[i] || c->elsewhere[i]);
}

static PetscBool NeighboursAreFree(const FurlCouplings *c, PetscInt i, const PetscInt *aggregate)
{
  for (PetscInt k = c->rowptr[i]; k < c->rowptr[i + 1]; k++)
    if (aggregate[c->column[k]] != FREE) return PETSC_FALSE;
  return PETSC_TRUE;
}

static void GatherFree(const FurlCouplings *c, PetscInt i, PetscInt number, PetscInt *aggregate)
{
  aggregate[i] = number;
  for (PetscInt k = c->rowptr[i]; k < c->rowptr[i + 1]; k++)
    if (aggregate[c->column[k]] == FREE) aggregate[c->column[k]] = number;
}

/* To which of the first aggregates node i is coupled most by one coupling; FREE: to none */
static PetscInt StrongestNeighbour(const FurlCouplings *c, PetscInt i, const PetscInt *aggregate)
{
  PetscInt best   = FREE;
  double   weight = 0;

  for (PetscInt k = c->rowptr[i]; k < c->rowptr[i + 1]; k++) {
    const PetscInt j    = c->column[k];
    const double   size = fabs(c->value[c->entry[k]]) * c->scale[j];

    if (aggregate[j] == FREE || size <= weight) continue;
    best   = aggregate[j];
    weight = size;
  }
  return best;
}

PetscErrorCode FurlAggregate(const FurlCouplings *c, PetscBool wide, PetscInt *aggregate, PetscInt *naggregates)
{
  PetscInt *joined, n = 0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < c->n; i++) aggregate[i] = FREE;
  for (PetscInt i = 0; i < c->n; i++)
    if (HasCouplings(c, i) && aggregate[i] == FREE && NeighboursAreFree(c, i, aggregate)) {
      GatherFree(c, i, n, aggregate);
      for (PetscInt k = c->rowptr[i]; wide && k < c->rowptr[i + 1]; k++) GatherFree(c, c->column[k], n, aggregate);
      n++;
    }
  PetscCall(PetscMalloc1(c->n + 1, &joined));
  for (PetscInt i = 0; i < c->n; i++) joined[i] = aggregate[i] == FREE ? StrongestNeighbour(c, i, aggregate) : aggregate[i];
  PetscCall(PetscArraycpy(aggregate, joined, c->n));
  PetscCall(PetscFree(joined));
  for (PetscInt i = 0; i < c->n; i++)
    if (HasCouplings(c, i) && aggregate[i] == FREE) GatherFree(c, i, n++, aggregate);
  *naggregates = n;
  PetscFunctionReturn(PETSC_SUCCESS);
}
