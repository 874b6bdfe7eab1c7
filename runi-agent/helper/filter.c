#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "child.h"
#include "filter.gen.h"

_Static_assert (sizeof (struct sock_filter) == sizeof (uint64_t), "a BPF instruction has eight bytes");

static int
install (const uint64_t *instructions, size_t count, struct fault *fault)
{
  struct sock_fprog program
      = { .len = (unsigned short) count, .filter = (struct sock_filter *) (uintptr_t) instructions };

  if (prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
    return fault_errno (fault, "install the system call filter");
  return 0;
}

/* Of two errors that of the filter installed last counts, and the arguments' are the more telling.  */
int
filter_install (struct fault *fault)
{
  if (install (filter_names, COUNT_OF (filter_names), fault) < 0
      || install (filter_arguments, COUNT_OF (filter_arguments), fault) < 0)
    return -1;
  if (prctl (PR_GET_SECCOMP, 0, 0, 0, 0) != SECCOMP_MODE_FILTER)
    return fault_set (fault, RUNI_KERNEL, "install the system call filter: it did not take");
  return 0;
}
