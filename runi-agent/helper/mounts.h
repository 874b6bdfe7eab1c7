/* Detached mounts, made by the spawner and placed by a slice's child.  */

#pragma once

#include <sys/types.h>

#include "fault.h"

#define MOUNT_READ_ONLY 1u
#define MOUNT_NO_EXEC 2u
#define MOUNT_DEVICES 4u

/* A private, detached mount of a file or directory below an open directory (path "" for itself), without what is mounted
   beneath; nosuid, and nodev unless MOUNT_DEVICES.  idmap is a user namespace or -1.  -1 and errno.  */
int mount_clone (int directory, const char *path, unsigned flags, int idmap);

/* A user namespace in which the files of owner:group belong to slice:slice.  One is made ahead by idmap_prepare for each
   different owner, as it takes a process (1.4 ms).  -1 and errno.  */
int idmap_take (uid_t owner, gid_t group, uid_t slice);

/* Makes one namespace that a launch as this slice id will want; true if there was one to make.  Forgets those of other ids.  */
bool idmap_prepare (uid_t slice);

/* Tells of an owner for whom namespaces shall be made ahead.  */
void idmap_expect (uid_t owner, gid_t group);

/* Writes a one-id map of a process's user namespace: inside → outside, with setgroups denied.  -1 and errno.  */
int idmap_write (pid_t pid, uid_t uid_inside, uid_t uid_outside, gid_t gid_inside, gid_t gid_outside);
