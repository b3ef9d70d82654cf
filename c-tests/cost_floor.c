/* What any accessor behind a C ABI has to do, and nothing else: cost.c compares the library's with these. */
#include "cost_floor.h"

#include <stddef.h>

uint8_t *cost_floor_data(const cost_floor *handle) { return handle != NULL && handle->tag == COST_FLOOR_TAG ? handle->base : NULL; }

uint64_t cost_floor_size(const cost_floor *handle) { return handle != NULL && handle->tag == COST_FLOOR_TAG ? handle->pages : 0; }
