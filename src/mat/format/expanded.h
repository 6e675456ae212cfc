#pragma once

#include <furl/slices.h>

/* Lays slices of repeated rows out for products, once all slices are there, as far as there is memory for it; and takes that back */
void FurlSlicesExpand(FurlSlices *slices);
void FurlSlicesCollapse(FurlSlices *slices);
