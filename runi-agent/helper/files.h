/* Files by name below an open directory, and whole reads and writes.  */

#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "fault.h"

/* Whether the text is [a-z0-9-]{1,length_max}: what slots, herds, volumes, edges and staging ids are named.  */
bool is_name (const char *text, size_t length_max);

/* Whether the text is a relative path of plain components: none empty, "." or "..", and no control characters.  */
bool is_plain_path (const char *text);

/* Opens a directory beneath another, following nothing; -1 and errno.  */
int open_directory (int directory, const char *path);

/* Writes the text in one write to an existing file (of cgroupfs or procfs); -1 and errno.  */
int write_file (int directory, const char *name, const char *text);

/* Reads a small file whole and ends it with NUL; its length, or -1 and errno.  */
ssize_t read_file (int directory, const char *name, char *buffer, size_t size);

/* The number after the key in a file of "key number" lines, or with key NULL the file's first number; 0 if it is not there.  */
uint64_t read_counter (int directory, const char *name, const char *key);

/* Writes all bytes; -1 and errno.  */
int write_all (int fd, const void *bytes, size_t size);

/* Deletes what lies below the directory (which stays), following nothing.  Depth is bounded.  -1 and errno.  */
int delete_contents (int directory, unsigned depth_max);
