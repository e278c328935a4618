/* commands.h - The roles that the one program can play; main.c has the table.
 *
 * Each gets the arguments behind its name (argv[0] is the name itself) and returns the exit status:
 * 0 done, 1 failed while running, 2 bad arguments or configuration. Errors go to standard error, in
 * one line that says what, where and what to do. */
#ifndef KW_APP_COMMANDS_H
#define KW_APP_COMMANDS_H

/* kilowatch run FILE.lua [ARGUMENTS...]: a Lua program on the host. The program is one task: it may
 * wait, finds its arguments in `...`, and its integer result (default 0) is the exit status. When it
 * returns, timers and tasks it left behind end. SIGINT and SIGTERM end it with status 0. */
int kw_command_run(int argc, char **argv);

/* kilowatch serve [--config FILE]: the service, until SIGTERM or SIGINT (drained, status 0). SIGHUP reads
 * the certificate again. DATA/ports.json is written once it listens. */
int kw_command_serve(int argc, char **argv);

/* kilowatch gateway [--config FILE]: OCPP stations on one side, the complex contract on the other. */
int kw_command_gateway(int argc, char **argv);

/* kilowatch check [--config FILE]: the configuration, and every script of its site_dir (compiled, linted, loaded
 * in the sandbox, its tests run). A line a problem on standard output, FILE:LINE: what; what to do. Status 0:
 * nothing wrong; 1: scripts are; 2: the configuration is. */
int kw_command_check(int argc, char **argv);

#endif
