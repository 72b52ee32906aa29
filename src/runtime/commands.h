/* commands.h: the subcommands of `tro`: one table, one function each. */
#pragma once

#include <stdint.h>

#include "config/config.h"

/* The input of a subcommand. argv[0] is its last word; argv has no flags of the configuration. */
struct invocation {
	int argc;
	char **argv;
	struct config *config;
	struct arena *arena; /* lives as long as the program */
};

struct command_entry {
	const char *name;    /* "token", "event create" */
	const char *summary; /* one line */
	const char *usage;   /* behind "usage: tro " */
	const char *details; /* explains its own flags, with an example */
	/* Answers an exit code. NULL: the program tro-NAME beside this one is started instead, and reads the configuration itself. */
	int (*run)(const struct invocation *invocation);
};

/* Each in the file of its name. */
int run_serve(const struct invocation *invocation);
int run_migrate(const struct invocation *invocation);
int run_event_create(const struct invocation *invocation);
int run_event_import(const struct invocation *invocation);
int run_event_list(const struct invocation *invocation);
int run_event_pause(const struct invocation *invocation);
int run_event_resume(const struct invocation *invocation);
int run_event_cancel(const struct invocation *invocation);
int run_refund_list(const struct invocation *invocation);
int run_refund_done(const struct invocation *invocation);
int run_user_export(const struct invocation *invocation);
int run_user_forget(const struct invocation *invocation);
int run_audit_list(const struct invocation *invocation);
int run_token(const struct invocation *invocation);
int run_pay(const struct invocation *invocation);
int run_verify(const struct invocation *invocation);
int run_backup(const struct invocation *invocation);
int run_restore(const struct invocation *invocation);
int run_catalog_rebuild(const struct invocation *invocation);
int run_replay(const struct invocation *invocation);
int run_consume(const struct invocation *invocation);
int run_health(const struct invocation *invocation);
int run_top(const struct invocation *invocation);
int run_config(const struct invocation *invocation);
int run_version(const struct invocation *invocation);

/* The program: finds the subcommand, reads the configuration, runs it. */
int tro_main(int argc, char **argv, char *const *environment);
