#include "template.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "files.h"
#include "kernel.h"
#include "mounts.h"

#define COPY_BYTES_MAX (1u << 20)

static const struct
{
  const char *path;
  const char *text;
} etc_files[] = {
  { "etc/passwd", "root:x:0:0:root:/:/usr/sbin/nologin\nslice:x:1000:1000:slice:/tmp:/bin/sh\n"
                  "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n" },
  { "etc/group", "root:x:0:\nslice:x:1000:\nnogroup:x:65534:\n" },
  { "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n" },
};

static const char *const etc_copies[] = { "etc/services", "etc/protocols", "etc/ld.so.cache" };
static const char *const etc_directories[] = { "etc/alternatives", "etc/ssl/certs" };
static const char *const usr_links[] = { "bin", "sbin", "lib", "lib32", "lib64", "libx32" };
static const char *const devices[] = { "dev/null", "dev/zero", "dev/full", "dev/random", "dev/urandom" };
static const char *const directories[]
    = { "usr", "runtime", "etc", "etc/ssl", "dev", "proc", "run", "tmp" };

static const struct
{
  const char *path;
  const char *target;
} links[] = {
  { "in", "run/in" },
  { "out", "run/out" },
  { "data", "run/data" },
  { "stage", "run/stage" },
  { "step", "run/step" },
  { "state", "run/state" },
  { "etc/hosts", "/run/hosts" },
  { "dev/fd", "/proc/self/fd" },
  { "dev/stdin", "/proc/self/fd/0" },
  { "dev/stdout", "/proc/self/fd/1" },
  { "dev/stderr", "/proc/self/fd/2" },
  { "dev/shm", "/tmp/.shm" },
};

