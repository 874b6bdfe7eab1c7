/* Log forwarding of runi-init: two pipes to the exchange's log.sock, as frames of u8 stream (1 stdout, 2 stderr), u32
   little-endian length and at most 64 KiB of bytes.

   While the socket is connected the step waits for it.  When it breaks, what is in hand is kept and the step waits for at
   most a second; then output is dropped and counted, and the count is told when there is a connection again.  If there is no
   socket from the start all is dropped.  */

#pragma once

#include <poll.h>

void forward_start (int out, int error);

/* Fills three places of a poll and returns its timeout in ms (-1: none).  */
int forward_watch (struct pollfd *polls);

/* Does what the poll found possible.  */
void forward_step (const struct pollfd *polls);

/* Sends what is left in the pipes, waiting for at most a second.  */
void forward_finish (void);
