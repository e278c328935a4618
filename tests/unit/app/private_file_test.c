/* private_file_test.c - Files of the data folder: whole, private, and only plain names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/private_file.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/kw-private-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : 1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder); /* fails when a test left something */
}

static void is_written_whole_and_replaced(void **state)
{
    char path[200], text[32] = "";
    struct stat st;
    (void)state;
    (void)snprintf(path, sizeof path, "%s/ports.json", folder);
    assert_int_equal(kw_private_file_write(folder, "ports.json", KW_STR("{\"https\":1}")), KW_OK);
    assert_int_equal(kw_private_file_write(folder, "ports.json", KW_STR("{}")), KW_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text, file), 2);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, "{}");
    assert_int_equal(kw_private_file_remove(folder, "ports.json"), KW_OK);
    assert_int_equal(kw_private_file_remove(folder, "ports.json"), KW_OK); /* absent is fine */
    assert_int_equal(access(path, F_OK), -1);
}

static void takes_plain_names_only(void **state)
{
    static const char *const names[] = { "",     ".",   "..",   "../x", "a/b",     "/etc/x",
                                         ".ssh", "a b", "a\nb", "a\\b", "\xD0\xB9" };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(kw_private_file_write(folder, names[i], KW_STR("x")), KW_EINVALID);
        assert_int_equal(kw_private_file_remove(folder, names[i]), KW_EINVALID);
    }
}

static void follows_no_link_and_tells_a_missing_folder(void **state)
{
    char path[200], victim[200];
    struct stat st;
    (void)state;
    (void)snprintf(path, sizeof path, "%s/code.new", folder);
    (void)snprintf(victim, sizeof victim, "%s/victim", folder);
    assert_int_equal(symlink(victim, path), 0);
    assert_int_equal(kw_private_file_write(folder, "code", KW_STR("x")), KW_EIO);
    assert_int_equal(stat(victim, &st), -1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(kw_private_file_write("/nowhere", "code", KW_STR("x")), KW_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_written_whole_and_replaced),
        cmocka_unit_test(takes_plain_names_only),
        cmocka_unit_test(follows_no_link_and_tells_a_missing_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
