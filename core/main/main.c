/* main.c - Arguments, configuration, run. Nothing else lives here. */
#include <stdio.h>

int main(void)
{
    puts("kilowatch " KW_VERSION);
    return 0;
}
