// Goes through the API of ZooKeeper's C client and prints what comes of each call: a
// line "name: outcome". Whatever differs from server to server and from time to time is
// kept out of the outcome: zxids, times and session ids.
//
//	api HOST:PORT

#include <stdlib.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#include "events.h"

static const char *addr;
static zhandle_t *zk;

static void say(const char *name, int rc) { printf("%s: %s\n", name, rc == ZOK ? "done" : zerror(rc)); }

static const char *shown(const struct Stat *s) {
    static char text[256];
    snprintf(text, sizeof text, "stat(version %d, cversion %d, aversion %d, %d bytes, %d children, %s, %s, %s)", s->version,
             s->cversion, s->aversion, s->dataLength, s->numChildren, s->ephemeralOwner ? "owned" : "persistent",
             s->mzxid == s->czxid ? "as created" : "changed", s->pzxid == s->czxid ? "children as created" : "children changed");
    return text;
}

static void say_stat(const char *name, int rc, const struct Stat *s) {
    printf("%s: %s\n", name, rc == ZOK ? shown(s) : zerror(rc));
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

// joined appends the names, in order.
static const char *joined(const struct String_vector *v) {
    static char text[EVENT_BYTES];
    text[0] = '\0';
    qsort(v->data, v->count, sizeof *v->data, by_name);
    for (int i = 0; i < v->count; i++) {
        strncat(text, " ", sizeof text - strlen(text) - 1);
        strncat(text, v->data[i], sizeof text - strlen(text) - 1);
    }
    return text;
}

// A watcher's context is its queue.
static void watcher(zhandle_t *h, int type, int state, const char *path, void *context) {
    (void)h;
    char text[EVENT_BYTES];
    if (type == ZOO_SESSION_EVENT) {
        snprintf(text, sizeof text, "session state %d", state);
    } else {
        snprintf(text, sizeof text, "event %d at %s", type, path);
    }
    add_event(context, text);
}

static const char *const connected = "session state 3", *const expired = "session state -112", *const auth_failed = "session state -113";

static zhandle_t *start(const char *suffix, const clientid_t *id, events *q, int flags) {
    char hosts[256];
    snprintf(hosts, sizeof hosts, "%s%s", addr, suffix);
    return zookeeper_init(hosts, watcher, 10000, id, q, flags);
}

// until waits for an event, and returns it, or that the session is over, or what it says
// if none comes.
static const char *until(events *q, const char *wanted) {
    const char *text = next_event(q);
    while (strcmp(text, wanted) != 0 && strcmp(text, expired) != 0 && strcmp(text, "nothing came") != 0) {
        text = next_event(q);
    }
    return text;
}

static zhandle_t *connect_to(const char *suffix) {
    static events q = EVENTS;
    zhandle_t *h = start(suffix, NULL, &q, 0);
    if (strcmp(until(&q, connected), connected) != 0) {
        printf("no connection\n");
        exit(1);
    }
    return h;
}

static void create(const char *name, const char *path, const char *data, int mode) {
    char made[256];
    int rc = zoo_create(zk, path, data, data ? (int)strlen(data) : -1, &ZOO_OPEN_ACL_UNSAFE, mode, made, sizeof made);
    printf("%s: %s\n", name, rc == ZOK ? made : zerror(rc));
}

static void create_stat(const char *name, const char *path, int mode, int64_t ttl) {
    char made[256];
    struct Stat s;
    int rc = zoo_create2_ttl(zk, path, NULL, -1, &ZOO_OPEN_ACL_UNSAFE, mode, ttl, made, sizeof made, &s);
    if (rc != ZOK) {
        return say(name, rc);
    }
    printf("%s: %s %s\n", name, made, shown(&s));
}

static void get(const char *name, zhandle_t *h, const char *path) {
    char data[256];
    int n = sizeof data;
    struct Stat s;
    int rc = zoo_get(h, path, 0, data, &n, &s);
    if (rc != ZOK) {
        return say(name, rc);
    }
    printf("%s: %d bytes '%.*s' %s\n", name, n, n < 0 ? 0 : n, data, shown(&s));
}

static void exists(const char *name, const char *path) {
    struct Stat s;
    int rc = zoo_exists(zk, path, 0, &s);
    say_stat(name, rc, &s);
}

static void set(const char *name, const char *path, const char *data, int version) {
    struct Stat s;
    int rc = zoo_set2(zk, path, data, data ? (int)strlen(data) : -1, version, &s);
    say_stat(name, rc, &s);
}

static void children(const char *name, const char *path) {
    struct String_vector names = {0, NULL};
    struct Stat s;
    int rc = zoo_get_children2(zk, path, 0, &names, &s);
    if (rc != ZOK) {
        return say(name, rc);
    }
    printf("%s:%s %s\n", name, joined(&names), shown(&s));
    deallocate_String_vector(&names);
}

static void nodes(void) {
    create("create", "/api", "one", ZOO_PERSISTENT);
    create("create again", "/api", "one", ZOO_PERSISTENT);
    create("create without a parent", "/none/x", "", ZOO_PERSISTENT);
    create("create without data", "/api/null", NULL, ZOO_PERSISTENT);
    create("create ephemeral", "/api/e", "", ZOO_EPHEMERAL);
    create("create below it", "/api/e/x", "", ZOO_PERSISTENT);
    create("create sequential", "/api/s-", "", ZOO_PERSISTENT_SEQUENTIAL);
    create("create sequential ephemeral", "/api/s-", "", ZOO_EPHEMERAL_SEQUENTIAL);
    create("create an odd path", "/api/../x", "", ZOO_PERSISTENT);
    create("create container", "/api/c", "", ZOO_CONTAINER);
    create("create a ttl that has none", "/api/t", "", ZOO_PERSISTENT_WITH_TTL);
    create_stat("create with stat", "/api/stat", ZOO_PERSISTENT, -1);
    create_stat("create ttl", "/api/ttl", ZOO_PERSISTENT_WITH_TTL, 60000);
    create_stat("create ttl sequential", "/api/ttl-", ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 60000);
    exists("exists", "/api");
    exists("exists not", "/none");
    get("get", zk, "/api");
    get("get none", zk, "/none");
    get("get no data", zk, "/api/null");
    set("set", "/api", "two", -1);
    set("set at a version", "/api", "three", 1);
    set("set at a wrong version", "/api", "four", 1);
    set("set to nothing", "/api", NULL, 2);
    children("children", "/api");
    children("children of none", "/none");
    say("delete with children", zoo_delete(zk, "/api", -1));
    say("delete at a wrong version", zoo_delete(zk, "/api/null", 7));
    say("delete", zoo_delete(zk, "/api/null", 0));
    say("delete again", zoo_delete(zk, "/api/null", -1));
    char config[1024];
    int n = sizeof config;
    struct Stat s;
    int rc = zoo_getconfig(zk, 0, config, &n, &s);
    printf("the ensemble's members: %s '%.*s'\n", zerror(rc), n < 0 ? 0 : n, config);
    n = sizeof config;
    say("no reconfiguration", zoo_reconfig(zk, NULL, "9", NULL, -1, config, &n, &s));
}

// Completions have their queue as context.
static void void_done(int rc, const void *q) { add_event((events *)q, rc == ZOK ? "done" : zerror(rc)); }
static void stat_done(int rc, const struct Stat *s, const void *q) { add_event((events *)q, rc == ZOK ? shown(s) : zerror(rc)); }
static void string_done(int rc, const char *path, const void *q) { add_event((events *)q, rc == ZOK ? path : zerror(rc)); }
static void names_done(int rc, const struct String_vector *v, const void *q) { add_event((events *)q, rc == ZOK ? joined(v) : zerror(rc)); }

static void data_done(int rc, const char *data, int n, const struct Stat *s, const void *q) {
    char text[EVENT_BYTES];
    snprintf(text, sizeof text, "%s '%.*s' %s", zerror(rc), n < 0 ? 0 : n, data ? data : "", s ? shown(s) : "");
    add_event((events *)q, text);
}

static void acl_done(int rc, struct ACL_vector *acl, struct Stat *s, const void *q) {
    char text[EVENT_BYTES];
    snprintf(text, sizeof text, "%s %d %s", zerror(rc), acl ? acl->count : 0, s ? shown(s) : "");
    add_event((events *)q, text);
}

static void completions(void) {
    static events q = EVENTS;
    zoo_acreate(zk, "/async", "0", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, string_done, &q);
    zoo_acreate(zk, "/async", "0", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, string_done, &q);
    zoo_aset(zk, "/async", "1", 1, 0, stat_done, &q);
    zoo_aget(zk, "/async", 0, data_done, &q);
    zoo_aexists(zk, "/none", 0, stat_done, &q);
    zoo_acreate(zk, "/async/x", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, string_done, &q);
    zoo_aget_children(zk, "/async", 0, names_done, &q);
    zoo_aget_acl(zk, "/async", acl_done, &q);
    zoo_aset_acl(zk, "/async", -1, &ZOO_OPEN_ACL_UNSAFE, void_done, &q);
    zoo_async(zk, "/async", string_done, &q);
    zoo_adelete(zk, "/async", -1, void_done, &q);
    zoo_adelete(zk, "/async/x", -1, void_done, &q);
    for (int i = 1; i <= 12; i++) {
        printf("completion %d: %s\n", i, next_event(&q));
    }
}

static void multis(void) {
    char made[128], seq[128];
    struct Stat s;
    zoo_op_t ops[4];
    zoo_op_result_t results[4] = {{0, NULL, 0, NULL}};
    zoo_create_op_init(&ops[0], "/multi", "0", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, made, sizeof made);
    zoo_create_op_init(&ops[1], "/multi/s-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL, seq, sizeof seq);
    zoo_set_op_init(&ops[2], "/multi", "1", 1, 0, &s);
    zoo_check_op_init(&ops[3], "/multi", 1);
    int rc = zoo_multi(zk, 4, ops, results);
    printf("multi: %s %s %s %s\n", zerror(rc), made, seq, rc == ZOK ? shown(&s) : "");
    zoo_set_op_init(&ops[0], "/multi", "2", 1, -1, &s);
    zoo_check_op_init(&ops[1], "/multi", 9);
    zoo_delete_op_init(&ops[2], "/multi/s-0000000000", -1);
    rc = zoo_multi(zk, 3, ops, results);
    printf("multi, broken: %s %d %d %d\n", zerror(rc), results[0].err, results[1].err, results[2].err);
    get("multi, nothing of it is there", zk, "/multi");
}

static void acls(void) {
    static events q = EVENTS;
    create("acl, parent", "/acl", "", ZOO_PERSISTENT);
    zhandle_t *owner = connect_to("");
    char made[128];
    say("acl, not authenticated", zoo_create(owner, "/acl/mine", "m", 1, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, made, sizeof made));
    zoo_add_auth(owner, "digest", "u:p", 3, void_done, &q);
    printf("acl, authenticate: %s\n", next_event(&q));
    say("acl, create", zoo_create(owner, "/acl/mine", "m", 1, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, made, sizeof made));
    get("acl, owner", owner, "/acl/mine");
    get("acl, stranger", zk, "/acl/mine");
    struct ACL_vector acl;
    struct Stat s;
    int rc = zoo_get_acl(owner, "/acl/mine", &acl, &s);
    printf("acl, get: %s %d %d %s:%s\n", zerror(rc), acl.count, acl.data[0].perms, acl.data[0].id.scheme, acl.data[0].id.id);
    say("acl, set at a wrong version", zoo_set_acl(owner, "/acl/mine", 7, &ZOO_READ_ACL_UNSAFE));
    say("acl, set", zoo_set_acl(owner, "/acl/mine", 0, &ZOO_READ_ACL_UNSAFE));
    get("acl, stranger now", zk, "/acl/mine");
    zookeeper_close(owner);
    static events sessions = EVENTS;
    zhandle_t *other = start("", NULL, &sessions, 0);
    until(&sessions, connected);
    zoo_add_auth(other, "none", "x", 1, void_done, &q);
    printf("acl, unknown scheme: %s\n", next_event(&q));
    printf("acl, and then: %s\n", until(&sessions, auth_failed));
    zookeeper_close(other);
}

static void watches(void) {
    static events q = EVENTS;
    struct Stat s;
    char data[16];
    int n = sizeof data;
    struct String_vector names = {0, NULL};
    say("watch, exists", zoo_wexists(zk, "/w", watcher, &q, &s));
    create("watch, create", "/w", "", ZOO_PERSISTENT);
    printf("watch, created: %s\n", next_event(&q));
    zoo_wget(zk, "/w", watcher, &q, data, &n, &s);
    zoo_set(zk, "/w", "x", 1, -1);
    printf("watch, changed: %s\n", next_event(&q));
    zoo_wget_children(zk, "/w", watcher, &q, &names);
    deallocate_String_vector(&names);
    create("watch, create a child", "/w/a", "", ZOO_PERSISTENT);
    printf("watch, child: %s\n", next_event(&q));
    zoo_delete(zk, "/w/a", -1);
    n = sizeof data;
    zoo_wget(zk, "/w", watcher, &q, data, &n, &s);
    say("watch, remove", zoo_remove_watches(zk, "/w", ZWATCHTYPE_DATA, watcher, &q, 0));
    say("watch, remove again", zoo_remove_watches(zk, "/w", ZWATCHTYPE_DATA, watcher, &q, 0));
    zoo_wexists(zk, "/w", watcher, &q, &s);
    zoo_delete(zk, "/w", -1);
    printf("watch, deleted: %s\n", next_event(&q));
    create("watch, after that", "/w", "", ZOO_PERSISTENT);
    printf("watch, once: %d\n", no_event(&q));
}

static void sessions(void) {
    static events one = EVENTS, two = EVENTS, gone = EVENTS;
    struct Stat s;
    zhandle_t *a = start("", NULL, &one, 0);
    until(&one, connected);
    printf("session, timeout: %d\n", zoo_recv_timeout(a));
    char made[128];
    zoo_create(a, "/session", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, made, sizeof made);
    zoo_wexists(zk, "/session", watcher, &gone, &s);
    printf("session, owner: %d\n", s.ephemeralOwner == zoo_client_id(a)->client_id);
    clientid_t id = *zoo_client_id(a), wrong = id;
    memset(wrong.passwd, 0, sizeof wrong.passwd);
    zhandle_t *b = start("", &wrong, &two, 0);
    printf("session, wrong password: %s\n", until(&two, expired));
    zookeeper_close(b);
    // a takes it back at once: who closes the session must be quick.
    for (int i = 0; i < 100 && zoo_state(a) != ZOO_EXPIRED_SESSION_STATE; i++) {
        b = start("", &id, &two, 0);
        const char *state = until(&two, connected);
        if (i == 0) {
            printf("session, taken over: %s %d\n", state, zoo_client_id(b)->client_id == id.client_id);
        }
        zookeeper_close(b);
        usleep(100000);
    }
    printf("session, closed by another: %s\n", until(&one, expired));
    printf("session, its ephemeral: %s\n", next_event(&gone));
    say("session, after that", zoo_exists(a, "/", 0, &s));
    zookeeper_close(a);
    create("session, chroot's parent", "/chroot", "", ZOO_PERSISTENT);
    zhandle_t *root = connect_to("/chroot");
    zoo_create(root, "/x", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, made, sizeof made);
    printf("session, made in a chroot: %s\n", made);
    exists("session, seen from outside", "/chroot/x");
    zookeeper_close(root);
    zhandle_t *reader = start("", NULL, &two, ZOO_READONLY);
    printf("session, read only if need be: %s\n", until(&two, connected));
    zookeeper_close(reader);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        return 2;
    }
    addr = argv[1];
    zoo_set_debug_level(0);
    zk = connect_to("");
    nodes();
    multis();
    acls();
    watches();
    completions();
    sessions();
    return zookeeper_close(zk);
}
