/* What ask.c and datagrams.c say to each other, in the order of this host's bytes. */
#pragma once

struct asked {
	unsigned number;
	unsigned bytes;
};

/* Each datagram of an answer begins with this and counts with it. */
struct answered {
	unsigned number;
};

enum { LARGEST_DATAGRAM = 1400 };
