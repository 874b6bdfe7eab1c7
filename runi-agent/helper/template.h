/* The part of a slice's root that all slices share, prepared once.  */

#pragma once

#include "config.h"

/* A mount namespace whose whole tree is the root of a slice, read-only: the allow-list of the host's files, synthetic /etc,
   /dev, and empty /run, /tmp and /proc for each slice to cover.  Dies on failure.  */
int template_make (const struct config *config);
