#include "fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned
reason_of (int error)
{
  switch (error)
    {
    case ENOENT:
    case ENOTDIR:
      return RUNI_NOT_FOUND;
    case ELOOP:
    case EXDEV:
    case EACCES:
    case EPERM:
      return RUNI_REFUSED;
    default:
      return RUNI_KERNEL;
    }
}

int
fault_set (struct fault *fault, unsigned reason, const char *format, ...)
{
  va_list arguments;

  fault->reason = reason;
  va_start (arguments, format);
  vsnprintf (fault->text, sizeof fault->text, format, arguments);
  va_end (arguments);
  return -1;
}

int
fault_errno (struct fault *fault, const char *format, ...)
{
  int error = errno;
  va_list arguments;
  size_t used;

  fault->reason = reason_of (error);
  va_start (arguments, format);
  vsnprintf (fault->text, sizeof fault->text, format, arguments);
  va_end (arguments);
  used = strlen (fault->text);
  snprintf (fault->text + used, sizeof fault->text - used, ": %s", strerror (error));
  errno = error;
  return -1;
}

void
die (const char *format, ...)
{
  va_list arguments;

  fputs ("runi-helper: ", stderr);
  va_start (arguments, format);
  vfprintf (stderr, format, arguments);
  va_end (arguments);
  fputc ('\n', stderr);
  exit (1);
}

void
die_errno (const char *format, ...)
{
  int error = errno;
  va_list arguments;

  fputs ("runi-helper: ", stderr);
  va_start (arguments, format);
  vfprintf (stderr, format, arguments);
  va_end (arguments);
  fprintf (stderr, ": %s\n", strerror (error));
  exit (1);
}

void
close_cleanup (const int *fd)
{
  int error = errno;

  if (*fd >= 0)
    close (*fd);
  errno = error;
}

void
close_fd (int *fd)
{
  close_cleanup (fd);
  *fd = -1;
}

int
take_fd (int *fd)
{
  int taken = *fd;

  *fd = -1;
  return taken;
}
