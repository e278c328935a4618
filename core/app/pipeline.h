/* pipeline.h - The sentence of the product: what happens to a page of the feed, in which order. */
#ifndef KW_APP_PIPELINE_H
#define KW_APP_PIPELINE_H

#include "app/service.h"

/* State of the feed as people see it (docs/api.md). */
struct kw_feed_view {
    enum kw_feed_state state;
    int64_t lag_ms, last_event_ms; /* KW_NONE: no event yet */
    bool link_up;                  /* Redis answers */
    bool was_live;                 /* since the start: what is measured means something */
    const char *fatal;             /* NULL, or why nothing is read any more */
    int64_t commit_waits_ms;       /* how long the store has been at the page; 0: nothing waits */
};

/* Reads the cursor from the store; the feed itself begins with kw_pipeline_start(). */
KW_MUST_USE kw_err kw_pipeline_new(struct kw_service *service, struct kw_pipeline **out,
                                   char *error, size_t error_size);
KW_MUST_USE kw_err kw_pipeline_start(struct kw_pipeline *pipeline, char *error, size_t error_size);
void kw_pipeline_stop(struct kw_pipeline *pipeline); /* no more events; a page under way commits */
void kw_pipeline_free(struct kw_pipeline *pipeline); /* after the store; NULL is fine */
void kw_pipeline_feed(const struct kw_pipeline *pipeline, struct kw_feed_view *out);

#endif
