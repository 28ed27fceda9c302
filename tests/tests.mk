# SPDX-License-Identifier: BSD-2-Clause
# Part of Makefile.am: what is built and run to test the rest.
AM_DEFAULT_SOURCE_EXT = .c
UNIT_TESTS = \
	tests/unit/test_addr tests/unit/test_aliases tests/unit/test_buf tests/unit/test_callback \
	tests/unit/test_callouts tests/unit/test_hacalls \
	tests/unit/test_hawords \
	tests/unit/test_cld tests/unit/test_cldturn \
	tests/unit/test_clientinfo tests/unit/test_upcall \
	tests/unit/test_connlimit tests/unit/test_differences \
	tests/unit/test_hexid \
	tests/unit/test_doubt tests/unit/test_effects tests/unit/test_hostname \
	tests/unit/test_ctl tests/unit/test_keyset tests/unit/test_request \
	tests/unit/test_late tests/unit/test_latecopy \
	tests/unit/test_lategrace tests/unit/test_latelost \
	tests/unit/test_status \
	tests/unit/test_list tests/unit/test_log tests/unit/test_map \
	tests/unit/test_mounts tests/unit/test_kept tests/unit/test_keptset \
	tests/unit/test_keptlater \
	tests/unit/test_memo tests/unit/test_memos tests/unit/test_recall \
	tests/unit/test_monitor tests/unit/test_names tests/unit/test_nfsconf \
	tests/unit/test_notice tests/unit/test_notify \
	tests/unit/test_notify_files tests/unit/test_notify_many \
	tests/unit/test_nsm tests/unit/test_optab tests/unit/test_peers \
	tests/unit/test_portmap tests/unit/test_prng \
	tests/unit/test_procs \
	tests/unit/test_question tests/unit/test_record \
	tests/unit/test_rpccall tests/unit/test_rpcmsg tests/unit/test_rpcrec \
	tests/unit/test_rpcsrv tests/unit/test_saying tests/unit/test_skip \
	tests/unit/test_stream tests/unit/test_stuck \
	tests/unit/test_tellgrace tests/unit/test_statenum \
	tests/unit/test_timerq tests/unit/test_unread tests/unit/test_verify
OS_TESTS = \
	tests/os/test_bakindex tests/os/test_control \
	tests/os/test_bootcrash tests/os/test_bootkey tests/os/test_bootmodes \
	tests/os/test_bootorder tests/os/test_bootpower \
	tests/os/test_bootstate \
	tests/os/test_bootturn tests/os/test_claim tests/os/test_durable \
	tests/os/test_grace \
	tests/os/test_launcher tests/os/test_loop \
	tests/os/test_monitored tests/os/test_mountwatch tests/os/test_notifylock tests/os/test_operands tests/os/test_options tests/os/test_process \
	tests/os/test_resolver tests/os/test_retire tests/os/test_rpcbind \
	tests/os/test_rpctcp tests/os/test_rpcudp tests/os/test_rundir \
	tests/os/test_ownaddr tests/os/test_sandbox \
	tests/os/test_statedir tests/os/test_store tests/os/test_storememo \
	tests/os/test_storestart tests/os/test_tcpcall tests/os/test_tcplimits tests/os/test_worker
CLTRACK_TESTS = tests/os/test_alive tests/os/test_cldb \
	tests/os/test_cldbcrash tests/os/test_cldbform tests/os/test_command \
	tests/os/test_legacy tests/os/test_scribe tests/os/test_slots \
	tests/os/test_trackdb
if CLTRACK
OS_TESTS += $(CLTRACK_TESTS)
endif
FUZZERS = \
	fuzz/fuzz_cld fuzz/fuzz_clientinfo fuzz/fuzz_upcall \
	fuzz/fuzz_ctl \
	fuzz/fuzz_addr fuzz/fuzz_hawords fuzz/fuzz_hexid fuzz/fuzz_memo fuzz/fuzz_mounts fuzz/fuzz_nfsconf \
	fuzz/fuzz_notify \
	fuzz/fuzz_nsm \
	fuzz/fuzz_optab fuzz/fuzz_record fuzz/fuzz_rpcmsg fuzz/fuzz_rpcrec \
	fuzz/fuzz_skip fuzz/fuzz_statenum
