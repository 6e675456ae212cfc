/*
  A picture of the matrix whose colours are the encodings: rows downwards, columns to the right, in cells of one entry or of as many as have
  to share one. Where entries of a cell are stored differently the later form of the legend shows.
*/
#include <petscdraw.h>
#include "matfurl.h"

#define MOST_CELLS 400 /* in each direction */

/* Of an entry of a slice with a pattern: how its value is stored; of another: what has its column */
typedef enum { NO_ENTRY, CONSTANT, DIAGONAL, DERIVED, CODE, VALUE, ROWS, BLOCKS, PAIRS, SINGLES, FORMS } Form;

static const struct {
  const char *name;
  int         colour;
} Legend[FORMS] = {{"", PETSC_DRAW_WHITE},
                   {"constant", PETSC_DRAW_FORESTGREEN},
                   {"in diagonals", PETSC_DRAW_BLUE},
                   {"derived", PETSC_DRAW_MAGENTA},
                   {"codes", PETSC_DRAW_CYAN},
                   {"slot by slot", PETSC_DRAW_VIOLET},
                   {"rows repeat", PETSC_DRAW_YELLOWGREEN},
                   {"blocks", PETSC_DRAW_GOLD},
                   {"pairs", PETSC_DRAW_ORANGE},
                   {"singles", PETSC_DRAW_RED}};

typedef struct {
  PetscInt       M, N, m, n; /* the matrix; the cells */
  unsigned char *form;       /* [m][n] */
} Map;

static void Mark(Map *map, PetscInt row, PetscInt column, Form form)
{
  const int64_t  i = (int64_t)row * map->m / map->M, j = (int64_t)column * map->n / map->N;
  unsigned char *at = map->form + i * map->n + j;

  *at = (unsigned char)PetscMax(*at, (unsigned char)form);
}

static Form FormOfValues(int kind)
{
  if (kind == FURL_VALUES_CONSTANT) return CONSTANT;
  if (kind == FURL_VALUES_DERIVED) return DERIVED;
  if (FurlIsInDiagonal(kind)) return DIAGONAL;
  return kind == FURL_VALUES_CODE8 || kind == FURL_VALUES_CODE16 ? CODE : VALUE;
}

static Form FormOfColumns(int columns)
{
  if (columns == FURL_COLUMNS_ROWS) return ROWS;
  if (columns == FURL_COLUMNS_BLOCKS) return BLOCKS;
  return columns == FURL_COLUMNS_PAIRS ? PAIRS : SINGLES;
}

/* A part of this process's rows: which global row its row i is, and global column its column j */
typedef struct {
  FurlSlicesView  view;
  PetscInt        first_row, first_column;
  const int32_t  *slice; /* [nslices] slices that it has, NULL: all */
  const PetscInt *ghost; /* its columns, NULL: from first_column on */
} Part;

static PetscInt RowOf(const Part *part, int64_t i)
{
  const int64_t s = i / FURL_WIDTH;

  return part->first_row + (PetscInt)(part->slice ? (int64_t)part->slice[s] * FURL_WIDTH + i % FURL_WIDTH : i);
}

static PetscInt ColumnOf(const Part *part, PetscInt j)
{
  return part->ghost ? part->ghost[j] : part->first_column + j;
}

static void MarkPattern(const Part *part, int64_t s, Map *map)
{
  const FurlSlicesView *const view = &part->view;
  const FurlProgram *const    p    = view->program + view->header[s].program;

  for (int32_t slot = p->first; slot < p->first + p->nslots; slot++)
    for (int l = 0; l < FURL_WIDTH; l++) {
      const int64_t i = s * FURL_WIDTH + l;

      if (view->mask[slot] >> l & 1)
        Mark(map, RowOf(part, i), ColumnOf(part, (PetscInt)(i + view->offset[slot])), FormOfValues(view->kind[slot]));
    }
}

