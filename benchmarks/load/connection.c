#define _GNU_SOURCE
#include "connection.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOURCES = 64 };           // 127.0.0.2 and on: each has the ports of an address
enum { LEAST_ROOM = 1 << 16 };   // for one reading

uint64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

_Noreturn void fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(2);
}

_Noreturn static void fail_by_system(const char *what) {
  perror(what);
  exit(2);
}

static void make_room(buffer *b, size_t length) {
  if (b->capacity - b->end >= length) return;
  if (b->begin) {
    memmove(b->bytes, b->bytes + b->begin, b->end - b->begin);
    b->end -= b->begin, b->begin = 0;
  }
  if (b->capacity - b->end >= length) return;
  b->capacity = (b->end + length) * 2;
  b->bytes = realloc(b->bytes, b->capacity);
  if (!b->bytes) fail("memory");
}

static struct sockaddr_in loopback(int last_byte, int port) {
  return (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + last_byte)};
}

static SSL *secured(int fd) {
  static SSL_CTX *context;
  if (!context) {
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }
  SSL *tls = SSL_new(context);
  SSL_set_fd(tls, fd);
  if (SSL_connect(tls) != 1) fail("TLS: no handshake");
  return tls;
}

static void send_upgrade(connection *c, const target *to) {
  char request[1024];
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        "Sec-WebSocket-Version: 13\r\n\r\n",
                        to->path, to->port);
  connection_write(c, request, length);
  if (connection_flush(c, to)) fail("WebSocket: no handshake");
}

void connection_open(connection *c, const target *to, int number) {
  struct sockaddr_in from = loopback(2 + number % SOURCES, 0), there = loopback(1, to->port);
  int on = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(c->fd, (void *)&from, sizeof from)) fail_by_system("bind");
  if (connect(c->fd, (void *)&there, sizeof there)) fail_by_system("connect");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (to->is_secure) c->tls = secured(c->fd);
  c->is_open = 1;
  c->is_upgrading = to->how == WEBSOCKET;
  c->in.begin = c->in.end = c->out.begin = c->out.end = c->searched = 0;
  c->in_flight = c->first = c->last = c->wants_to_write = 0;
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {EPOLLIN, {.ptr = c}};
  epoll_ctl(to->epoll, EPOLL_CTL_ADD, c->fd, &event);
  if (c->is_upgrading) send_upgrade(c, to);
}

int is_upgraded(connection *c) {
  if (!c->is_upgrading) return 1;
  if (connection_read(c) < 0) fail("WebSocket: closed in the handshake");
  char *head = c->in.bytes + c->in.begin;
  char *end = memmem(head, c->in.end - c->in.begin, "\r\n\r\n", 4);
  if (!end) return 0;
  if (strncmp(head, "HTTP/1.1 101", 12)) {
    fprintf(stderr, "WebSocket: no upgrade: %.*s\n", (int)strcspn(head, "\r"), head);
    exit(2);
  }
  c->in.begin += end + 4 - head;
  c->is_upgrading = 0;
  return 1;
}

void wait_for_upgrade(connection *c) {
  struct pollfd readable = {c->fd, POLLIN, 0};
  while (!is_upgraded(c)) poll(&readable, 1, -1);
}

void connection_write(connection *c, const char *bytes, size_t length) {
  make_room(&c->out, length);
  memcpy(c->out.bytes + c->out.end, bytes, length);
  c->out.end += length;
}

// Bytes that the socket took, 0 if it takes none now, -1 if the line is broken.
static ssize_t send_some(connection *c, const char *bytes, size_t length) {
  if (!c->tls) {
    ssize_t n = send(c->fd, bytes, length, MSG_NOSIGNAL);
    return n < 0 && errno == EAGAIN ? 0 : n;
  }
  int n = SSL_write(c->tls, bytes, length);
  if (n > 0) return n;
  int why = SSL_get_error(c->tls, n);
  return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
}

int connection_flush(connection *c, const target *to) {
  buffer *out = &c->out;
  while (out->begin < out->end) {
    ssize_t n = send_some(c, out->bytes + out->begin, out->end - out->begin);
    if (n < 0) return -1;
    if (!n) break;
    out->begin += n;
  }
  if (out->begin == out->end) out->begin = out->end = 0;
  int wants = out->end > 0;
  if (wants != c->wants_to_write) {
    struct epoll_event event = {EPOLLIN | (wants ? EPOLLOUT : 0), {.ptr = c}};
    epoll_ctl(to->epoll, EPOLL_CTL_MOD, c->fd, &event);
    c->wants_to_write = wants;
  }
  return 0;
}

// As `send_some`; the end of the line is -1 too.
static ssize_t receive_some(connection *c, char *bytes, size_t room) {
  if (!c->tls) {
    ssize_t n = recv(c->fd, bytes, room, 0);
    return n < 0 && errno == EAGAIN ? 0 : n ? n : -1;
  }
  int n = SSL_read(c->tls, bytes, room);
  return n > 0 ? n : SSL_get_error(c->tls, n) == SSL_ERROR_WANT_READ ? 0 : -1;
}

int connection_read(connection *c) {
  int found = 0;
  // OpenSSL keeps what epoll does not see: what is there is read to its end.
  do {
    make_room(&c->in, LEAST_ROOM);
    ssize_t n = receive_some(c, c->in.bytes + c->in.end, c->in.capacity - c->in.end);
    if (n < 0) return -1;
    if (!n) break;
    c->in.end += n, found = 1;
  } while (c->tls);
  return found;
}

// RFC 6455, section 5.5: a ping is answered with what it says; a mask of zeros changes nothing.
static void answer_ping(connection *c, piece ping) {
  char head[6] = {(char)0x8a, (char)(0x80 | ping.text_length)};
  connection_write(c, head, sizeof head);
  connection_write(c, ping.text, ping.text_length);
}

piece connection_next(connection *c, framing how) {
  buffer *in = &c->in;
  for (;;) {
    char *bytes = in->bytes + in->begin;
    piece found = cut(how, bytes, in->end - in->begin, &c->searched);
    if (found.length <= 0) return found;
    in->begin += found.length;
    if (in->begin == in->end) in->begin = in->end = 0;
    if (how != WEBSOCKET || (*bytes & 8) == 0) return found;
    if ((*bytes & 15) == 9) answer_ping(c, found);
  }
}

void connection_close(connection *c) {
  if (c->tls) SSL_free(c->tls);
  c->tls = NULL;
  close(c->fd);
  c->is_open = 0;
}
