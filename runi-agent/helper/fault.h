/* How the helper speaks of failure, and small things that every file uses.

   A function that can fail for a reason outside of us returns -1 and has said why in its struct fault: verb, object and the
   kernel's words, fit for a Slice's status.  Only a broken invariant of the helper's own, or a failed start, dies.  */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "request.h"

struct fault
{
  unsigned reason; /* RUNI_REFUSED … RUNI_KERNEL */
  char text[RUNI_TEXT_BYTES];
};

#define COUNT_OF(array) (sizeof (array) / sizeof (array)[0])
#define PRINTF_LIKE(text, first) __attribute__ ((format (printf, text, first)))

/* Both return -1, so that a caller can return what they return.  fault_errno adds errno's words and picks the reason.  */
int fault_set (struct fault *fault, unsigned reason, const char *format, ...) PRINTF_LIKE (3, 4);
int fault_errno (struct fault *fault, const char *format, ...) PRINTF_LIKE (2, 3);

/* Prints to standard error and exits with 1.  */
_Noreturn void die (const char *format, ...) PRINTF_LIKE (1, 2);
_Noreturn void die_errno (const char *format, ...) PRINTF_LIKE (1, 2);

/* An int so declared is closed when it goes out of scope, if it is not negative.  */
#define cleanup_fd __attribute__ ((cleanup (close_cleanup)))
void close_cleanup (const int *fd);

/* Closes *fd, if open, and sets it to -1.  */
void close_fd (int *fd);

/* Gives the descriptor away: *fd becomes -1.  */
int take_fd (int *fd);