if CLTRACK
FUZZERS += fuzz/fuzz_cldb
endif
CHECKS = \
	tests/checks/layers.sh tests/checks/headers.sh \
	tests/checks/functions.sh tests/checks/docs.sh tests/checks/options.sh \
	tests/checks/fuzzers.sh tests/checks/mutants.sh
# Stand-ins that the system tests and the demo run beside the real programs.
HELPERS = tests/sys/lockd-standin
# Loaded before the programs' own libraries, so that a disk can be bad.
SHIMS = tests/sys/diskshim.so tests/sys/pipeshim.so tests/kernel/nosync.so
# What the kernel laboratory runs beside them.
LAB_HELPERS = tests/kernel/hub tests/kernel/lk tests/kernel/nsmtool

if FUZZING
noinst_PROGRAMS = $(FUZZERS)
FUZZ_MAIN = fuzz/input.h
FUZZ_LINK = $(SAN_CFLAGS) -fsanitize=fuzzer
FUZZ_BUILD = $(top_builddir)
FUZZ_READY = $(BUILT_SOURCES) $(FUZZERS)
else
FUZZ_MAIN = fuzz/replay.c fuzz/input.h
FUZZ_LINK = $(SAN_CFLAGS)
if HAVE_CMOCKA
check_DATA = $(SHIMS)
check_PROGRAMS = $(UNIT_TESTS) $(OS_TESTS) $(FUZZERS) tests/sim/sim tests/sim/cldsim $(HELPERS) \
	$(LAB_HELPERS)
TESTS = $(UNIT_TESTS) $(OS_TESTS) fuzz/replay.sh tests/sim/sim.sh \
	tests/sim/cldsim.sh tests/sim/determinism.sh $(CHECKS)
endif
endif

LDADD = $(OS_LIBS) $(CMOCKA_LIBS)
NSM_RIG = tests/unit/nsm_rig.c tests/unit/nsm_rig.h
tests_unit_test_callback_SOURCES = tests/unit/test_callback.c $(NSM_RIG)
tests_unit_test_differences_SOURCES = tests/unit/test_differences.c $(NSM_RIG)
tests_unit_test_hacalls_SOURCES = tests/unit/test_hacalls.c $(NSM_RIG)
tests_unit_test_notice_SOURCES = tests/unit/test_notice.c $(NSM_RIG)
KEPT_HOST = tests/unit/kept_host.c tests/unit/kept_host.h $(NSM_RIG)
tests_unit_test_kept_SOURCES = tests/unit/test_kept.c $(KEPT_HOST)
tests_unit_test_keptlater_SOURCES = tests/unit/test_keptlater.c $(KEPT_HOST)
PEER_WORLD = tests/unit/peer_world.c tests/unit/peer_world.h $(NSM_RIG)
tests_unit_test_aliases_SOURCES = tests/unit/test_aliases.c $(PEER_WORLD)
tests_unit_test_recall_SOURCES = tests/unit/test_recall.c $(PEER_WORLD)
tests_unit_test_doubt_SOURCES = tests/unit/test_doubt.c $(PEER_WORLD)
tests_unit_test_question_SOURCES = tests/unit/test_question.c $(PEER_WORLD)
tests_unit_test_late_SOURCES = tests/unit/test_late.c \
	tests/unit/late_rig.c tests/unit/late_rig.h $(NSM_RIG)
tests_unit_test_latecopy_SOURCES = tests/unit/test_latecopy.c $(PEER_WORLD)
tests_unit_test_lategrace_SOURCES = tests/unit/test_lategrace.c \
	tests/unit/late_rig.c tests/unit/late_rig.h $(NSM_RIG)
