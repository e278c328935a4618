/* replay.c - A fuzz target without a fuzzer: every file of the named folders through it once.
 *
 * This is how seeds and past findings are tested on every run, under gcc's sanitizers and without clang. */
#include <dirent.h>

#include "fuzz.h"

#define INPUT_BYTES_MAX (1u << 20)

static unsigned replay_file(const char *path)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    MUST(file != NULL);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    char *copy = exact_copy(bytes, length);
    (void)LLVMFuzzerTestOneInput((const uint8_t *)copy, length);
    free(copy);
    return 1;
}

int main(int count, char **args)
{
    unsigned inputs = 0;
    for (int i = 1; i < count; i++) {
        DIR *folder = opendir(args[i]);
        MUST(folder != NULL);
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            char path[1024];
            if (entry->d_name[0] == '.')
                continue;
            (void)snprintf(path, sizeof path, "%s/%s", args[i], entry->d_name);
            inputs += replay_file(path);
        }
        (void)closedir(folder);
    }
    (void)printf("replayed %u inputs\n", inputs);
    return inputs > 0 ? 0 : 1;
}
