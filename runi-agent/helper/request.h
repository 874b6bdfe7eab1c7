/* What agent and spawner say to each other on their stream socket.  The only definition: request.gen.ts is made from it
   by hack/generate-helper-offsets.ts, which reads one "#define RUNI_NAME number" or one field a line.

   Requests and events are fixed structs in host byte order.  A request is followed by tail_bytes: argv, env, secrets and
   files, in this order, each with its own length in the struct.  A wrong version, type or length closes the socket.
   Text is NUL-terminated and NUL-padded.  */

#pragma once

#include <stdint.h>

#define RUNI_VERSION 1

/* Types of requests.  */
#define RUNI_LAUNCH 1
#define RUNI_KILL 2
#define RUNI_PUBLISH 3
#define RUNI_DISCARD 4

/* Types of events.  VOLUME (one for each volume) and then READY come once, unasked, with id 0; EXITED too has id 0.  */
#define RUNI_READY 64
#define RUNI_VOLUME 65
#define RUNI_DONE 66
#define RUNI_FAILED 67
#define RUNI_EXITED 68

/* Where a stream of the first process leads.  */
#define RUNI_STDIO_NULL 0
#define RUNI_STDIO_LOG 1
#define RUNI_STDIO_PATH 2

/* Reasons of FAILED, as SpawnReason has them.  */
#define RUNI_REFUSED 1
#define RUNI_NOT_FOUND 2
#define RUNI_INVALID 3
#define RUNI_KERNEL 4

/* Bounds.  */
#define RUNI_VOLUMES_MAX 16
#define RUNI_STAGING_MAX 16
#define RUNI_EDGES_MAX 64
#define RUNI_ARGV_COUNT_MAX 1024
#define RUNI_ARGV_BYTES_MAX 131072
#define RUNI_ENV_COUNT_MAX 1024
#define RUNI_ENV_BYTES_MAX 262144
#define RUNI_SECRET_COUNT_MAX 64
#define RUNI_SECRET_DATA_BYTES_MAX 1048576
#define RUNI_SECRET_BYTES_MAX 1114112
#define RUNI_FILE_COUNT_MAX 1024
#define RUNI_FILE_BYTES_MAX 262144
#define RUNI_SLOTS_MAX 256
#define RUNI_SLOT_BYTES 48
#define RUNI_NAME_BYTES 64
#define RUNI_PATH_BYTES 256
#define RUNI_HASH_BYTES 72
#define RUNI_TEXT_BYTES 512

/* A staging directory: .runink/ID at the top of the herd's volume.  */
struct runi_staging
{
  char herd[RUNI_NAME_BYTES];
  char volume[RUNI_NAME_BYTES];
  char id[RUNI_NAME_BYTES];
};

/* LAUNCH uses all but the files; KILL id and slot; PUBLISH staging[0] and the files; DISCARD staging[0].
   argv: strings; env: NAME=VALUE strings; secrets: u32 path size, u32 data size, path with its NUL, data; files: pairs of
   strings, staged name and target path.  */
struct runi_request
{
  uint32_t version;
  uint32_t type;
  uint32_t id;
  uint32_t tail_bytes;
  uint64_t memory_bytes_max;
  uint32_t cpu_millis;
  uint32_t pids_max;
  uint32_t full_proc;
  uint32_t stdin_kind;
  uint32_t stdout_kind;
  uint32_t volume_count;
  uint32_t staging_count;
  uint32_t edge_in_count;
  uint32_t edge_out_count;
  uint32_t argv_count;
  uint32_t argv_bytes;
  uint32_t env_count;
  uint32_t env_bytes;
  uint32_t secret_count;
  uint32_t secret_bytes;
  uint32_t file_count;
  uint32_t file_bytes;
  uint32_t zero;
  char slot[RUNI_SLOT_BYTES];
  char herd[RUNI_NAME_BYTES];
  char stdin_path[RUNI_PATH_BYTES];
  char stdout_path[RUNI_PATH_BYTES];
  char bundle[RUNI_HASH_BYTES];
  char volumes[RUNI_VOLUMES_MAX][RUNI_NAME_BYTES];
  struct runi_staging staging[RUNI_STAGING_MAX];
  char edges_in[RUNI_EDGES_MAX][RUNI_NAME_BYTES];
  char edges_out[RUNI_EDGES_MAX][RUNI_NAME_BYTES];
};

/* DONE answers a request (pid of a launch); FAILED answers with reason and text; EXITED tells of a slot's end (signal is 0
   when the first process exited by itself); VOLUME has herd, volume and writable; READY has the state directory as text.  */
struct runi_event
{
  uint32_t version;
  uint32_t type;
  uint32_t id;
  uint32_t reason;
  uint32_t pid;
  uint32_t exit_code;
  uint32_t signal;
  uint32_t oom_killed;
  uint32_t writable;
  uint32_t zero;
  uint64_t memory_peak_bytes;
  uint64_t cpu_us;
  uint64_t pids_refused;
  uint64_t cpu_throttled;
  char slot[RUNI_SLOT_BYTES];
  char herd[RUNI_NAME_BYTES];
  char volume[RUNI_NAME_BYTES];
  char text[RUNI_TEXT_BYTES];
};
