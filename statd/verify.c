/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pure decisions, no state.  Who asks the peer, and when, is not decided here
 * (statd/question.c), nor what is done then (statd/notice.c).
 */
#include "statd/verify.h"

#include "lib/statenum.h"

/*
 * A first notice that may be a late copy of one from before our SM_MON.  One
 * that is older than the baseline is, whenever that was answered: the reboot to
 * the baseline has a notice of its own.
 *
 * SAFETY: nodes of a server may have numbers of their own, and announce yet
 * others: what a server of ours says is heard, whatever it said before.
 *
 * COMPAT: nfs-utils' statd answers with the number from before its raise, so a
 * late copy from there carries the baseline + 2.  So does the first reboot
 * after a boot in which it had nobody to tell, and with a fixed port nothing
 * tells the two apart: that one must not be dropped.
 */
static bool may_be_late(const struct verify_facts *facts)
{
	if (!facts->has_baseline || !facts->is_young ||
	    facts->is_server_of_mount)
		return false;
	return statenum_is_newer(facts->baseline, facts->number) ||
	       (facts->number == facts->baseline && facts->is_prompt);
}

bool verify_is_equal(const struct verify_facts *facts)
{
	return facts->has_delivered && facts->number == facts->delivered;
}

/*
 * Whether a notice by name is about what lockd knows, maybe by another name.
 *
 * SAFETY: of other names only what lockd heard last counts.  Numbers are small
 * and rise by two: one that somebody had believed before the peer came to it
 * would else have the peer's own notice acknowledged, and lockd not called.
 */
static bool is_heard(const struct verify_facts *facts)
{
	return verify_is_equal(facts) || facts->was_delivered_last;
}

/*
 * Whether the peer, asked after lockd had heard the number, had not come to it.
 *
 * SAFETY: who is believed with a number of the peer's future would else have
 * its own notice acknowledged, and lockd not called.  The call does nothing for
 * hosts of which Linux' lockd has heard that number last; for others it does.
 *
 * COMPAT: nfs-utils' statd answers with the number from before its raise; so
 * the next number is not told from the present one.
 */
static bool is_ahead(const struct verify_facts *facts)
{
	return facts->has_baseline && facts->number != facts->baseline + 2 &&
	       statenum_is_newer(facts->number, facts->baseline);
}

static enum verify_verdict verify_by_address(const struct verify_facts *facts)
{
	if (verify_is_equal(facts) &&
	    !(facts->is_reserved_port && is_ahead(facts)))
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

static enum verify_verdict verify_by_asking(const struct verify_facts *facts)
{
	enum verify_verdict verdict;

	if (facts->is_from_address)
		verdict = verify_by_address(facts);
	else
		verdict = is_heard(facts) ? VERIFY_DUPLICATE : VERIFY_ASK;
	/* Without a baseline no answer proves anything. */
	if (verdict == VERIFY_ASK && !facts->has_baseline)
		return verify_silent(facts);
	return verdict;
}

enum verify_verdict verify_notice(const struct verify_facts *facts)
{
	switch (facts->check) {
	case VERIFY_CHECK_ASK:
		return verify_by_asking(facts);
	case VERIFY_CHECK_ADDRESS:
		if (!facts->is_from_address)
			return is_heard(facts) ? VERIFY_DUPLICATE
					       : VERIFY_REFUSE;
		break;
	case VERIFY_CHECK_LEGACY:
		break;
	}
	return verify_is_equal(facts) ? VERIFY_DUPLICATE : VERIFY_DELIVER;
}

/*
 * COMPAT: nfs-utils' statd answers with the number from before its raise, and
 * a boot with nobody to tell raises nothing, so its answer can be the same
 * before and after a reboot: then its port tells that it is another life.
 */
static bool is_different(const struct verify_facts *facts,
			 const struct verify_answer *answer)
{
	return answer->number != facts->baseline ||
	       (answer->is_port_changed && facts->number == answer->number + 2);
}

/*
 * Whether @number is what the peer has now, as it says itself.  After a forged
 * high number this is how the honest one gets through although the baseline was
 * taken after the reboot.
 */
static bool is_current(uint32_t number, const struct verify_answer *answer)
{
	return number == answer->number || number == answer->number + 2;
}

enum verify_verdict verify_answered(const struct verify_facts *facts,
				    const struct verify_answer *answer)
{
	if (!facts->has_baseline)
		return verify_silent(facts);
	if (is_different(facts, answer))
		return VERIFY_DELIVER;
	/* COMPAT: CTDB announces seconds, which its statd never says. */
	if (verify_is_equal(facts))
		return VERIFY_DUPLICATE;
	if (!facts->is_from_address)
		return VERIFY_REFUSE;
	/*
	 * SAFETY: an older number falls through and is refused.  Its sender is
	 * dead, or another host behind the same address: that one is heard when
	 * the record is young no more, and must repeat until then.
	 */
	if (may_be_late(facts) && facts->number == facts->baseline &&
	    facts->is_reserved_port && !facts->has_delivered)
		return VERIFY_LATE;
	if (!is_current(facts->number, answer))
		return VERIFY_REFUSE;
	/* Often the peer's other name, the reboot of which lockd has heard. */
	if (facts->was_delivered_last)
		return VERIFY_DUPLICATE;
	return facts->is_reserved_port ? VERIFY_DELIVER : VERIFY_REFUSE;
}

static bool is_root_of_peer(const struct verify_facts *facts)
{
	return facts->is_from_address && facts->is_reserved_port;
}

/*
 * SAFETY: the answer proves that the peer rebooted, not that the notice is
 * honest.  A stranger's number, followed by the peer's own, would have lockd
 * drop twice: the second time what it granted since.
 *
 * COMPAT: a peer that is down while it is asked comes back with one more
 * reboot. nfs-utils' statd then says the number of the boot before, which is
 * that of the notice.  It is the baseline from there on: of a notice with the
 * newest number, which is honest, it would seem to say that nothing happened.
 */
uint32_t verify_number(const struct verify_facts *facts, uint32_t newest,
		       const struct verify_answer *answer)
{
	if (is_current(newest, answer))
		return newest;
	if (is_root_of_peer(facts) || is_current(facts->number, answer) ||
	    answer->number == 0)
		return facts->number;
	return answer->number;
}

/*
 * SAFETY: Linux' lockd does nothing at the number that it heard last of a host.
 * To call it and take the answer for the next baseline would have the peer's
 * own notice refused, and the reboot lost, because of somebody else's.
 *
 * COMPAT: nfs-utils' statd says the number that it announced in the boot
 * before; the one of this boot comes with its notice.
 */
enum verify_verdict verify_heard_last(const struct verify_facts *facts,
				      uint32_t number)
{
	if (is_root_of_peer(facts))
		return VERIFY_DELIVER;
	return number == facts->number ? VERIFY_DUPLICATE : VERIFY_REFUSE;
}

/* What lockd heard is not heard again for a silence; nor is it acknowledged. */
enum verify_verdict verify_silent(const struct verify_facts *facts)
{
	if (verify_is_equal(facts))
		return VERIFY_REFUSE;
	return facts->is_from_address ? VERIFY_DELIVER : VERIFY_REFUSE;
}
