#include "forward.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOG_SOCKET "/run/slice/exchange/log.sock"
#define FRAME_BYTES_MAX 65536
#define HEADER_BYTES 5
#define PATIENCE_MS 1000
#define RECONNECT_MS 50

static struct
{
  int pipes[2]; /* stdout, stderr; -1 after their end */
  int socket;   /* -1: not connected */
  bool absent;  /* there was no socket from the start */
  int64_t lost_ms; /* since when there is no connection */
  uint64_t dropped_bytes;
  size_t held; /* bytes of the frame in hand */
  size_t sent; /* of which are sent */
  unsigned char frame[HEADER_BYTES + FRAME_BYTES_MAX];
} forward;

static int64_t
now_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
set_header (unsigned stream, size_t length)
{
  forward.frame[0] = (unsigned char) stream;
  for (unsigned i = 0; i < 4; i++)
    forward.frame[1 + i] = (unsigned char) (length >> (8 * i));
  forward.held = HEADER_BYTES + length;
  forward.sent = 0;
}

static void
hold_note (void)
{
  int length = snprintf ((char *) forward.frame + HEADER_BYTES, FRAME_BYTES_MAX,
                         "runi-init: %llu bytes of output were dropped, as the log could not be reached\n",
                         (unsigned long long) forward.dropped_bytes);

  set_header (2, (size_t) length);
  forward.dropped_bytes = 0;
}

static int
connect_log (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = LOG_SOCKET };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd >= 0 && connect (fd, (const struct sockaddr *) &address, sizeof address) < 0)
    {
      int error = errno;

      close (fd);
      fd = -1;
      errno = error;
    }
  return fd;
}

static void
reconnect (void)
{
  forward.socket = connect_log ();
  if (forward.socket < 0)
    return;
  forward.sent = 0; /* a frame that was cut is sent again, whole */
  if (forward.held == 0 && forward.dropped_bytes > 0)
    hold_note ();
}

static void
disconnect (void)
{
  if (forward.socket >= 0)
    close (forward.socket);
  forward.socket = -1;
  forward.lost_ms = now_ms ();
}

void
forward_start (int out, int error)
{
  forward.pipes[0] = out;
  forward.pipes[1] = error;
  for (unsigned i = 0; i < 2; i++)
    fcntl (forward.pipes[i], F_SETFL, O_NONBLOCK);
  forward.lost_ms = now_ms ();
  forward.socket = connect_log ();
  forward.absent = forward.socket < 0 && errno == ENOENT;
}

static bool
is_patient (void)
{
  return forward.socket >= 0 || (!forward.absent && now_ms () - forward.lost_ms < PATIENCE_MS);
}

static bool
may_read (void)
{
  return !is_patient () || (forward.socket >= 0 && forward.held == 0);
}

int
forward_watch (struct pollfd *polls)
{
  for (unsigned i = 0; i < 2; i++)
    polls[i] = (struct pollfd){ .fd = may_read () ? forward.pipes[i] : -1, .events = POLLIN };
  /* Without POLLOUT the socket still tells that it was closed.  */
  polls[2] = (struct pollfd){ .fd = forward.socket, .events = forward.held ? POLLOUT : 0 };
  if (forward.socket >= 0 || forward.absent)
    return -1;
  return RECONNECT_MS;
}

static void
send_held (void)
{
  while (forward.socket >= 0 && forward.sent < forward.held)
    {
      ssize_t sent = send (forward.socket, forward.frame + forward.sent, forward.held - forward.sent, MSG_NOSIGNAL);

      if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return;
      if (sent < 0)
        {
          disconnect ();
          return;
        }
      forward.sent += (size_t) sent;
    }
  if (forward.socket < 0)
    return;
  forward.held = 0;
  if (forward.dropped_bytes > 0)
    hold_note ();
}

static void
drop_held (void)
{
  if (forward.held > HEADER_BYTES)
    forward.dropped_bytes += forward.held - HEADER_BYTES;
  forward.held = 0;
}

/* False when the pipe had nothing, or has ended.  */
static bool
read_pipe (unsigned index)
{
  ssize_t got = read (forward.pipes[index], forward.frame + HEADER_BYTES, FRAME_BYTES_MAX);

  if (got == 0)
    {
      close (forward.pipes[index]);
      forward.pipes[index] = -1;
    }
  if (got <= 0)
    return false;
  set_header (index + 1, (size_t) got);
  return true;
}

void
forward_step (const struct pollfd *polls)
{
  if (forward.socket < 0 && !forward.absent)
    reconnect ();
  if (forward.socket >= 0 && (polls[2].revents & (POLLERR | POLLHUP)))
    disconnect ();
  send_held ();
  if (!is_patient ())
    drop_held ();
  for (unsigned i = 0; i < 2; i++)
    if (polls[i].revents && forward.held == 0 && forward.pipes[i] >= 0 && read_pipe (i))
      {
        send_held ();
        if (!is_patient ())
          drop_held ();
      }
}

/* The first process has ended; what it printed is in the pipes.  Others may go on writing until we end, so there is a
   deadline for all.  */
void
forward_finish (void)
{
  int64_t end = now_ms () + PATIENCE_MS;

  while (!forward.absent && now_ms () < end)
    {
      struct pollfd polls[3];

      for (unsigned i = 0; i < 2 && forward.held == 0; i++)
        if (forward.pipes[i] >= 0)
          read_pipe (i);
      if (forward.held == 0)
        return;
      send_held ();
      if (forward.held == 0)
        continue;
      forward_watch (polls);
      polls[0].fd = polls[1].fd = -1;
      poll (polls, 3, RECONNECT_MS);
      if (forward.socket < 0)
        reconnect ();
      else if (polls[2].revents & (POLLERR | POLLHUP))
        disconnect ();
    }
}