tests_unit_test_latelost_SOURCES = tests/unit/test_latelost.c \
	tests/unit/late_rig.c tests/unit/late_rig.h $(NSM_RIG)
tests_unit_test_nsm_SOURCES = tests/unit/test_nsm.c $(NSM_RIG)
tests_unit_test_procs_SOURCES = tests/unit/test_procs.c $(NSM_RIG)
tests_unit_test_status_SOURCES = tests/unit/test_status.c $(NSM_RIG)
CLD_RIG = tests/unit/cld_rig.c tests/unit/cld_rig.h
tests_unit_test_cld_SOURCES = tests/unit/test_cld.c $(CLD_RIG)
tests_unit_test_cldturn_SOURCES = tests/unit/test_cldturn.c $(CLD_RIG)
NOTIFY_WORLD = tests/unit/notify_world.c tests/unit/notify_world.h
tests_unit_test_notify_SOURCES = tests/unit/test_notify.c $(NOTIFY_WORLD)
tests_unit_test_notify_files_SOURCES = \
	tests/unit/test_notify_files.c $(NOTIFY_WORLD)
tests_unit_test_request_SOURCES = \
	tests/unit/test_request.c $(NOTIFY_WORLD)
tests_unit_test_notify_many_SOURCES = \
	tests/unit/test_notify_many.c $(NOTIFY_WORLD)
tests_unit_test_unread_SOURCES = tests/unit/test_unread.c $(NOTIFY_WORLD)
tests_unit_test_stuck_SOURCES = tests/unit/test_stuck.c $(NOTIFY_WORLD)
tests_unit_test_tellgrace_SOURCES = tests/unit/test_tellgrace.c \
	$(NOTIFY_WORLD)
tests_unit_test_stream_SOURCES = tests/unit/test_stream.c $(NOTIFY_WORLD)
TURN_RIG = tests/os/turn_rig.c tests/os/turn_rig.h
TRACER = tests/os/tracer.c tests/os/tracer.h
tests_os_test_bootcrash_SOURCES = \
	tests/os/test_bootcrash.c $(TURN_RIG) $(TRACER)
tests_os_test_bootmodes_SOURCES = tests/os/test_bootmodes.c $(TURN_RIG)
tests_os_test_bootorder_SOURCES = \
	tests/os/test_bootorder.c $(TURN_RIG) $(TRACER)
tests_os_test_bootpower_SOURCES = \
	tests/os/test_bootpower.c $(TURN_RIG) $(TRACER)
tests_os_test_bootstate_SOURCES = tests/os/test_bootstate.c $(TURN_RIG)
tests_os_test_bootturn_SOURCES = tests/os/test_bootturn.c $(TURN_RIG)
tests_os_test_notifylock_SOURCES = \
	tests/os/test_notifylock.c $(TURN_RIG) $(TRACER)
tests_os_test_retire_SOURCES = tests/os/test_retire.c $(TURN_RIG) $(TRACER)
TCP_RIG = tests/os/tcp_rig.c tests/os/tcp_rig.h
tests_os_test_rpctcp_SOURCES = tests/os/test_rpctcp.c $(TCP_RIG)
tests_os_test_tcplimits_SOURCES = tests/os/test_tcplimits.c $(TCP_RIG)
SQL_RIG = tests/os/sql_rig.c tests/os/sql_rig.h
tests_os_test_alive_SOURCES = tests/os/test_alive.c $(SQL_RIG)
tests_os_test_alive_LDADD = $(CLTRACK_LIBS) $(CMOCKA_LIBS)
tests_os_test_cldb_SOURCES = tests/os/test_cldb.c $(SQL_RIG)
tests_os_test_cldb_LDADD = $(CLTRACK_LIBS) $(CMOCKA_LIBS)
CRASH_RIG = tests/os/crash_rig.c tests/os/crash_rig.h
tests_os_test_cldbcrash_SOURCES = \
	tests/os/test_cldbcrash.c $(SQL_RIG) $(CRASH_RIG) $(TRACER)
