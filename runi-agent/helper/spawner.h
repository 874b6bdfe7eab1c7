/* The spawner's state: one process, one thread, one loop (loop.c).  */

#pragma once

#include "cgroup.h"
#include "config.h"
#include "request.h"
#include "talk.h"

#define JOBS_MAX 32
#define EDGES_MAX 1024
#define TAIL_BYTES_MAX (RUNI_ARGV_BYTES_MAX + RUNI_ENV_BYTES_MAX + RUNI_SECRET_BYTES_MAX + RUNI_FILE_BYTES_MAX)

/* A request as it comes from the socket.  Held in locked memory, wiped after use: it may carry secrets.  */
struct message
{
  struct runi_request fixed;
  char tail[TAIL_BYTES_MAX];
};

/* Pointers into a message's tail, checked.  */
struct parts
{
  char *argv[RUNI_ARGV_COUNT_MAX + 4]; /* three places before the first for runi-init's own */
  char *env[RUNI_ENV_COUNT_MAX + 1];
  const char *secrets;
  const char *staged[RUNI_FILE_COUNT_MAX];
  const char *targets[RUNI_FILE_COUNT_MAX];
};

struct slot
{
  bool used;
  bool answered; /* the launch's answer is sent */
  bool ended;    /* its first process is reaped; the group waits for removal */
  bool reported; /* runi-init told how the first process ended */
  bool out_of_memory;
  char name[RUNI_SLOT_BYTES];
  char herd[RUNI_NAME_BYTES];
  uint32_t launch_id;
  uid_t uid;
  pid_t pid;
  int pidfd;
  int talk; /* seqpacket to the child, then to runi-init */
  int memory;
  uint32_t exit_code;
  uint32_t signal;
  struct usage usage;
  struct group group;
  struct fault fault; /* why it did not start; reason 0 when nobody said */
  unsigned staging_count;
  struct runi_staging staging[RUNI_STAGING_MAX];
  unsigned edge_count;
  unsigned short edges[2 * RUNI_EDGES_MAX];
};

/* A publish or discard under way in a process of its own, as a sync may take long.  */
struct job
{
  bool used;
  uint32_t id;
  pid_t pid;
  int pidfd;
  int talk;
};

/* A FIFO in the spawner's own tmpfs, with at most one slot at each end.  */
struct edge
{
  bool read;
  bool written;
  char name[2 * RUNI_NAME_BYTES]; /* herd.edge */
};

struct spawner
{
  struct config config;
  struct message message;
  size_t message_used;
  struct parts parts;
  struct slot slots[RUNI_SLOTS_MAX];
  struct job jobs[JOBS_MAX];
  struct edge edges[EDGES_MAX];
  uid_t uid_next;
  uid_t agent_uid;
  uid_t exchange_uid;
  gid_t gid;
  int agent_socket;
  int agent_directory;
  int exchange_directory;
  int edge_directory;
  int template;
  int init;
  int null;
  pid_t agent_pid;
  pid_t exchange_pid;
  int agent_pidfd;
  int exchange_pidfd;
};

/* The id as which a slice sees itself.  */
#define SLICE_ID 1000

/* A launch.  On success the slot is running up to its child's first message; on failure nothing is left.  */
int launch_slot (struct spawner *spawner, struct slot *slot, struct fault *fault);

/* Gives the slot's edges back.  */
void edges_release (struct spawner *spawner, struct slot *slot);

/* Checks the message's lengths and names and fills parts.  */
int request_check (struct spawner *spawner, struct fault *fault);

/* Opens every configured volume; makes .runink at the top of writable ones.  Dies on failure.  */
void volumes_open (struct config *config);

/* The volume, if the herd has it (writable, if asked); else NULL and fault.  */
struct volume *volume_find (struct config *config, const char *herd, const char *name, bool writable,
                            struct fault *fault);

/* Opens the staging directory, made as the volume's owner if asked.  -1 and fault.  */
int staging_open (const struct volume *volume, const char *id, bool make, struct fault *fault);

/* Runs the message's PUBLISH or DISCARD in a process of its own; fills job.  */
int job_start (struct spawner *spawner, struct job *job, struct fault *fault);

/* Serves the agent until it, the exchange or a signal ends it; then ends and removes all.  Returns the exit status.  */
int loop_run (struct spawner *spawner, int signals);
