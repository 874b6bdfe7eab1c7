/* The helper's configuration: "key=value" lines, at most 4 KiB, written by root.  An unknown key is an error.  */

#pragma once

#include <sys/types.h>

#include "fault.h"

#define CONFIG_BYTES_MAX 4096
#define CONFIG_VOLUMES_MAX 64

struct volume
{
  char herd[RUNI_NAME_BYTES]; /* or "*": every herd */
  char name[RUNI_NAME_BYTES];
  char path[RUNI_PATH_BYTES];
  bool writable;
  bool covered; /* has .runink at its top, which sources must not see */
  int directory;
  uid_t owner;
  gid_t group;
};

struct config
{
  char instance[24];
  uid_t uid_first;
  uid_t uid_last;
  char runtime[RUNI_PATH_BYTES];
  char node[RUNI_PATH_BYTES];
  char exchange[RUNI_PATH_BYTES];
  char init[RUNI_PATH_BYTES]; /* runi-init; empty: the one beside the helper */
  char state[RUNI_PATH_BYTES];
  unsigned volume_count;
  struct volume volumes[CONFIG_VOLUMES_MAX];
};

/* Reads the descriptor to its end and checks every line; dies with the line's words if one is wrong.  */
void config_read (struct config *config, int fd);

/* The herd's own volume of that name, else the one offered to every herd, else NULL.  */
struct volume *config_volume (struct config *config, const char *herd, const char *name);
