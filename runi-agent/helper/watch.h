/* What the loop waits for: an epoll in which each descriptor bears its source and an index.  */

#pragma once

#include <stdint.h>

enum source
{
  SOURCE_AGENT_SOCKET,
  SOURCE_AGENT,
  SOURCE_EXCHANGE,
  SOURCE_SIGNALS,
  SOURCE_SLOT,
  SOURCE_SLOT_TALK,
  SOURCE_SLOT_MEMORY,
  SOURCE_JOB
};

extern int watch_epoll;

void watch_start (void);

/* Waits for the descriptor to become readable.  */
void watch (int fd, enum source source, unsigned index);

/* Closes it too.  Children hold copies of a descriptor for a moment, so closing alone would not end the watch.  */
void unwatch_and_close (int *fd);
