/* tls_test.c - TLS over real sockets: trust, names, reload with open connections, plain on TLS. */
#include "net_fixture.h"

#include <sys/stat.h>

#include "net/tls.h"

static char folder[64], cert[96], key[96];

static int make_folder(void **state)
{
    char error[200];
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/kw-tls-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    (void)snprintf(key, sizeof key, "%s/key.pem", folder);
    return kw_tls_make_self_signed(cert, key, "localhost, 127.0.0.1", error, sizeof error) == KW_OK
               ? 0
               : -1;
}

static int drop_folder(void **state)
{
    (void)state;
    (void)unlink(cert);
    (void)unlink(key);
    return rmdir(folder);
}

static struct kw_tls *server_tls(void)
{
    char error[300];
    struct kw_tls *tls = NULL;
    struct kw_tls_options options = { .cert_file = cert, .key_file = key };
    assert_int_equal(kw_tls_server_new(&options, &tls, error, sizeof error), KW_OK);
    return tls;
}

static struct kw_tls *client_tls(const char *ca_file)
{
    char error[300];
    struct kw_tls *tls = NULL;
    struct kw_tls_options options = { .ca_file = ca_file };
    assert_int_equal(kw_tls_client_new(&options, &tls, error, sizeof error), KW_OK);
    return tls;
}

