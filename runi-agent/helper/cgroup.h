/* Resource groups: runink-<instance>/<herd uid>/<slot> below the helper's own group of each hierarchy.  Two drivers, v1
   (and hybrid) and v2, picked once by what is mounted; never a silent fallback.  */

#pragma once

#include "fault.h"

#define CGROUP_TREES_MAX 5

struct limits
{
  uint64_t memory_bytes_max;
  unsigned cpu_millis;
  unsigned pids_max;
};

struct usage
{
  uint64_t memory_peak_bytes;
  uint64_t cpu_us;
  uint64_t pids_refused;
  uint64_t cpu_throttled;
  uint64_t oom_kills;
};

/* One slot's directory in each tree; -1 where there is none.  */
struct group
{
  char herd[RUNI_NAME_BYTES];
  char slot[RUNI_SLOT_BYTES];
  int directories[CGROUP_TREES_MAX];
};

struct cgroup_driver
{
  const char *version;
  unsigned tree_count;
  /* Which tree answers for which resource.  */
  unsigned memory, cpu, cpuacct, pids, freezer;
  int (*limit) (const struct group *group, const struct limits *limits, struct fault *fault);
  /* Gives a directory of the cpu tree the weight of that many processors' worth of work; -1 and errno.  A slot's weight comes
     with its limit.  Without this all slices together would weigh as much as one other process of the machine.  */
  int (*weigh) (int directory, unsigned processors);
  /* A descriptor that becomes readable when the group runs out of memory (if watch_is_certain, else when it may have);
     -1 and fault.  */
  bool watch_is_certain;
  int (*watch_memory) (const struct group *group, struct fault *fault);
  void (*measure) (const struct group *group, struct usage *usage);
  /* Kills everything in the group; true when nothing was left in it.  */
  bool (*kill) (const struct group *group);
};

extern struct cgroup_driver cgroup_v1;
extern struct cgroup_driver cgroup_v2;

/* Finds the hierarchies, makes runink-<instance> in each and ends and removes what an earlier helper of this instance left
   there.  Dies if memory, cpu and pids cannot be limited here.  */
void cgroup_start (const char *instance);

/* Makes the slot's group with its limits; undoes all on failure.  */
int cgroup_create (struct group *group, const char *herd, const char *slot, const struct limits *limits,
                   struct fault *fault);

/* Moves the calling process into the group.  */
int cgroup_join (const struct group *group, struct fault *fault);

/* Removes the (empty) group and the herd's if it was the last; false while the kernel still counts a process in it.  */
bool cgroup_remove (struct group *group);

/* Removes runink-<instance>, as far as it is empty; also called at exit.  */
void cgroup_stop (void);

/* The driver in use.  */
const struct cgroup_driver *cgroup_driver (void);

/* For the drivers: directories of runink-<instance> in each tree, and of the helper's own group.  */
extern int cgroup_roots[CGROUP_TREES_MAX];
extern int cgroup_owns[CGROUP_TREES_MAX];

/* For cgroup_start: finds and opens the helper's own groups.  False if this version's controllers are not here.  */
bool cgroup_v1_find (void);
bool cgroup_v2_find (const char *instance);

/* For cgroup_stop: goes back to the group in which the helper was started.  */
void cgroup_v2_leave (void);
