// What watches and completions are called with, to be looked at later.

#ifndef EVENTS_H
#define EVENTS_H

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WAIT = 15, MOST_EVENTS = 256, EVENT_BYTES = 512 };

// events is a queue of texts.
typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t added;
    int first, n;
    char text[MOST_EVENTS][EVENT_BYTES];
} events;

#define EVENTS {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, {{0}}}

static inline void add_event(events *q, const char *text) {
    pthread_mutex_lock(&q->mutex);
    if (q->n < MOST_EVENTS) {
        snprintf(q->text[(q->first + q->n++) % MOST_EVENTS], EVENT_BYTES, "%s", text);
    }
    pthread_cond_signal(&q->added);
    pthread_mutex_unlock(&q->mutex);
}

// next_event waits for an event, and says so if none comes. The text is the caller's
// until its next call.
static inline const char *next_event(events *q) {
    static char text[EVENT_BYTES];
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += WAIT;
    pthread_mutex_lock(&q->mutex);
    while (q->n == 0 && pthread_cond_timedwait(&q->added, &q->mutex, &end) == 0) {
    }
    snprintf(text, sizeof text, "%s", "nothing came");
    if (q->n > 0) {
        snprintf(text, sizeof text, "%s", q->text[q->first]);
        q->first = (q->first + 1) % MOST_EVENTS;
        q->n--;
    }
    pthread_mutex_unlock(&q->mutex);
    return text;
}

static inline int no_event(events *q) {
    pthread_mutex_lock(&q->mutex);
    int none = q->n == 0;
    pthread_mutex_unlock(&q->mutex);
    return none;
}

#endif
