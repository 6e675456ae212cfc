/* Pages of the operating system */
#pragma once

#include <stddef.h>

/* Gives back the pages of memory that is not read again before it is freed: what they hold is lost */
void FurlPagesForget(void *memory, size_t bytes);
