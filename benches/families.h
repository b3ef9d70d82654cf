/* The groups, a family of operations in each file. */
#ifndef BENCH_FAMILIES_H
#define BENCH_FAMILIES_H

#include "bench.h"

extern const bench_group_t create_groups[];
extern const size_t create_group_count;
extern const bench_group_t grow_groups[];
extern const size_t grow_group_count;
extern const bench_group_t reset_groups[];
extern const size_t reset_group_count;
extern const bench_group_t image_groups[];
extern const size_t image_group_count;
extern const bench_group_t access_groups[];
extern const size_t access_group_count;
extern const bench_group_t bulk_groups[];
extern const size_t bulk_group_count;
extern const bench_group_t waiting_groups[];
extern const size_t waiting_group_count;
extern const bench_group_t threads_groups[];
extern const size_t threads_group_count;

/* In a child for each, before anything else takes address space. */
void live_run(void);

#endif
