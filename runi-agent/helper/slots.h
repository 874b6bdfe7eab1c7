/* What becomes of a slot after its launch.  */

#pragma once

#include "spawner.h"

struct slot *slot_find (struct spawner *spawner, const char *name);

void slot_kill (struct slot *slot);

/* Reads one message of the slot's child or runi-init; false when there is none.  */
bool slot_read_talk (struct slot *slot);

/* The group may be out of memory: then the slot is killed.  */
void slot_read_memory (struct slot *slot);

/* Its pid 1 is gone, and with it, by the kernel's word, all of its namespace: measures, removes the group and tells the
   agent.  */
void slot_end (struct spawner *spawner, struct slot *slot);

/* Whether a launch is under way.  It needs us at once, so nothing is made ahead beside it.  */
bool slots_launching (const struct spawner *spawner);

/* Tries again to remove groups in which the kernel still counts a process; true if there are such.  */
bool slots_retry_removals (struct spawner *spawner);
