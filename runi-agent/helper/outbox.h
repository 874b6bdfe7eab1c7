/* Events that wait for the agent to read them.  */

#pragma once

#include "fault.h"

/* The place for the next event, all zero but version, type and id.  Dies when the agent has not read for very long: requests
   are not taken while half of the places are full, so this cannot happen to one that speaks by the rules.  */
struct runi_event *outbox_add (uint32_t type, uint32_t id);

/* Answers a request with its failure.  */
void outbox_fail (uint32_t id, const struct fault *fault);

/* Sends what the socket takes without waiting; false when the agent is gone, and then nothing waits any more.  */
bool outbox_send (int socket);

bool outbox_is_empty (void);

/* Whether no more requests should be taken for now.  */
bool outbox_is_full (void);
