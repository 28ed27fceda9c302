/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bits of one byte say the outcome and the facts.
 */
#include "fuzz/nsm_untold.h"

#include <string.h>

#include "fuzz/nsm_disk.h"
#include "lib/ctl.h"
#include "lib/parked.h"

void untold_check(const struct nsm_out *out)
{
	struct ctl_subject subject;
	struct parked_line line;

	if (out->kind == NSM_OUT_UNTOLD) {
		require(ctl_parse_subject(out->untold.subject,
					  strlen(out->untold.subject),
					  &subject));
		return;
	}
	require(parked_parse(out->note.line, strlen(out->note.line), &line));
	require(strchr(out->note.line, '\n') == NULL);
}

struct nsm_in untold_outcome(uint8_t byte, uint64_t id)
{
	static const char line[] = "0100007f 000186b5 00000003 00000010 "
				   "00000000000000000000000000000000 "
				   "192.0.2.7 srv.example\n";
	struct nsm_in in = {.kind = NSM_IN_UNTOLD};

	in.untold.id = id - (byte >> 7);
	in.untold.what = (enum nsm_untold)((byte & 7) % 5);
	in.untold.facts.is_grace = (byte & 8) != 0;
	in.untold.facts.is_server = (byte & 16) != 0;
	in.untold.facts.has_nfsd = (byte & 32) != 0;
	in.untold.facts.was_held = (byte & 96) == 96;
	if ((byte & 64) != 0 && in.untold.what == NSM_UNTOLD_YES) {
		in.bytes = (const uint8_t *)line;
		in.len = sizeof(line) - 1;
	}
	return in;
}
