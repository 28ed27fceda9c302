/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pure decisions, no state.  Who asks the peer, and when, is not decided here.
 */
#include "statd/verify.h"

#include "lib/statenum.h"

/* A first notice that may be a late copy of one from before our SM_MON. */
static bool may_be_late(const struct verify_facts *facts)
{
	if (!facts->has_baseline || !facts->is_young ||
	    facts->is_server_of_mount)
		return false;
	return facts->number == facts->baseline ||
	       facts->number == facts->baseline + 2;
}

static enum verify_verdict verify_by_address(const struct verify_facts *facts)
{
	if (facts->has_delivered && facts->number == facts->delivered)
		return VERIFY_DUPLICATE;
	if (!facts->is_reserved_port)
		return VERIFY_ASK;
	if (!facts->has_delivered)
		return may_be_late(facts) ? VERIFY_ASK : VERIFY_DELIVER;
	if (statenum_is_newer(facts->number, facts->delivered))
		return VERIFY_DELIVER;
	/*
	 * SAFETY: M-4.  A lower number is a replay, or an honest peer whose
	 * number was set back, or the sequel of a forged high one.
	 */
	return VERIFY_ASK;
}

enum verify_verdict verify_notice(const struct verify_facts *facts)
{
	if (facts->is_from_address)
		return verify_by_address(facts);
	return facts->was_delivered_so ? VERIFY_DUPLICATE : VERIFY_ASK;
}

bool verify_is_silence_consent(const struct verify_facts *facts)
{
	return facts->is_from_address;
}
