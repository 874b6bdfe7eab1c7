#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(capability) (UINT64_C (1) << (capability))

static const uint64_t ten = BIT (CAP_SYS_ADMIN) | BIT (CAP_SYS_CHROOT) | BIT (CAP_SETUID) | BIT (CAP_SETGID)
                            | BIT (CAP_KILL) | BIT (CAP_NET_ADMIN) | BIT (CAP_NET_BIND_SERVICE)
                            | BIT (CAP_DAC_OVERRIDE) | BIT (CAP_CHOWN) | BIT (CAP_FOWNER);

static int
set_capabilities (uint64_t mask)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct data[2];

  for (unsigned half = 0; half < 2; half++)
    {
      data[half].effective = data[half].permitted = (uint32_t) (mask >> (32 * half));
      data[half].inheritable = 0;
    }
  return (int) syscall (SYS_capset, &header, data);
}

static bool
has_capabilities (uint64_t mask)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct data[2];

  if (syscall (SYS_capget, &header, data) < 0)
    return false;
  return data[0].effective == (uint32_t) mask && data[1].effective == (uint32_t) (mask >> 32)
         && data[0].permitted == (uint32_t) mask && data[1].permitted == (uint32_t) (mask >> 32)
         && data[0].inheritable == 0 && data[1].inheritable == 0;
}

/* EINVAL: the kernel has no capability of that number.  */
static int
drop_bounding (uint64_t keep)
{
  for (unsigned long capability = 0; capability < 64; capability++)
    if (!(keep & BIT (capability)) && prctl (PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
      return errno == EINVAL ? 0 : -1;
  return 0;
}

int
privileges_keep_ten (struct fault *fault)
{
  if (prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
    return fault_errno (fault, "become undumpable");
  if (drop_bounding (ten) < 0 || prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0
      || set_capabilities (ten) < 0)
    return fault_errno (fault, "drop capabilities");
  if (!has_capabilities (ten) || prctl (PR_CAPBSET_READ, (unsigned long) CAP_SYS_MODULE, 0, 0, 0) != 0)
    return fault_set (fault, RUNI_KERNEL, "drop capabilities: they are still there");
  return 0;
}

int
privileges_become (uid_t uid, gid_t gid, struct fault *fault)
{
  uid_t uids[3];
  gid_t gids[3];

  if (setgroups (0, NULL) < 0 || setresgid (gid, gid, gid) < 0 || setresuid (uid, uid, uid) < 0)
    return fault_errno (fault, "become uid %u", uid);
  if (getresuid (&uids[0], &uids[1], &uids[2]) < 0 || getresgid (&gids[0], &gids[1], &gids[2]) < 0)
    return fault_errno (fault, "read own ids");
  for (unsigned i = 0; i < 3; i++)
    if (uids[i] != uid || gids[i] != gid)
      return fault_set (fault, RUNI_KERNEL, "become uid %u: it did not take", uid);
  if (uid != 0 && (getgroups (0, NULL) != 0 || setresuid (0, 0, 0) == 0 || setgid (0) == 0))
    return fault_set (fault, RUNI_KERNEL, "become uid %u: root could be regained", uid);
  return 0;
}

int
privileges_none (struct fault *fault)
{
  if (prctl (PR_CAPBSET_READ, 0UL, 0, 0, 0) == 1 && drop_bounding (0) < 0 && errno != EPERM)
    return fault_errno (fault, "drop the bounding set");
  if (prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || set_capabilities (0) < 0)
    return fault_errno (fault, "drop capabilities");
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
    return fault_errno (fault, "refuse new privileges");
  if (!has_capabilities (0) || set_capabilities (BIT (CAP_SYS_ADMIN)) == 0)
    return fault_set (fault, RUNI_KERNEL, "drop capabilities: they could be regained");
  return 0;
}
