/* System calls that the C library may not wrap.  Thin: they return what the kernel returns and set errno.  */

#pragma once

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* How a name of the agent's choice is resolved: it stays below its directory and follows nothing.  */
#define RESOLVE_NAMES (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

static inline int
kernel_openat2 (int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
  struct open_how how = { .flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve };

  return (int) syscall (SYS_openat2, directory, path, &how, sizeof how);
}

static inline int
kernel_open_tree (int directory, const char *path, unsigned flags)
{
  return (int) syscall (SYS_open_tree, directory, path, flags | OPEN_TREE_CLOEXEC);
}

static inline int
kernel_move_mount (int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
  return (int) syscall (SYS_move_mount, from, from_path, to, to_path, flags);
}

static inline int
kernel_mount_setattr (int directory, const char *path, unsigned flags, struct mount_attr *attributes)
{
  return (int) syscall (SYS_mount_setattr, directory, path, flags, attributes, sizeof *attributes);
}

/* Like fork: the child shares no memory with us (never CLONE_VM in a privileged parent).  */
static inline pid_t
kernel_clone (uint64_t flags, int *pidfd)
{
  struct clone_args arguments = { .flags = flags | CLONE_PIDFD, .pidfd = (uintptr_t) pidfd, .exit_signal = SIGCHLD };

  return (pid_t) syscall (SYS_clone3, &arguments, sizeof arguments);
}

static inline int
kernel_pidfd_open (pid_t pid)
{
  return (int) syscall (SYS_pidfd_open, pid, 0);
}

static inline int
kernel_pidfd_kill (int pidfd, int signal)
{
  return (int) syscall (SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

static inline int
kernel_close_range (unsigned first, unsigned last)
{
  return (int) syscall (SYS_close_range, first, last, 0);
}
