/* What a slice's child needs, gathered by the spawner before it is cloned.  */

#pragma once

#include "spawner.h"

#define PLAN_MOUNTS_MAX (3 + RUNI_VOLUMES_MAX + RUNI_STAGING_MAX + 2 * RUNI_EDGES_MAX)

struct plan_mount
{
  int fd;
  bool file;
  bool cover;                 /* its .runink is to be hidden */
  char at[RUNI_NAME_BYTES + 16]; /* below /run */
};

struct plan
{
  const struct spawner *spawner;
  const struct group *group;
  uid_t uid;
  int talk;
  int network;
  unsigned mount_count;
  struct plan_mount mounts[PLAN_MOUNTS_MAX];
};

/* From the clone to the exec of runi-init; failure is said on talk.  Its pid, ipc and uts namespaces are new already.  */
_Noreturn void child_run (const struct plan *plan);

/* /run, /tmp and /proc over the template's tree, in a mount namespace of its own.  */
int child_mounts (const struct plan *plan, struct fault *fault);

/* The two filters of filter-gen.c, in force from here on.  */
int filter_install (struct fault *fault);