static void
put_file (int root, const char *path, const char *bytes, size_t size)
{
  cleanup_fd int fd = openat (root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

  if (fd < 0 || write_all (fd, bytes, size) < 0)
    die_errno ("write /%s of the slices' root", path);
}

static void
copy_file (int root, int host, const char *path)
{
  static char bytes[COPY_BYTES_MAX];
  ssize_t size = read_file (host, path, bytes, sizeof bytes);

  if (size < 0 && errno == ENOENT)
    return;
  if (size < 0)
    die_errno ("read /%s", path);
  put_file (root, path, bytes, (size_t) size);
}

/* Places a host's directory or file at the same path; what the host lacks is left out.  */
static void
bind_path (int root, int host, const char *path, unsigned flags)
{
  cleanup_fd int mount = mount_clone (host, path, flags, -1);

  if (mount < 0 && errno == ENOENT)
    return;
  if (mount < 0 || kernel_move_mount (mount, "", root, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    die_errno ("place /%s in the slices' root", path);
}

/* /bin and its like: a link where the host has one, else the directory.  */
static void
put_usr_link (int root, int host, const char *path)
{
  char target[RUNI_PATH_BYTES];
  ssize_t size = readlinkat (host, path, target, sizeof target - 1);

  if (size < 0 && errno == ENOENT)
    return;
  if (size < 0)
    {
      if (mkdirat (root, path, 0755) < 0)
        die_errno ("make /%s of the slices' root", path);
      bind_path (root, host, path, MOUNT_READ_ONLY);
      return;
    }
  target[size] = '\0';
  if (symlinkat (target, root, path) < 0)
    die_errno ("make /%s of the slices' root", path);
}

static void
put_local_time (int root, int host)
{
  char target[RUNI_PATH_BYTES];
  ssize_t size = readlinkat (host, "etc/localtime", target, sizeof target - 1);

  if (size < 0)
    {
      copy_file (root, host, "etc/localtime");
      return;
    }
  target[size] = '\0';
  if (strstr (target, "usr/share/zoneinfo/") && symlinkat (target, root, "etc/localtime") < 0)
    die_errno ("make /etc/localtime of the slices' root");
}

static void
fill (int root, int host, int runtime)
{
  for (unsigned i = 0; i < COUNT_OF (directories); i++)
    if (mkdirat (root, directories[i], 0755) < 0)
      die_errno ("make /%s of the slices' root", directories[i]);
  for (unsigned i = 0; i < COUNT_OF (links); i++)
    if (symlinkat (links[i].target, root, links[i].path) < 0)
      die_errno ("make /%s of the slices' root", links[i].path);
  for (unsigned i = 0; i < COUNT_OF (etc_files); i++)
    put_file (root, etc_files[i].path, etc_files[i].text, strlen (etc_files[i].text));
  for (unsigned i = 0; i < COUNT_OF (etc_copies); i++)
    copy_file (root, host, etc_copies[i]);
  for (unsigned i = 0; i < COUNT_OF (etc_directories); i++)
    {
      if (mkdirat (root, etc_directories[i], 0755) < 0)
        die_errno ("make /%s of the slices' root", etc_directories[i]);
      bind_path (root, host, etc_directories[i], MOUNT_READ_ONLY | MOUNT_NO_EXEC);
    }
  put_local_time (root, host);
  for (unsigned i = 0; i < COUNT_OF (devices); i++)
    {
      put_file (root, devices[i], "", 0);
      bind_path (root, host, devices[i], MOUNT_DEVICES | MOUNT_READ_ONLY | MOUNT_NO_EXEC);
    }
  bind_path (root, host, "usr", MOUNT_READ_ONLY);
  for (unsigned i = 0; i < COUNT_OF (usr_links); i++)
    put_usr_link (root, host, usr_links[i]);
  if (kernel_move_mount (runtime, "", root, "runtime", MOVE_MOUNT_F_EMPTY_PATH) < 0)
    die_errno ("place /runtime in the slices' root");
  /* What an administrator installed is no slice's business, and may be anything.  */
  if (mount ("tmpfs", "usr/local", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "size=4k,mode=0755") < 0
      && errno != ENOENT)
    die_errno ("cover /usr/local in the slices' root");
}

static _Noreturn void
build (const struct config *config, int ready)
{
  struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };
  int host, runtime, root;

  if (unshare (CLONE_NEWNS) < 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    die_errno ("make the slices' mount namespace");
  host = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (host < 0)
    die_errno ("open /");
  runtime = mount_clone (AT_FDCWD, config->runtime, MOUNT_READ_ONLY, -1);
  if (runtime < 0)
    die_errno ("open the runtime directory %s", config->runtime);
  if (mount ("tmpfs", config->state, "tmpfs", MS_NOSUID | MS_NODEV, "size=8m,nr_inodes=4096,mode=0755") < 0
      || chdir (config->state) < 0)
    die_errno ("make the slices' root");
  root = open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0)
    die_errno ("open the slices' root");
  fill (root, host, runtime);
  /* The old root is stacked onto the new one and then taken off: no directory is needed for it.  */
  if (syscall (SYS_pivot_root, ".", ".") < 0 || umount2 (".", MNT_DETACH) < 0 || chdir ("/") < 0)
    die_errno ("enter the slices' root");
  if (kernel_mount_setattr (AT_FDCWD, "/", 0, &read_only) < 0)
    die_errno ("make the slices' root read-only");
  if (write_all (ready, "", 1) < 0)
    die_errno ("hand over the slices' root");
  for (;;)
    pause ();
}

int
template_make (const struct config *config)
{
  int ends[2], namespace, pidfd = -1;
  pid_t self = getpid (), pid;
  char path[40], byte;

  if (pipe2 (ends, O_CLOEXEC) < 0)
    die_errno ("make a pipe");
  pid = kernel_clone (0, &pidfd);
  if (pid < 0)
    die_errno ("fork");
  if (pid == 0)
    {
      prctl (PR_SET_PDEATHSIG, SIGKILL);
      if (getppid () != self)
        _exit (1);
      close (ends[0]);
      build (config, ends[1]);
    }
  close (ends[1]);
  if (read (ends[0], &byte, 1) != 1)
    die ("the slices' root could not be built");
  close (ends[0]);
  snprintf (path, sizeof path, "/proc/%d/ns/mnt", pid);
  namespace = open (path, O_RDONLY | O_CLOEXEC);
  if (namespace < 0)
    die_errno ("open %s", path);
  kernel_pidfd_kill (pidfd, SIGKILL);
  close (pidfd);
  while (waitpid (pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  return namespace;
}
