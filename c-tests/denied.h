/* System calls that the kernel refuses from here on, by number, with an errno of the test's choice: seccomp, in a child. 64-bit Linux. */
#ifndef DENIED_H
#define DENIED_H

#include <stdbool.h>
#include <stddef.h>

#include "process.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { DENIED_MOST = 8 };

/* `calls` ends with -1. Filters add up: a call that one of them refuses is refused. */
static inline bool deny(const long *calls, int error) {
  struct sock_filter filter[DENIED_MOST + 3];
  unsigned count = 0, at = 0;
  while (calls[count] >= 0) count++;
  REQUIRE(count <= DENIED_MOST);
  filter[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (unsigned i = 0; i < count; i++)
    filter[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], (uint8_t)(count - i), 0);
  filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error);
  struct sock_fprog program = {.len = (unsigned short)at, .filter = filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

#endif
