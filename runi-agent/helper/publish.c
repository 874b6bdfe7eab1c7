/* Publishing and discarding, each in a process that has become the volume's owner for good.  */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "kernel.h"
#include "privileges.h"
#include "spawner.h"

#define DISCARD_DEPTH_MAX 64

static _Noreturn void
finish (int talk, const struct fault *fault)
{
  ssize_t written = fault ? write (talk, fault, sizeof *fault) : 0;

  _exit (fault && written < 0 ? 2 : fault ? 1 : 0);
}

/* Opens the target's directory, making what is missing; *name is the last component.  Each new name is synced into its
   parent.  */
static int
open_target_directory (const struct volume *volume, char *target, const char **name, struct fault *fault)
{
  int directory = fcntl (volume->directory, F_DUPFD_CLOEXEC, 0);
  char *at = target;

  for (char *slash; directory >= 0 && (slash = strchr (at, '/')); at = slash + 1)
    {
      int below;

      *slash = '\0';
      below = mkdirat (directory, at, 0755);
      if (below == 0)
        below = fsync (directory);
      else if (errno == EEXIST)
        below = 0;
      if (below == 0)
        below = open_directory (directory, at);
      if (below < 0)
        {
          /* Whatever the errno: the target cannot be written, which is another thing than a file that is not there.  */
          fault_errno (fault, "make or open directory %s of volume %s", target, volume->name);
          fault->reason = RUNI_REFUSED;
        }
      *slash = '/';
      close (directory);
      directory = below;
      if (below < 0)
        return -1;
    }
  *name = at;
  return directory < 0 ? fault_errno (fault, "open volume %s", volume->name) : directory;
}

/* A regular file under one name, without setuid and setgid: what else a step left there is no result.  */
static int
check_staged (int fd, const char *staged, struct fault *fault)
{
  struct stat status;

  if (fstat (fd, &status) < 0)
    return fault_errno (fault, "publish %s", staged);
  if (!S_ISREG (status.st_mode))
    return fault_set (fault, RUNI_REFUSED, "publish %s: not a regular file", staged);
  if (status.st_nlink != 1)
    return fault_set (fault, RUNI_REFUSED, "publish %s: the file has %lu names", staged,
                      (unsigned long) status.st_nlink);
  if (status.st_mode & (S_ISUID | S_ISGID))
    return fault_set (fault, RUNI_REFUSED, "publish %s: the file is setuid or setgid", staged);
  return 0;
}

