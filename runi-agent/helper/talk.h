/* What a slice's child, then its runi-init, and the spawner say on their seqpacket socket: the first byte of a message.  */

#pragma once

#include <stdbool.h>

#define TALK_USER_NAMESPACE 'U' /* child: my user namespace is there; answered with TALK_MAPPED */
#define TALK_FAILED 'F'         /* child: struct fault follows, aligned */
#define TALK_STARTED 'S'        /* runi-init: the first process runs */
#define TALK_REFUSED 'R'        /* runi-init: it cannot run; the text follows at once */
#define TALK_EXITED 'X'         /* runi-init: it has ended; its exit code and its signal follow, u32 each, aligned */
#define TALK_MAPPED 'M'         /* spawner: ids are mapped */
