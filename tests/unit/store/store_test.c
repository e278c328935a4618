/* store_test.c - Documents, the request language, migration, ingest and its cursor, a locked database. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <sqlite3.h>

#include "unit/store/store_fixture.h"

#include "store/store.h"

struct answer {
    bool done;
    kw_err err;
    char text[8000];
    int64_t number;
};

static const char stations[] =
    "{\"name\":\"stations\",\"fields\":{\"id\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},"
    "\"phases\":{\"type\":\"integer\"},\"ratio\":{\"type\":\"number\"},\"on\":{\"type\":\"boolean\"},"
    "\"tags\":{\"type\":\"json\"}},\"key\":\"id\",\"indexes\":[[\"name\"]]}";

static void on_result(kw_err err, struct kw_str json, void *arg)
{
    struct answer *answer = arg;
    answer->done = true;
    answer->err = err;
    assert_int_equal(kw_str_copy(json, answer->text, sizeof answer->text), KW_OK);
}

static struct kw_store *open_store(struct bench *bench)
{
    struct kw_store *store = NULL;
    char error[400] = "";
    struct kw_store_options options = { .path = bench->folder, .metrics = bench->metrics };
    if (kw_store_open(bench->loop, &options, &store, error, sizeof error) != KW_OK)
        fail_msg("%s", error);
    return store;
}

static struct kw_store *open_with_stations(struct bench *bench)
{
    struct kw_store *store = open_store(bench);
    char error[400] = "";
    if (kw_store_declare(store, kw_str_of(stations), error, sizeof error) != KW_OK)
        fail_msg("%s", error);
    return store;
}

static const char *request(struct bench *bench, struct kw_store *store, const char *text,
                           kw_err wanted)
{
    static struct answer answer;
    memset(&answer, 0, sizeof answer);
    assert_int_equal(kw_store_request(store, kw_str_of(text), on_result, &answer), KW_OK);
    assert_false(answer.done); /* never inside */
    assert_true(run_until(bench->loop, is_set, &answer.done, 15000));
    if (answer.err != wanted)
        fail_msg("%s: %s %s", text, kw_err_slug(answer.err), answer.text);
    return answer.text;
}

#define IS(text, wanted_err, wanted) \
    assert_string_equal(request(bench, store, text, wanted_err), wanted)
#define HAS(text, wanted_err, wanted) \
    assert_non_null(strstr(request(bench, store, text, wanted_err), wanted))

static void test_documents(void **state)
{
    struct bench *bench = *state;
    struct kw_store *store = open_with_stations(bench);
    IS("{\"op\":\"insert\",\"from\":\"stations\",\"doc\":{\"id\":\"a\",\"name\":\"\\u042fna \\\"q\\\" 'x'\","
       "\"phases\":3,\"ratio\":0.5,\"on\":true,\"tags\":{\"k\":[1]}}}",
       KW_OK,
       "{\"doc\":{\"id\":\"a\",\"name\":\"\xd0\xafna \\\"q\\\" 'x'\",\"phases\":3,\"ratio\":0.5,\"on\":true,"
       "\"tags\":{\"k\":[1]},\"revision\":1}}");
    HAS("{\"op\":\"insert\",\"from\":\"stations\",\"doc\":{\"id\":\"a\"}}", KW_EEXISTS, "error");
    HAS("{\"op\":\"upsert\",\"from\":\"stations\",\"doc\":{\"id\":\"a\",\"name\":\"b\"}}", KW_OK,
        "\"revision\":2");
    IS("{\"op\":\"get\",\"from\":\"stations\",\"key\":\"a\"}", KW_OK,
       "{\"doc\":{\"id\":\"a\",\"name\":\"b\",\"phases\":null,\"ratio\":null,\"on\":null,\"tags\":null,"
       "\"revision\":2}}");
    IS("{\"op\":\"get\",\"from\":\"stations\",\"key\":\"none\"}", KW_OK, "{\"doc\":null}");
    HAS("{\"op\":\"update\",\"from\":\"stations\",\"key\":\"a\",\"set\":{\"on\":false},\"revision\":2}",
        KW_OK, "\"on\":false");
    HAS("{\"op\":\"update\",\"from\":\"stations\",\"key\":\"a\",\"set\":{\"on\":true},\"revision\":2}",
        KW_ECONFLICT, "\"revision\":3");
    HAS("{\"op\":\"update\",\"from\":\"stations\",\"key\":\"zz\",\"set\":{\"on\":true}}",
        KW_ENOTFOUND, "no such document");
    HAS("{\"op\":\"delete\",\"from\":\"stations\",\"key\":\"a\",\"revision\":1}", KW_ECONFLICT,
        "doc");
    IS("{\"op\":\"delete\",\"from\":\"stations\",\"key\":\"a\"}", KW_OK, "{}");
    HAS("{\"op\":\"delete\",\"from\":\"stations\",\"key\":\"a\"}", KW_ENOTFOUND, "error");
    kw_store_close(store);
}

