#include "fd.h"
#include "release.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const uint32_t fd_versions[] = { 14, 21, 22, 23, 0 };

static struct job_run *run_of(struct fd_context *ctx)
{
    return ctx ? ctx->fd : NULL;
}

/* ---- what the plugin may ask of the File Daemon ---- */

static int register_events(struct fd_context *ctx, ...)
{
    return ctx ? RC_OK : RC_ERROR;
}

static int get_value(struct fd_context *ctx, int var, void *out)
{
    struct job_run *r = run_of(ctx);
    if (!r)
        return RC_ERROR;
    const struct release *k = r->daemon->release;
    const char *text = NULL;
    int number = 0;
    if (var == k->job_name)
        text = "Job.2026-01-01_00.00.00_01";
    else if (var == k->working_dir)
        text = r->work_dir;
    else if (var == k->where)
        text = r->where;
    else if (var == k->prev_job)
        text = r->prev_job;
    else if (var == k->job_id)
        number = r->job_id;
    else if (var == k->accurate)
        number = r->accurate;
    else if (var == k->file_index)
        number = r->file_index;
    else if (var == k->level)
        number = r->level;
    else
        return RC_ERROR;
    if (var == k->job_name || var == k->working_dir || var == k->where || var == k->prev_job)
        memcpy(out, &text, sizeof text);
    else
        memcpy(out, &number, sizeof number);
    return RC_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct known *)a)->name, ((const struct known *)b)->name);
}

static struct known *known_name(struct job_run *r, const char *name)
{
    struct known key = { .name = (char *)(uintptr_t)name };
    return r->known_count ? bsearch(&key, r->known, r->known_count, sizeof key, by_name) : NULL;
}

static int set_value(struct fd_context *ctx, int var, void *in)
{
    struct job_run *r = run_of(ctx);
    if (!r || var != r->daemon->release->file_seen)
        return RC_ERROR;
    struct known *k = known_name(r, in);
    if (k)
        k->seen = true;
    return k ? RC_OK : RC_ERROR;
}

static void note(struct job_run *r, enum said kind, const char *text)
{
    static const char *const words[] = { "FATAL", "ERROR", "WARNING", "INFO", "NOTSAVED", "OTHER" };
    pthread_mutex_lock(&r->log_lock);
    r->said[kind]++;
    r->failed |= kind == SAID_FATAL;
    size_t room = sizeof r->log - r->log_len;
    int n = snprintf(r->log + r->log_len, room, "%s: %s%s", words[kind], text,
                     *text && text[strlen(text) - 1] == '\n' ? "" : "\n");
    r->log_len += n > 0 && (size_t)n < room ? (size_t)n : 0;
    pthread_mutex_unlock(&r->log_lock);
}

static int job_message(struct fd_context *ctx, const char *file, int line, int type, int64_t mtime,
                       const char *format, ...)
{
    char text[2000]; /* the daemon's own limit */
    struct job_run *r = run_of(ctx);
    va_list args;
    (void)file, (void)line, (void)mtime;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!r) {
        fprintf(stderr, "daemon message %d: %s", type, text);
        return RC_OK;
    }
    const struct release *k = r->daemon->release;
    note(r,
         type == k->fatal      ? SAID_FATAL
         : type == k->error    ? SAID_ERROR
         : type == k->warning  ? SAID_WARNING
         : type == k->info     ? SAID_INFO
         : type == k->notsaved ? SAID_NOTSAVED
                               : SAID_OTHER,
         text);
    return RC_OK;
}

static int debug_message(struct fd_context *ctx, const char *file, int line, int level,
                         const char *format, ...)
{
    (void)ctx, (void)file, (void)line, (void)level, (void)format;
    return RC_OK;
}

static void broken(struct job_run *r, const char *rule)
{
    char text[256];
    snprintf(text, sizeof text, "host: the plugin broke a rule: %s", rule);
    note(r, SAID_FATAL, text);
}

