/* What runi-init has in place of a C library, whose start costs each slice as much as the rest of its exec.  System calls
   return the kernel's result: negative is an errno.  */

#pragma once

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#if defined __x86_64__
static inline long
system_call (long number, long a, long b, long c, long d, long e, long f)
{
  register long r10 __asm__ ("r10") = d;
  register long r8 __asm__ ("r8") = e;
  register long r9 __asm__ ("r9") = f;
  long result;

  __asm__ volatile ("syscall"
                    : "=a"(result)
                    : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                    : "rcx", "r11", "memory");
  return result;
}
#elif defined __aarch64__
static inline long
system_call (long number, long a, long b, long c, long d, long e, long f)
{
  register long x8 __asm__ ("x8") = number;
  register long x0 __asm__ ("x0") = a;
  register long x1 __asm__ ("x1") = b;
  register long x2 __asm__ ("x2") = c;
  register long x3 __asm__ ("x3") = d;
  register long x4 __asm__ ("x4") = e;
  register long x5 __asm__ ("x5") = f;

  __asm__ volatile ("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
#else
#error "runi-init knows no system calls of this machine"
#endif

#define CALL6(name, a, b, c, d, e, f) \
  system_call (SYS_##name, (long) (a), (long) (b), (long) (c), (long) (d), (long) (e), (long) (f))
#define CALL5(name, a, b, c, d, e) CALL6 (name, a, b, c, d, e, 0)
#define CALL4(name, a, b, c, d) CALL6 (name, a, b, c, d, 0, 0)
#define CALL3(name, a, b, c) CALL6 (name, a, b, c, 0, 0, 0)
#define CALL2(name, a, b) CALL6 (name, a, b, 0, 0, 0, 0)
#define CALL1(name, a) CALL6 (name, a, 0, 0, 0, 0, 0)

/* Signal sets as the kernel has them.  */
typedef uint64_t signals;
#define SIGNAL_BIT(number) (UINT64_C (1) << ((number) - 1))

_Noreturn void leave (int status);

/* Text of at most that many bytes; what does not fit is cut.  */
struct text
{
  size_t length;
  char bytes[512];
};

void add_text (struct text *text, const char *more);
void add_number (struct text *text, uint64_t number);

/* The words for an errno, as strerror has them for those that opening and running meet.  */
void add_error (struct text *text, long error);

bool is_equal (const char *one, const char *other);

/* Waits for the descriptors; timeout in ms, -1 for none.  */
long wait_for (struct pollfd *polls, unsigned count, int timeout_ms);

int64_t now_ms (void);