tests_os_test_cldbcrash_LDADD = $(CLTRACK_LIBS) $(CMOCKA_LIBS)
tests_os_test_cldbform_SOURCES = tests/os/test_cldbform.c $(SQL_RIG)
tests_os_test_cldbform_LDADD = $(CLTRACK_LIBS) $(CMOCKA_LIBS)
tests_os_test_command_SOURCES = tests/os/test_command.c $(SQL_RIG)
tests_os_test_command_LDADD = $(CLTRACK_LIBS) $(CMOCKA_LIBS)
tests_os_test_legacy_SOURCES = \
	tests/os/test_legacy.c $(SQL_RIG) $(CRASH_RIG) $(TRACER)
tests_os_test_legacy_LDADD = $(CLTRACK_LIBS) $(CMOCKA_LIBS)
tests_os_test_scribe_SOURCES = tests/os/test_scribe.c $(SQL_RIG)
tests_os_test_scribe_LDADD = $(CLTRACK_LIBS) $(CMOCKA_LIBS)
tests_os_test_slots_SOURCES = tests/os/test_slots.c cltrack/slots.c $(SQL_RIG)
tests_os_test_slots_LDADD = $(CLTRACK_LIBS) $(CMOCKA_LIBS)
tests_os_test_trackdb_SOURCES = tests/os/test_trackdb.c $(SQL_RIG)
tests_os_test_trackdb_LDADD = $(CLTRACK_LIBS) $(CMOCKA_LIBS)
tests_os_test_control_SOURCES = tests/os/test_control.c sm-notify/desk.c
tests_os_test_grace_SOURCES = tests/os/test_grace.c sm-notify/grace.c
tests_os_test_monitored_SOURCES = tests/os/test_monitored.c \
	sm-notify/monitored.c
SCENARIOS = \
	tests/sim/scenarios/all.h \
	tests/sim/scenarios/any.c \
	tests/sim/scenarios/disk.c \
	tests/sim/scenarios/exchange.c \
	tests/sim/scenarios/flood.c \
	tests/sim/scenarios/ha.c \
	tests/sim/scenarios/lockd.c \
	tests/sim/scenarios/locks.c \
	tests/sim/scenarios/names.c \
	tests/sim/scenarios/nat.c \
	tests/sim/scenarios/operators.c \
	tests/sim/scenarios/peers.c \
	tests/sim/scenarios/reboots.c
tests_sim_sim_SOURCES = $(SCENARIOS) \
	tests/sim/attack.c \
	tests/sim/attack.h \
	tests/sim/believed.c \
	tests/sim/callout.c \
	tests/sim/caps.c \
	tests/sim/caps.h \
	tests/sim/check.c \
	tests/sim/cluster.c \
	tests/sim/crowd.c \
	tests/sim/crowd.h \
	tests/sim/disk.c \
	tests/sim/disk.h \
	tests/sim/errand.c \
	tests/sim/exits.c \
	tests/sim/flood.c \
	tests/sim/foreign.c \
	tests/sim/foreign.h \
	tests/sim/heard.c \
	tests/sim/host.c \
	tests/sim/known.c \
	tests/sim/known.h \
	tests/sim/laterule.c \
	tests/sim/lift.c \
	tests/sim/lockd.c \
	tests/sim/lockd.h \
	tests/sim/lockdlife.c \
	tests/sim/lockrule.c \
	tests/sim/locks.c \
	tests/sim/locks.h \
	tests/sim/lockserver.c \
	tests/sim/mishaps.c \
	tests/sim/names.c \
	tests/sim/names.h \
	tests/sim/nat.c \
	tests/sim/nat.h \
	tests/sim/net.c \
	tests/sim/net.h \
	tests/sim/notifier.c \
	tests/sim/operator.c \
	tests/sim/operator.h \
	tests/sim/parking.c \
	tests/sim/replay.c \
	tests/sim/rest.c \
	tests/sim/retire.c \
	tests/sim/scenario.h \
	tests/sim/scenarios.c \
	tests/sim/sim.c \
	tests/sim/sim.h \
	tests/sim/store.c \
	tests/sim/stream.c \
	tests/sim/theirs.c \
	tests/sim/tidings.c \
	tests/sim/trace.c \
	tests/sim/turn.c \
	sm-notify/grace.c