/* The default accurate options: mtime, ctime, size in whole seconds; without a list, times against
 * `since`. */
static int check_changes(struct fd_context *ctx, void *pkt)
{
    struct job_run *r = run_of(ctx);
    const struct release *k = r->daemon->release;
    if (!pkt_is(pkt, (uint32_t)k->save.size, (uint32_t)k->save.end)) {
        broken(r, "checkChanges with a packet of another size");
        return RC_OK;
    }
    struct stat st = pkt_stat(pkt, (uint32_t)k->save.statp);
    if (!r->accurate)
        return st.st_mtim.tv_sec < r->since && st.st_ctim.tv_sec < r->since ? RC_SEEN : RC_OK;
    bool directory = pkt_i32(pkt, (uint32_t)k->save.type) == TYPE_DIRECTORY;
    struct known *known = known_name(
        r, pkt_ptr(pkt, (uint32_t)(directory ? k->save.link : k->save.fname)));
    if (!known)
        return RC_OK;
    return known->st.st_mtim.tv_sec == st.st_mtim.tv_sec &&
                   known->st.st_ctim.tv_sec == st.st_ctim.tv_sec && known->st.st_size == st.st_size
               ? RC_SEEN
               : RC_OK;
}

static struct fd_funcs *make_funcs(uint32_t version, uint32_t size)
{
    struct fd_funcs *f = calloc(1, size < 256 ? 256 : size);
    if (!f)
        abort();
    *f = (struct fd_funcs){ .size = size,
                            .version = version,
                            .register_events = register_events,
                            .get_value = get_value,
                            .set_value = set_value,
                            .job_message = job_message,
                            .debug_message = debug_message,
                            .check_changes = check_changes };
    return f;
}

/* ---- loading ---- */

static bool one_of(const char *text, const char *a, const char *b)
{
    return text && (strcmp(text, a) == 0 || strcmp(text, b) == 0);
}

/* The daemon's own checks after loadPlugin, in its order; then what it relies on without checking.
 */
static const char *refused(const struct daemon *d)
{
    const struct plugin_info *p = d->plugin;
    const struct plugin_funcs *c = d->calls;
    if (!p || !c || !p->magic || strcmp(p->magic, "*FDPluginData*") != 0)
        return "magic";
    if (p->version != d->info.version)
        return "version";
    if (!one_of(p->license, "AGPLv3", "Bacula AGPLv3"))
        return "license";
    if (p->size != 56)
        return "size of pInfo";
    if (c->size != d->release->plugin_funcs_size || c->version != d->info.version)
        return "size or version of pFuncs";
    if (!c->new_plugin || !c->free_plugin || !c->handle_event || !c->start_backup_file ||
        !c->end_backup_file || !c->start_restore_file || !c->end_restore_file || !c->io ||
        !c->create_file || !c->set_attributes || !c->check_file || !c->xacl || !c->get_value ||
        !c->set_value)
        return "an entry point is missing";
    return p->author && p->date && p->release && p->description ? NULL : "a text is missing";
}

int fd_open_as(struct daemon *d, const char *plugin, uint32_t version, uint32_t claimed_version,
               int32_t size_change, char *error, size_t cap)
{
    int (*load)(struct fd_info *, struct fd_funcs *, struct plugin_info **, struct plugin_funcs **);
    *d = (struct daemon){ .release = release_of(version),
                          .info = { sizeof(struct fd_info), claimed_version } };
    d->funcs = make_funcs(claimed_version, d->release->funcs_size + (uint32_t)size_change);
    d->library = dlopen(plugin, RTLD_NOW);
    const char *why = d->library ? NULL : dlerror();
    if (!why) {
        void *unload = dlsym(d->library, "unloadPlugin"), *symbol = dlsym(d->library, "loadPlugin");
        memcpy(&load, &symbol, sizeof load);
        if (!symbol || !unload)
            why = "loadPlugin or unloadPlugin is missing";
        else if (load(&d->info, d->funcs, &d->plugin, &d->calls) != RC_OK)
            why = "loadPlugin refused";
        else
            why = refused(d);
    }
    if (!why)
        return 0;
    snprintf(error, cap, "%s", why);
    fd_close(d);
    return -1;
}

