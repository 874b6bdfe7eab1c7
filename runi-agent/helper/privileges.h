/* Giving up privilege.  After each step it is asserted that it took.  */

#pragma once

#include <sys/types.h>

#include "fault.h"

/* Keeps only the ten capabilities that the spawner needs (each does), out of the bounding set too, and is not dumpable.  */
int privileges_keep_ten (struct fault *fault);

/* Becomes uid:gid with no other group and no way back.  */
int privileges_become (uid_t uid, gid_t gid, struct fault *fault);

/* No capability in any set, no new privileges; for a process that is alone in a new user namespace, or unprivileged.  */
int privileges_none (struct fault *fault);
