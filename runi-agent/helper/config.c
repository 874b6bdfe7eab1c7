#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

static void
copy_text (char *to, size_t size, const char *from, const char *key)
{
  size_t length = strlen (from);

  if (length == 0 || length >= size)
    die ("config: %s must have 1 to %zu bytes", key, size - 1);
  memcpy (to, from, length + 1);
}

static void
copy_path (char *to, const char *from, const char *key)
{
  copy_text (to, RUNI_PATH_BYTES, from, key);
  if (from[0] != '/' || !is_plain_path (from + 1))
    die ("config: %s must be an absolute path without \".\" and \"..\": %s", key, from);
}

/* Below 65536 are people and services, and 65534 is nobody: a slice's id must be no one's.  */
static void
read_uid_range (struct config *config, const char *value)
{
  char *end;
  unsigned long first = strtoul (value, &end, 10);
  unsigned long last = *end == '-' ? strtoul (end + 1, &end, 10) : 0;

  if (*end != '\0' || first < 65536 || last < first + RUNI_SLOTS_MAX || last > INT_MAX)
    die ("config: uid-range must be FIRST-LAST from 65536 on with more than %d ids: %s", RUNI_SLOTS_MAX, value);
  config->uid_first = (uid_t) first;
  config->uid_last = (uid_t) last;
}

/* HERDUID|*:NAME:DIRECTORY:ro|rw; the directory may hold colons.  */
static void
read_volume (struct config *config, char *value)
{
  struct volume *volume = &config->volumes[config->volume_count];
  char *name = strchr (value, ':');
  char *path = name ? strchr (name + 1, ':') : NULL;
  char *mode = path ? strrchr (path + 1, ':') : NULL;

  if (config->volume_count == CONFIG_VOLUMES_MAX)
    die ("config: more than %d volumes", CONFIG_VOLUMES_MAX);
  if (!mode)
    die ("config: volume must be HERDUID|*:NAME:DIRECTORY:ro|rw: %s", value);
  *name++ = *path++ = *mode++ = '\0';
  copy_text (volume->herd, sizeof volume->herd, value, "volume's herd");
  copy_text (volume->name, sizeof volume->name, name, "volume's name");
  copy_path (volume->path, path, "volume's directory");
  if (strcmp (value, "*") != 0 && !is_name (value, RUNI_NAME_BYTES - 1))
    die ("config: a volume's herd must be \"*\" or [a-z0-9-]{1,63}: %s", value);
  if (!is_name (name, RUNI_NAME_BYTES - 1))
    die ("config: a volume's name must be [a-z0-9-]{1,63}: %s", name);
  if (strcmp (mode, "ro") != 0 && strcmp (mode, "rw") != 0)
    die ("config: a volume is \"ro\" or \"rw\", not %s", mode);
  volume->writable = strcmp (mode, "rw") == 0;
  volume->directory = -1;
  config->volume_count++;
}

static void
read_line (struct config *config, char *line)
{
  char *value = strchr (line, '=');

  if (*line == '\0' || *line == '#')
    return;
  if (!value)
    die ("config: not key=value: %s", line);
  *value++ = '\0';
  if (!strcmp (line, "instance"))
    {
      if (!is_name (value, 20))
        die ("config: instance must be [a-z0-9-]{1,20}: %s", value);
      copy_text (config->instance, sizeof config->instance, value, line);
    }
  else if (!strcmp (line, "uid-range"))
    read_uid_range (config, value);
  else if (!strcmp (line, "runtime"))
    copy_path (config->runtime, value, line);
  else if (!strcmp (line, "node"))
    copy_path (config->node, value, line);
  else if (!strcmp (line, "exchange"))
    copy_path (config->exchange, value, line);
  else if (!strcmp (line, "init"))
    copy_path (config->init, value, line);
  else if (!strcmp (line, "state"))
    copy_path (config->state, value, line);
  else if (!strcmp (line, "volume"))
    read_volume (config, value);
  else
    die ("config: unknown key %s", line);
}

static void
require (const char *value, const char *key)
{
  if (*value == '\0')
    die ("config: %s is missing", key);
}

void
config_read (struct config *config, int fd)
{
  char text[CONFIG_BYTES_MAX + 2];
  size_t length = 0;

  memset (config, 0, sizeof *config);
  config->uid_first = 2000000;
  config->uid_last = 2065535;
  for (;;)
    {
      ssize_t got = read (fd, text + length, sizeof text - 1 - length);

      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        die_errno ("read the config");
      if (got == 0)
        break;
      length += (size_t) got;
      if (length > CONFIG_BYTES_MAX)
        die ("config: longer than %d bytes", CONFIG_BYTES_MAX);
    }
  text[length] = '\0';
  if (strlen (text) != length)
    die ("config: holds a NUL byte");
  for (char *line = text; line;)
    {
      char *next = strchr (line, '\n');

      if (next)
        *next++ = '\0';
      read_line (config, line);
      line = next;
    }
  require (config->instance, "instance");
  require (config->runtime, "runtime");
  require (config->node, "node");
  require (config->exchange, "exchange");
  require (config->state, "state");
}

struct volume *
config_volume (struct config *config, const char *herd, const char *name)
{
  struct volume *common = NULL;

  for (unsigned i = 0; i < config->volume_count; i++)
    {
      struct volume *volume = &config->volumes[i];

      if (strcmp (volume->name, name) != 0)
        continue;
      if (!strcmp (volume->herd, herd))
        return volume;
      if (!strcmp (volume->herd, "*"))
        common = volume;
    }
  return common;
}
