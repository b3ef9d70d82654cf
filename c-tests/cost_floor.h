/* A handle with a tag and two fields, and functions that test NULL and the tag and return a field. */
#ifndef COST_FLOOR_H
#define COST_FLOOR_H

#include <stdint.h>

#define COST_FLOOR_TAG UINT64_C(0x666C6F6F72)

typedef struct cost_floor { uint64_t tag; uint8_t *base; uint64_t pages; } cost_floor;

uint8_t *cost_floor_data(const cost_floor *handle);
uint64_t cost_floor_size(const cost_floor *handle);

#endif
