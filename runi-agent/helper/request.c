/* Checks of a request's lengths and names, before anything is done.  What comes from the socket is not trusted: the agent
   may be in a stranger's hands.  */

#include <stdio.h>
#include <string.h>

#include "files.h"
#include "spawner.h"

#define MEMORY_BYTES_MIN (UINT64_C (4) << 20)
#define MEMORY_BYTES_MAX (UINT64_C (1) << 44)
#define CPU_MILLIS_MIN 10
#define CPU_MILLIS_MAX 1000000
#define PIDS_MIN 2
#define PIDS_MAX 65536

/* Files and FIFOs of a slice lie below these; it opens them itself, with its own rights.  */
static const char *const stdio_roots[] = { "/in/", "/out/", "/data/", "/stage/", "/step/", "/state/", "/tmp/" };

static const char *
shown (const char *text)
{
  return memchr (text, '\0', RUNI_NAME_BYTES) ? text : "(endless)";
}

static int
check_name (const char *text, size_t size, const char *what, struct fault *fault)
{
  if (!is_name (text, size - 1) || !memchr (text, '\0', size))
    return fault_set (fault, RUNI_INVALID, "%s must be [a-z0-9-]{1,%zu}: %.80s", what, size - 1, shown (text));
  return 0;
}

static int
check_names (const char (*names)[RUNI_NAME_BYTES], uint32_t count, uint32_t count_max, const char *what,
             struct fault *fault)
{
  if (count > count_max)
    return fault_set (fault, RUNI_INVALID, "at most %u names of this sort: %s", count_max, what);
  for (uint32_t i = 0; i < count; i++)
    {
      if (check_name (names[i], RUNI_NAME_BYTES, what, fault) < 0)
        return -1;
      for (uint32_t j = 0; j < i; j++)
        if (!strcmp (names[i], names[j]))
          return fault_set (fault, RUNI_INVALID, "%s is named twice: %s", what, names[i]);
    }
  return 0;
}

static int
check_staging (const struct runi_staging *staging, struct fault *fault)
{
  if (check_name (staging->herd, RUNI_NAME_BYTES, "a staging directory's herd", fault) < 0
      || check_name (staging->volume, RUNI_NAME_BYTES, "a staging directory's volume", fault) < 0)
    return -1;
  return check_name (staging->id, RUNI_NAME_BYTES, "a staging directory's id", fault);
}

/* Cuts `bytes` into exactly `count` strings.  */
static int
check_strings (char *text, uint32_t bytes, uint32_t count, char **strings, const char *what, struct fault *fault)
{
  char *at = text, *end = text + bytes;

  for (uint32_t i = 0; i < count; i++)
    {
      char *stop = memchr (at, '\0', (size_t) (end - at));

      if (!stop)
        return fault_set (fault, RUNI_INVALID, "%s: fewer strings than said", what);
      strings[i] = at;
      at = stop + 1;
    }
  strings[count] = NULL;
  if (at != end)
    return fault_set (fault, RUNI_INVALID, "%s: more bytes than strings", what);
  return 0;
}

static int
check_environment (char **env, struct fault *fault)
{
  for (; *env; env++)
    if (**env == '=' || !strchr (*env, '='))
      return fault_set (fault, RUNI_INVALID, "an environment variable is not NAME=VALUE");
  return 0;
}

