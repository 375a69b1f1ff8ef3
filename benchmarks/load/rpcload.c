// rpcload: a JSON-RPC client for measuring servers on this machine (epoll, one thread).
//
// It is always as fast as the server: a call is sent when an answer has come.  What it finds
// is printed as one line of JSON; latencies are in microseconds.
#define _GNU_SOURCE
#include "connection.h"
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static const char USAGE[] =
    "usage: rpcload ACTION [tls+]line|http|ws|header|json PORT MESSAGE [OPTION]...\n"
    "\n"
    "MESSAGE is a file with one JSON text; each \"@ID@\" in it becomes an id.\n"
    "\n"
    "  once     send it, print the answer\n"
    "  calls    keep so many outstanding on each connection\n"
    "  connects connect, call, close, again and again\n"
    "  listen   it makes the server notify all connections: count what comes of that\n"
    "  idle     open the connections, print a line, wait for the end of the input\n"
    "\n"
    "  -c N     connections (1)\n"
    "  -d N     calls outstanding on each (1)\n"
    "  -s S     seconds (1); a seventh of them is not counted\n"
    "  -w S     seconds to wait for what does not come (10)\n"
    "  -n N     notifications that one call sends to each connection (1)\n"
    "  -g FILE  a call that each connection makes when it is open\n"
    "  -p PATH  of HTTP and WebSocket (/)\n";

enum { LATENCIES = 1 << 20, EVENTS = 512, WINDOW = 4 };

static target to = {.path = "/"};
static message text, greeting, wire, wire_greeting;
static connection *lines;
static int count = 1, depth = 1, per_call = 1;
static double seconds = 1, patience = 10;

static uint32_t latencies[LATENCIES];
static uint64_t done, errors, closed, counted_from_us, ended_us, uncounted;

static int is_answer(piece p) { return memmem(p.text, p.text_length, "\"result\"", 8) != NULL; }
static int is_error(piece p) { return memmem(p.text, p.text_length, "\"error\"", 7) != NULL; }

static void lose(connection *c) {
  closed++;
  connection_close(c);
}

static void flush(connection *c) {
  if (connection_flush(c, &to)) lose(c);
}

static void call(connection *c) {
  number(to.how, &wire, c->next_id);
  c->next_id = 1000000 + (c->next_id - 1000000 + wire.ids) % 8000000;
  connection_write(c, wire.bytes, wire.length);
  c->sent_at[c->last] = now_us();
  c->last = (c->last + 1) % depth;
  c->in_flight++;
}

static void prepare(connection *c, int number_of_it) {
  if (!c->sent_at) c->sent_at = calloc(depth, sizeof *c->sent_at);
  if (!c->next_id) c->next_id = 1000000 + number_of_it;
  connection_open(c, &to, number_of_it);
}

// The answer to what has just been sent; nothing else may be outstanding.
static piece wait_for_answer(connection *c) {
  struct pollfd line = {c->fd, POLLIN, 0};
  for (;;) {
    piece found = connection_next(c, to.how);
    if (found.length > 0 && (is_answer(found) || is_error(found))) return found;
    if (found.length > 0) continue;  // a notification
    if (connection_flush(c, &to)) fail("the server closed the connection");
    line.events = POLLIN | (c->wants_to_write ? POLLOUT : 0);
    if (found.length < 0 || poll(&line, 1, patience * 1e3) < 1) fail("no answer");
    if (connection_read(c) < 0) fail("the server closed the connection");
  }
}

static void greet(connection *c) {
  number(to.how, &wire_greeting, c->next_id);
  connection_write(c, wire_greeting.bytes, wire_greeting.length);
  piece found = wait_for_answer(c);
  if (is_answer(found)) return;
  fprintf(stderr, "answered: %.*s\n", (int)found.text_length, found.text);
  exit(2);
}

// One after the other, so that no server has more to accept than its backlog holds.
static void open_all(void) {
  lines = calloc(count, sizeof *lines);
  for (int i = 0; i < count; i++) {
    prepare(lines + i, i);
    wait_for_upgrade(lines + i);
    if (greeting.length) greet(lines + i);
  }
}

static void count_latency(uint64_t us) { latencies[us < LATENCIES ? us : LATENCIES - 1]++; }

static void answered(connection *c, piece found) {
  if (!c->in_flight) { errors++; return; }
  done++, c->in_flight--;
  if (!is_answer(found)) errors++;
  count_latency(now_us() - c->sent_at[c->first]);
  c->first = (c->first + 1) % depth;
}

// -- what happens when a connection has something to read ------------------------------------

static void keep_calling(connection *c) {
  piece found;
  while ((found = connection_next(c, to.how)).length > 0) {
    answered(c, found);
    call(c);
  }
  if (found.length < 0) lose(c);
}

static void connect_again(connection *c) {
  if (c->in_flight) {
    piece found = connection_next(c, to.how);
    if (found.length < 0) { lose(c); return; }
    if (!found.length) return;
    answered(c, found);
    connection_close(c);
    prepare(c, c->next_id);
  }
  if (!c->in_flight && is_upgraded(c)) call(c);
}

static uint64_t asked, expected;  // calls that notify; messages that they lead to

static void publish(void) {
  // A call is sent while fewer than so many wait for all that they lead to.
  while (lines[0].is_open && expected - done < (uint64_t)(WINDOW - 1) * count * per_call + 1) {
    number(to.how, &wire, lines[0].next_id++);
    connection_write(lines, wire.bytes, wire.length);
    asked++, expected += (uint64_t)count * per_call;
  }
  if (lines[0].is_open) flush(lines);
}

