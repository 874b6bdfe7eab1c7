/* The spawner's part of a launch: the group, detached mounts, the clone.  It answers when the child has got on.  */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "files.h"
#include "kernel.h"
#include "mounts.h"
#include "network.h"

#define EDGE_MODE 0666 /* both ends have ids of their own; each sees only its own FIFOs */

static int
add_mount (struct plan *plan, int fd, bool file, bool cover, const char *parent, const char *name)
{
  struct plan_mount *mount = &plan->mounts[plan->mount_count++];

  mount->fd = fd;
  mount->file = file;
  mount->cover = cover;
  snprintf (mount->at, sizeof mount->at, "%s%s", parent, name);
  return 0;
}

/* The slot's directory of agent or exchange: theirs, or it is refused.  */
static int
add_socket_directory (struct plan *plan, int parent, uid_t owner, const char *path, const char *at,
                      struct fault *fault)
{
  cleanup_fd int directory = -1;
  struct stat status;
  int mount;

  directory = open_directory (parent, path);
  if (directory < 0 || fstat (directory, &status) < 0)
    return fault_errno (fault, "open the slot's directory for /run/%s", at);
  if (status.st_uid != owner)
    return fault_set (fault, RUNI_REFUSED, "the slot's directory for /run/%s belongs to another user", at);
  mount = mount_clone (directory, "", MOUNT_READ_ONLY | MOUNT_NO_EXEC, -1);
  if (mount < 0)
    return fault_errno (fault, "bind the slot's directory for /run/%s", at);
  return add_mount (plan, mount, false, false, at, "");
}

static int
add_bundle (struct plan *plan, const struct spawner *spawner, struct fault *fault)
{
  char path[RUNI_HASH_BYTES + 16];
  cleanup_fd int directory = -1;
  struct stat status;
  int mount;

  if (spawner->message.fixed.bundle[0] == '\0')
    return 0;
  snprintf (path, sizeof path, "bundles/%s", spawner->message.fixed.bundle);
  directory = open_directory (spawner->agent_directory, path);
  if (directory < 0 || fstat (directory, &status) < 0)
    return fault_errno (fault, "open bundle %s", spawner->message.fixed.bundle);
  if (status.st_uid != spawner->agent_uid && status.st_uid != 0)
    return fault_set (fault, RUNI_REFUSED, "the bundle's directory belongs to another user");
  mount = mount_clone (directory, "", MOUNT_READ_ONLY, -1);
  if (mount < 0)
    return fault_errno (fault, "bind the bundle");
  return add_mount (plan, mount, false, false, "step", "");
}

/* Not every file system can be mounted with mapped owners, and there is no other way to show its files to a slice.  */
static int
fault_mapped (struct fault *fault, const char *volume)
{
  if (errno == EINVAL)
    return fault_set (fault, RUNI_KERNEL, "open volume %s: its file system does not support mapped owners (idmapped mounts)",
                      volume);
  return fault_errno (fault, "open volume %s", volume);
}

static int
add_volume (struct plan *plan, struct spawner *spawner, const char *name, struct fault *fault)
{
  struct volume *volume = volume_find (&spawner->config, spawner->message.fixed.herd, name, false, fault);
  cleanup_fd int namespace = -1;
  int mount;

  if (!volume)
    return -1;
  namespace = idmap_take (volume->owner, volume->group, plan->uid);
  if (namespace < 0)
    return fault_errno (fault, "map the owner of volume %s", name);
  mount = mount_clone (volume->directory, "", MOUNT_READ_ONLY, namespace);
  if (mount < 0)
    return fault_mapped (fault, name);
  return add_mount (plan, mount, false, volume->covered, "data/", name);
}

static int
add_staging (struct plan *plan, struct spawner *spawner, const struct runi_staging *staging, struct fault *fault)
{
  struct volume *volume = volume_find (&spawner->config, staging->herd, staging->volume, true, fault);
  cleanup_fd int directory = -1, namespace = -1;
  int mount;

  if (!volume)
    return -1;
  directory = staging_open (volume, staging->id, true, fault);
  if (directory < 0)
    return -1;
  namespace = idmap_take (volume->owner, volume->group, plan->uid);
  if (namespace < 0)
    return fault_errno (fault, "map the owner of volume %s", staging->volume);
  mount = mount_clone (directory, "", 0, namespace);
  if (mount < 0)
    return fault_mapped (fault, staging->volume);
  return add_mount (plan, mount, false, false, "stage/", staging->volume);
}