static void test_wrong_requests(void **state)
{
    struct bench *bench = *state;
    struct kw_store *store = open_with_stations(bench);
    HAS("{\"op\":\"get\",\"from\":\"nobody\",\"key\":1}", KW_EINVALID,
        "unknown collection: nobody");
    HAS("{\"op\":\"get\",\"from\":\"stations\\\"; DROP TABLE stations; --\",\"key\":1}",
        KW_EINVALID, "unknown collection");
    HAS("{\"op\":\"shout\",\"from\":\"stations\"}", KW_EINVALID, "unknown operation: shout");
    HAS("{\"op\":\"insert\",\"from\":\"stations\",\"doc\":{\"id\":\"a\",\"x') --\":1}}",
        KW_EINVALID, "unknown field: x') --");
    HAS("{\"op\":\"find\",\"from\":\"stations\",\"where\":[[\"nope\",\"=\",1]]}", KW_EINVALID,
        "unknown field in where: nope");
    HAS("{\"op\":\"find\",\"from\":\"stations\",\"where\":[[\"id\",\"~\",1]]}", KW_EINVALID,
        "unknown comparison: ~");
    HAS("{\"op\":\"find\",\"from\":\"stations\",\"sort\":[\"-nope\"]}", KW_EINVALID,
        "in sort: -nope");
    HAS("{\"op\":\"find\",\"from\":\"stations\",\"limit\":0}", KW_EINVALID, "limit");
    HAS("{\"op\":\"find\",\"from\":\"stations\",\"limit\":10001}", KW_EINVALID, "limit");
    HAS("{\"op\":\"find\",\"from\":\"stations\",\"sum\":[\"nope\"]}", KW_EINVALID, "in sum: nope");
    HAS("{\"op\":\"group\",\"from\":\"stations\",\"by\":[\"nope\"]}", KW_EINVALID,
        "in group: nope");
    HAS("{\"op\":\"find\",\"from\":\"stations\",\"after\":[1,2,3]}", KW_EINVALID, "after");
    HAS("{\"op\":\"insert\",\"from\":\"stations\",\"doc\":{\"id\":\"a\",\"phases\":\"three\"}}",
        KW_EEXISTS, "phases"); /* STRICT refuses another type */
    HAS("not json", KW_EINVALID, "error");
    HAS("{\"op\":\"batch\",\"ops\":[{\"op\":\"batch\",\"ops\":[]}]}", KW_EINVALID, "error");
    kw_store_close(store);
}

static void seed(struct bench *bench, struct kw_store *store)
{
    static const char *const docs[] = {
        "{\"id\":\"a\",\"name\":\"\xd0\x94\xd0\xbe\xd0\xbc\",\"phases\":3}",
        "{\"id\":\"b\",\"name\":\"house\",\"phases\":1}",
        "{\"id\":\"c\",\"name\":\"H*use\",\"phases\":1}", "{\"id\":\"d\",\"phases\":3}",
        "{\"id\":\"e\",\"name\":\"zoo\"}"
    };
    char text[300];
    for (size_t i = 0; i < KW_COUNT_OF(docs); i++) {
        (void)snprintf(text, sizeof text, "{\"op\":\"insert\",\"from\":\"stations\",\"doc\":%s}",
                       docs[i]);
        (void)request(bench, store, text, KW_OK);
    }
}

