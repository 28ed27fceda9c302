/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The option table of rpc.statd: every option and key of nfs-utils, under the
 * same letters and names (contract.md 2.1).
 */
#include "statd/settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "lib/log.h"
#include "lib/optab.h"
#include "os/kernel.h"
#include "os/logsink.h"
#include "os/options.h"
#include "os/resolver.h"
#include "os/rpcbind.h"
#include "os/rpctcp.h"
#include "proto/sm_inter.h"
#include "statd/verify.h"

#define EXIT_PORTS_CLASH 255 /* COMPAT: contract.md 2.1 */

#define CONNECTIONS_MIN	 16u

#define FIELD(member)	 .offset = offsetof(struct settings, member)

/* As enum verify_check counts them. */
static const char *const notify_checks[] = {
	[VERIFY_CHECK_ASK] = "verify",
	[VERIFY_CHECK_ADDRESS] = "address",
	[VERIFY_CHECK_LEGACY] = "legacy",
	NULL,
};

static const struct optab statd_options[] = {
	{.short_name = 'F',
	 .long_name = "foreground",
	 .kind = OPTAB_FLAG,
	 .help = "stay in the foreground",
	 FIELD(is_foreground)},
	{.short_name = 'd',
	 .long_name = "no-syslog",
	 .kind = OPTAB_FLAG,
	 .help = "with -F: log everything, debug lines too, to stderr",
	 FIELD(is_debug)},
	{.short_name = 'p',
	 .long_name = "port",
	 .arg = "PORT",
	 .section = "statd",
	 .key = "port",
	 .kind = OPTAB_UINT,
	 .max = 65535,
	 .help = "serve on this port (0: any)",
	 FIELD(port)},
	{.short_name = 'o',
	 .long_name = "outgoing-port",
	 .arg = "PORT",
	 .section = "statd",
	 .key = "outgoing-port",
	 .kind = OPTAB_UINT,
	 .max = 65535,
	 .help = "sm-notify sends from this port (0: any)",
	 FIELD(outgoing_port)},
	{.short_name = 'n',
	 .long_name = "name",
	 .arg = "NAME",
	 .section = "statd",
	 .key = "name",
	 .kind = OPTAB_TEXT,
	 .help = "sm-notify announces this name or address of ours",
	 FIELD(name)},
	{.short_name = 'P',
	 .long_name = "state-directory-path",
	 .arg = "DIR",
	 .section = "statd",
	 .key = "state-directory-path",
	 .kind = OPTAB_TEXT,
	 .help = "keep state in DIR (else " STATEDIR ")",
	 FIELD(state_dir)},
	{.short_name = 'H',
	 .long_name = "ha-callout",
	 .arg = "PROGRAM",
	 .section = "statd",
	 .key = "ha-callout",
	 .kind = OPTAB_TEXT,
	 .is_live = true,
	 .help = "run PROGRAM when peers come, go and reboot",
	 FIELD(ha_callout)},
	{.short_name = 'L',
	 .long_name = "no-notify",
	 .section = "statd",
	 .key = "no-notify",
	 .kind = OPTAB_FLAG,
	 .help = "do not run sm-notify",
	 FIELD(has_no_notify)},
	{.short_name = 'N',
	 .long_name = "notify-mode",
	 .kind = OPTAB_FLAG,
	 FIELD(is_notify_mode)}, /* COMPAT: deprecated, not shown */
	{.short_name = 'T',
	 .long_name = "nlm-port",
	 .arg = "PORT",
	 .section = "lockd",
	 .key = "port",
	 .kind = OPTAB_UINT,
	 .max = 65535,
	 .help = "lockd listens on this TCP port (0: any)",
	 FIELD(nlm_port)},
	{.short_name = 'U',
	 .long_name = "nlm-udp-port",
	 .arg = "PORT",
	 .section = "lockd",
	 .key = "udp-port",
	 .kind = OPTAB_UINT,
	 .max = 65535,
	 .help = "lockd listens on this UDP port (0: as TCP)",
	 FIELD(nlm_udp_port)},
	{.section = "statd",
	 .key = "debug",
	 .arg = "CLASSES",
	 .kind = OPTAB_CLASSES,
	 .is_live = true,
	 .help = "log debug lines of general, call, auth, parse or all",
	 FIELD(classes)},
	{.section = "statd",
	 .key = "require-reserved-port",
	 .kind = OPTAB_FLAG,
	 .is_live = true,
	 .help = "the lock manager must call from a reserved port",
	 FIELD(is_port_required)},
	{.section = "statd",
	 .key = "ha-callout-timeout",
	 .arg = "SECONDS",
	 .kind = OPTAB_UINT,
	 .min = 1,
	 .max = 3600,
	 .is_live = true,
	 .help = "kill what -H runs after that",
	 FIELD(ha_callout_s)},
	{.section = "statd",
	 .key = "max-connections",
	 .arg = "COUNT",
	 .kind = OPTAB_UINT,
	 .min = CONNECTIONS_MIN,
	 .max = RPCTCP_CONNECTIONS_MAX,
	 .help = "TCP connections at a time",
	 FIELD(connections_max)},
	{.section = "statd",
	 .key = "max-connections-per-address",
	 .arg = "COUNT",
	 .kind = OPTAB_UINT,
	 .min = 1,
	 .max = RPCTCP_CONNECTIONS_MAX,
	 .help = "of these, from one address (loopback: no limit)",
	 FIELD(per_address_max)},
	{.section = "statd",
	 .key = "idle-timeout",
	 .arg = "SECONDS",
	 .kind = OPTAB_UINT,
	 .min = 1,
	 .max = 86400,
	 .help = "close a connection without calls after that (loopback: no)",
	 FIELD(idle_s)},
	{.section = "statd",
	 .key = "resolver-timeout",
	 .arg = "SECONDS",
	 .kind = OPTAB_UINT,
	 .min = 1,
	 .max = 3600,
	 .help = "give up looking up a name after that",
	 FIELD(resolver_s)},
	{.section = "statd",
	 .key = "notify-check",
	 .arg = "CHECK",
	 .kind = OPTAB_WORD,
	 .words = notify_checks,
	 .is_live = true,
	 .help = "believe notices that the peer confirms (verify), that come "
		 "from its address (address), or any (legacy)",
	 FIELD(notify_check)},
	{.short_name = 'h',
	 .short_alias = '?',
	 .long_name = "help",
	 .kind = OPTAB_HELP,
	 .help = "show this text"},
	{.short_name = 'v',
	 .short_alias = 'V',
	 .long_name = "version",
	 .kind = OPTAB_VERSION,
	 .help = "show the version"},
	{0},
};

