/* What the test sees, and breaks, of the driver that is none (driver.c) */
#pragma once

typedef struct {
  int         devices, current;                                  /* current: whose context the program has; -1: none */
  int         lost;                                              /* all fails from launch number `lost` on; 0: never */
  long        launches, copies, allocated;                       /* bytes in use */
  int         contexts, modules, streams, graphs, mapped, depth; /* in use; pushed contexts */
  int         replays, no_graphs;                                /* launches of graphs; captures are refused */
  const char *missing;                                           /* name of a kernel that the modules lack */
} FakeDriver;

/* Runs a kernel of that name; 0: it cannot. Without parameters: the bytes of its first one */
typedef int (*FakeRunner)(const char *name, void **parameters, unsigned blocks, unsigned threads);
