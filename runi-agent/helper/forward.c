#include "forward.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tiny.h"

#define LOG_SOCKET "/run/slice/exchange/log.sock"
#define FRAME_BYTES_MAX 65536
#define HEADER_BYTES 5
#define PATIENCE_MS 1000
#define RECONNECT_MS 50

static struct
{
  int pipes[2]; /* stdout, stderr; -1 after their end */
  int socket;   /* negative: not connected */
  bool absent;  /* there was no socket from the start */
  int64_t lost_ms; /* since when there is no connection */
  uint64_t dropped_bytes;
  size_t held; /* bytes of the frame in hand */
  size_t sent; /* of which are sent */
  unsigned char frame[HEADER_BYTES + FRAME_BYTES_MAX];
} forward;

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
  struct text text = { 0 };

  add_text (&text, "runi-init: ");
  add_number (&text, forward.dropped_bytes);
  add_text (&text, " bytes of output were dropped, as the log could not be reached\n");
  __builtin_memcpy (forward.frame + HEADER_BYTES, text.bytes, text.length);
  set_header (2, text.length);
  forward.dropped_bytes = 0;
}

/* A connected descriptor, or a negative errno.  */
static long
connect_log (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = LOG_SOCKET };
  long fd = CALL3 (socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), result;

  if (fd < 0)
    return fd;
  result = CALL3 (connect, fd, &address, sizeof address);
  if (result == 0)
    return fd;
  CALL1 (close, fd);
  return result;
}

static void
reconnect (void)
{
  forward.socket = (int) connect_log ();
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
    CALL1 (close, forward.socket);
  forward.socket = -1;
  forward.lost_ms = now_ms ();
}

void
forward_start (int out, int error)
{
  forward.pipes[0] = out;
  forward.pipes[1] = error;
  for (unsigned i = 0; i < 2; i++)
    CALL3 (fcntl, forward.pipes[i], F_SETFL, O_NONBLOCK);
  forward.lost_ms = now_ms ();
  forward.socket = (int) connect_log ();
  forward.absent = forward.socket == -ENOENT;
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
      long sent = CALL6 (sendto, forward.socket, forward.frame + forward.sent, forward.held - forward.sent, MSG_NOSIGNAL,
                         NULL, 0);

      if (sent == -EAGAIN || sent == -EINTR)
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
  long got = CALL3 (read, forward.pipes[index], forward.frame + HEADER_BYTES, FRAME_BYTES_MAX);

  if (got == 0)
    {
      CALL1 (close, forward.pipes[index]);
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
      wait_for (polls, 3, RECONNECT_MS);
      if (forward.socket < 0)
        reconnect ();
      else if (polls[2].revents & (POLLERR | POLLHUP))
        disconnect ();
    }
}