static const struct options_program statd_program = {
	.name = "rpc.statd",
	.usage = "rpc.statd [options]",
	.version = "rpc.statd (nfs-reclaim) " PACKAGE_VERSION,
	.table = statd_options,
	.section = "statd",
};

/* What holds where neither nfs.conf nor the command line says otherwise. */
static const struct settings defaults = {
	.state_dir = STATEDIR,
	.default_dir = STATEDIR,
	.connections_max = 4096,
	.per_address_max = 64,
	.idle_s = 60,
	.resolver_s = RESOLVER_TIMEOUT_MS / 1000,
	.is_port_required = true,
	.ha_callout_s = 30,
};

static void read_environment(struct settings *settings)
{
	const char *text = getenv("RPC_STATD_NO_NOTIFY");

	if (text != NULL && strtol(text, NULL, 10) > 0)
		settings->has_no_notify = true;
	if (settings->nlm_udp_port == 0)
		settings->nlm_udp_port = settings->nlm_port;
}

void settings_read(struct settings *settings, int argc, char **argv)
{
	struct nfsconf_value value;
	struct nfsconf *conf;

	*settings = defaults;
	conf = options_read(&statd_program, argc, argv, settings);
	/* The key makes another directory the default one; -P does not. */
	if (nfsconf_get(conf, "statd", NULL, "state-directory-path", &value))
		settings->default_dir = value.text;
	read_environment(settings);
	settings->at_start = conf;
	settings->argc = argc;
	settings->argv = argv;
}

void settings_fini(struct settings *settings)
{
	nfsconf_free(settings->at_start);
	nfsconf_free(settings->renewed);
	settings->at_start = NULL;
	settings->renewed = NULL;
}

/* Says which of the lines in @fixed, "[section] key", need a new start. */
static void log_fixed(const struct buf *fixed)
{
	const char *line = buf_text(fixed);
	const char *end;

	for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
		log_line(LOG_WARN,
			 "%.*s has changed: it counts from the next start",
			 (int)(end - line), line);
}

/* Reads @conf, and over it the command line, as at the start. */
static bool read_again(const struct settings *settings,
		       const struct nfsconf *conf, struct settings *out,
		       struct buf *errors)
{
	unsigned int bad_count;

