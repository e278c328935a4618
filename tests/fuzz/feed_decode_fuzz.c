/* feed_decode_fuzz.c - Stream entries: lines of the input are name, value, name, value...
 *
 * Whatever comes, every slice of the event lies in memory that may be read, and numbers stay in range. */
#include "fuzz.h"

#include "feed/decode.h"

#define FIELDS 64

static uint64_t touched;

static void touch(struct kw_str text)
{
    for (size_t i = 0; i < text.len; i++)
        touched += (unsigned char)text.ptr[i];
}

static void touch_event(const struct kw_event *event)
{
    touch(event->station);
    touch(event->transaction);
    touch(event->detail);
    touch(event->status);
    touch(event->error_code);
    touch(event->info);
    touch(event->id_token);
    touch(event->flags);
    touch(event->firmware);
    touch(event->ocpp_status);
    MUST(event->type < KW_EVENT_TYPE_COUNT && event->n >= 1 && event->at_ms != KW_NONE);
    MUST(event->sample_count <= KW_SAMPLES_MAX);
    for (size_t i = 0; i < event->sample_count; i++) {
        touch(event->samples[i].measurand);
        touch(event->samples[i].phase);
        touch(event->samples[i].context);
        touch(event->samples[i].unit);
        MUST(event->samples[i].value == KW_NONE || (event->samples[i].value < 10000000000000000 &&
                                                    event->samples[i].value > -10000000000000000));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kw_decoder *decoder;
    struct kw_str fields[FIELDS];
    char *copies[FIELDS];
    size_t count = 0;
    struct kw_event event;
    const char *error = NULL;
    struct kw_str rest = kw_str_n((const char *)data, size);
    if (decoder == NULL)
        decoder = kw_decoder_new();
    while (rest.len > 0 && count < FIELDS) {
        struct kw_str line = kw_str_cut(rest, '\n', &rest);
        copies[count] = exact_copy(line.ptr, line.len);
        fields[count] = kw_str_n(copies[count], line.len);
        count++;
    }
    if (kw_decode_entry(decoder, KW_STREAM_EV, KW_STR("1-1"), fields, count, &event, &error) ==
        KW_OK)
        touch_event(&event);
    else
        MUST(error != NULL && strlen(error) > 0);
    for (size_t i = 0; i < count; i++)
        free(copies[i]);
    return 0;
}
