// How a message stands on the wire: one line, one HTTP request, one WebSocket frame, or a
// header with its length before it.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum { LINE, HTTP, WEBSOCKET, HEADER, JSON } framing;

// The places in a message where an id of seven digits goes.
enum { MAX_IDS = 128, ID_DIGITS = 7 };

typedef struct {
  char *bytes;
  size_t length;
  size_t head;  // where the JSON text begins
  size_t id_at[MAX_IDS];
  int ids;
} message;

// What `cut` found at the beginning of some bytes.
typedef struct {
  long length;         // of the whole message in its framing; 0 if it is not whole, -1 if it is none
  const char *text;    // the JSON text in it
  size_t text_length;
} piece;

// The framing of a name, or -1.
int framing_named(const char *name);

// The JSON text of a file; every "@ID@" in it becomes an id.
message read_message(const char *file);

// A message in its framing, for a server that is told apart by path and port.
message framed(framing how, const message *text, const char *path, int port);

// Write ids that follow each other into a framed message.
void number(framing how, message *framed, uint32_t first);

// The first message in some bytes. `searched` is kept between calls for the same bytes, so
// that those of a long message are not looked at again; 0 for a new message.
piece cut(framing how, const char *bytes, size_t length, size_t *searched);