static int
publish_file (const struct volume *volume, int staging, const char *staged, const char *target, struct fault *fault)
{
  char path[4096];
  const char *name;
  cleanup_fd int directory = -1, fd = -1;
  struct stat status;

  snprintf (path, sizeof path, "%s", target);
  errno = ENOENT;
  if (staging >= 0)
    fd = kernel_openat2 (staging, staged, O_RDONLY | O_NONBLOCK, 0, RESOLVE_NAMES);
  if (fd < 0 && (errno == ELOOP || errno == ENXIO))
    return fault_set (fault, RUNI_REFUSED, "publish %s: not a regular file", staged);
  if (fd < 0 && errno != ENOENT)
    return fault_errno (fault, "publish %s", staged);
  directory = open_target_directory (volume, path, &name, fault);
  if (directory < 0)
    return -1;
  if (fd < 0)
    {
      /* An earlier try got as far as the rename; its sync may not have come.  */
      if (fstatat (directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG (status.st_mode))
        return fault_set (fault, RUNI_NOT_FOUND, "publish %s: the step did not write it", staged);
    }
  else
    {
      if (check_staged (fd, staged, fault) < 0)
        return -1;
      if (fsync (fd) < 0)
        return fault_errno (fault, "sync %s", staged);
      if (fstatat (directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG (status.st_mode))
        return fault_set (fault, RUNI_REFUSED, "publish to %s: there is something that is no regular file", target);
      if (renameat (staging, staged, directory, name) < 0)
        return fault_errno (fault, "publish to %s of volume %s", target, volume->name);
    }
  if (fsync (directory) < 0)
    return fault_errno (fault, "sync the directory of %s", target);
  return 0;
}

static int
publish (struct spawner *spawner, const struct volume *volume, struct fault *fault)
{
  const struct runi_request *request = &spawner->message.fixed;
  struct fault missing;
  /* The whole directory may be gone, when everything was published and discarded before: each target then decides.  */
  cleanup_fd int staging = staging_open (volume, request->staging[0].id, false, &missing);

  if (staging < 0 && missing.reason != RUNI_NOT_FOUND)
    {
      *fault = missing;
      return -1;
    }
  for (uint32_t i = 0; i < request->file_count; i++)
    if (publish_file (volume, staging, spawner->parts.staged[i], spawner->parts.targets[i], fault) < 0)
      return -1;
  return 0;
}

static int
discard (struct spawner *spawner, const struct volume *volume, struct fault *fault)
{
  const char *id = spawner->message.fixed.staging[0].id;
  cleanup_fd int top = open_directory (volume->directory, ".runink"), staging = -1;

  if (top < 0)
    return fault_errno (fault, "open .runink of volume %s", volume->name);
  staging = open_directory (top, id);
  if (staging < 0)
    return errno == ENOENT ? 0 : fault_errno (fault, "open a staging directory in volume %s", volume->name);
  if (delete_contents (staging, DISCARD_DEPTH_MAX) < 0 || unlinkat (top, id, AT_REMOVEDIR) < 0)
    return fault_errno (fault, "delete a staging directory in volume %s", volume->name);
  return 0;
}

/* Becomes the owner; an owner who is root keeps no capability either, so that ownership alone counts.  */
static _Noreturn void
run (struct spawner *spawner, const struct volume *volume, int talk)
{
  struct fault fault = { 0 };
  int result = -1;

  umask (022);
  if (privileges_become (volume->owner, volume->group, &fault) == 0 && privileges_none (&fault) == 0)
    {
      prctl (PR_SET_PDEATHSIG, SIGKILL);
      result = spawner->message.fixed.type == RUNI_PUBLISH ? publish (spawner, volume, &fault)
                                                           : discard (spawner, volume, &fault);
    }
  finish (talk, result < 0 ? &fault : NULL);
}

/* A file that a living process may still write is not published, nor deleted under it.  */
static bool
is_in_use (const struct spawner *spawner, const struct runi_staging *staging)
{
  for (unsigned i = 0; i < RUNI_SLOTS_MAX; i++)
    for (unsigned j = 0; spawner->slots[i].used && j < spawner->slots[i].staging_count; j++)
      {
        const struct runi_staging *other = &spawner->slots[i].staging[j];

        if (!strcmp (other->volume, staging->volume) && !strcmp (other->id, staging->id))
          return true;
      }
  return false;
}

int
job_start (struct spawner *spawner, struct job *job, struct fault *fault)
{
  const struct runi_staging *staging = &spawner->message.fixed.staging[0];
  const struct volume *volume = volume_find (&spawner->config, staging->herd, staging->volume, true, fault);
  int ends[2];

  if (!volume)
    return -1;
  if (is_in_use (spawner, staging))
    return fault_set (fault, RUNI_REFUSED, "a slot that writes to this staging directory of volume %s still runs",
                      staging->volume);
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    return fault_errno (fault, "make a socket pair");
  *job = (struct job){ .id = spawner->message.fixed.id, .pidfd = -1, .talk = ends[0] };
  job->pid = kernel_clone (0, &job->pidfd);
  if (job->pid == 0)
    {
      close (ends[0]);
      run (spawner, volume, ends[1]);
    }
  close (ends[1]);
  if (job->pid < 0)
    {
      fault_errno (fault, "fork");
      close (ends[0]);
      return -1;
    }
  job->used = true;
  return 0;
}
