/* Times starts of a native program, from the decision to the first byte that comes back on a socket.

     slice-start byte SOCKET                      the program that is started: connects, writes one byte
     slice-start spawn COUNT SOCKET PROGRAM ARG…  prints a time in ms for each posix_spawn of it
     slice-start agent COUNT STATE PROGRAM        as the helper's agent: alternates slices and posix_spawn of PROGRAM,
                                                  and prints "slice MS" and "control MS"  */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../runi-agent/helper/request.h"

static void
fail (const char *what)
{
  fprintf (stderr, "slice-start: %s: %s\n", what, strerror (errno));
  exit (1);
}

static double
now_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

static struct sockaddr_un
address_of (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
  return address;
}

static int
listen_at (const char *path)
{
  struct sockaddr_un address = address_of (path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  unlink (path);
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) < 0 || chmod (path, 0622) < 0
      || listen (fd, 4) < 0)
    fail (path);
  return fd;
}

static void
await_byte (int listener)
{
  struct pollfd ready = { .fd = listener, .events = POLLIN };
  int fd = poll (&ready, 1, 10000) == 1 ? accept4 (listener, NULL, NULL, SOCK_CLOEXEC) : -1;
  char byte;

  if (fd < 0 || read (fd, &byte, 1) != 1)
    fail ("await a byte");
  close (fd);
}

static int
send_byte (const char *path)
{
  struct sockaddr_un address = address_of (path);
  int fd = socket (AF_UNIX, SOCK_STREAM, 0);

  if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) < 0 || write (fd, "x", 1) != 1)
    return 1;
  return 0;
}

static double
time_spawn (int listener, char *const *argv)
{
  char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/bin", NULL };
  double start = now_ms (), end;
  pid_t pid;
  int error = posix_spawn (&pid, argv[0], NULL, NULL, argv, environment);

  if (error)
    {
      errno = error;
      fail (argv[0]);
    }
  await_byte (listener);
  end = now_ms ();
  if (waitpid (pid, NULL, 0) < 0)
    fail ("wait");
  return end - start;
}

static void
read_event (struct runi_event *event)
{
  size_t used = 0;

  while (used < sizeof *event)
    {
      ssize_t got = read (3, (char *) event + used, sizeof *event - used);

      if (got <= 0)
        fail ("read from the helper");
      used += (size_t) got;
    }
}

static void
await_event (uint32_t type)
{
  struct runi_event event;

  do
    {
      read_event (&event);
      if (event.type == RUNI_FAILED)
        {
          fprintf (stderr, "slice-start: %s\n", event.text);
          exit (1);
        }
    }
  while (event.type != type);
}

static double
time_slice (const char *state, unsigned index)
{
  static const char argv[] = "/runtime/slice-start\0byte\0/run/slice/agent/control.sock";
  struct runi_request request = { .version = RUNI_VERSION,
                                  .type = RUNI_LAUNCH,
                                  .id = index + 1,
                                  .tail_bytes = sizeof argv,
                                  .memory_bytes_max = 64 << 20,
                                  .cpu_millis = 2000,
                                  .pids_max = 8,
                                  .argv_count = 3,
                                  .argv_bytes = sizeof argv,
                                  .herd = "bench" };
  char folder[100], path[120];
  double start, end;
  int listener;

  snprintf (request.slot, sizeof request.slot, "bench-%u", index);
  snprintf (folder, sizeof folder, "%s/agent/slots/%s", state, request.slot);
  snprintf (path, sizeof path, "%s/control.sock", folder);
  if (mkdir (folder, 0755) < 0)
    fail (folder);
  listener = listen_at (path);
  start = now_ms ();
  if (write (3, &request, sizeof request) != sizeof request || write (3, argv, sizeof argv) != sizeof argv)
    fail ("write to the helper");
  await_byte (listener);
  end = now_ms ();
  await_event (RUNI_EXITED);
  close (listener);
  return end - start;
}

static int
be_agent (unsigned count, const char *state, char *program)
{
  char path[120];
  char *argv[] = { program, "byte", path, NULL };
  int listener;

  await_event (RUNI_READY);
  snprintf (path, sizeof path, "%s/agent/slots", state);
  if (mkdir (path, 0755) < 0)
    fail (path);
  snprintf (path, sizeof path, "%s/agent/control-of-bench.sock", state);
  listener = listen_at (path);
  for (unsigned index = 0; index < count; index++)
    {
      printf ("slice %.4f\n", time_slice (state, index));
      printf ("control %.4f\n", time_spawn (listener, argv));
      fflush (stdout);
    }
  return 0;
}

int
main (int argc, char **argv)
{
  if (argc == 3 && !strcmp (argv[1], "byte"))
    return send_byte (argv[2]);
  if (argc == 5 && !strcmp (argv[1], "agent"))
    return be_agent ((unsigned) atoi (argv[2]), argv[3], argv[4]);
  if (argc > 4 && !strcmp (argv[1], "spawn"))
    {
      int listener = listen_at (argv[3]);

      for (int left = atoi (argv[2]); left > 0; left--)
        printf ("%.4f\n", time_spawn (listener, argv + 4));
      return 0;
    }
  return 2;
}
