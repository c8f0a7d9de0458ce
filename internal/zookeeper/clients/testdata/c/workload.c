// Counts by ZooKeeper's C client while members of the ensemble are killed, until
// standard input ends. Then it prints what it knows to have been done, for
// killed_test.go to look for.
//
//	workload HOSTS ROOT

#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#include "events.h"

enum { WORKERS = 3, PATH_BYTES = 128 };

// worker is one client. The C client connects again by itself; what was not answered
// is its user's business.
typedef struct {
    int number;
    zhandle_t *zk;
    char own[PATH_BYTES], seq[PATH_BYTES];
    int counted, sequential, doubts;
} worker;

static const char *root;
static atomic_int over, broken;

static void fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    atomic_store(&broken, 1);
}

// in_doubt says whether the client cannot know what came of a call, and lets it find
// another member.
static int in_doubt(int rc) {
    if (rc != ZCONNECTIONLOSS && rc != ZOPERATIONTIMEOUT && rc != ZSESSIONMOVED) {
        return 0;
    }
    usleep(20000);
    return 1;
}

// made makes a znode that nobody else makes; it may have been there the time before.
static int made(worker *w, const char *path, const char *data) {
    int rc;
    do {
        rc = zoo_create(w->zk, path, data, (int)strlen(data), &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
    } while (in_doubt(rc));
    return rc == ZNODEEXISTS ? ZOK : rc;
}

// version reads the version of the worker's own znode, and that its data goes with it.
static int version(worker *w) {
    char data[32] = "";
    int rc, n = 0;
    struct Stat stat;
    do {
        n = sizeof data - 1;
        rc = zoo_get(w->zk, w->own, 0, data, &n, &stat);
    } while (in_doubt(rc));
    if (rc != ZOK || atoi(data) != stat.version) {
        fail("get %s: %s, '%s' at version %d\n", w->own, zerror(rc), data, stat.version);
        return -1;
    }
    return stat.version;
}

// count counts in the worker's own znode, and leaves another one behind for each time.
static void count(worker *w) {
    char data[32], path[PATH_BYTES + 16];
    snprintf(data, sizeof data, "%d", w->counted + 1);
    int rc = zoo_set(w->zk, w->own, data, (int)strlen(data), w->counted);
    if (in_doubt(rc)) {
        w->doubts++;
        int v = version(w);
        if (v == w->counted) {
            return; // it came to nothing
        }
        rc = v == w->counted + 1 ? ZOK : ZBADVERSION;
    }
    if (rc != ZOK) {
        return fail("set %s at version %d: %s\n", w->own, w->counted, zerror(rc));
    }
    w->counted++;
    snprintf(path, sizeof path, "%s/%d", w->own, w->counted);
    if ((rc = made(w, path, "")) != ZOK) {
        fail("create %s: %s\n", path, zerror(rc));
    }
}

// there says whether a child whose name begins with a prefix is there.
static int there(worker *w, const char *parent, const char *prefix) {
    struct String_vector names = {0, NULL};
    int rc, found = 0;
    do {
        rc = zoo_get_children(w->zk, parent, 0, &names);
    } while (in_doubt(rc));
    for (int i = 0; rc == ZOK && i < names.count; i++) {
        found |= strncmp(names.data[i], prefix, strlen(prefix)) == 0;
    }
    deallocate_String_vector(&names);
    return found;
}

// number makes one sequential znode, exactly.
static void number(worker *w) {
    char name[16], path[PATH_BYTES + 16];
    snprintf(name, sizeof name, "%d-", w->sequential + 1);
    snprintf(path, sizeof path, "%s/%s", w->seq, name);
    int rc = zoo_create(w->zk, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL, NULL, 0);
    if (in_doubt(rc)) {
        w->doubts++;
        if (!there(w, w->seq, name)) {
            return; // it came to nothing
        }
        rc = ZOK;
    }
    if (rc != ZOK) {
        return fail("create %s: %s\n", path, zerror(rc));
    }
    w->sequential++;
}

static void *work(void *arg) {
    worker *w = arg;
    while (!atomic_load(&over) && !atomic_load(&broken)) {
        count(w);
        number(w);
    }
    return NULL;
}

static void connected(zhandle_t *zk, int type, int state, const char *path, void *q) {
    (void)zk, (void)path;
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE) {
        add_event(q, "connected");
    }
}

int main(int argc, char **argv) {
    static events q = EVENTS;
    worker workers[WORKERS] = {{0}};
    pthread_t threads[WORKERS];
    if (argc != 3) {
        return 2;
    }
    root = argv[2];
    zoo_set_debug_level(0);
    for (int i = 0; i < WORKERS; i++) {
        worker *w = &workers[i];
        w->number = i;
        snprintf(w->own, sizeof w->own, "%s/own-%d", root, i);
        snprintf(w->seq, sizeof w->seq, "%s/seq-%d", root, i);
        w->zk = zookeeper_init(argv[1], connected, 20000, NULL, &q, 0);
        next_event(&q);
        if (made(w, root, "") != ZOK || made(w, w->seq, "") != ZOK || made(w, w->own, "0") != ZOK) {
            fail("worker %d could not begin\n", i);
        }
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    while (getchar() != EOF) {
    }
    atomic_store(&over, 1);
    int doubts = 0;
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        printf("set %s %d\n", workers[i].own, workers[i].counted);
        printf("sequential %s %d\n", workers[i].seq, workers[i].sequential);
        doubts += workers[i].doubts;
        zookeeper_close(workers[i].zk);
    }
    printf("doubts %d\n", doubts);
    return atomic_load(&broken);
}