tests_sim_sim_LDADD = $(PURE_LIBS)
tests_sim_cldsim_SOURCES = tests/sim/cldsim.c tests/sim/cldsim.h \
	tests/sim/clddisk.c tests/sim/cldworld.c tests/sim/edges.c
tests_sim_cldsim_LDADD = $(PURE_LIBS)
tests_sys_lockd_standin_SOURCES = tests/sys/lockd-standin.c
# Without sanitizers: it comes before their library, too.
tests/sys/diskshim.so: tests/sys/diskshim.c
	$(AM_V_CCLD)$(MKDIR_P) tests/sys && \
	$(CC) -std=gnu11 $(WARN_CFLAGS) $(CPPFLAGS) $(CFLAGS) -fPIC -shared \
		$(LDFLAGS) -o $@ $(srcdir)/tests/sys/diskshim.c
tests/sys/pipeshim.so: tests/sys/pipeshim.c
	$(AM_V_CCLD)$(MKDIR_P) tests/sys && \
	$(CC) -std=gnu11 $(WARN_CFLAGS) $(CPPFLAGS) $(CFLAGS) -fPIC -shared \
		$(LDFLAGS) -o $@ $(srcdir)/tests/sys/pipeshim.c
tests/kernel/nosync.so: tests/kernel/nosync.c
	$(AM_V_CCLD)$(MKDIR_P) tests/kernel && \
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN_CFLAGS) $(CPPFLAGS) $(CFLAGS) \
		-fPIC -shared $(LDFLAGS) -o $@ $(srcdir)/tests/kernel/nosync.c
tests_kernel_hub_SOURCES = tests/kernel/hub.c
tests_kernel_hub_LDADD =
tests_kernel_lk_SOURCES = tests/kernel/lk.c
tests_kernel_lk_LDADD =
tests_kernel_nsmtool_SOURCES = tests/kernel/nsmtool.c
tests_kernel_nsmtool_LDADD = libproto.a $(TIRPC_LIBS)

fuzz_fuzz_addr_SOURCES = fuzz/fuzz_addr.c $(FUZZ_MAIN)
fuzz_fuzz_addr_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_hawords_SOURCES = fuzz/fuzz_hawords.c $(FUZZ_MAIN)
fuzz_fuzz_hawords_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_hexid_SOURCES = fuzz/fuzz_hexid.c $(FUZZ_MAIN)
fuzz_fuzz_hexid_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_memo_SOURCES = fuzz/fuzz_memo.c $(FUZZ_MAIN)
fuzz_fuzz_memo_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_mounts_SOURCES = fuzz/fuzz_mounts.c $(FUZZ_MAIN)
fuzz_fuzz_mounts_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_cld_SOURCES = fuzz/fuzz_cld.c $(FUZZ_MAIN)
fuzz_fuzz_cld_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_cldb_SOURCES = fuzz/fuzz_cldb.c $(FUZZ_MAIN)
fuzz_fuzz_cldb_LDADD = $(CLTRACK_LIBS)
fuzz_fuzz_cldb_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_clientinfo_SOURCES = fuzz/fuzz_clientinfo.c $(FUZZ_MAIN)
fuzz_fuzz_clientinfo_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_upcall_SOURCES = fuzz/fuzz_upcall.c $(FUZZ_MAIN)
fuzz_fuzz_upcall_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_ctl_SOURCES = fuzz/fuzz_ctl.c $(FUZZ_MAIN)
fuzz_fuzz_ctl_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_nfsconf_SOURCES = fuzz/fuzz_nfsconf.c $(FUZZ_MAIN)
fuzz_fuzz_nfsconf_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_notify_SOURCES = fuzz/fuzz_notify.c $(FUZZ_MAIN)
fuzz_fuzz_notify_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_nsm_SOURCES = fuzz/fuzz_nsm.c $(FUZZ_MAIN) \
	fuzz/nsm_text.c fuzz/nsm_text.h fuzz/nsm_untold.c \
	fuzz/nsm_untold.h \
	fuzz/nsm_calls.c fuzz/nsm_calls.h fuzz/nsm_disk.c fuzz/nsm_disk.h \
	fuzz/nsm_memos.c fuzz/nsm_memos.h
