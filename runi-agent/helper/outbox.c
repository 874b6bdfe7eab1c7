#include "outbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Requests wait when half of the places are taken: each slot under way can still take two, and each job one.  */
#define EVENTS_MAX 2048

static struct runi_event events[EVENTS_MAX];
static unsigned first, count;
static size_t first_sent; /* bytes of the first */

struct runi_event *
outbox_add (uint32_t type, uint32_t id)
{
  struct runi_event *event = &events[(first + count) % EVENTS_MAX];

  if (count == EVENTS_MAX)
    die ("the agent does not read: %d events wait", EVENTS_MAX);
  memset (event, 0, sizeof *event);
  event->version = RUNI_VERSION;
  event->type = type;
  event->id = id;
  count++;
  return event;
}

void
outbox_fail (uint32_t id, const struct fault *fault)
{
  struct runi_event *event = outbox_add (RUNI_FAILED, id);

  event->reason = fault->reason;
  memcpy (event->text, fault->text, sizeof event->text);
  event->text[sizeof event->text - 1] = '\0';
}

bool
outbox_send (int socket)
{
  while (count > 0)
    {
      const char *bytes = (const char *) &events[first];
      ssize_t sent = send (socket, bytes + first_sent, sizeof events[0] - first_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

      if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
      if (sent < 0)
        {
          count = 0;
          return false;
        }
      first_sent += (size_t) sent;
      if (first_sent < sizeof events[0])
        continue;
      first_sent = 0;
      first = (first + 1) % EVENTS_MAX;
      count--;
    }
  return true;
}

bool
outbox_is_empty (void)
{
  return count == 0;
}

bool
outbox_is_full (void)
{
  return count >= EVENTS_MAX / 2;
}