static void self_signed_files_are_private_and_left_alone(void **state)
{
    struct stat st;
    char error[200];
    (void)state;
    assert_int_equal(stat(key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(kw_tls_make_self_signed(cert, key, "localhost", error, sizeof error),
                     KW_EEXISTS);
    char other_cert[120], other_key[120];
    (void)snprintf(other_cert, sizeof other_cert, "%s/other.pem", folder);
    (void)snprintf(other_key, sizeof other_key, "%s/missing/other.key", folder);
    assert_int_equal(
        kw_tls_make_self_signed(other_cert, other_key, "a,DNS:b\nc", error, sizeof error),
        KW_EINVALID);
    assert_non_null(strstr(error, "DNS names"));
    assert_int_equal(
        kw_tls_make_self_signed(other_cert, other_key, "localhost", error, sizeof error), KW_ETLS);
    assert_int_equal(access(other_cert, F_OK), -1); /* no half pair */
}

static void bad_files_are_explained(void **state)
{
    char error[300] = "";
    struct kw_tls *tls = NULL;
    (void)state;
    struct kw_tls_options missing = { .cert_file = "/nonexistent.pem", .key_file = key };
    assert_int_equal(kw_tls_server_new(&missing, &tls, error, sizeof error), KW_ETLS);
    assert_non_null(strstr(error, "/nonexistent.pem"));
    struct kw_tls_options swapped = { .cert_file = cert, .key_file = cert };
    assert_int_equal(kw_tls_server_new(&swapped, &tls, error, sizeof error), KW_ETLS);
    assert_non_null(strstr(error, "private key"));
    struct kw_tls_options no_ca = { .ca_file = key };
    assert_int_equal(kw_tls_client_new(&no_ca, &tls, error, sizeof error), KW_ETLS);
}

struct dialled {
    struct kw_loop *loop;
    struct acceptor server;
    struct side client;
};

static void dial(struct dialled *pair, struct kw_tls *tls, const char *name, struct side *side)
{
    side->conn = kw_conn_dial(pair->loop, "127.0.0.1", kw_listener_port(pair->server.listener), tls,
                              name, 3000, &side_events, side);
}

static void start(struct dialled *pair, struct kw_tls *tls, bool echo)
{
    memset(pair, 0, sizeof *pair);
    pair->loop = kw_loop_new(NULL);
    pair->server.echo = echo;
    acceptor_start(&pair->server, pair->loop, &(struct kw_listener_options){ .tls = tls });
}

static void stop(struct dialled *pair)
{
    if (pair->client.conn != NULL)
        kw_conn_close(pair->client.conn);
    acceptor_stop(&pair->server);
    kw_loop_free(pair->loop);
    acceptor_free(&pair->server);
    free(pair->client.got);
}

static bool got_five(void *arg)
{
    return ((struct side *)arg)->got_bytes >= 5;
}

static void a_trusted_name_and_address_open(void **state)
{
    struct dialled pair;
    struct side by_name = { 0 };
    struct kw_tls *server = server_tls(), *client = client_tls(cert);
    (void)state;
    start(&pair, server, true);
    dial(&pair, client, NULL, &pair.client);
    dial(&pair, client, "localhost", &by_name);
    assert_true(run_until(pair.loop, side_is_open, &pair.client, 3000));
    assert_true(run_until(pair.loop, side_is_open, &by_name, 3000));
    assert_true(kw_conn_is_tls(pair.client.conn));
    assert_int_equal(kw_conn_write(pair.client.conn, "hello", 5), KW_OK);
    assert_true(run_until(pair.loop, got_five, &pair.client, 2000));
    assert_string_equal(pair.client.got, "hello");
    kw_conn_shutdown(by_name.conn);
    assert_true(run_until(pair.loop, side_is_closed, &by_name, 2000));
    assert_int_equal(by_name.why, KW_OK);
    stop(&pair);
    kw_tls_free(server);
    kw_tls_free(client);
    kw_tls_free(NULL);
}

static void the_wrong_name_and_a_stranger_are_refused(void **state)
{
    struct dialled pair;
    struct side stranger = { 0 };
    struct kw_tls *server = server_tls(), *client = client_tls(cert), *system = client_tls(NULL);
    (void)state;
    start(&pair, server, true);
    dial(&pair, client, "example.org", &pair.client);
    dial(&pair, system, "localhost", &stranger);
    assert_true(run_until(pair.loop, side_is_closed, &pair.client, 3000));
    assert_true(run_until(pair.loop, side_is_closed, &stranger, 3000));
    assert_int_equal(pair.client.why, KW_ETLS);
    assert_int_equal(stranger.why, KW_ETLS);
    assert_int_equal(pair.client.opens + stranger.opens, 0);
    assert_int_equal(pair.server.sides[0].got_bytes, 0);
    stop(&pair);
    kw_tls_free(server);
    kw_tls_free(client);
    kw_tls_free(system);
}

static void reload_takes_the_new_certificate_and_keeps_connections(void **state)
{
    char before[96], after[96], error[300];
    struct dialled pair;
    struct side fresh = { 0 }, old_trust = { 0 };
    struct kw_tls *server = server_tls(), *client = client_tls(cert);
    (void)state;
    start(&pair, server, true);
    dial(&pair, client, "localhost", &pair.client);
    assert_true(run_until(pair.loop, side_is_open, &pair.client, 3000));
    assert_int_equal(kw_tls_fingerprint(server, before), KW_OK);
    assert_int_equal(strlen(before), 95);

    assert_int_equal(truncate(cert, 0), 0); /* a broken file: the old one stays */
    assert_int_equal(kw_tls_reload(server, error, sizeof error), KW_ETLS);
    assert_non_null(strstr(error, cert));
    assert_int_equal(kw_tls_fingerprint(server, after), KW_OK);
    assert_string_equal(before, after);

    (void)unlink(cert);
    (void)unlink(key);
    assert_int_equal(kw_tls_make_self_signed(cert, key, "localhost,127.0.0.1", error, sizeof error),
                     KW_OK);
    assert_int_equal(kw_tls_reload(server, error, sizeof error), KW_OK);
    assert_int_equal(kw_tls_fingerprint(server, after), KW_OK);
    assert_string_not_equal(before, after);

    struct kw_tls *new_client = client_tls(cert);
    dial(&pair, new_client, "localhost", &fresh);
    dial(&pair, client, "localhost", &old_trust);
    assert_true(run_until(pair.loop, side_is_open, &fresh, 3000));
    assert_true(run_until(pair.loop, side_is_closed, &old_trust, 3000));
    assert_int_equal(old_trust.why, KW_ETLS);
    assert_int_equal(kw_conn_write(pair.client.conn, "still", 5), KW_OK);
    assert_true(run_until(pair.loop, got_five, &pair.client, 2000));
    assert_string_equal(pair.client.got, "still");
    kw_conn_close(fresh.conn);
    run_for(pair.loop, 20);
    stop(&pair);
    kw_tls_free(server);
    kw_tls_free(client);
    kw_tls_free(new_client);
}

static void plain_bytes_on_a_tls_listener_are_marked(void **state)
{
    struct dialled pair;
    struct kw_tls *server = server_tls();
    (void)state;
    start(&pair, server, true);
    dial(&pair, NULL, NULL, &pair.client);
    assert_true(run_until(pair.loop, side_is_open, &pair.client, 3000));
    assert_int_equal(kw_conn_write(pair.client.conn, "GET /", 5), KW_OK);
    assert_true(run_until(pair.loop, got_five, &pair.client, 2000));
    assert_string_equal(pair.client.got, "GET /");
    assert_true(kw_conn_is_plain_on_tls(pair.server.sides[0].conn));
    assert_false(kw_conn_is_tls(pair.server.sides[0].conn));
    stop(&pair);
    kw_tls_free(server);
}

static void garbage_after_a_tls_byte_is_cut(void **state)
{
    struct dialled pair;
    struct kw_tls *server = server_tls();
    (void)state;
    start(&pair, server, false);
    dial(&pair, NULL, NULL, &pair.client);
    assert_true(run_until(pair.loop, side_is_open, &pair.client, 3000));
    assert_int_equal(kw_conn_write(pair.client.conn, "\x16garbage garbage garbage", 24), KW_OK);
    assert_true(run_until(pair.loop, side_is_closed, &pair.server.sides[0], 2000));
    assert_int_equal(pair.server.sides[0].why, KW_ETLS);
    assert_int_equal(pair.server.sides[0].got_bytes, 0);
    stop(&pair);
    kw_tls_free(server);
}

static void a_silent_server_times_the_handshake_out(void **state)
{
    struct dialled pair;
    struct kw_tls *client = client_tls(cert);
    (void)state;
    start(&pair, NULL, false); /* plain: swallows the hello */
    pair.client.conn = kw_conn_dial(pair.loop, "127.0.0.1", kw_listener_port(pair.server.listener),
                                    client, "localhost", 100, &side_events, &pair.client);
    assert_true(run_until(pair.loop, side_is_closed, &pair.client, 2000));
    assert_int_equal(pair.client.why, KW_ETIMEOUT);
    stop(&pair);
    kw_tls_free(client);
}

static bool got_all(void *arg)
{
    return ((struct side *)arg)->got_bytes == 6u << 20;
}

static void large_bodies_arrive_whole(void **state)
{
    struct dialled pair;
    struct kw_tls *server = server_tls(), *client = client_tls(cert);
    struct kw_blob *blob = kw_blob_new_raw(6 << 20);
    (void)state;
    for (size_t i = 0; i < blob->length_bytes; i++)
        blob->bytes[i] = (char)(i * 2654435761u >> 24);
    start(&pair, server, false);
    dial(&pair, client, "localhost", &pair.client);
    kw_conn_set_queue_limit(pair.client.conn, 8 << 20);
    assert_int_equal(kw_conn_write_blob(pair.client.conn, blob), KW_OK); /* before it is open */
    assert_true(run_until(pair.loop, side_is_open, &pair.client, 3000));
    assert_true(run_until(pair.loop, got_all, &pair.server.sides[0], 8000));
    assert_memory_equal(pair.server.sides[0].got, blob->bytes, blob->length_bytes);
    assert_int_equal(kw_conn_queued_bytes(pair.client.conn), 0);
    stop(&pair);
    kw_blob_unref(blob);
    kw_tls_free(server);
    kw_tls_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(self_signed_files_are_private_and_left_alone),
        cmocka_unit_test(bad_files_are_explained),
        cmocka_unit_test(a_trusted_name_and_address_open),
        cmocka_unit_test(the_wrong_name_and_a_stranger_are_refused),
        cmocka_unit_test(reload_takes_the_new_certificate_and_keeps_connections),
        cmocka_unit_test(plain_bytes_on_a_tls_listener_are_marked),
        cmocka_unit_test(garbage_after_a_tls_byte_is_cut),
        cmocka_unit_test(a_silent_server_times_the_handshake_out),
        cmocka_unit_test(large_bodies_arrive_whole),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