/* Ids of the rows of a find, in order: "abc". */
static const char *ids(struct bench *bench, struct kw_store *store, const char *rest)
{
    static char found[32];
    char text[500];
    size_t count = 0;
    (void)snprintf(text, sizeof text, "{\"op\":\"find\",\"from\":\"stations\"%s}", rest);
    const char *at = request(bench, store, text, KW_OK);
    while ((at = strstr(at, "{\"id\":\"")) != NULL) {
        found[count++] = at[7];
        at += 7;
    }
    found[count] = 0;
    return found;
}

static void test_find(void **state)
{
    struct bench *bench = *state;
    struct kw_store *store = open_with_stations(bench);
    seed(bench, store);
#define FINDS(rest, wanted) assert_string_equal(ids(bench, store, rest), wanted)
    FINDS("", "abcde");
    FINDS(",\"where\":[[\"phases\",\"=\",1]]", "bc");
    FINDS(",\"where\":[[\"phases\",\"!=\",1]]", "ade"); /* absent is different too */
    FINDS(",\"where\":[[\"phases\",\">\",1],[\"name\",\"not_null\"]]", "a");
    FINDS(",\"where\":[[\"id\",\"in\",[\"a\",\"e\",\"x\"]]]", "ae");
    FINDS(",\"where\":[[\"name\",\"is_null\"]]", "d");
    FINDS(",\"where\":[[\"name\",\"contains\",\"USE\"]]", "bc");
    FINDS(",\"where\":[[\"name\",\"contains\",\"\xd0\xb4\xd0\x9e\"]]",
          "a");                                              /* Cyrillic, any case */
    FINDS(",\"where\":[[\"name\",\"prefix\",\"H*\"]]", "c"); /* a star is a star */
    FINDS(",\"where\":[[\"name\",\"prefix\",\"[\"]]", "");
    FINDS(",\"where\":[[\"or\",[[\"id\",\"=\",\"a\"],[\"id\",\"=\",\"c\"]]]]", "ac");
    FINDS(",\"sort\":[\"-id\"]", "edcba");
    FINDS(",\"sort\":[\"phases\",\"-id\"]", "ecbda"); /* none first */
    FINDS(",\"sort\":[\"-phases\"]", "dacbe");
    HAS("{\"op\":\"find\",\"from\":\"stations\",\"limit\":2,\"count\":true,\"sum\":[\"phases\"]}",
        KW_OK, "\"more\":true,\"totals\":{\"total\":5,\"sum\":{\"phases\":8}}");
    IS("{\"op\":\"group\",\"from\":\"stations\",\"by\":[\"phases\"],\"sum\":[\"phases\"]}", KW_OK,
       "{\"rows\":[{\"count\":1,\"phases\":null,\"phases\":0},{\"count\":2,\"phases\":1,\"phases\":2},"
       "{\"count\":2,\"phases\":3,\"phases\":6}]}");
    kw_store_close(store);
}

/* Pages by `after` give every row once, in both directions, over equal and absent values. */
static void test_pages(void **state)
{
    static const char *const sorts[] = { "\"phases\",\"id\"", "\"-phases\",\"-id\"",
                                         "\"name\",\"id\"", "\"-name\",\"id\"" };
    struct bench *bench = *state;
    struct kw_store *store = open_with_stations(bench);
    seed(bench, store);
    for (size_t i = 0; i < KW_COUNT_OF(sorts); i++) {
        char text[400], all[32], seen[32] = "", after[120] = "";
        const char *field = strstr(sorts[i], "name") != NULL ? "name" : "phases";
        (void)snprintf(text, sizeof text, ",\"sort\":[%s]", sorts[i]);
        (void)snprintf(all, sizeof all, "%s", ids(bench, store, text));
        for (int page = 0; page < 6; page++) {
            (void)snprintf(text, sizeof text, ",\"sort\":[%s],\"limit\":1%s", sorts[i], after);
            const char *id = ids(bench, store, text);
            if (id[0] == 0)
                break;
            size_t used = strlen(seen);
            seen[used] = id[0];
            seen[used + 1] = 0;
            (void)snprintf(text, sizeof text,
                           "{\"op\":\"get\",\"from\":\"stations\",\"key\":\"%c\"}", id[0]);
            const char *doc = request(bench, store, text, KW_OK);
            char key[20];
            (void)snprintf(key, sizeof key, "\"%s\":", field);
            const char *value = strstr(doc, key) + strlen(key);
            (void)snprintf(after, sizeof after, ",\"after\":[%.*s,\"%c\"]",
                           (int)strcspn(value, ",}"), value, seen[used]);
        }
        assert_string_equal(seen, all);
    }
    kw_store_close(store);
}

