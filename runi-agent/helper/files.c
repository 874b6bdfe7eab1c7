#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel.h"

bool
is_name (const char *text, size_t length_max)
{
  size_t length = strnlen (text, length_max + 1);

  return length > 0 && length <= length_max && strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

bool
is_plain_path (const char *text)
{
  if (*text == '\0')
    return false;
  for (const char *part = text;;)
    {
      size_t length = strcspn (part, "/");

      if (length == 0 || length > 255 || (length == 1 && part[0] == '.') || (length == 2 && !strncmp (part, "..", 2)))
        return false;
      for (size_t i = 0; i < length; i++)
        if ((unsigned char) part[i] < 0x20 || part[i] == 0x7f)
          return false;
      if (part[length] == '\0')
        return true;
      part += length + 1;
    }
}

int
open_directory (int directory, const char *path)
{
  return kernel_openat2 (directory, path, O_RDONLY | O_DIRECTORY, 0, RESOLVE_NAMES);
}

int
write_file (int directory, const char *name, const char *text)
{
  cleanup_fd int fd = openat (directory, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  size_t size = strlen (text);

  if (fd < 0)
    return -1;
  if (write (fd, text, size) != (ssize_t) size)
    return -1;
  return 0;
}

ssize_t
read_file (int directory, const char *name, char *buffer, size_t size)
{
  cleanup_fd int fd = openat (directory, name, O_RDONLY | O_CLOEXEC);
  size_t length = 0;

  if (fd < 0)
    return -1;
  while (length < size - 1)
    {
      ssize_t got = read (fd, buffer + length, size - 1 - length);

      if (got < 0)
        return -1;
      if (got == 0)
        break;
      length += (size_t) got;
    }
  buffer[length] = '\0';
  return (ssize_t) length;
}

uint64_t
read_counter (int directory, const char *name, const char *key)
{
  char text[4096];
  size_t key_length = key ? strlen (key) : 0;

  if (read_file (directory, name, text, sizeof text) < 0)
    return 0;
  if (!key)
    return strtoull (text, NULL, 10);
  for (char *line = text; line; line = strchr (line, '\n'))
    {
      if (*line == '\n')
        line++;
      if (!strncmp (line, key, key_length) && line[key_length] == ' ')
        return strtoull (line + key_length + 1, NULL, 10);
    }
  return 0;
}

int
write_all (int fd, const void *bytes, size_t size)
{
  const char *at = bytes;

  while (size > 0)
    {
      ssize_t written = write (fd, at, size);

      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return -1;
      at += written;
      size -= (size_t) written;
    }
  return 0;
}

static int
delete_entry (int directory, const char *name, unsigned depth_max)
{
  cleanup_fd int below = -1;

  if (unlinkat (directory, name, 0) == 0 || errno == ENOENT)
    return 0;
  if (errno != EISDIR && errno != EPERM)
    return -1;
  if (depth_max == 0)
    {
      errno = ELOOP;
      return -1;
    }
  /* What its maker took from himself he may give back.  */
  if (fchmodat (directory, name, 0700, 0) < 0)
    return -1;
  below = open_directory (directory, name);
  if (below < 0 || delete_contents (below, depth_max - 1) < 0)
    return -1;
  return unlinkat (directory, name, AT_REMOVEDIR);
}

int
delete_contents (int directory, unsigned depth_max)
{
  int copy = openat (directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream;
  int result = 0;

  if (copy < 0)
    return -1;
  stream = fdopendir (copy);
  if (!stream)
    {
      close (copy);
      return -1;
    }
  for (const struct dirent *entry; result == 0 && (entry = readdir (stream));)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      result = delete_entry (directory, entry->d_name, depth_max);
  closedir (stream);
  return result;
}
