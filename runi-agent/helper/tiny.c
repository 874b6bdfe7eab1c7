#include "tiny.h"

#include <errno.h>

/* The compiler makes calls of these by itself.  */
void *memset (void *to, int byte, size_t size);
void *memcpy (void *restrict to, const void *restrict from, size_t size);

void *
memset (void *to, int byte, size_t size)
{
  volatile unsigned char *at = to; /* so that this loop does not become a call of itself */

  while (size-- > 0)
    *at++ = (unsigned char) byte;
  return to;
}

void *
memcpy (void *restrict to, const void *restrict from, size_t size)
{
  volatile unsigned char *at = to;
  const unsigned char *source = from;

  while (size-- > 0)
    *at++ = *source++;
  return to;
}

void
leave (int status)
{
  for (;;)
    CALL1 (exit_group, status);
}

void
add_text (struct text *text, const char *more)
{
  while (*more && text->length < sizeof text->bytes)
    text->bytes[text->length++] = *more++;
}

void
add_number (struct text *text, uint64_t number)
{
  char digits[24];
  size_t at = sizeof digits - 1;

  digits[at] = '\0';
  do
    digits[--at] = (char) ('0' + number % 10);
  while (number /= 10);
  add_text (text, digits + at);
}

void
add_error (struct text *text, long error)
{
  static const struct
  {
    int number;
    const char *words;
  } errors[] = {
    { ENOENT, "No such file or directory" },
    { EACCES, "Permission denied" },
    { EPERM, "Operation not permitted" },
    { EROFS, "Read-only file system" },
    { EISDIR, "Is a directory" },
    { ENOTDIR, "Not a directory" },
    { ENOEXEC, "Exec format error" },
    { ELOOP, "Too many levels of symbolic links" },
    { ENAMETOOLONG, "File name too long" },
    { E2BIG, "Argument list too long" },
    { ENOMEM, "Cannot allocate memory" },
    { EAGAIN, "Resource temporarily unavailable" },
    { ENOSPC, "No space left on device" },
    { EDQUOT, "Disk quota exceeded" },
    { EMFILE, "Too many open files" },
    { ENFILE, "Too many open files in system" },
    { ETXTBSY, "Text file busy" },
    { ENXIO, "No such device or address" },
    { EIO, "Input/output error" },
    { ELIBBAD, "Accessing a corrupted shared library" },
    { EINVAL, "Invalid argument" },
  };

  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
    if (errors[i].number == error)
      {
        add_text (text, errors[i].words);
        return;
      }
  add_text (text, "Error ");
  add_number (text, (uint64_t) error);
}

bool
is_equal (const char *one, const char *other)
{
  while (*one && *one == *other)
    {
      one++;
      other++;
    }
  return *one == *other;
}

long
wait_for (struct pollfd *polls, unsigned count, int timeout_ms)
{
  struct timespec timeout = { .tv_sec = timeout_ms / 1000, .tv_nsec = (long) (timeout_ms % 1000) * 1000000 };

  return CALL5 (ppoll, polls, count, timeout_ms < 0 ? NULL : &timeout, NULL, sizeof (signals));
}

int64_t
now_ms (void)
{
  struct timespec now = { 0 };

  CALL2 (clock_gettime, CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
