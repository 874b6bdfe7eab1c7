/* The v2 driver: one tree, the group that was delegated to us.  */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "files.h"

#define CPU_PERIOD_US 100000
#define PROCESSOR_WEIGHT 100
#define WEIGHT_MAX 10000

static char leaf_name[48]; /* empty while we are in the group in which we were started */

/* A group with processes of its own may not give controllers to groups below: we move into a leaf beside the slices.  */
static bool
leave_for_leaf (int own, const char *instance)
{
  cleanup_fd int leaf = -1;

  if (write_file (own, "cgroup.subtree_control", "+memory +cpu +pids") == 0)
    return true;
  snprintf (leaf_name, sizeof leaf_name, "runink-helper-%s", instance);
  if (mkdirat (own, leaf_name, 0755) < 0 && errno != EEXIST)
    return false;
  leaf = open_directory (own, leaf_name);
  return leaf >= 0 && write_file (leaf, "cgroup.procs", "0") == 0
         && write_file (own, "cgroup.subtree_control", "+memory +cpu +pids") == 0;
}

/* Fails, and leaves an empty group, while another helper has slices below the same group.  */
void
cgroup_v2_leave (void)
{
  if (leaf_name[0] == '\0')
    return;
  if (write_file (cgroup_owns[0], "cgroup.subtree_control", "-memory -cpu -pids") < 0
      || write_file (cgroup_owns[0], "cgroup.procs", "0") < 0)
    return;
  unlinkat (cgroup_owns[0], leaf_name, AT_REMOVEDIR);
}

bool
cgroup_v2_find (const char *instance)
{
  char groups[8192], mounts[65536], controllers[512], path[2 * RUNI_PATH_BYTES];
  char point[RUNI_PATH_BYTES] = "", *own;

  if (read_file (AT_FDCWD, "/proc/self/cgroup", groups, sizeof groups) < 0
      || read_file (AT_FDCWD, "/proc/self/mounts", mounts, sizeof mounts) < 0)
    return false;
  for (char *line = mounts; line && *line; line = strchr (line, '\n'))
    {
      char type[32], this_point[RUNI_PATH_BYTES];

      line += *line == '\n';
      if (sscanf (line, "%*s %255s %31s", this_point, type) == 2 && !strcmp (type, "cgroup2"))
        memcpy (point, this_point, sizeof point);
    }
  own = strncmp (groups, "0::", 3) == 0 ? groups : strstr (groups, "\n0::");
  if (!*point || !own)
    return false;
  own = strchr (own, '/');
  if (!own)
    return false;
  snprintf (path, sizeof path, "%s%.*s", point, (int) strcspn (own, "\n"), own);
  cgroup_owns[0] = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (cgroup_owns[0] < 0)
    return false;
  if (read_file (cgroup_owns[0], "cgroup.controllers", controllers, sizeof controllers) >= 0
      && strstr (controllers, "memory") && strstr (controllers, "cpu") && strstr (controllers, "pids"))
    {
      if (!leave_for_leaf (cgroup_owns[0], instance))
        die_errno ("enable controllers in %s", path);
      return true;
    }
  close_fd (&cgroup_owns[0]);
  return false;
}

static int
set (const struct group *group, const char *name, const char *text, struct fault *fault)
{
  if (write_file (group->directories[0], name, text) < 0)
    return fault_errno (fault, "set %s to %s", name, text);
  return 0;
}

/* Of an instance's directory too, which has the file only if cpu is enabled for it: the helper's own group did that.  */
static int
weigh (int directory, unsigned processors)
{
  char weight[16];

  snprintf (weight, sizeof weight, "%u",
            processors < WEIGHT_MAX / PROCESSOR_WEIGHT ? processors * PROCESSOR_WEIGHT : WEIGHT_MAX);
  return write_file (directory, "cpu.weight", weight);
}

static int
limit (const struct group *group, const struct limits *limits, struct fault *fault)
{
  char memory[24], cpu[48], pids[16], weight[16];
  unsigned share = limits->cpu_millis * PROCESSOR_WEIGHT / 1000 + 1;
  struct fault unused;

  snprintf (memory, sizeof memory, "%llu", (unsigned long long) limits->memory_bytes_max);
  snprintf (cpu, sizeof cpu, "%llu %d", (unsigned long long) limits->cpu_millis * CPU_PERIOD_US / 1000, CPU_PERIOD_US);
  snprintf (weight, sizeof weight, "%u", share < WEIGHT_MAX ? share : WEIGHT_MAX);
  snprintf (pids, sizeof pids, "%u", limits->pids_max);
  if (set (group, "memory.max", memory, fault) < 0 || set (group, "memory.oom.group", "1", fault) < 0
      || set (group, "cpu.max", cpu, fault) < 0 || set (group, "cpu.weight", weight, fault) < 0
      || set (group, "pids.max", pids, fault) < 0)
    return -1;
  if (set (group, "memory.swap.max", "0", &unused) < 0 && errno != ENOENT) /* missing where swap is not counted */
    return fault_errno (fault, "set memory.swap.max");
  return 0;
}

/* oom.group kills the whole slice by itself, so that nobody need be woken: this descriptor tells only that it happened.  */
static int
watch_memory (const struct group *group, struct fault *fault)
{
  cleanup_fd int event = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  char path[64];

  snprintf (path, sizeof path, "/proc/self/fd/%d/memory.events", group->directories[0]);
  if (event < 0 || inotify_add_watch (event, path, IN_MODIFY) < 0)
    return fault_errno (fault, "watch memory.events");
  return take_fd (&event);
}

static void
measure (const struct group *group, struct usage *usage)
{
  int directory = group->directories[0];

  usage->memory_peak_bytes = read_counter (directory, "memory.peak", NULL);
  usage->oom_kills = read_counter (directory, "memory.events", "oom_kill");
  usage->cpu_us = read_counter (directory, "cpu.stat", "usage_usec");
  usage->pids_refused = read_counter (directory, "pids.events", "max");
  usage->cpu_throttled = read_counter (directory, "cpu.stat", "nr_throttled");
}

static bool
kill_all (const struct group *group)
{
  int directory = group->directories[0];
  uint64_t populated = directory < 0 ? 0 : read_counter (directory, "cgroup.events", "populated");

  if (populated)
    write_file (directory, "cgroup.kill", "1");
  return !populated;
}

struct cgroup_driver cgroup_v2 = {
  .version = "v2", .tree_count = 1, .limit = limit, .weigh = weigh, .watch_memory = watch_memory, .measure = measure, .kill = kill_all
};