	*out = defaults;
	bad_count = optab_read_conf(statd_options, out, conf, errors);
	options_apply_args(&statd_program, settings->argc, settings->argv, out);
	return bad_count == 0;
}

bool settings_renew(struct settings *settings)
{
	struct nfsconf *conf = options_load_conf();
	struct settings before, fresh;
	struct buf lines;
	bool is_good;

	buf_init(&lines, NFSCONF_FILE_MAX);
	/* That was good, or we would not have started. */
	(void)read_again(settings, settings->at_start, &before, &lines);
	buf_clear(&lines);
	is_good = read_again(settings, conf, &fresh, &lines);
	log_page(LOG_ERROR, buf_text(&lines));
	if (is_good) {
		buf_clear(&lines);
		optab_renew(statd_options, settings, &before, &fresh, &lines);
		log_fixed(&lines);
		/* ORDER: only now does no text borrow from it. */
		nfsconf_free(settings->renewed);
		settings->renewed = conf;
	} else {
		nfsconf_free(conf);
	}
	buf_fini(&lines);
	return is_good;
}

/* Why @path cannot be run, or NULL. */
static const char *refuse_program(const char *path)
{
	struct stat st;

	if (path[0] != '/')
		return "not an absolute path";
	if (stat(path, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
		return "not an executable file";
	return NULL;
}

void settings_check_callout(const struct settings *settings)
{
	const struct nfsconf *conf = settings->renewed != NULL
					     ? settings->renewed
					     : settings->at_start;
	struct nfsconf_value value;
	const char *why;
	struct buf text;

	if (settings->ha_callout == NULL)
		return;
	why = refuse_program(settings->ha_callout);
	if (why == NULL)
		return;
	buf_init(&text, LOG_TEXT_MAX);
	if (nfsconf_get(conf, "statd", NULL, "ha-callout", &value) &&
	    value.text == settings->ha_callout)
		buf_addf(&text, "%s:%u: [statd] ha-callout = ", value.file,
			 value.line);
	else
		buf_add_text(&text, "-H ");
	buf_add_escaped(&text, settings->ha_callout,
			strnlen(settings->ha_callout, LOG_TEXT_MAX / 8));
	log_line(LOG_WARN, "%s: %s; it cannot be run", buf_text(&text), why);
	buf_fini(&text);
}

int settings_check(const struct settings *settings)
{
	struct stat st;

	if (settings->port != 0 && settings->port == settings->outgoing_port) {
		log_line(LOG_ERROR,
			 "port and outgoing-port are both %u: they must differ",
			 settings->port);
		return EXIT_PORTS_CLASH;
	}
	if (stat(settings->state_dir, &st) != 0) {
		log_line(LOG_ERROR, "state directory %s: %s",
			 settings->state_dir, strerror(errno));
		return EXIT_FAILURE;
	}
	if (!S_ISDIR(st.st_mode)) {
		log_line(LOG_ERROR, "state directory %s: not a directory",
			 settings->state_dir);
		return EXIT_FAILURE;
	}
	if (rpcbind_is_served(SM_PROGRAM, SM_VERSION)) {
		log_line(LOG_ERROR, "a statd is already running on this host");
		return EXIT_FAILURE;
	}
	return 0;
}

static bool is_log_on_stderr(const struct settings *settings)
{
	return settings->is_foreground && settings->is_debug;
}

void settings_log_classes(const struct settings *settings)
{
	log_set_classes(is_log_on_stderr(settings) ? LOG_CLASS_ALL
						   : settings->classes);
}

void settings_choose_log(const struct settings *settings)
{
	settings_log_classes(settings);
	if (!is_log_on_stderr(settings))
		logsink_syslog("rpc.statd"); /* COMPAT: -F alone, too */
}

#define NLM_PORT_FILES "/proc/sys/fs/nfs/nlm_tcpport, nlm_udpport"

void settings_nlm_ports(const struct settings *settings)
{
	int error;

	if (settings->nlm_port == 0 && settings->nlm_udp_port == 0)
		return;
	error = kernel_set_nlm_ports((uint16_t)settings->nlm_port,
				     (uint16_t)settings->nlm_udp_port);
	if (error != 0)
		log_line(LOG_WARN,
			 "lockd was not told its ports: %s: %s; is the module "
			 "lockd there?",
			 NLM_PORT_FILES, strerror(-error));
}