static void test_batch(void **state)
{
    struct bench *bench = *state;
    struct kw_store *store = open_with_stations(bench);
    HAS("{\"op\":\"batch\",\"ops\":[{\"op\":\"insert\",\"from\":\"stations\",\"doc\":{\"id\":\"a\"}},"
        "{\"op\":\"insert\",\"from\":\"stations\",\"doc\":{\"id\":\"b\"}},{\"op\":\"get\",\"from\":\"stations\",\"key\":\"a\"}]}",
        KW_OK, "{\"results\":[{\"doc\":");
    HAS("{\"op\":\"batch\",\"ops\":[{\"op\":\"delete\",\"from\":\"stations\",\"key\":\"a\"},"
        "{\"op\":\"insert\",\"from\":\"stations\",\"doc\":{\"id\":\"b\"}}]}",
        KW_EEXISTS, "error"); /* all or nothing */
    assert_string_equal(ids(bench, store, ""), "ab");
    IS("{\"op\":\"batch\",\"ops\":[]}", KW_OK, "{\"results\":[]}");
    kw_store_close(store);
}

static void test_migration(void **state)
{
    struct bench *bench = *state;
    struct kw_store *store = open_with_stations(bench);
    struct stat st;
    char error[400] = "", path[200];
    seed(bench, store);
    kw_store_close(store);
    (void)snprintf(path, sizeof path, "%s/kilowatch.db", bench->folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    store = open_store(bench);
    assert_int_equal(
        kw_store_declare(store,
                         KW_STR("{\"name\":\"stations\",\"fields\":{\"id\":{\"type\":\"string\"},"
                                "\"name\":{\"type\":\"string\"},\"maker\":{\"type\":\"string\"}},"
                                "\"key\":\"id\"}"),
                         error, sizeof error),
        KW_OK);
    IS("{\"op\":\"get\",\"from\":\"stations\",\"key\":\"b\"}", KW_OK,
       "{\"doc\":{\"id\":\"b\",\"name\":\"house\",\"maker\":null,\"revision\":1}}");
    assert_int_equal(
        kw_store_declare(store,
                         KW_STR("{\"name\":\"stations\",\"fields\":{\"id\":{\"type\":\"string\"},"
                                "\"phases\":{\"type\":\"string\"}},\"key\":\"id\"}"),
                         error, sizeof error),
        KW_EINVALID);
    assert_non_null(strstr(error, "stations.phases"));
    static const char *const bad[] = {
        "",
        "{}",
        "[1]",
        "{\"name\":\"x\"}",
        "{\"name\":\"x\",\"key\":\"id\",\"fields\":{\"id\":{\"type\":\"odd\"}}}",
        "{\"name\":\"x y\",\"key\":\"id\",\"fields\":{}}",
        "{\"name\":\"x\",\"key\":\"id\",\"fields\":{\"a'b\":{\"type\":\"string\"}}}"
    };
    for (size_t i = 0; i < KW_COUNT_OF(bad); i++) {
        error[0] = 0;
        assert_int_equal(kw_store_declare(store, kw_str_of(bad[i]), error, sizeof error),
                         KW_EINVALID);
        assert_non_null(strstr(error, "malformed at byte"));
    }
    kw_store_close(store);
}

/* --- ingest --- */

static void on_stored(kw_err err, void *arg)
{
    struct answer *answer = arg;
    answer->done = true;
    answer->err = err;
}

static void store_page(struct bench *bench, struct kw_store *store, struct kw_store_page *page,
                       const struct kw_store_cursor *cursor)
{
    struct answer answer = { .done = false };
    assert_int_equal(kw_store_ingest(store, page, cursor, on_stored, &answer), KW_OK);
    assert_true(run_until(bench->loop, is_set, &answer.done, 15000));
    assert_int_equal(answer.err, KW_OK);
}

static const struct kw_store_tx blank_tx = { .station_id = { "EV-1", 4 },
                                             .id = { "7", 1 },
                                             .connector_id = KW_NONE,
                                             .started_ms = KW_NONE,
                                             .stopped_ms = KW_NONE,
                                             .meter_start_wh = KW_NONE,
                                             .meter_stop_wh = KW_NONE,
                                             .energy_wh = KW_NONE };

static void sample(struct kw_store_page *page, int64_t at_ms, const char *measurand, int64_t value)
{
    struct kw_store_sample row = { .station_id = KW_STR("EV-1"),
                                   .transaction_id = KW_STR("7"),
                                   .measurand = kw_str_of(measurand),
                                   .connector_id = 1,
                                   .at_ms = at_ms,
                                   .value = value };
    kw_store_page_sample(page, &row);
}

#define ENERGY "Energy.Active.Import.Register"
#define T0 1700000100000LL /* a quarter of an hour begins */

/* The parts of one transaction, each a page of its own. */
static void part(struct bench *bench, struct kw_store *store, int which)
{
    static const struct kw_store_cursor cursor = { .epoch = "e" };
    struct kw_store_page *page = kw_store_page_new();
    struct kw_store_tx tx = blank_tx;
    switch (which) {
    case 0: /* started */
        tx.connector_id = 1;
        tx.key_uid = KW_STR("TAG");
        tx.driver_name = KW_STR("Ann");
        tx.started_ms = T0;
        tx.meter_start_wh = 1000;
        tx.flags = KW_STR("[\"offline\"]");
        kw_store_page_tx(page, &tx);
        break;
    case 1: /* samples */
        sample(page, T0 + 60000, ENERGY, 1500);
        sample(page, T0 + 60000, "Power.Active.Import", 7400);
        sample(page, T0 + 960000, ENERGY, 3000);
        break;
    default: /* ended */
        tx.stopped_ms = T0 + 1900000;
        tx.meter_stop_wh = 4200;
        tx.stop_reason = KW_STR("Local");
        tx.quality = KW_STR("ok");
        tx.flags = KW_STR("[\"late\",\"offline\"]");
        kw_store_page_tx(page, &tx);
    }
    store_page(bench, store, page, &cursor);
}

static void on_energy(kw_err err, int64_t energy_wh, void *arg)
{
    struct answer *answer = arg;
    answer->done = true;
    answer->err = err;
    answer->number = energy_wh;
}

static int64_t energy_since(struct bench *bench, struct kw_store *store, int64_t from_ms)
{
    struct answer answer = { .done = false };
    assert_int_equal(kw_store_energy_since(store, from_ms, on_energy, &answer), KW_OK);
    assert_true(run_until(bench->loop, is_set, &answer.done, 5000));
    assert_int_equal(answer.err, KW_OK);
    return answer.number;
}

/* In every order, and with every part repeated, the transaction comes out the same. */
static void test_merge_in_any_order(void **state)
{
    static const int orders[][5] = { { 0, 1, 2, -1, -1 },
                                     { 2, 1, 0, -1, -1 },
                                     { 1, 0, 2, 1, -1 },
                                     { 0, 0, 2, 2, 1 },
                                     { 2, 0, 1, 2, 0 } };
    struct bench *bench = *state;
    for (size_t i = 0; i < KW_COUNT_OF(orders); i++) {
        struct kw_store *store = open_store(bench);
        char command[200];
        for (int j = 0; j < 5 && orders[i][j] >= 0; j++)
            part(bench, store, orders[i][j]);
        const char *doc = request(
            bench, store, "{\"op\":\"get\",\"from\":\"transactions\",\"key\":\"EV-1~7\"}", KW_OK);
        static const char *const wanted[] = { "\"state\":\"finished\"",
                                              "\"energy_wh\":3200",
                                              "\"started_ms\":1700000100000",
                                              "\"key_uid\":\"TAG\"",
                                              "\"stop_reason\":\"Local\"",
                                              "\"stopped_ms\":1700002000000",
                                              "\"max_power_w\":7400",
                                              "\"driver_name\":\"Ann\"",
                                              "\"flags\":[\"late\",\"offline\"]",
                                              "\"connector_id\":1",
                                              "\"last_register_wh\":3000" };
        for (size_t j = 0; j < KW_COUNT_OF(wanted); j++) {
            if (strstr(doc, wanted[j]) == NULL)
                fail_msg("order %zu: no %s in %s", i, wanted[j], doc);
        }
        HAS("{\"op\":\"find\",\"from\":\"transactions\",\"count\":true}", KW_OK, "\"total\":1");
        HAS("{\"op\":\"find\",\"from\":\"meter_samples\",\"count\":true}", KW_OK, "\"total\":3");
        assert_int_equal(energy_since(bench, store, 0), 3200);
        assert_int_equal(energy_since(bench, store, T0 + 900000), 2700); /* from 1500 on */
        assert_int_equal(energy_since(bench, store, T0 + 90000000), 0);
        kw_store_close(store);
        (void)snprintf(command, sizeof command, "rm -f %s/*", bench->folder);
        assert_int_equal(system(command), 0);
    }
}

static void test_open_and_suspicious(void **state)
{
    struct bench *bench = *state;
    struct kw_store *store = open_store(bench);
    part(bench, store, 1); /* samples first: a stub */
    HAS("{\"op\":\"get\",\"from\":\"transactions\",\"key\":\"EV-1~7\"}", KW_OK,
        "\"state\":\"active\"");
    part(bench, store, 0);
    part(bench, store, 1);
    HAS("{\"op\":\"get\",\"from\":\"transactions\",\"key\":\"EV-1~7\"}", KW_OK,
        "\"energy_wh\":2000");
    struct kw_store_page *page = kw_store_page_new();
    struct kw_store_tx tx = blank_tx;
    struct kw_store_cursor cursor = { .epoch = "e" };
    tx.stopped_ms = T0 + 5;
    tx.meter_stop_wh = 10; /* below its start: never a negative energy */
    tx.quality = KW_STR("suspect");
    kw_store_page_tx(page, &tx);
    store_page(bench, store, page, &cursor);
    HAS("{\"op\":\"get\",\"from\":\"transactions\",\"key\":\"EV-1~7\"}", KW_OK,
        "\"state\":\"suspicious\"");
    HAS("{\"op\":\"get\",\"from\":\"transactions\",\"key\":\"EV-1~7\"}", KW_OK, "\"energy_wh\":0");
    kw_store_close(store);
}

static void add_fact(struct kw_store_page *page, int64_t n, const char *type)
{
    struct kw_store_fact fact = { .type = kw_str_of(type),
                                  .detail = KW_STR("{\"a\":1}"),
                                  .stream = 0,
                                  .n = n,
                                  .connector_id = KW_NONE,
                                  .at_ms = n,
                                  .received_ms = n };
    kw_store_page_fact(page, &fact);
}

static void test_cursor(void **state)
{
    struct bench *bench = *state;
    struct kw_store *store = open_store(bench);
    struct kw_store_cursor cursor, read;
    memset(&cursor, 0, sizeof cursor);
    assert_int_equal(kw_store_read_cursor(store, &read), KW_OK);
    assert_memory_equal(&read, &cursor, sizeof read);
    (void)snprintf(cursor.epoch, sizeof cursor.epoch, "epoch-1");
    (void)snprintf(cursor.last_id[0], sizeof cursor.last_id[0], "17-3");
    cursor.last_n[0] = 2;
    cursor.last_n[1] = 9;
    for (int repeat = 0; repeat < 2; repeat++) { /* the same page twice: once */
        struct kw_store_page *page = kw_store_page_new();
        add_fact(page, 1, "a");
        add_fact(page, 2, "b");
        assert_int_equal(kw_store_page_rows(page), 2);
        store_page(bench, store, page, &cursor);
    }
    HAS("{\"op\":\"find\",\"from\":\"events\",\"count\":true}", KW_OK, "\"total\":2");
    kw_store_close(store);
    store = open_store(bench);
    assert_int_equal(kw_store_read_cursor(store, &read), KW_OK);
    assert_memory_equal(&read, &cursor, sizeof read);
    struct kw_store_page *unused = kw_store_page_new();
    add_fact(unused, 3, "never stored");
    kw_store_page_free(unused);
    kw_store_page_free(NULL);
    kw_store_close(store);
}

/* A process that stores one fact a page, as fast as it can, until it is killed. */
static void write_until_killed(struct bench *bench)
{
    struct kw_metrics *metrics = kw_metrics_new();
    struct kw_loop *loop = kw_loop_new(metrics);
    struct bench own = { .loop = loop, .metrics = metrics };
    memcpy(own.folder, bench->folder, sizeof own.folder);
    struct kw_store *store = open_store(&own);
    struct kw_store_cursor cursor;
    if (kw_store_read_cursor(store, &cursor) != KW_OK)
        _exit(1);
    for (;;) {
        struct kw_store_page *page = kw_store_page_new();
        struct answer answer = { .done = false };
        cursor.last_n[0]++;
        add_fact(page, cursor.last_n[0], "x");
        if (kw_store_ingest(store, page, &cursor, on_stored, &answer) != KW_OK)
            _exit(1);
        (void)run_until(loop, is_set, &answer.done, 5000);
    }
}

static void test_killed_while_storing(void **state)
{
    struct bench *bench = *state;
    int64_t before = 0;
    for (int round = 0; round < 3; round++) {
        int status;
        pid_t pid = fork();
        if (pid == 0)
            write_until_killed(bench);
        (void)usleep(200000u + (useconds_t)round * 37000u);
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        struct kw_store *store = open_store(bench);
        struct kw_store_cursor cursor;
        char wanted[60];
        assert_int_equal(kw_store_read_cursor(store, &cursor), KW_OK);
        (void)snprintf(wanted, sizeof wanted, "\"total\":%lld", (long long)cursor.last_n[0]);
        HAS("{\"op\":\"find\",\"from\":\"events\",\"limit\":1,\"count\":true}", KW_OK, wanted);
        assert_true(cursor.last_n[0] > before);
        before = cursor.last_n[0];
        kw_store_close(store);
    }
}

static void test_locked_database(void **state)
{
    struct bench *bench = *state;
    struct kw_store *store = open_with_stations(bench);
    struct kw_store_cursor cursor = { .epoch = "e", .last_n = { 1, 0 } };
    struct kw_store_page *page = kw_store_page_new();
    struct answer answer = { .done = false };
    sqlite3 *other;
    char path[200];
    (void)snprintf(path, sizeof path, "%s/kilowatch.db", bench->folder);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    add_fact(page, 1, "x");
    assert_int_equal(kw_store_ingest(store, page, &cursor, on_stored, &answer), KW_OK);
    HAS("{\"op\":\"find\",\"from\":\"events\",\"count\":true}", KW_OK,
        "\"total\":0");         /* readers go on */
    run_for(bench->loop, 5600); /* over SQLite's own patience */
    assert_false(answer.done);
    assert_true(bench_metric(bench, "kw_store_faults_total") >= 1);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(other);
    assert_true(run_until(bench->loop, is_set, &answer.done, 8000));
    assert_int_equal(answer.err, KW_OK);
    HAS("{\"op\":\"find\",\"from\":\"events\",\"count\":true}", KW_OK, "\"total\":1");
    kw_store_close(store);
}

static void test_no_folder(void **state)
{
    struct bench *bench = *state;
    struct kw_store *store = NULL;
    char error[400] = "";
    struct kw_store_options options = { .path = "/proc/nowhere/data", .metrics = bench->metrics };
    assert_int_equal(kw_store_open(bench->loop, &options, &store, error, sizeof error), KW_EIO);
    assert_non_null(strstr(error, "/proc/nowhere/data"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = { TEST(test_documents),
                                        TEST(test_wrong_requests),
                                        TEST(test_find),
                                        TEST(test_pages),
                                        TEST(test_batch),
                                        TEST(test_migration),
                                        TEST(test_merge_in_any_order),
                                        TEST(test_open_and_suspicious),
                                        TEST(test_cursor),
                                        TEST(test_killed_while_storing),
                                        TEST(test_locked_database),
                                        TEST(test_no_folder) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