static void hear(connection *c) {
  piece found;
  while ((found = connection_next(c, to.how)).length > 0) {
    if (is_answer(found)) asked--;
    else if (is_error(found)) errors++;
    else done++;
  }
  if (found.length < 0) lose(c);
}

// -- actions ---------------------------------------------------------------------------------

static void turn(void (*readable)(connection *)) {
  struct epoll_event events[EVENTS];
  int n = epoll_wait(to.epoll, events, EVENTS, 100);
  for (int i = 0; i < n; i++) {
    connection *c = events[i].data.ptr;
    if (!c->is_open) continue;
    if (events[i].events & EPOLLOUT) flush(c);
    if (!c->is_open || !(events[i].events & ~EPOLLOUT)) continue;
    int found = c->is_upgrading ? 1 : connection_read(c);
    if (found < 0) lose(c);
    else if (found) readable(c);
    if (c->is_open && c->out.end > c->out.begin && !c->wants_to_write) flush(c);
  }
}

static uint64_t patience_us(void) { return patience * 1e6; }

// Whether the time is over and something has been counted, or never will be.
static int is_over(uint64_t end) {
  ended_us = now_us();
  if (ended_us < end) return 0;
  return done > uncounted || closed >= (uint64_t)count || ended_us >= end + patience_us();
}

static void run(void (*readable)(connection *), void (*after_each)(void)) {
  uint64_t begun = now_us(), counted = begun + seconds * 1e6 / 7, end = begun + seconds * 1e6;
  while (!is_over(end)) {
    if (!counted_from_us && ended_us >= counted) {
      counted_from_us = ended_us, uncounted = done;
      memset(latencies, 0, sizeof latencies);
    }
    turn(readable);
    if (after_each) after_each();
  }
}

static unsigned quantile(double part) {
  uint64_t all = 0, seen = 0;
  for (int i = 0; i < LATENCIES; i++) all += latencies[i];
  for (int i = 0; i < LATENCIES; i++)
    if ((seen += latencies[i]) >= part * all && all) return i;
  return 0;
}

static int report(uint64_t counted, uint64_t lost) {
  double taken = (ended_us - counted_from_us) / 1e6;
  printf("{\"per_second\":%.1f,\"counted\":%lu,\"errors\":%lu,\"closed\":%lu,\"lost\":%lu,"
         "\"p50_us\":%u,\"p99_us\":%u}\n",
         counted / taken, counted, errors, closed, lost, quantile(0.5), quantile(0.99));
  return 0;
}

static int calls(void) {
  open_all();
  for (int i = 0; i < count; i++) {
    for (int d = 0; d < depth; d++) call(lines + i);
    flush(lines + i);
  }
  run(keep_calling, NULL);
  return report(done - uncounted, 0);
}

static int connects(void) {
  lines = calloc(count, sizeof *lines);
  for (int i = 0; i < count; i++) {
    prepare(lines + i, i);
    if (to.how != WEBSOCKET) call(lines + i), flush(lines + i);
  }
  run(connect_again, NULL);
  return report(done - uncounted, 0);
}

static int listen_all(void) {
  open_all();
  publish();
  run(hear, publish);
  uint64_t counted = done - uncounted, end = now_us() + patience_us();
  while ((done < expected || asked) && !closed && now_us() < end) turn(hear);
  return report(counted, expected - done);
}

static int idle(void) {
  open_all();
  printf("{\"open\":%d}\n", count);
  fflush(stdout);
  while (getchar() != EOF) {}
  return 0;
}

static int once(void) {
  open_all();
  call(lines);
  piece found = wait_for_answer(lines);
  printf("%.*s\n", (int)found.text_length, found.text);
  return 0;
}

static void usage(void) {
  fputs(USAGE, stderr);
  exit(2);
}

static void read_arguments(int argc, char **argv) {
  for (int option; (option = getopt(argc, argv, "c:d:s:w:n:g:p:")) != -1;) switch (option) {
    case 'c': count = atoi(optarg); break;
    case 'd': depth = atoi(optarg); break;
    case 's': seconds = atof(optarg); break;
    case 'w': patience = atof(optarg); break;
    case 'n': per_call = atoi(optarg); break;
    case 'g': greeting = read_message(optarg); break;
    case 'p': to.path = optarg; break;
    default: usage();
  }
  if (argc - optind != 4 || count < 1 || depth < 1 || per_call < 1 || seconds <= 0) usage();
  const char *how = argv[optind + 1];
  to.is_secure = !strncmp(how, "tls+", 4);
  int named = framing_named(how + 4 * to.is_secure);
  if (named < 0) usage();
  to.how = named;
  to.port = atoi(argv[optind + 2]);
  text = read_message(argv[optind + 3]);
  wire = framed(to.how, &text, to.path, to.port);
  if (greeting.length) wire_greeting = framed(to.how, &greeting, to.path, to.port);
}

int main(int argc, char **argv) {
  static const struct { const char *name; int (*run)(void); } actions[] = {
      {"once", once}, {"calls", calls}, {"connects", connects}, {"listen", listen_all}, {"idle", idle}};
  signal(SIGPIPE, SIG_IGN);
  read_arguments(argc, argv);
  to.epoll = epoll_create1(0);
  for (int i = 0; i < 5; i++)
    if (!strcmp(argv[optind], actions[i].name)) return actions[i].run();
  usage();
}