static PetscErrorCode MarkRows(const Part *part, int64_t s, Map *map)
{
  const FurlSlicesView *const view = &part->view;
  const int64_t               end  = PetscMin((s + 1) * FURL_WIDTH, view->nrows);
  const Form                  form = FormOfColumns(view->program[view->header[s].program].columns);

  PetscFunctionBegin;
  for (int64_t i = s * FURL_WIDTH; i < end; i++) {
    const int64_t n = FurlSlicesDecodeRow(view, i, NULL, NULL);
    PetscInt     *column;
    double       *value;

    PetscCall(PetscMalloc2(n, &column, n, &value));
    (void)FurlSlicesDecodeRow(view, i, column, value);
    for (int64_t k = 0; k < n; k++) Mark(map, RowOf(part, i), ColumnOf(part, column[k]), form);
    PetscCall(PetscFree2(column, value));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MarkPart(const Part *part, Map *map)
{
  const FurlSlicesView *const view = &part->view;

  PetscFunctionBegin;
  for (int64_t s = 0; s < view->nslices; s++)
    if (view->program[view->header[s].program].columns == FURL_COLUMNS_PATTERN)
      MarkPattern(part, s, map);
    else
      PetscCall(MarkRows(part, s, map));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All entries, on all processes */
static PetscErrorCode MakeMap(Mat A, Map *map)
{
  const FurlMatrix *const matrix = &((Mat_Furl *)A->data)->encoded->matrix;
  const Part inner = {.view = FurlSlicesGetView(&matrix->diagonal), .first_row = A->rmap->rstart, .first_column = A->cmap->rstart};
  const Part outer = {
    .view = FurlSlicesGetView(&matrix->offdiagonal), .first_row = A->rmap->rstart, .slice = matrix->boundary, .ghost = matrix->ghost};

  PetscFunctionBegin;
  *map = (Map){.M = A->rmap->N, .N = A->cmap->N, .m = PetscMin(A->rmap->N, MOST_CELLS), .n = PetscMin(A->cmap->N, MOST_CELLS)};
  PetscCall(PetscCalloc1((size_t)map->m * map->n, &map->form));
  PetscCall(MarkPart(&inner, map));
  if (matrix->nghost) PetscCall(MarkPart(&outer, map));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, map->form, (int)(map->m * map->n), MPI_UNSIGNED_CHAR, MPI_MAX, PetscObjectComm((PetscObject)A)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Cells of one form that are neighbours in a row are one rectangle; (0, 0) is the lower left corner */
static PetscErrorCode DrawCells(PetscDraw draw, const Map *map)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < map->m; i++)
    for (PetscInt j = 0, end; j < map->n; j = end) {
      const unsigned char *const row    = map->form + i * map->n;
      const int                  colour = Legend[row[j]].colour;
      const PetscReal            bottom = (PetscReal)(map->m - 1 - i) / map->m, top = (PetscReal)(map->m - i) / map->m;

      for (end = j + 1; end < map->n && row[end] == row[j]; end++) continue;
      if (row[j] == NO_ENTRY) continue;
      PetscCall(PetscDrawRectangle(draw, (PetscReal)j / map->n, bottom, (PetscReal)end / map->n, top, colour, colour, colour, colour));
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The forms that the matrix has, from the right edge of the matrix on */
static PetscErrorCode DrawLegend(PetscDraw draw, const Map *map)
{
  PetscBool has[FORMS] = {PETSC_FALSE};
  PetscReal y          = 0.95;

  PetscFunctionBegin;
  for (PetscInt k = 0; k < map->m * map->n; k++) has[map->form[k]] = PETSC_TRUE;
  PetscCall(PetscDrawLine(draw, 1, 0, 1, 1, PETSC_DRAW_BLACK));
  for (int form = NO_ENTRY + 1; form < FORMS; form++) {
    const int colour = Legend[form].colour;

    if (!has[form]) continue;
    PetscCall(PetscDrawRectangle(draw, 1.03, y - 0.015, 1.07, y + 0.015, colour, colour, colour, colour));
    PetscCall(PetscDrawString(draw, 1.09, y - 0.01, PETSC_DRAW_BLACK, Legend[form].name));
    y -= 0.05;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlViewDraw(Mat A, PetscViewer viewer)
{
  PetscDraw   draw;
  PetscBool   null;
  PetscMPIInt rank;
  Map         map;

  PetscFunctionBegin;
  PetscCall(PetscViewerDrawGetDraw(viewer, 0, &draw));
  PetscCall(PetscDrawIsNull(draw, &null));
  if (null || !A->rmap->N || !A->cmap->N) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MakeMap(A, &map));
  PetscCall(PetscDrawCheckResizedWindow(draw));
  PetscCall(PetscDrawClear(draw));
  PetscCall(PetscDrawSetCoordinates(draw, 0, 0, 1.3, 1));
  PetscCallMPI(MPI_Comm_rank(PetscObjectComm((PetscObject)A), &rank));
  PetscDrawCollectiveBegin(draw);
  if (rank == 0) {
    PetscCall(DrawCells(draw, &map));
    PetscCall(DrawLegend(draw, &map));
  }
  PetscDrawCollectiveEnd(draw);
  PetscCall(PetscDrawFlush(draw));
  PetscCall(PetscDrawSave(draw));
  PetscCall(PetscDrawPause(draw));
  PetscCall(PetscFree(map.form));
  PetscFunctionReturn(PETSC_SUCCESS);
}
