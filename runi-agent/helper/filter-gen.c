/* Writes filter.gen.h: the two seccomp filters of every slice, as arrays.  Runs at build time, with libseccomp.

   The first is an allow-list by name (unknown calls: ENOSYS).  The second, on top of it, allows all but what is refused by its
   arguments, or refused with another error than ENOSYS.  The kernel takes the stricter of the two, and of two errors that of
   the filter installed last.  Refusals by argument thus need no complement, and plain calls cost nothing: the kernel keeps a
   bitmap of calls that a filter always allows.  Arguments of 32 bits are compared masked, as the kernel ignores what is
   above them.  */

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof (array) / sizeof (array)[0])
#define LOW_WORD 0xffffffffu
#define SET_ID_BITS 06000u
#define TEMPORARY_FILE 020000000u /* __O_TMPFILE: O_TMPFILE without O_DIRECTORY */

static const char *const allowed[] = {
  /* memory */
  "brk", "mmap", "munmap", "mprotect", "mremap", "madvise", "msync", "mincore", "mlock", "mlock2", "munlock", "mlockall",
  "munlockall", "membarrier", "memfd_create", "pkey_alloc", "pkey_free", "pkey_mprotect",
  /* files */
  "open", "openat", "creat", "close", "close_range", "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv",
  "pwritev", "preadv2", "pwritev2", "lseek", "dup", "dup2", "dup3", "fcntl", "flock", "ioctl", "stat", "fstat", "lstat",
  "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2", "getcwd", "chdir", "fchdir", "rename",
  "renameat", "renameat2", "mkdir", "mkdirat", "rmdir", "link", "linkat", "unlink", "unlinkat", "symlink", "symlinkat",
  "readlink", "readlinkat", "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "umask", "mknod",
  "mknodat", "truncate", "ftruncate", "fallocate", "fadvise64", "readahead", "sendfile", "copy_file_range", "splice", "tee",
  "vmsplice", "sync_file_range", "fsync", "fdatasync", "syncfs", "getdents", "getdents64", "utime", "utimes", "futimesat",
  "utimensat", "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr", "inotify_init",
  "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
  /* waiting */
  "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
  "epoll_pwait2", "eventfd", "eventfd2", "signalfd", "signalfd4", "timerfd_create", "timerfd_settime", "timerfd_gettime",
  "pipe", "pipe2", "futex", "futex_waitv", "pause",
  /* sockets */
  "socket", "socketpair", "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "getsockopt",
  "setsockopt", "shutdown", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg",
  /* processes and signals */
  "clone", "fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "kill", "tkill", "tgkill",
  "pidfd_open", "pidfd_send_signal", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend",
  "rt_sigtimedwait", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "sigaltstack", "restart_syscall", "set_tid_address",
  "set_robust_list", "get_robust_list", "rseq", "arch_prctl", "prctl", "getpid", "getppid", "gettid", "getpgid", "getpgrp",
  "setpgid", "getsid", "setsid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "setuid",
  "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "capget", "capset",
  "getpriority", "setpriority", "ioprio_get", "ioprio_set", "sched_yield", "sched_getaffinity", "sched_setaffinity",
  "sched_getparam", "sched_getscheduler", "sched_getattr", "sched_get_priority_max", "sched_get_priority_min",
  "sched_rr_get_interval", "getcpu", "getrlimit", "setrlimit", "prlimit64", "getrusage", "times", "sysinfo", "uname",
  "getrandom", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
  /* time */
  "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time", "alarm", "getitimer", "setitimer",
  "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete",
  /* System V, in an ipc namespace of its own */
  "shmget", "shmat", "shmdt", "shmctl", "semget", "semop", "semtimedop", "semctl", "msgget", "msgsnd", "msgrcv", "msgctl",
};

/* A program is told plainly that it may not.  */
static const char *const refused[] = {
  "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "bpf", "perf_event_open", "userfaultfd",
  "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key", "mount", "umount2",
  "pivot_root", "chroot", "open_tree", "move_mount", "mount_setattr", "fsopen", "fsconfig", "fsmount", "fspick", "unshare",
  "setns", "open_by_handle_at", "name_to_handle_at", "reboot", "kexec_load", "kexec_file_load", "init_module",
  "finit_module", "delete_module", "swapon", "swapoff", "acct", "quotactl", "syslog", "sethostname", "setdomainname",
  "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "iopl", "ioperm", "vhangup", "fanotify_init", "nfsservctl",
  "sched_setscheduler", "sched_setparam", "sched_setattr", "personality", "process_madvise", "migrate_pages", "move_pages",
};

/* A file in a volume may carry none: they would reach the host.  */
static const char *const no_attributes[] = { "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr",
                                             "fremovexattr" };

/* Calls whose argument of that index is a mode.  */
static const struct
{
  const char *name;
  unsigned mode;
} with_mode[] = { { "chmod", 1 }, { "fchmod", 1 }, { "fchmodat", 2 }, { "creat", 1 },  { "mkdir", 1 },
                  { "mkdirat", 2 }, { "mknod", 1 },  { "mknodat", 2 } };

static const unsigned refused_terminal_calls[] = { TIOCSTI, 0x541c /* TIOCLINUX */, TIOCCONS, TIOCSETD, TIOCSCTTY };