fuzz_fuzz_nsm_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_optab_SOURCES = fuzz/fuzz_optab.c $(FUZZ_MAIN)
fuzz_fuzz_optab_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_record_SOURCES = fuzz/fuzz_record.c $(FUZZ_MAIN)
fuzz_fuzz_record_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_rpcmsg_SOURCES = fuzz/fuzz_rpcmsg.c $(FUZZ_MAIN)
fuzz_fuzz_rpcmsg_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_rpcrec_SOURCES = fuzz/fuzz_rpcrec.c $(FUZZ_MAIN)
fuzz_fuzz_rpcrec_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_skip_SOURCES = fuzz/fuzz_skip.c $(FUZZ_MAIN)
fuzz_fuzz_skip_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_statenum_SOURCES = fuzz/fuzz_statenum.c $(FUZZ_MAIN)
fuzz_fuzz_statenum_LDFLAGS = $(FUZZ_LINK)

TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(SHELL)
AM_TESTS_ENVIRONMENT = \
	srcdir='$(srcdir)'; top_builddir='$(top_builddir)'; CC='$(CC)'; \
	CPPFLAGS='$(AM_CPPFLAGS) $(CPPFLAGS)'; FUZZERS='$(FUZZERS)'; \
	export srcdir top_builddir CC CPPFLAGS FUZZERS;

# Needs clang-format, which release tarballs do not ask for.
check-style:
	srcdir='$(srcdir)' $(SHELL) $(srcdir)/tests/checks/style.sh

# Needs root, rpcbind and nfs-utils; makes its own network namespaces.
check-system: all $(HELPERS) $(SHIMS)
	$(SHELL) $(srcdir)/tests/sys/run.sh

# Needs bash, patch and setpriv.  Plants mistakes in copies of the source.
check-mutants:
	bash $(srcdir)/tests/sim/mutants.sh $(MUTANTS)

# Needs qemu; fetches Debian's kernel into the build tree.  No root, no KVM.
check-kernel: all $(LAB_HELPERS) $(SHIMS)
	bash $(srcdir)/tests/kernel/run.sh $(KERNEL_TESTS)

# Each fuzzer for FUZZ_S seconds.  Needs bash, clang and, unless this is a build
# with --enable-fuzzing, a source directory that nothing was configured in.
fuzz-smoke: $(FUZZ_READY)
	srcdir='$(srcdir)' FUZZ_BUILD='$(FUZZ_BUILD)' FUZZERS='$(FUZZERS)' \
		bash $(srcdir)/fuzz/smoke.sh

# Needs clang-tidy, scan-build and gcc.
check-static: $(BUILT_SOURCES) config.h
	@srcdir='$(srcdir)' top_builddir='$(top_builddir)' \
		CPPFLAGS='$(DEFS) $(AM_CPPFLAGS) $(CPPFLAGS)' \
		$(SHELL) $(srcdir)/tests/checks/static.sh

# Needs gcc, gcov and python3, and builds in a directory of its own.
coverage:
	@srcdir='$(srcdir)' \
	PURE='$(filter %.c,$(libpure_a_SOURCES))' \
	TESTS='$(UNIT_TESTS) $(OS_TESTS) fuzz/replay.sh tests/sim/sim.sh tests/sim/cldsim.sh' \
		$(SHELL) $(srcdir)/tests/checks/coverage.sh

.PHONY: check-static coverage
.PHONY: check-style check-system check-mutants check-kernel fuzz-smoke
