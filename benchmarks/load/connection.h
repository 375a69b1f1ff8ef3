// One connection of the generator: bytes in and out, through TLS or not.
#pragma once
#include "framing.h"
#include <openssl/ssl.h>

typedef struct {
  char *bytes;
  size_t begin, end, capacity;
} buffer;

typedef struct {
  int fd, is_open, is_upgrading, wants_to_write, in_flight;
  SSL *tls;
  buffer in, out;
  size_t searched;      // of the message that is not whole; see `cut`
  uint64_t *sent_at;    // of the calls in flight, in microseconds: a ring of `depth`
  int first, last;
  uint32_t next_id;
} connection;

// Where all connections go.
typedef struct {
  framing how;
  int is_secure, port, epoll;
  const char *path;
} target;

uint64_t now_us(void);
_Noreturn void fail(const char *what);

// Connect, from one of several loopback addresses by the number of the connection; a
// WebSocket's handshake is sent.  Blocks as long as the kernel does.
void connection_open(connection *c, const target *to, int number);

// Whether the connection is past its handshake; reads what has come of it.
int is_upgraded(connection *c);

// Wait until it is; the connection does not block from then on.
void wait_for_upgrade(connection *c);

// Bytes to be sent by the next `connection_flush`.
void connection_write(connection *c, const char *bytes, size_t length);

// Send what the socket takes, and watch for it to take more. 0, or -1 if the line is broken.
int connection_flush(connection *c, const target *to);

// Read what has come. 1 if there was something, 0 if not, -1 at the end of the line.
int connection_read(connection *c);

// The next whole message, past a WebSocket's pings; its text is good until the next reading.
piece connection_next(connection *c, framing how);

void connection_close(connection *c);