int fd_open(struct daemon *d, const char *plugin, uint32_t version, char *error, size_t cap)
{
    return fd_open_as(d, plugin, version, version, 0, error, cap);
}

void fd_close(struct daemon *d)
{
    if (d->library) {
        int (*unload)(void);
        void *symbol = dlsym(d->library, "unloadPlugin");
        memcpy(&unload, &symbol, sizeof unload);
        if (symbol)
            unload();
        dlclose(d->library);
    }
    free(d->funcs);
    *d = (struct daemon){ 0 };
}

/* ---- one job ---- */

void run_init(struct job_run *r, struct daemon *d)
{
    *r = (struct job_run){ .daemon = d,
                           .job_id = 7,
                           .level = 'F',
                           .cancel_after = -1,
                           .replace = 'a',
                           .work_dir = "/tmp" };
    r->ctx.fd = r;
    pthread_mutex_init(&r->log_lock, NULL);
}

void run_free(struct job_run *r)
{
    for (size_t i = 0; i < r->known_count; i++)
        free(r->known[i].name);
    free(r->known);
    pthread_mutex_destroy(&r->log_lock);
}

int run_event(struct job_run *r, uint32_t event, const void *value)
{
    struct fd_event e = { event };
    return r->daemon->calls->handle_event(&r->ctx, &e, (void *)(uintptr_t)value);
}

int run_begin(struct job_run *r)
{
    r->ctx.plugin = NULL;
    if (r->daemon->calls->new_plugin(&r->ctx) != RC_OK)
        return -1;
    run_event(r, EVENT_JOB_START, "JobId=7 Job=Job");
    return 0;
}

void run_end(struct job_run *r, uint32_t event)
{
    struct timespec now;
    if (r->cancelling)
        pthread_join(r->canceller, NULL);
    if (event)
        run_event(r, event, NULL);
    if (!r->cancelled)
        run_event(r, EVENT_JOB_END, NULL);
    r->daemon->calls->free_plugin(&r->ctx);
    if (r->ctx.plugin)
        broken(r, "freePlugin left its context behind");
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (r->cancelled)
        r->end_seconds = (double)(now.tv_sec - r->cancelled_at.tv_sec) +
                         (double)(now.tv_nsec - r->cancelled_at.tv_nsec) / 1e9;
}

