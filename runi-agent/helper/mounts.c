#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "files.h"
#include "kernel.h"

#define OWNERS_MAX 8

/* One namespace made ahead; `slice` is the id it is for, 0 for none.  */
static struct owner
{
  uid_t owner;
  gid_t group;
  uid_t slice;
  int namespace;
} owners[OWNERS_MAX];
static unsigned owner_count;

int
mount_clone (int directory, const char *path, unsigned flags, int idmap)
{
  struct mount_attr attributes = { .attr_set = MOUNT_ATTR_NOSUID, .propagation = MS_PRIVATE };
  cleanup_fd int mount = kernel_open_tree (directory, path, OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);

  if (mount < 0)
    return -1;
  if (!(flags & MOUNT_DEVICES))
    attributes.attr_set |= MOUNT_ATTR_NODEV;
  if (flags & MOUNT_READ_ONLY)
    attributes.attr_set |= MOUNT_ATTR_RDONLY;
  if (flags & MOUNT_NO_EXEC)
    attributes.attr_set |= MOUNT_ATTR_NOEXEC;
  if (idmap >= 0)
    {
      attributes.attr_set |= MOUNT_ATTR_IDMAP;
      attributes.userns_fd = (uint64_t) idmap;
    }
  if (kernel_mount_setattr (mount, "", AT_EMPTY_PATH, &attributes) < 0)
    return -1;
  return take_fd (&mount);
}

int
idmap_write (pid_t pid, uid_t uid_inside, uid_t uid_outside, gid_t gid_inside, gid_t gid_outside)
{
  char path[32], uids[64], gids[64];
  cleanup_fd int process = -1;

  snprintf (path, sizeof path, "/proc/%d", pid);
  snprintf (uids, sizeof uids, "%u %u 1", uid_inside, uid_outside);
  snprintf (gids, sizeof gids, "%u %u 1", gid_inside, gid_outside);
  process = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (process < 0)
    return -1;
  if (write_file (process, "setgroups", "deny") < 0 || write_file (process, "uid_map", uids) < 0)
    return -1;
  return write_file (process, "gid_map", gids);
}

/* The process with which a user namespace begins.  Without CAP_SYS_PTRACE we may open its namespace only while it is
   dumpable, which a copy of us is not.  */
static _Noreturn void
idmap_child (pid_t parent, int ready)
{
  if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl (PR_SET_DUMPABLE, 1) < 0 || getppid () != parent)
    _exit (1);
  if (write (ready, "", 1) != 1)
    _exit (1);
  for (;;)
    pause ();
}

static int
idmap_make (uid_t owner, gid_t group, uid_t slice)
{
  pid_t self = getpid (), pid;
  int pidfd = -1, namespace = -1, ends[2], error;
  char path[40], byte;

  if (pipe2 (ends, O_CLOEXEC) < 0)
    return -1;
  pid = kernel_clone (CLONE_NEWUSER, &pidfd);
  if (pid == 0)
    {
      close (ends[0]);
      idmap_child (self, ends[1]);
    }
  close (ends[1]);
  if (pid < 0)
    {
      close_fd (&ends[0]);
      return -1;
    }
  snprintf (path, sizeof path, "/proc/%d/ns/user", pid);
  if (read (ends[0], &byte, 1) == 1 && idmap_write (pid, owner, slice, group, slice) == 0)
    namespace = open (path, O_RDONLY | O_CLOEXEC);
  close_fd (&ends[0]);
  error = errno;
  kernel_pidfd_kill (pidfd, SIGKILL);
  close (pidfd);
  while (waitpid (pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  errno = error;
  return namespace;
}

int
idmap_take (uid_t owner, gid_t group, uid_t slice)
{
  for (unsigned i = 0; i < owner_count; i++)
    if (owners[i].owner == owner && owners[i].group == group && owners[i].slice == slice)
      {
        owners[i].slice = 0;
        return take_fd (&owners[i].namespace);
      }
  return idmap_make (owner, group, slice);
}

bool
idmap_prepare (uid_t slice)
{
  for (unsigned i = 0; i < owner_count; i++)
    if (owners[i].slice != slice)
      {
        close_fd (&owners[i].namespace);
        owners[i].namespace = idmap_make (owners[i].owner, owners[i].group, slice);
        owners[i].slice = slice;
        return true;
      }
  return false;
}

void
idmap_expect (uid_t owner, gid_t group)
{
  for (unsigned i = 0; i < owner_count; i++)
    if (owners[i].owner == owner && owners[i].group == group)
      return;
  if (owner_count < OWNERS_MAX)
    owners[owner_count++] = (struct owner){ .owner = owner, .group = group, .slice = 0, .namespace = -1 };
}
