/* Network namespaces of slices: each with a loopback that is up, and nothing else.  Each is used once.  */

#pragma once

#include "fault.h"

/* Remembers the spawner's own namespace; dies on failure.  */
void network_start (void);

/* A new namespace; made ahead if there was time.  -1 and fault.  */
int network_take (struct fault *fault);

/* Makes one namespace ahead; true if there was one to make.  A new one waits for the kernel to finish with those that have
   just ended, several milliseconds, which a launch should not.  */
bool network_prepare (void);
