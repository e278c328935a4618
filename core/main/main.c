/* main.c - Which role to play, from the first argument. Everything else is the role's (core/app). */
#include <stdio.h>
#include <string.h>

#include "app/commands.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *doc;
} commands[] = {
    { "serve", kw_command_serve,
      "[--config FILE]          the service: web, API, live feed, history" },

    { "gateway", kw_command_gateway,
      "[--config FILE]          OCPP stations to the complex contract" },
    { "check", kw_command_check,
      "[--config FILE]          configuration and scripts of the site, without serving" },
    { "run", kw_command_run, "FILE.lua [ARGUMENTS...]   a Lua program on the host" },
};

static int usage(FILE *out)
{
    (void)fprintf(out, "kilowatch " KW_VERSION "\nusage: kilowatch COMMAND [ARGUMENTS...]\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        (void)fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].doc);
    return out == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage(stderr);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        (void)puts("kilowatch " KW_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return usage(stdout);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    (void)fprintf(stderr, "kilowatch: unknown command '%s'\n", argv[1]);
    return usage(stderr);
}