/* The edge of that name, made at its first mention.  NULL when the table is full or the FIFO cannot be made.  */
static struct edge *
edge_find (struct spawner *spawner, const char *name, struct fault *fault)
{
  struct edge *free_edge = NULL;

  for (unsigned i = 0; i < EDGES_MAX; i++)
    {
      struct edge *edge = &spawner->edges[i];

      if (!edge->read && !edge->written)
        free_edge = free_edge ? free_edge : edge;
      else if (!strcmp (edge->name, name))
        return edge;
    }
  if (!free_edge)
    {
      fault_set (fault, RUNI_REFUSED, "this node has %d edges already", EDGES_MAX);
      return NULL;
    }
  if (mknodat (spawner->edge_directory, name, S_IFIFO | 0600, 0) < 0
      || fchmodat (spawner->edge_directory, name, EDGE_MODE, 0) < 0)
    {
      fault_errno (fault, "make the FIFO of edge %s", name);
      return NULL;
    }
  snprintf (free_edge->name, sizeof free_edge->name, "%s", name);
  return free_edge;
}

static void
edge_free_if_unused (struct spawner *spawner, struct edge *edge)
{
  if (!edge->read && !edge->written)
    unlinkat (spawner->edge_directory, edge->name, 0);
}

static int
add_edge (struct plan *plan, struct spawner *spawner, struct slot *slot, const char *id, unsigned index, bool written,
          struct fault *fault)
{
  char name[2 * RUNI_NAME_BYTES], at[8];
  struct edge *edge;
  bool *end;
  int mount;

  snprintf (name, sizeof name, "%s.%s", slot->herd, id);
  edge = edge_find (spawner, name, fault);
  if (!edge)
    return -1;
  end = written ? &edge->written : &edge->read;
  if (*end)
    return fault_set (fault, RUNI_REFUSED, "edge %s has a slot at this end already", id);
  *end = true;
  slot->edges[slot->edge_count++] = (unsigned short) ((edge - spawner->edges) * 2 + written);
  mount = mount_clone (spawner->edge_directory, name, MOUNT_NO_EXEC, -1);
  if (mount < 0)
    return fault_errno (fault, "open edge %s", id);
  snprintf (at, sizeof at, "%u", index);
  return add_mount (plan, mount, true, false, written ? "out/" : "in/", at);
}

void
edges_release (struct spawner *spawner, struct slot *slot)
{
  for (unsigned i = 0; i < slot->edge_count; i++)
    {
      struct edge *edge = &spawner->edges[slot->edges[i] / 2];

      if (slot->edges[i] % 2)
        edge->written = false;
      else
        edge->read = false;
      edge_free_if_unused (spawner, edge);
    }
  slot->edge_count = 0;
}

static int
add_mounts (struct plan *plan, struct spawner *spawner, struct slot *slot, struct fault *fault)
{
  const struct runi_request *request = &spawner->message.fixed;
  char path[RUNI_SLOT_BYTES + 8];

  snprintf (path, sizeof path, "slots/%s", slot->name);
  if (add_socket_directory (plan, spawner->agent_directory, spawner->agent_uid, path, "slice/agent", fault) < 0
      || add_socket_directory (plan, spawner->exchange_directory, spawner->exchange_uid, slot->name, "slice/exchange",
                               fault)
             < 0
      || add_bundle (plan, spawner, fault) < 0)
    return -1;
  for (uint32_t i = 0; i < request->volume_count; i++)
    if (add_volume (plan, spawner, request->volumes[i], fault) < 0)
      return -1;
  for (uint32_t i = 0; i < request->staging_count; i++)
    if (add_staging (plan, spawner, &request->staging[i], fault) < 0)
      return -1;
  for (uint32_t i = 0; i < request->edge_in_count; i++)
    if (add_edge (plan, spawner, slot, request->edges_in[i], i, false, fault) < 0)
      return -1;
  for (uint32_t i = 0; i < request->edge_out_count; i++)
    if (add_edge (plan, spawner, slot, request->edges_out[i], i, true, fault) < 0)
      return -1;
  return 0;
}

