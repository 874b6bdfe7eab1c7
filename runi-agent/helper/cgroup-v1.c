/* The v1 and hybrid driver.  Hierarchies are separate mounts, of which several controllers may share one.  */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "files.h"
#include "kernel.h"

#define CPU_PERIOD_US 100000
#define PROCESSOR_SHARES 1024
#define SHARES_MIN 2
#define SHARES_MAX 262144
#define FREEZE_TRIES_MAX 100

/* Whether the word stands in a comma-separated list that ends at a blank or line end.  */
static bool
has_word (const char *list, const char *word)
{
  size_t length = strlen (word);

  for (const char *at = list;; at++)
    {
      if (!strncmp (at, word, length) && strchr (", \n", at[length]))
        return true;
      at += strcspn (at, ", \n");
      if (*at != ',')
        return false;
    }
}

/* Our own group in the hierarchy of a controller: the mount's root must be a prefix of the path in /proc/self/cgroup.  */
static int
open_own_group (const char *mounts, const char *groups, const char *controller)
{
  char point[RUNI_PATH_BYTES] = "", root[RUNI_PATH_BYTES] = "", own[RUNI_PATH_BYTES] = "", path[3 * RUNI_PATH_BYTES];
  size_t root_length;

  for (const char *line = mounts; line && *line; line = strchr (line, '\n'))
    {
      char this_root[RUNI_PATH_BYTES], this_point[RUNI_PATH_BYTES];
      const char *type;
      int options = 0;

      line += *line == '\n';
      type = strstr (line, " - cgroup ");
      if (!type || type > line + strcspn (line, "\n"))
        continue;
      sscanf (type, " - cgroup %*s %n", &options);
      if (options && has_word (type + options, controller)
          && sscanf (line, "%*d %*d %*s %255s %255s", this_root, this_point) == 2)
        {
          memcpy (root, this_root, sizeof root);
          memcpy (point, this_point, sizeof point);
        }
    }
  for (const char *line = groups; line && *line; line = strchr (line, '\n'))
    {
      const char *names, *name_end;

      line += *line == '\n';
      names = strchr (line, ':');
      name_end = names ? strchr (names + 1, ':') : NULL;
      if (!name_end)
        continue;
      for (const char *at = names + 1; at < name_end; at += strcspn (at, ",:") + 1)
        if (!strncmp (at, controller, strlen (controller)) && strchr (",:", at[strlen (controller)]))
          snprintf (own, sizeof own, "%.*s", (int) strcspn (name_end + 1, "\n"), name_end + 1);
    }
  if (!*point || !*own)
    return -1;
  root_length = strcmp (root, "/") == 0 ? 0 : strlen (root);
  if (strncmp (own, root, root_length) != 0)
    return -1;
  snprintf (path, sizeof path, "%s%s", point, own + root_length);
  return open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The tree's index, shared with an earlier controller of the same mount; -1 if the controller is not here.  */
static int
add_tree (const char *mounts, const char *groups, const char *controller)
{
  cleanup_fd int directory = open_own_group (mounts, groups, controller);
  struct stat status, other;

  if (directory < 0 || fstat (directory, &status) < 0)
    return -1;
  for (unsigned tree = 0; tree < cgroup_v1.tree_count; tree++)
    if (fstat (cgroup_owns[tree], &other) == 0 && other.st_dev == status.st_dev && other.st_ino == status.st_ino)
      return (int) tree;
  cgroup_owns[cgroup_v1.tree_count] = take_fd (&directory);
  return (int) cgroup_v1.tree_count++;
}

bool
cgroup_v1_find (void)
{
  static char mounts[262144];
  char groups[8192];
  const char *names[] = { "memory", "cpu", "cpuacct", "pids", "freezer" };
  unsigned *trees[] = { &cgroup_v1.memory, &cgroup_v1.cpu, &cgroup_v1.cpuacct, &cgroup_v1.pids, &cgroup_v1.freezer };

  if (read_file (AT_FDCWD, "/proc/self/mountinfo", mounts, sizeof mounts) < 0
      || read_file (AT_FDCWD, "/proc/self/cgroup", groups, sizeof groups) < 0)
    return false;
  for (unsigned i = 0; i < COUNT_OF (names); i++)
    {
      int tree = add_tree (mounts, groups, names[i]);

      if (tree < 0)
        return false;
      *trees[i] = (unsigned) tree;
    }
  return true;
}

static int
write_number (int directory, const char *name, uint64_t number, struct fault *fault)
{
  char text[24];

  snprintf (text, sizeof text, "%llu", (unsigned long long) number);
  if (write_file (directory, name, text) < 0)
    return fault_errno (fault, "set %s to %s", name, text);
  return 0;
}

/* The kernel takes from 2 to 262144.  */
static uint64_t
shares_of (uint64_t cpu_millis)
{
  uint64_t shares = cpu_millis * PROCESSOR_SHARES / 1000;

  return shares < SHARES_MIN ? SHARES_MIN : shares < SHARES_MAX ? shares : SHARES_MAX;
}

static int
weigh (int directory, unsigned processors)
{
  struct fault unused;

  return write_number (directory, "cpu.shares", shares_of (processors * UINT64_C (1000)), &unused);
}

static int
limit (const struct group *group, const struct limits *limits, struct fault *fault)
{
  int memory = group->directories[cgroup_v1.memory];
  int cpu = group->directories[cgroup_v1.cpu];
  struct fault unused;

  if (write_number (memory, "memory.limit_in_bytes", limits->memory_bytes_max, fault) < 0
      || write_number (cpu, "cpu.cfs_period_us", CPU_PERIOD_US, fault) < 0
      || write_number (cpu, "cpu.cfs_quota_us", (uint64_t) limits->cpu_millis * CPU_PERIOD_US / 1000, fault) < 0
      || write_number (cpu, "cpu.shares", shares_of (limits->cpu_millis), fault) < 0
      || write_number (group->directories[cgroup_v1.pids], "pids.max", limits->pids_max, fault) < 0)
    return -1;
  /* Memory and swap together; where swap is not counted the file is missing and the limit above is all there is.  */
  if (write_number (memory, "memory.memsw.limit_in_bytes", limits->memory_bytes_max, &unused) < 0 && errno != ENOENT
      && errno != EOPNOTSUPP)
    return fault_errno (fault, "set memory.memsw.limit_in_bytes");
  return 0;
}

/* v1 has no oom.group: the kernel kills one process, and we the rest as soon as this descriptor tells.  */
static int
watch_memory (const struct group *group, struct fault *fault)
{
  int directory = group->directories[cgroup_v1.memory];
  cleanup_fd int event = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  cleanup_fd int control = openat (directory, "memory.oom_control", O_RDONLY | O_CLOEXEC);
  char text[32];

  if (event < 0 || control < 0)
    return fault_errno (fault, "watch memory.oom_control");
  snprintf (text, sizeof text, "%d %d", event, control);
  if (write_file (directory, "cgroup.event_control", text) < 0)
    return fault_errno (fault, "watch memory.oom_control");
  return take_fd (&event);
}

static void
measure (const struct group *group, struct usage *usage)
{
  int memory = group->directories[cgroup_v1.memory];

  usage->memory_peak_bytes = read_counter (memory, "memory.max_usage_in_bytes", NULL);
  usage->oom_kills = read_counter (memory, "memory.oom_control", "oom_kill");
  usage->cpu_us = read_counter (group->directories[cgroup_v1.cpuacct], "cpuacct.usage", NULL) / 1000;
  usage->pids_refused = read_counter (group->directories[cgroup_v1.pids], "pids.events", "max");
  usage->cpu_throttled = read_counter (group->directories[cgroup_v1.cpu], "cpu.stat", "nr_throttled");
}

static bool
freeze (int directory)
{
  char state[16];

  if (write_file (directory, "freezer.state", "FROZEN") < 0)
    return false;
  for (unsigned tries = 0; tries < FREEZE_TRIES_MAX; tries++)
    {
      if (read_file (directory, "freezer.state", state, sizeof state) < 0)
        return false;
      if (!strcmp (state, "FROZEN\n"))
        return true;
    }
  return false; /* still FREEZING: most stand still, and the caller calls again */
}

/* Frozen, no process of the group can fork or give its pid away, so each pid read is the one that is killed.  */
static bool
kill_all (const struct group *group)
{
  int directory = group->directories[cgroup_v1.freezer];
  char pids[16384];
  bool empty = true;

  if (directory < 0)
    return true;
  freeze (directory);
  if (read_file (directory, "cgroup.procs", pids, sizeof pids) > 0)
    for (char *at = pids, *end; *at; at = end + strspn (end, "\n"))
      {
        cleanup_fd int pidfd = kernel_pidfd_open ((pid_t) strtol (at, &end, 10));

        if (end == at)
          break;
        empty = false;
        if (pidfd >= 0)
          kernel_pidfd_kill (pidfd, SIGKILL);
      }
  write_file (directory, "freezer.state", "THAWED");
  return empty;
}

struct cgroup_driver cgroup_v1 = {
  .version = "v1", .watch_is_certain = true, .limit = limit, .weigh = weigh, .watch_memory = watch_memory, .measure = measure, .kill = kill_all
};