/* NAME/KEY, of the characters that Secrets' names and keys have.  */
static bool
is_secret_path (const char *path, uint32_t size)
{
  const char *slash = strchr (path, '/');

  return strlen (path) + 1 == size && size <= 2 * RUNI_PATH_BYTES && is_plain_path (path) && slash
         && !strchr (slash + 1, '/')
         && strspn (path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/") == size - 1;
}

static int
check_secrets (const char *text, const struct runi_request *request, struct fault *fault)
{
  const char *at = text, *end = text + request->secret_bytes;
  uint64_t data_bytes = 0;

  for (uint32_t i = 0; i < request->secret_count; i++)
    {
      uint32_t sizes[2];

      if ((size_t) (end - at) < sizeof sizes)
        return fault_set (fault, RUNI_INVALID, "secrets: fewer than said");
      memcpy (sizes, at, sizeof sizes);
      at += sizeof sizes;
      if (sizes[0] == 0 || sizes[0] > (size_t) (end - at) || sizes[1] > (size_t) (end - at) - sizes[0])
        return fault_set (fault, RUNI_INVALID, "secrets: a length is past the end");
      if (!memchr (at, '\0', sizes[0]) || !is_secret_path (at, sizes[0]))
        return fault_set (fault, RUNI_INVALID, "a secret's path must be NAME/KEY of [A-Za-z0-9._-]");
      data_bytes += sizes[1];
      at += sizes[0] + sizes[1];
    }
  if (at != end)
    return fault_set (fault, RUNI_INVALID, "secrets: more bytes than said");
  if (data_bytes > RUNI_SECRET_DATA_BYTES_MAX)
    return fault_set (fault, RUNI_INVALID, "secrets: more than %d bytes together", RUNI_SECRET_DATA_BYTES_MAX);
  return 0;
}

static int
check_stdio (uint32_t kind, const char *path, const char *what, struct fault *fault)
{
  if (kind == RUNI_STDIO_NULL || kind == RUNI_STDIO_LOG)
    return 0;
  if (kind != RUNI_STDIO_PATH)
    return fault_set (fault, RUNI_INVALID, "%s has no such kind: %u", what, kind);
  if (!memchr (path, '\0', RUNI_PATH_BYTES) || path[0] != '/' || !is_plain_path (path + 1))
    return fault_set (fault, RUNI_INVALID, "%s must be an absolute path without \".\" and \"..\"", what);
  for (size_t i = 0; i < COUNT_OF (stdio_roots); i++)
    if (!strncmp (path, stdio_roots[i], strlen (stdio_roots[i])))
      return 0;
  return fault_set (fault, RUNI_REFUSED, "%s must lie below /in, /out, /data, /stage, /step, /state or /tmp: %s", what,
                    path);
}

static int
check_bundle (const char *hash, struct fault *fault)
{
  if (*hash == '\0')
    return 0;
  if (!memchr (hash, '\0', RUNI_HASH_BYTES) || strlen (hash) != 64 || strspn (hash, "0123456789abcdef") != 64)
    return fault_set (fault, RUNI_INVALID, "a bundle must be named by 64 hex digits");
  return 0;
}

static int
check_limits (const struct runi_request *request, struct fault *fault)
{
  if (request->memory_bytes_max < MEMORY_BYTES_MIN || request->memory_bytes_max > MEMORY_BYTES_MAX)
    return fault_set (fault, RUNI_INVALID, "the memory limit must be from 4 MiB to 16 TiB");
  if (request->cpu_millis < CPU_MILLIS_MIN || request->cpu_millis > CPU_MILLIS_MAX)
    return fault_set (fault, RUNI_INVALID, "the cpu limit must be from 10 to 1000000 thousandths");
  if (request->pids_max < PIDS_MIN || request->pids_max > PIDS_MAX)
    return fault_set (fault, RUNI_INVALID, "the process limit must be from %d to %d", PIDS_MIN, PIDS_MAX);
  return 0;
}

static int
check_launch (struct spawner *spawner, char *tail, struct fault *fault)
{
  const struct runi_request *request = &spawner->message.fixed;
  struct parts *parts = &spawner->parts;
  char *argv = tail, *env = argv + request->argv_bytes, *secrets = env + request->env_bytes;

  if (request->staging_count > RUNI_STAGING_MAX)
    return fault_set (fault, RUNI_INVALID, "at most %d staging directories", RUNI_STAGING_MAX);
  for (uint32_t i = 0; i < request->staging_count; i++)
    {
      if (check_staging (&request->staging[i], fault) < 0)
        return -1;
      if (strcmp (request->staging[i].herd, request->herd) != 0)
        return fault_set (fault, RUNI_REFUSED, "staging of another herd: %s", request->staging[i].herd);
      for (uint32_t j = 0; j < i; j++)
        if (!strcmp (request->staging[i].volume, request->staging[j].volume))
          return fault_set (fault, RUNI_INVALID, "two staging directories of volume %s", request->staging[i].volume);
    }
  if (check_name (request->herd, RUNI_NAME_BYTES, "a herd's uid", fault) < 0
      || check_names (request->volumes, request->volume_count, RUNI_VOLUMES_MAX, "a volume", fault) < 0
      || check_names (request->edges_in, request->edge_in_count, RUNI_EDGES_MAX, "an edge in", fault) < 0
      || check_names (request->edges_out, request->edge_out_count, RUNI_EDGES_MAX, "an edge out", fault) < 0
      || check_limits (request, fault) < 0 || check_bundle (request->bundle, fault) < 0
      || check_stdio (request->stdin_kind, request->stdin_path, "stdin", fault) < 0
      || check_stdio (request->stdout_kind, request->stdout_path, "stdout", fault) < 0)
    return -1;
  if (request->argv_count == 0 || request->argv_count > RUNI_ARGV_COUNT_MAX || request->env_count > RUNI_ENV_COUNT_MAX
      || request->secret_count > RUNI_SECRET_COUNT_MAX)
    return fault_set (fault, RUNI_INVALID, "too few or too many arguments, variables or secrets");
  if (check_strings (argv, request->argv_bytes, request->argv_count, parts->argv + 3, "argv", fault) < 0
      || check_strings (env, request->env_bytes, request->env_count, parts->env, "environment", fault) < 0
      || check_environment (parts->env, fault) < 0 || check_secrets (secrets, request, fault) < 0)
    return -1;
  if (parts->argv[3][0] != '/')
    return fault_set (fault, RUNI_INVALID, "argv[0] must be an absolute path: %.200s", parts->argv[3]);
  parts->secrets = secrets;
  return 0;
}

/* A target may not reach into .runink, wherever that stands in it.  */
static bool
is_target (const char *path)
{
  if (strlen (path) >= 4096 || !is_plain_path (path))
    return false;
  for (const char *part = path; part; part = strchr (part, '/'))
    {
      part += *part == '/';
      if (strcspn (part, "/") == 7 && !strncmp (part, ".runink", 7))
        return false;
    }
  return true;
}

static int
check_publish (struct spawner *spawner, char *tail, struct fault *fault)
{
  static char *strings[2 * RUNI_FILE_COUNT_MAX + 1];
  const struct runi_request *request = &spawner->message.fixed;
  char *files = tail + request->argv_bytes + request->env_bytes + request->secret_bytes;

  if (check_staging (&request->staging[0], fault) < 0)
    return -1;
  if (request->file_count > RUNI_FILE_COUNT_MAX)
    return fault_set (fault, RUNI_INVALID, "at most %d files", RUNI_FILE_COUNT_MAX);
  if (check_strings (files, request->file_bytes, 2 * request->file_count, strings, "files", fault) < 0)
    return -1;
  for (uint32_t i = 0; i < request->file_count; i++)
    {
      spawner->parts.staged[i] = strings[2 * i];
      spawner->parts.targets[i] = strings[2 * i + 1];
      if (!is_plain_path (strings[2 * i]) || strchr (strings[2 * i], '/'))
        return fault_set (fault, RUNI_INVALID, "a staged file must be a plain name: %.200s", strings[2 * i]);
      if (!is_target (strings[2 * i + 1]))
        return fault_set (fault, RUNI_INVALID,
                          "a target must be a relative path without \".\", \"..\" and .runink: %.200s",
                          strings[2 * i + 1]);
    }
  return 0;
}

int
request_check (struct spawner *spawner, struct fault *fault)
{
  struct message *message = &spawner->message;

  switch (message->fixed.type)
    {
    case RUNI_LAUNCH:
      if (check_name (message->fixed.slot, 41, "a slot", fault) < 0)
        return -1;
      return check_launch (spawner, message->tail, fault);
    case RUNI_KILL:
      return check_name (message->fixed.slot, 41, "a slot", fault);
    case RUNI_PUBLISH:
      return check_publish (spawner, message->tail, fault);
    case RUNI_DISCARD:
      return check_staging (&message->fixed.staging[0], fault);
    default:
      return fault_set (fault, RUNI_INVALID, "no such request: %u", message->fixed.type);
    }
}
