/* What a slice sees beyond the template: everything it was given, below one /run.  */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "child.h"
#include "files.h"
#include "kernel.h"
#include "mounts.h"

#define INODE_BYTES 16384

static const char *const run_directories[] = { "in", "out", "data", "stage", "step", "state", "slice", "slice/agent",
                                               "slice/exchange", "secrets" };

static const char hosts[] = "127.0.0.1 localhost slice\n::1 localhost\n";

/* Of a full /proc, what tells of the host.  An unprivileged, unmapped id could write nowhere in it.  */
static const char *const masked_directories[] = { "acpi", "bus", "driver", "fs", "irq", "scsi", "tty", "dynamic_debug",
                                                  "asound", "sysvipc" };
static const char *const masked_files[]
    = { "kcore", "keys", "key-users", "kmsg", "kallsyms", "kpagecount", "kpageflags", "kpagecgroup", "latency_stats",
        "timer_list", "timer_stats", "sched_debug", "sysrq-trigger", "slabinfo", "vmallocinfo", "iomem", "ioports",
        "modules", "interrupts", "config.gz", "pagetypeinfo", "mtrr", "cmdline", "partitions", "diskstats", "swaps",
        "version_signature", "bootconfig", "allocinfo" };

static int
put (int run, const char *path, const char *bytes, size_t size, mode_t mode, struct fault *fault)
{
  cleanup_fd int fd = openat (run, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

  if (fd < 0 || write_all (fd, bytes, size) < 0)
    return fault_errno (fault, "write /run/%s", path);
  return 0;
}

/* As the slice's user, in whose memory group we already are, so that the bytes are its own and no one else's.  */
static int
put_secrets (const struct plan *plan, int run, struct fault *fault)
{
  const struct message *message = &plan->spawner->message;
  const char *at = plan->spawner->parts.secrets;
  char path[2 * RUNI_PATH_BYTES + 16];

  if (fchownat (run, "secrets", plan->uid, plan->uid, 0) < 0 || fchmodat (run, "secrets", 0700, 0) < 0)
    return fault_errno (fault, "make /run/secrets");
  setfsgid (plan->uid);
  setfsuid (plan->uid);
  if ((uid_t) setfsuid (plan->uid) != plan->uid)
    return fault_set (fault, RUNI_KERNEL, "write secrets as the slice's user: it did not take");
  for (unsigned i = 0; i < message->fixed.secret_count; i++)
    {
      uint32_t sizes[2];
      char *slash;

      memcpy (sizes, at, sizeof sizes);
      at += sizeof sizes;
      snprintf (path, sizeof path, "secrets/%s", at);
      slash = strrchr (path, '/');
      *slash = '\0';
      if (mkdirat (run, path, 0700) < 0 && errno != EEXIST)
        return fault_errno (fault, "make /run/%s", path);
      *slash = '/';
      if (put (run, path, at + sizes[0], sizes[1], 0400, fault) < 0)
        return -1;
      at += sizes[0] + sizes[1];
    }
  setfsuid (0);
  setfsgid (0);
  if (setfsuid (0) != 0)
    return fault_set (fault, RUNI_KERNEL, "return from the slice's user: it did not take");
  return 0;
}

static int
place (int run, const struct plan_mount *mount, int empty, struct fault *fault)
{
  cleanup_fd int top = -1, covered = -1;

  if (mount->file ? put (run, mount->at, "", 0, 0644, fault) < 0
                  : mkdirat (run, mount->at, 0755) < 0 && errno != EEXIST)
    return mount->file ? -1 : fault_errno (fault, "make /run/%s", mount->at);
  if (kernel_move_mount (mount->fd, "", run, mount->at, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return fault_errno (fault, "mount /run/%s", mount->at);
  if (!mount->cover)
    return 0;
  top = openat (run, mount->at, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  covered = top < 0 ? -1 : kernel_openat2 (top, ".runink", O_PATH | O_DIRECTORY, 0, RESOLVE_NAMES);
  if (covered < 0)
    return fault_errno (fault, "open .runink of /run/%s", mount->at);
  empty = mount_clone (empty, "", MOUNT_READ_ONLY | MOUNT_NO_EXEC, -1);
  if (empty < 0 || kernel_move_mount (empty, "", covered, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    return fault_errno (fault, "cover .runink of /run/%s", mount->at);
  close (empty);
  return 0;
}

static int
fill_run (const struct plan *plan, int empty, struct fault *fault)
{
  struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };
  cleanup_fd int run = -1;

  if (mount ("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4m,nr_inodes=1024,mode=0755") < 0)
    return fault_errno (fault, "mount /run");
  run = open ("/run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (run < 0)
    return fault_errno (fault, "open /run");
  for (unsigned i = 0; i < COUNT_OF (run_directories); i++)
    if (mkdirat (run, run_directories[i], 0755) < 0)
      return fault_errno (fault, "make /run/%s", run_directories[i]);
  if (put (run, "hosts", hosts, sizeof hosts - 1, 0644, fault) < 0 || put_secrets (plan, run, fault) < 0)
    return -1;
  for (unsigned i = 0; i < plan->mount_count; i++)
    if (place (run, &plan->mounts[i], empty, fault) < 0)
      return -1;
  if (kernel_mount_setattr (run, "", AT_EMPTY_PATH, &read_only) < 0)
    return fault_errno (fault, "make /run read-only");
  return 0;
}

/* A quarter of the slice's memory at most, in bytes and in inodes.  */
static int
mount_tmp (uint64_t memory_bytes_max, struct fault *fault)
{
  uint64_t bytes = memory_bytes_max / 4, inodes = bytes / INODE_BYTES + 64;
  char options[96];

  snprintf (options, sizeof options, "size=%llu,nr_inodes=%llu,mode=1777", (unsigned long long) bytes,
            (unsigned long long) inodes);
  if (mount ("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
    return fault_errno (fault, "mount /tmp");
  if (mkdir ("/tmp/.shm", 01777) < 0 || chmod ("/tmp/.shm", 01777) < 0)
    return fault_errno (fault, "make /tmp/.shm");
  return 0;
}

static int
mask (int proc, const char *name, int with, struct fault *fault)
{
  cleanup_fd int mount = -1;

  if (faccessat (proc, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
    return 0;
  mount = mount_clone (with, "", MOUNT_READ_ONLY | MOUNT_NO_EXEC | MOUNT_DEVICES, -1);
  if (mount < 0 || kernel_move_mount (mount, "", proc, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return fault_errno (fault, "mask /proc/%s", name);
  return 0;
}

static int
mount_proc (bool full, int empty, struct fault *fault)
{
  cleanup_fd int proc = -1, null = -1, settings = -1;
  const char *options = full ? "hidepid=invisible" : "hidepid=invisible,subset=pid";

  if (mount ("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0)
    return fault_errno (fault, "mount /proc");
  if (!full)
    return 0;
  proc = open ("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  null = open ("/dev/null", O_PATH | O_CLOEXEC);
  if (proc < 0 || null < 0)
    return fault_errno (fault, "open /proc");
  for (unsigned i = 0; i < COUNT_OF (masked_directories); i++)
    if (mask (proc, masked_directories[i], empty, fault) < 0)
      return -1;
  for (unsigned i = 0; i < COUNT_OF (masked_files); i++)
    if (mask (proc, masked_files[i], null, fault) < 0)
      return -1;
  settings = mount_clone (proc, "sys", MOUNT_READ_ONLY | MOUNT_NO_EXEC, -1);
  if (settings < 0 || kernel_move_mount (settings, "", proc, "sys", MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return fault_errno (fault, "make /proc/sys read-only");
  return 0;
}

int
child_mounts (const struct plan *plan, struct fault *fault)
{
  const struct runi_request *request = &plan->spawner->message.fixed;
  cleanup_fd int empty = -1;

  if (setns (plan->spawner->template, CLONE_NEWNS) < 0 || unshare (CLONE_NEWNS) < 0)
    return fault_errno (fault, "enter the slice's root");
  /* The template's /tmp, empty and read-only, is what covers other directories.  */
  empty = open ("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (empty < 0)
    return fault_errno (fault, "open the template's /tmp");
  if (fill_run (plan, empty, fault) < 0 || mount_proc (request->full_proc, empty, fault) < 0)
    return -1;
  return mount_tmp (request->memory_bytes_max, fault);
}
