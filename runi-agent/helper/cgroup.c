#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "kernel.h"

#define LEFTOVER_TRIES_MAX 5000
#define LEFTOVER_PAUSE_NS 1000000

int cgroup_roots[CGROUP_TREES_MAX] = { -1, -1, -1, -1, -1 };
int cgroup_owns[CGROUP_TREES_MAX] = { -1, -1, -1, -1, -1 };

static const struct cgroup_driver *driver;
static char root_name[40];
static unsigned processors;
static pid_t owner; /* the spawner: its forked children must not remove what they inherit */

const struct cgroup_driver *
cgroup_driver (void)
{
  return driver;
}

static void
group_clear (struct group *group)
{
  for (unsigned tree = 0; tree < CGROUP_TREES_MAX; tree++)
    close_fd (&group->directories[tree]);
}

/* Opens <herd>/<slot> where it exists.  */
static void
group_open (struct group *group, const char *herd, const char *slot)
{
  snprintf (group->herd, sizeof group->herd, "%.63s", herd);
  snprintf (group->slot, sizeof group->slot, "%.47s", slot);
  for (unsigned tree = 0; tree < CGROUP_TREES_MAX; tree++)
    {
      cleanup_fd int parent = tree < driver->tree_count ? open_directory (cgroup_roots[tree], herd) : -1;

      group->directories[tree] = parent < 0 ? -1 : open_directory (parent, slot);
    }
}

/* A directory of the instance's or of a herd's, which slots share.  */
static bool
make_and_open (unsigned tree, int parent, const char *name, int *directory)
{
  bool made = mkdirat (parent, name, 0755) == 0;

  if (!made && errno != EEXIST)
    return false;
  *directory = open_directory (parent, name);
  return *directory >= 0 && (!made || tree != driver->cpu || driver->weigh (*directory, processors) == 0);
}

int
cgroup_create (struct group *group, const char *herd, const char *slot, const struct limits *limits,
               struct fault *fault)
{
  snprintf (group->herd, sizeof group->herd, "%s", herd);
  snprintf (group->slot, sizeof group->slot, "%s", slot);
  for (unsigned tree = 0; tree < CGROUP_TREES_MAX; tree++)
    group->directories[tree] = -1;
  for (unsigned tree = 0; tree < driver->tree_count; tree++)
    {
      cleanup_fd int parent = -1;

      if (!make_and_open (tree, cgroup_roots[tree], herd, &parent) || mkdirat (parent, slot, 0755) < 0)
        {
          fault_errno (fault, "make the resource group of %s", slot);
          goto undo;
        }
      group->directories[tree] = open_directory (parent, slot);
      if (group->directories[tree] < 0
          || (driver == &cgroup_v2 && write_file (parent, "cgroup.subtree_control", "+memory +cpu +pids") < 0))
        {
          fault_errno (fault, "open the resource group of %s", slot);
          unlinkat (parent, slot, AT_REMOVEDIR);
          goto undo;
        }
    }
  if (driver->limit (group, limits, fault) == 0)
    return 0;
undo:
  cgroup_remove (group);
  return -1;
}

int
cgroup_join (const struct group *group, struct fault *fault)
{
  /* A single thread that moves itself through v1's "tasks" needs no lock over all of the machine's forks, which costs half a
     millisecond a tree (kernel/cgroup/cgroup.c, cgroup_procs_write_start).  */
  const char *name = driver == &cgroup_v2 ? "cgroup.procs" : "tasks";

  for (unsigned tree = 0; tree < driver->tree_count; tree++)
    if (write_file (group->directories[tree], name, "0") < 0)
      return fault_errno (fault, "join the resource group");
  return 0;
}

bool
cgroup_remove (struct group *group)
{
  bool gone = true;

  for (unsigned tree = 0; tree < driver->tree_count; tree++)
    {
      cleanup_fd int parent = -1;

      if (group->directories[tree] < 0)
        continue;
      parent = open_directory (cgroup_roots[tree], group->herd);
      if (parent >= 0 && unlinkat (parent, group->slot, AT_REMOVEDIR) < 0 && errno != ENOENT)
        {
          gone = false;
          continue;
        }
      close_fd (&group->directories[tree]);
      unlinkat (cgroup_roots[tree], group->herd, AT_REMOVEDIR); /* succeeds only for the herd's last slot */
    }
  return gone;
}

static void
end_leftover (const char *herd, const char *slot)
{
  const struct timespec pause = { .tv_nsec = LEFTOVER_PAUSE_NS };
  struct group group;

  group_open (&group, herd, slot);
  for (unsigned tries = 0; tries < LEFTOVER_TRIES_MAX; tries++)
    {
      driver->kill (&group);
      if (cgroup_remove (&group))
        return;
      nanosleep (&pause, NULL);
    }
  group_clear (&group);
  die ("the processes of slot %s, left by an earlier helper, do not end", slot);
}

/* Calls visit for each directory below; the name is valid during the call.  */
static void
for_each_group (int directory, const char *herd, void (*visit) (const char *herd, const char *name, int directory))
{
  int copy = openat (directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream = copy < 0 ? NULL : fdopendir (copy);

  if (!stream)
    die_errno ("read a resource group");
  for (const struct dirent *entry; (entry = readdir (stream));)
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
      visit (herd, entry->d_name, directory);
  closedir (stream);
}

static void
visit_slot (const char *herd, const char *slot, int directory)
{
  (void) directory;
  end_leftover (herd, slot);
}

static void
visit_herd (const char *none, const char *herd, int directory)
{
  cleanup_fd int below = open_directory (directory, herd);

  (void) none;
  if (below < 0)
    return; /* its last slot was removed from another tree, and the herd with it */
  for_each_group (below, herd, visit_slot);
  if (unlinkat (directory, herd, AT_REMOVEDIR) < 0 && errno != ENOENT)
    die_errno ("remove the resource group of herd %s", herd);
}

void
cgroup_start (const char *instance)
{
  snprintf (root_name, sizeof root_name, "runink-%s", instance);
  if (cgroup_v2_find (instance))
    driver = &cgroup_v2;
  else if (cgroup_v1_find ())
    driver = &cgroup_v1;
  else
    die ("this machine has no cgroup hierarchy in which memory, cpu and pids can be limited");
  owner = getpid ();
  processors = (unsigned) sysconf (_SC_NPROCESSORS_ONLN);
  if (atexit (cgroup_stop) != 0)
    die ("register what is to be done at the end");
  for (unsigned tree = 0; tree < driver->tree_count; tree++)
    if (!make_and_open (tree, cgroup_owns[tree], root_name, &cgroup_roots[tree]))
      die_errno ("make the resource group %s", root_name);
  for (unsigned tree = 0; tree < driver->tree_count; tree++)
    for_each_group (cgroup_roots[tree], NULL, visit_herd);
  if (driver == &cgroup_v2 && write_file (cgroup_roots[0], "cgroup.subtree_control", "+memory +cpu +pids") < 0)
    die_errno ("enable controllers in %s", root_name);
}

void
cgroup_stop (void)
{
  if (getpid () != owner)
    return;
  for (unsigned tree = 0; tree < driver->tree_count; tree++)
    unlinkat (cgroup_owns[tree], root_name, AT_REMOVEDIR);
  if (driver == &cgroup_v2)
    cgroup_v2_leave ();
}