/* The console's thread: waits until the job is so far that its thread is busy with the backend. */
static void *cancel_thread(void *arg)
{
    struct job_run *r = arg;
    for (int waited = 0; waited < 20000; waited++) {
        pthread_mutex_lock(&r->log_lock);
        bool due = r->cancel_after > 0 ? r->entries >= (uint64_t)r->cancel_after
                                       : r->said[SAID_INFO] > 0;
        due &= !r->cancel_in_data || __atomic_load_n(&r->data_bytes, __ATOMIC_RELAXED) > 0;
        due |= r->failed;
        pthread_mutex_unlock(&r->log_lock);
        if (due)
            break;
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    pthread_mutex_lock(&r->log_lock);
    r->cancelled = true;
    clock_gettime(CLOCK_MONOTONIC, &r->cancelled_at);
    pthread_mutex_unlock(&r->log_lock);
    run_event(r, EVENT_CANCEL, NULL);
    return NULL;
}

static bool ended(struct job_run *r)
{
    pthread_mutex_lock(&r->log_lock);
    bool yes = r->failed || r->cancelled;
    pthread_mutex_unlock(&r->log_lock);
    return yes;
}

static int load_known(struct job_run *r)
{
    struct volume_entry e;
    char *name = NULL, *link = NULL, *buf = malloc(1 << 20);
    FILE *volume = fopen(r->previous, "rb");
    int rc = volume && buf ? 1 : -1;
    while (rc > 0 && (rc = volume_next(volume, &e, &name, &link)) > 0) {
        int64_t offset;
        int32_t len;
        while (volume_chunk(volume, &offset, buf, &len) > 0)
            ;
        struct known *grown = realloc(r->known, (r->known_count + 1) * sizeof *grown);
        if (!grown)
            abort();
        r->known = grown;
        r->known[r->known_count++] = (struct known){ .name = strdup(name), .st = e.st };
    }
    if (volume)
        fclose(volume);
    free(name), free(link), free(buf);
    qsort(r->known, r->known_count, sizeof *r->known, by_name);
    return rc;
}

/* ---- backup ---- */

static void store_chunk(struct job_run *r, int64_t offset, const char *bytes, int32_t len)
{
    if (!r->volume)
        return;
    fwrite(&offset, sizeof offset, 1, r->volume);
    fwrite(&len, sizeof len, 1, r->volume);
    if (len > 0)
        fwrite(bytes, (size_t)len, 1, r->volume);
}

static int io(struct job_run *r, struct io_pkt *pkt, int func)
{
    pkt->pkt_size = pkt->pkt_end = (int32_t)sizeof *pkt;
    pkt->func = func;
    return r->daemon->calls->io(&r->ctx, pkt);
}

static bool all_zero(const char *bytes, int32_t len)
{
    for (int32_t i = 0; i < len; i++)
        if (bytes[i])
            return false;
    return true;
}

static void save_data(struct job_run *r, const char *fname, bool sparse, bool offsets, int64_t size)
{
    struct io_pkt pkt = { .fname = fname, .flags = 0, .mode = 0600 };
    int32_t want = r->io_bytes ? r->io_bytes : 65536;
    char *buf = malloc((size_t)want);
    int64_t at = 0;
    if (!buf)
        abort();
    if (io(r, &pkt, IO_OPEN) != RC_OK || pkt.status < 0) {
        note(r, SAID_ERROR, "host: open failed");
        r->data_errors++;
    } else {
        for (;;) {
            pkt = (struct io_pkt){ .buf = buf, .count = want };
            if (io(r, &pkt, IO_READ) != RC_OK || pkt.status < 0) {
                char text[300];
                snprintf(text, sizeof text, "host: read error on %.200s: %s", fname,
                         strerror(pkt.io_errno));
                note(r, SAID_ERROR, text);
                r->data_errors++;
                store_chunk(r, 0, NULL, -2);
                break;
            }
            if (pkt.status == 0 || pkt.status > want)
                break;
            if (offsets)
                at = pkt.offset;
            bool hole = sparse && pkt.status == want && at + pkt.status < size &&
                        all_zero(buf, pkt.status);
            if (!hole)
                store_chunk(r, at, buf, pkt.status);
            at += pkt.status;
            __atomic_fetch_add(&r->data_bytes, (uint64_t)pkt.status, __ATOMIC_RELAXED);
        }
        if (pkt.status > want)
            broken(r, "read returned more than was asked for");
        pkt = (struct io_pkt){ 0 };
        io(r, &pkt, IO_CLOSE);
    }
    free(buf);
}

static void check_rules(struct job_run *r, const struct release *k, const void *pkt)
{
    const char *fname = pkt_ptr(pkt, (uint32_t)k->save.fname),
               *link = pkt_ptr(pkt, (uint32_t)k->save.link);
    int type = pkt_i32(pkt, (uint32_t)k->save.type);
    bool no_read = ((const char *)pkt)[k->save.no_read];
    if (!fname || *fname != '/')
        broken(r, "fname is not rooted");
    else if (type == TYPE_DIRECTORY &&
             (!link || link[strlen(link) - 1] != '/' || strcmp(link, fname) != 0))
        broken(r, "a directory's names do not end in '/'");
    else if ((type == TYPE_SYMLINK || type == TYPE_HARDLINK) && (!link || !*link))
        broken(r, "a link without a target");
    else if (type == TYPE_HARDLINK && !r->estimate && pkt_i32(pkt, (uint32_t)k->save.link_fi) <= 0)
        broken(r, "a hard link without LinkFI");
    else if (type != TYPE_REGULAR && !no_read)
        broken(r, "something without data is to be read");
    else if (type < TYPE_HARDLINK || (type > TYPE_SPECIAL && type != TYPE_DELETED))
        broken(r, "an unknown type");
}

/* Asks until there is nothing more, as the daemons do; each answer is one record. */
static void save_xacl(struct job_run *r, int func, int type)
{
    for (;;) {
        struct xacl_pkt pkt = {
            .pkt_size = sizeof pkt, .pkt_end = sizeof pkt, .func = func, .count = 1
        };
        if (r->daemon->calls->xacl(&r->ctx, &pkt) != RC_OK || pkt.count < 0 || pkt.count > 4000000)
            broken(r, "handleXACLdata");
        if (pkt.count <= 0)
            return;
        if (!pkt.content || type == TYPE_HARDLINK || type == TYPE_DELETED)
            broken(r, "attributes without content, or of something that has none");
        r->xattr_records++;
        store_chunk(r, func, NULL, -3);
        if (r->volume) {
            fwrite(&pkt.count, sizeof pkt.count, 1, r->volume);
            fwrite(pkt.content, (size_t)pkt.count, 1, r->volume);
        }
    }
}

static void save_entry(struct job_run *r, const void *pkt)
{
    const struct release *k = r->daemon->release;
    const char *fname = pkt_ptr(pkt, (uint32_t)k->save.fname),
               *link = pkt_ptr(pkt, (uint32_t)k->save.link);
    struct volume_entry e = { .magic = VOLUME_MAGIC,
                              .type = pkt_i32(pkt, (uint32_t)k->save.type),
                              .link_index = pkt_i32(pkt, (uint32_t)k->save.link_fi),
                              .no_read = ((const char *)pkt)[k->save.no_read],
                              .st = pkt_stat(pkt, (uint32_t)k->save.statp) };
    check_rules(r, k, pkt);
    if (ended(r))
        return;
    const char *name = e.type == TYPE_DIRECTORY ? link : fname;
    char *kept = strdup(
        fname); /* the daemon copies names right away; the plugin may reuse its own */
    e.index = r->estimate ? 0 : ++r->file_index;
    e.name_len = (uint32_t)strlen(name);
    e.link_len = link ? (uint32_t)strlen(link) : 0;
    if (r->volume) {
        fwrite(&e, sizeof e, 1, r->volume);
        fwrite(name, e.name_len, 1, r->volume);
        fwrite(link, e.link_len, 1, r->volume);
    }
    struct known *known = known_name(r, kept);
    if (known)
        known->seen = true;
    uint64_t flags;
    memcpy(&flags, (const char *)pkt + k->save.flags, sizeof flags);
    if (!r->estimate && !e.no_read)
        save_data(r, kept, flags & SAVE_SPARSE, flags & SAVE_OFFSETS, e.st.st_size);
    free(kept);
    for (int func = ACL_BACKUP; func <= XATTR_BACKUP && !r->estimate; func += 2)
        save_xacl(r, func, e.type);
    store_chunk(r, 0, NULL, -1);
}

static void file_loop(struct job_run *r, const char *line)
{
    const struct release *k = r->daemon->release;
    char *pkt = malloc(
        k->save.size); /* its very size, so that the sanitizer sees a write behind it */
    if (!pkt)
        abort();
    while (!ended(r)) {
        memset(pkt, 0, k->save.size);
        pkt_put_i32(pkt, 0, (int32_t)k->save.size);
        pkt_put_i32(pkt, (uint32_t)k->save.end, (int32_t)k->save.size);
        pkt_put_bool(pkt, (uint32_t)k->save.portable, true);
        pkt_put_ptr(pkt, (uint32_t)k->save.cmd, line);
        if (r->daemon->calls->start_backup_file(&r->ctx, pkt) != RC_OK)
            break;
        save_entry(r, pkt);
        pthread_mutex_lock(&r->log_lock);
        r->entries++;
        pthread_mutex_unlock(&r->log_lock);
        if (r->at_entry)
            r->at_entry(r, r->entries);
        if (r->daemon->calls->end_backup_file(&r->ctx) != RC_MORE)
            break;
    }
    free(pkt);
}

static void deletion_scan(struct job_run *r)
{
    for (size_t i = 0; i < r->known_count && !ended(r); i++) {
        if (r->known[i].seen || r->daemon->calls->check_file(&r->ctx, r->known[i].name) == RC_SEEN)
            continue;
        struct volume_entry e = { .magic = VOLUME_MAGIC,
                                  .type = TYPE_DELETED,
                                  .name_len = (uint32_t)strlen(r->known[i].name),
                                  .st = r->known[i].st };
        r->deleted++;
        if (r->volume) {
            fwrite(&e, sizeof e, 1, r->volume);
            fwrite(r->known[i].name, e.name_len, 1, r->volume);
        }
        store_chunk(r, 0, NULL, -1);
    }
}

static int run_lines(struct job_run *r, const char *const *lines, uint32_t command)
{
    if (run_begin(r) != 0)
        return -1;
    if (r->since)
        run_event(r, EVENT_SINCE, (const void *)(uintptr_t)r->since);
    run_event(r, EVENT_LEVEL, (const void *)(uintptr_t)r->level);
    for (size_t i = 0; lines[i] && !r->no_announcement; i++)
        run_event(r, EVENT_PLUGIN_COMMAND, lines[i]);
    run_event(r, EVENT_END_FILESET, NULL);
    if (!r->estimate)
        run_event(r, EVENT_START_BACKUP, NULL);
    if (r->cancel_after >= 0)
        r->cancelling = pthread_create(&r->canceller, NULL, cancel_thread, r) == 0;
    for (; *lines && !ended(r); lines++) {
        r->file_index += r->estimate ? 0 : r->other_files;
        if (run_event(r, command, *lines) == RC_OK)
            file_loop(r, *lines);
        else if (!ended(r))
            broken(
                r,
                "the backup command failed without a word, and so would the job end as a success");
    }
    if (r->accurate)
        deletion_scan(r);
    run_end(r, r->estimate ? 0 : EVENT_END_BACKUP);
    return r->failed || r->cancelled ? -1 : 0;
}

int run_backup(struct job_run *r, const char *const *lines, const char *volume)
{
    if (r->accurate && r->previous && load_known(r) < 0)
        return -1;
    if (volume && !(r->volume = fopen(volume, "wb")))
        return -1;
    int rc = run_lines(r, lines, EVENT_BACKUP_COMMAND);
    if (r->volume && fclose(r->volume) != 0)
        rc = -1;
    r->volume = NULL;
    return rc;
}

int run_estimate(struct job_run *r, const char *line)
{
    const char *const lines[] = { line, NULL };
    r->estimate = true;
    r->job_id = 0;
    return run_lines(r, lines, EVENT_ESTIMATE_COMMAND);
}

/* ---- volume ---- */

static int read_text(FILE *volume, char **text, uint32_t len)
{
    char *grown = realloc(*text, (size_t)len + 1);
    if (!grown)
        return -1;
    *text = grown;
    grown[len] = 0;
    return len == 0 || fread(grown, len, 1, volume) == 1 ? 0 : -1;
}

int volume_next(FILE *volume, struct volume_entry *e, char **name, char **link)
{
    size_t n = fread(e, 1, sizeof *e, volume);
    if (n == 0)
        return 0;
    if (n != sizeof *e || e->magic != VOLUME_MAGIC || read_text(volume, name, e->name_len) != 0)
        return -1;
    return read_text(volume, link, e->link_len) == 0 ? 1 : -1;
}

int volume_chunk(FILE *volume, int64_t *offset, char *buf, int32_t *len)
{
    if (fread(offset, sizeof *offset, 1, volume) != 1 || fread(len, sizeof *len, 1, volume) != 1 ||
        *len > 1 << 20)
        return -1;
    if (*len == -2)
        return 3;
    if (*len == -3)
        return fread(len, sizeof *len, 1, volume) == 1 && *len >= 0 && *len <= 1 << 20 &&
                       fread(buf, (size_t)*len, 1, volume) == 1
                   ? 2
                   : -1;
    if (*len == -1)
        return 0;
    return fread(buf, (size_t)*len, 1, volume) == 1 ? 1 : -1;
}

/* ---- restore ---- */

static char *prefixed(const char *where, const char *name)
{
    char *out = NULL;
    if (asprintf(&out, "%s%s", where ? where : "", name) < 0)
        abort();
    return out;
}

/* One file: create, data, attributes while it is open, close, end. Returns -1 when the volume is
 * damaged. */
static int restore_one(struct job_run *r, const char *line, FILE *volume,
                       const struct volume_entry *e, const char *name, const char *link, char *buf)
{
    const struct release *k = r->daemon->release;
    struct plugin_funcs *calls = r->daemon->calls;
    char *pkt = calloc(1, k->restore.size), *ofname = prefixed(r->where, name),
         *olname = e->type == TYPE_HARDLINK ? prefixed(r->where, link) : strdup(link);
    struct io_pkt pk;
    int64_t offset, at = 0;
    int32_t len;
    int rc;
    char *xacl = malloc(1 << 20); /* the daemon keeps these records until the file is closed */
    int xacl_func = 0;
    int32_t xacl_len = 0;
    if (!xacl)
        abort();
    pkt_put_i32(pkt, 0, (int32_t)k->restore.size);
    pkt_put_i32(pkt, (uint32_t)k->restore.end, (int32_t)k->restore.size);
    pkt_put_i32(pkt, (uint32_t)k->restore.type, e->type);
    pkt_put_i32(pkt, (uint32_t)k->restore.file_index, e->index);
    pkt_put_i32(pkt, (uint32_t)k->restore.link_fi, e->link_index);
    pkt_put_i32(pkt, (uint32_t)k->restore.replace, r->replace);
    pkt_put_stat(pkt, (uint32_t)k->restore.statp, &e->st);
    pkt_put_ptr(pkt, (uint32_t)k->restore.ofname, ofname);
    pkt_put_ptr(pkt, (uint32_t)k->restore.olname, olname);
    pkt_put_ptr(pkt, (uint32_t)k->restore.where, r->where);
    run_event(r, EVENT_RESTORE_COMMAND, line);
    calls->start_restore_file(&r->ctx, line);
    int status = calls->create_file(&r->ctx, pkt) == RC_OK
                     ? pkt_i32(pkt, (uint32_t)k->restore.create_status)
                     : CREATE_ERROR;
    bool data = status == CREATE_EXTRACT, open = false;
    if (status == CREATE_CORE || status == 0)
        broken(r, "createFile left the file to the daemon");
    if (status == CREATE_EXTRACT && e->type == TYPE_DIRECTORY)
        broken(r, "a directory wants data");
    r->entries += status == CREATE_EXTRACT || status == CREATE_CREATED;
    r->data_errors += status == CREATE_ERROR;
    if (data) {
        pk = (struct io_pkt){ .fname = ofname, .flags = 0x241, .mode = 0600 };
        open = io(r, &pk, IO_OPEN) == RC_OK && pk.status >= 0;
    }
    while ((rc = volume_chunk(volume, &offset, buf, &len)) > 0) {
        if (rc == 2) {
            if (xacl_func)
                broken(r, "more than one record of attributes");
            memcpy(xacl, buf, (size_t)len);
            xacl_func = (int)offset + 1;
            xacl_len = len;
            continue;
        }
        if (rc == 3 || !open || !data || ended(r))
            continue;
        if (offset != at) {
            pk = (struct io_pkt){ .offset = offset, .whence = SEEK_SET };
            if (io(r, &pk, IO_SEEK) != RC_OK || pk.offset != offset)
                broken(r, "seek");
        }
        pk = (struct io_pkt){ .buf = buf, .count = len };
        if (io(r, &pk, IO_WRITE) != RC_OK || pk.status != len) {
            r->data_errors++;
            data = false;
        }
        at = offset + len;
        r->data_bytes += (uint64_t)len;
    }
    if (status == CREATE_EXTRACT || status == CREATE_CREATED) {
        pkt_put_i32(pkt, (uint32_t)k->restore.create_status, CREATE_CORE);
        calls->set_attributes(&r->ctx, pkt);
        if (pkt_i32(pkt, (uint32_t)k->restore.create_status) == CREATE_CORE)
            broken(r, "setFileAttributes left the attributes to the daemon");
    }
    if (open) {
        pk = (struct io_pkt){ .whence = SEEK_END };
        if (io(r, &pk, IO_SEEK) != RC_OK || pk.offset != (at > 0 ? at : 0))
            broken(r, "seek to the end");
        pk = (struct io_pkt){ 0 };
        io(r, &pk, IO_CLOSE);
    }
    /* The daemon hands them on for what was extracted, and for directories (15: for symlinks, too);
     * else they are lost. */
    if (xacl_func &&
        (status == CREATE_EXTRACT || (status == CREATE_CREATED && e->type == TYPE_DIRECTORY))) {
        struct xacl_pkt x = { .pkt_size = sizeof x,
                              .pkt_end = sizeof x,
                              .func = xacl_func,
                              .count = xacl_len,
                              .content = xacl };
        r->xattr_records++;
        if (calls->xacl(&r->ctx, &x) != RC_OK)
            r->data_errors++;
    } else if (xacl_func && status != CREATE_SKIP && status != CREATE_ERROR) {
        broken(r, "createFile's answer loses attributes");
    }
    calls->end_restore_file(&r->ctx);
    free(xacl), free(pkt), free(ofname), free(olname);
    return rc == -1 ? -1 : 0;
}

int run_restore(struct job_run *r, const char *line, const char *volume)
{
    struct volume_entry e;
    char *name = NULL, *link = NULL, *buf = malloc(1 << 20);
    FILE *in = fopen(volume, "rb");
    int rc = in && buf && run_begin(r) == 0 ? 1 : -1;
    if (rc < 0)
        return rc;
    run_event(r, EVENT_START_RESTORE, NULL);
    if (r->cancel_after >= 0)
        r->cancelling = pthread_create(&r->canceller, NULL, cancel_thread, r) == 0;
    while (rc > 0 && !ended(r) && (rc = volume_next(in, &e, &name, &link)) > 0) {
        if (e.type == TYPE_DELETED) {
            int64_t offset;
            int32_t len;
            volume_chunk(in, &offset, buf, &len);
            continue;
        }
        if (restore_one(r, line, in, &e, name, link, buf) != 0)
            rc = -1;
        if (r->at_entry)
            r->at_entry(r, r->entries);
    }
    run_end(r, EVENT_END_RESTORE);
    fclose(in);
    free(name), free(link), free(buf);
    return rc < 0 || r->failed || r->cancelled ? -1 : 0;
}