static scmp_filter_ctx
new_filter (uint32_t action)
{
  scmp_filter_ctx filter = seccomp_init (action);

  if (!filter || seccomp_attr_set (filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) < 0
      || seccomp_attr_set (filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0)
    abort ();
  return filter;
}

static int
number_of (const char *name)
{
  int number = seccomp_syscall_resolve_name (name);

  if (number == __NR_SCMP_ERROR)
    {
      fprintf (stderr, "filter-gen: no such system call: %s\n", name);
      exit (1);
    }
  return number;
}

static void
check (int result, const char *name)
{
  if (result < 0)
    {
      fprintf (stderr, "filter-gen: rule for %s: %d\n", name, result);
      exit (1);
    }
}

/* Refuses where every one of the comparisons holds.  */
static void
refuse (scmp_filter_ctx filter, int error, const char *name, unsigned count, const struct scmp_arg_cmp *comparisons)
{
  check (seccomp_rule_add_array (filter, SCMP_ACT_ERRNO ((uint32_t) error), number_of (name), count, comparisons), name);
}

static struct scmp_arg_cmp
masked (unsigned argument, uint64_t mask, uint64_t value)
{
  return (struct scmp_arg_cmp){ .arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value };
}

static void
refuse_masked (scmp_filter_ctx filter, int error, const char *name, unsigned argument, uint64_t mask, uint64_t value)
{
  struct scmp_arg_cmp comparison = masked (argument, mask, value);

  refuse (filter, error, name, 1, &comparison);
}

/* The mode of an open counts only where the call may make a file.  */
static void
refuse_open_modes (scmp_filter_ctx filter, const char *name, unsigned flags)
{
  static const unsigned makes[] = { O_CREAT, TEMPORARY_FILE }, bits[] = { S_ISUID, S_ISGID };

  for (unsigned i = 0; i < 2; i++)
    for (unsigned j = 0; j < 2; j++)
      {
        struct scmp_arg_cmp comparisons[]
            = { masked (flags, makes[i], makes[i]), masked (flags + 1, bits[j], bits[j]) };

        refuse (filter, EPERM, name, 2, comparisons);
      }
}

static void
refuse_modes (scmp_filter_ctx filter)
{
  for (size_t i = 0; i < COUNT_OF (with_mode); i++)
    {
      refuse_masked (filter, EPERM, with_mode[i].name, with_mode[i].mode, S_ISUID, S_ISUID);
      refuse_masked (filter, EPERM, with_mode[i].name, with_mode[i].mode, S_ISGID, S_ISGID);
    }
  refuse_open_modes (filter, "open", 1);
  refuse_open_modes (filter, "openat", 2);
  for (unsigned type = 1; type < 16; type++)
    if (type << 12 != S_IFREG && type << 12 != S_IFIFO && type << 12 != S_IFSOCK)
      {
        refuse_masked (filter, EPERM, "mknod", 1, S_IFMT, type << 12);
        refuse_masked (filter, EPERM, "mknodat", 2, S_IFMT, type << 12);
      }
}

static void
refuse_namespaces (scmp_filter_ctx filter)
{
  static const uint64_t flags[] = { CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                    CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET };

  for (size_t i = 0; i < COUNT_OF (flags); i++)
    refuse_masked (filter, EPERM, "clone", 0, flags[i], flags[i]);
}

/* Domains from 64 on are unknown to the kernel, which says so itself.  */
static void
refuse_sockets (scmp_filter_ctx filter)
{
  for (unsigned domain = 0; domain < 64; domain++)
    if (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6 && domain != AF_NETLINK)
      refuse_masked (filter, EAFNOSUPPORT, "socket", 0, LOW_WORD, domain);
  for (unsigned protocol = 1; protocol < 32; protocol++)
    {
      struct scmp_arg_cmp comparisons[] = { masked (0, LOW_WORD, AF_NETLINK), masked (2, LOW_WORD, protocol) };

      refuse (filter, EAFNOSUPPORT, "socket", 2, comparisons);
    }
}

static void
print (scmp_filter_ctx filter, const char *name)
{
  FILE *file = tmpfile ();
  uint64_t instruction;

  if (!file || seccomp_export_bpf (filter, fileno (file)) < 0 || fseek (file, 0, SEEK_SET) < 0)
    abort ();
  printf ("static const uint64_t %s[] = {\n", name);
  while (fread (&instruction, sizeof instruction, 1, file) == 1)
    printf ("  0x%016llx,\n", (unsigned long long) instruction);
  printf ("};\n");
  fclose (file);
}

int
main (void)
{
  scmp_filter_ctx names = new_filter (SCMP_ACT_ERRNO (ENOSYS)), arguments = new_filter (SCMP_ACT_ALLOW);

  for (size_t i = 0; i < COUNT_OF (allowed); i++)
    check (seccomp_rule_add (names, SCMP_ACT_ALLOW, number_of (allowed[i]), 0), allowed[i]);
  for (size_t i = 0; i < COUNT_OF (refused); i++)
    refuse (arguments, EPERM, refused[i], 0, NULL);
  for (size_t i = 0; i < COUNT_OF (no_attributes); i++)
    refuse (arguments, EOPNOTSUPP, no_attributes[i], 0, NULL);
  refuse_modes (arguments);
  refuse_namespaces (arguments);
  refuse_sockets (arguments);
  for (size_t i = 0; i < COUNT_OF (refused_terminal_calls); i++)
    refuse_masked (arguments, EPERM, "ioctl", 1, LOW_WORD, refused_terminal_calls[i]);
  printf ("/* Made by filter-gen.c.  */\n");
  print (names, "filter_names");
  print (arguments, "filter_arguments");
  return 0;
}