static uid_t
choose_uid (struct spawner *spawner)
{
  for (;;)
    {
      uid_t uid = spawner->uid_next;
      bool free_uid = true;

      spawner->uid_next = uid == spawner->config.uid_last ? spawner->config.uid_first : uid + 1;
      for (unsigned i = 0; i < RUNI_SLOTS_MAX; i++)
        if (spawner->slots[i].used && spawner->slots[i].uid == uid)
          free_uid = false;
      if (free_uid && uid != spawner->agent_uid && uid != spawner->exchange_uid)
        return uid; /* the range is larger than the table, so this ends */
    }
}

/* runi-init's own arguments, before those of the first process: where stdin and stdout lead.  */
static void
describe_stdio (struct spawner *spawner)
{
  static char targets[2][RUNI_PATH_BYTES + 2];
  const struct runi_request *request = &spawner->message.fixed;
  const uint32_t kinds[] = { request->stdin_kind, request->stdout_kind };
  const char *paths[] = { request->stdin_path, request->stdout_path };

  spawner->parts.argv[0] = (char *) "runi-init";
  for (unsigned i = 0; i < 2; i++)
    {
      snprintf (targets[i], sizeof targets[i], "%s",
                kinds[i] == RUNI_STDIO_PATH ? paths[i] : kinds[i] == RUNI_STDIO_LOG ? "log" : "null");
      spawner->parts.argv[1 + i] = targets[i];
    }
}

static int
clone_child (struct spawner *spawner, struct slot *slot, struct plan *plan, struct fault *fault)
{
  int ends[2];

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    return fault_errno (fault, "make a socket pair");
  describe_stdio (spawner);
  plan->talk = ends[1];
  slot->pid = kernel_clone (CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS, &slot->pidfd);
  if (slot->pid == 0)
    {
      close (ends[0]); /* else we would not see the spawner's end on it */
      child_run (plan);
    }
  slot->talk = ends[0];
  close (ends[1]);
  if (slot->pid < 0)
    {
      fault_errno (fault, "clone the slice");
      close_fd (&slot->talk);
      return -1;
    }
  fcntl (slot->talk, F_SETFL, O_NONBLOCK);
  return 0;
}

int
launch_slot (struct spawner *spawner, struct slot *slot, struct fault *fault)
{
  const struct runi_request *request = &spawner->message.fixed;
  const struct limits limits = { .memory_bytes_max = request->memory_bytes_max,
                                 .cpu_millis = request->cpu_millis,
                                 .pids_max = request->pids_max + 1 /* runi-init */ };
  static struct plan plan;
  int result;

  memset (slot, 0, sizeof *slot);
  slot->pidfd = slot->talk = slot->memory = -1;
  snprintf (slot->name, sizeof slot->name, "%s", request->slot);
  snprintf (slot->herd, sizeof slot->herd, "%s", request->herd);
  slot->launch_id = request->id;
  slot->staging_count = request->staging_count;
  memcpy (slot->staging, request->staging, sizeof slot->staging);
  slot->uid = choose_uid (spawner);
  plan = (struct plan){ .spawner = spawner, .group = &slot->group, .uid = slot->uid, .talk = -1, .network = -1 };

  if (cgroup_create (&slot->group, slot->herd, slot->name, &limits, fault) < 0)
    return -1;
  slot->memory = cgroup_driver ()->watch_memory (&slot->group, fault);
  result = slot->memory < 0 ? -1 : add_mounts (&plan, spawner, slot, fault);
  if (result == 0)
    result = plan.network = network_take (fault);
  if (result >= 0)
    result = clone_child (spawner, slot, &plan, fault);
  for (unsigned i = 0; i < plan.mount_count; i++)
    close (plan.mounts[i].fd);
  close_fd (&plan.network);
  if (result < 0)
    {
      edges_release (spawner, slot);
      close_fd (&slot->memory);
      cgroup_remove (&slot->group);
      return -1;
    }
  slot->used = true;
  return 0;
}
