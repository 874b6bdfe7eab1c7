/* Volumes and the staging directories in them.  Whatever is made in a volume is made as its owner.  */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include "files.h"
#include "kernel.h"
#include "mounts.h"
#include "spawner.h"

/* mkdir as the owner; with an fsuid other than 0 the kernel takes away what overrides permissions.  EEXIST is success.  */
static int
make_as_owner (const struct volume *volume, int directory, const char *name)
{
  int result, error;

  setfsgid (volume->group);
  setfsuid (volume->owner);
  result = mkdirat (directory, name, 0700);
  error = errno;
  setfsuid (0);
  setfsgid (0);
  if (setfsuid (0) != 0 || setfsgid (0) != 0)
    die ("return from a volume's owner: it did not take");
  errno = error;
  return result < 0 && error == EEXIST ? 0 : result;
}

static int
open_owned (const struct volume *volume, int directory, const char *name)
{
  cleanup_fd int fd = open_directory (directory, name);
  struct stat status;

  if (fd < 0 || fstat (fd, &status) < 0)
    return -1;
  if (status.st_uid != volume->owner)
    {
      errno = EPERM;
      return -1;
    }
  return take_fd (&fd);
}

void
volumes_open (struct config *config)
{
  for (unsigned i = 0; i < config->volume_count; i++)
    {
      struct volume *volume = &config->volumes[i];
      struct stat status;

      volume->directory = open (volume->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (volume->directory < 0 || fstat (volume->directory, &status) < 0)
        die_errno ("open volume %s at %s", volume->name, volume->path);
      volume->owner = status.st_uid;
      volume->group = status.st_gid;
      if (volume->writable && make_as_owner (volume, volume->directory, ".runink") < 0)
        die_errno ("make .runink in volume %s at %s (is it writable for its owner?)", volume->name, volume->path);
      volume->covered = faccessat (volume->directory, ".runink", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
      idmap_expect (volume->owner, volume->group);
    }
}

struct volume *
volume_find (struct config *config, const char *herd, const char *name, bool writable, struct fault *fault)
{
  struct volume *volume = config_volume (config, herd, name);

  if (!volume)
    {
      fault_set (fault, RUNI_NOT_FOUND, "volume %s is not offered to this herd on this node", name);
      return NULL;
    }
  if (writable && !volume->writable)
    {
      fault_set (fault, RUNI_REFUSED, "volume %s is read-only on this node: a sink cannot write there", name);
      return NULL;
    }
  return volume;
}

int
staging_open (const struct volume *volume, const char *id, bool make, struct fault *fault)
{
  cleanup_fd int top = open_owned (volume, volume->directory, ".runink");
  int fd;

  if (top < 0)
    return fault_errno (fault, "open .runink of volume %s", volume->name);
  if (make && make_as_owner (volume, top, id) < 0)
    return fault_errno (fault, "make a staging directory in volume %s", volume->name);
  fd = open_owned (volume, top, id);
  if (fd < 0)
    return fault_errno (fault, "open a staging directory in volume %s", volume->name);
  return fd;
}
