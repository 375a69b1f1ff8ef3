#define _GNU_SOURCE
#include "framing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const unsigned char MASK[4] = {0x12, 0x34, 0x56, 0x78};
static const piece PARTIAL = {0}, NONE = {.length = -1};

int framing_named(const char *name) {
  static const char *names[] = {"line", "http", "ws", "header", "json"};
  for (int i = 0; i < 5; i++)
    if (!strcmp(name, names[i])) return i;
  return -1;
}

message read_message(const char *file) {
  FILE *f = fopen(file, "rb");
  if (!f) { perror(file); exit(2); }
  size_t capacity = 1 << 16, length = 0, n;
  char *raw = malloc(capacity);
  while ((n = fread(raw + length, 1, capacity - length, f)) > 0)
    if ((length += n) == capacity) raw = realloc(raw, capacity *= 2);
  fclose(f);
  while (length && (raw[length - 1] == '\n' || raw[length - 1] == '\r')) length--;
  message m = {.bytes = malloc(2 * length + 1)};
  for (size_t i = 0; i < length;) {
    if (i + 4 > length || memcmp(raw + i, "@ID@", 4)) { m.bytes[m.length++] = raw[i++]; continue; }
    if (m.ids == MAX_IDS) { fprintf(stderr, "%s: more than %d ids\n", file, MAX_IDS); exit(2); }
    m.id_at[m.ids++] = m.length;
    memset(m.bytes + m.length, '0', ID_DIGITS);
    m.length += ID_DIGITS, i += 4;
  }
  free(raw);
  return m;
}

// RFC 6455, section 5.2: a whole text frame, masked as a client's has to be.
static size_t websocket_head(char *at, size_t length) {
  unsigned char *b = (unsigned char *)at;
  size_t n = 0;
  b[n++] = 0x81;
  if (length < 126) b[n++] = 0x80 | length;
  else if (length < 65536) { b[n++] = 0x80 | 126; b[n++] = length >> 8; b[n++] = length; }
  else {
    b[n++] = 0x80 | 127;
    for (int i = 7; i >= 0; i--) b[n++] = (uint64_t)length >> (8 * i);
  }
  memcpy(b + n, MASK, 4);
  return n + 4;
}

static size_t write_head(framing how, char *at, size_t room, size_t length, const char *path, int port) {
  switch (how) {
    case HTTP:
      return snprintf(at, room,
                      "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                      "Accept: application/json\r\nContent-Length: %zu\r\n\r\n", path, port, length);
    case WEBSOCKET: return websocket_head(at, length);
    case HEADER: return snprintf(at, room, "Content-Length: %zu\r\n\r\n", length);
    default: return 0;
  }
}

message framed(framing how, const message *text, const char *path, int port) {
  size_t room = strlen(path) + 256;
  message f = *text;
  f.bytes = malloc(room + text->length + 1);
  size_t head = write_head(how, f.bytes, room, text->length, path, port);
  memcpy(f.bytes + head, text->bytes, text->length);
  f.head = head;
  f.length = head + text->length;
  for (int i = 0; i < f.ids; i++) f.id_at[i] += head;
  if (how == LINE) f.bytes[f.length++] = '\n';
  if (how == WEBSOCKET)
    for (size_t i = 0; i < text->length; i++) f.bytes[head + i] ^= MASK[i & 3];
  return f;
}

void number(framing how, message *f, uint32_t first) {
  for (int i = 0; i < f->ids; i++) {
    uint32_t id = first + i;
    for (size_t at = f->id_at[i] + ID_DIGITS; at-- > f->id_at[i]; id /= 10) {
      f->bytes[at] = '0' + id % 10;
      if (how == WEBSOCKET) f->bytes[at] ^= MASK[(at - f->head) & 3];
    }
  }
}

static piece cut_line(const char *bytes, size_t length, size_t *searched) {
  const char *end = memchr(bytes + *searched, '\n', length - *searched);
  *searched = end ? 0 : length;
  return end ? (piece){end - bytes + 1, bytes, end - bytes} : PARTIAL;
}

// Texts with nothing between them: one ends where its braces do.
static piece cut_json(const char *bytes, size_t length) {
  int depth = 0, quoted = 0;
  for (size_t i = 0; i < length; i++) {
    char c = bytes[i];
    if (quoted) {
      if (c == '\\') i++;
      else if (c == '"') quoted = 0;
    } else if (c == '"') quoted = 1;
    else if (c == '{' || c == '[') depth++;
    else if ((c == '}' || c == ']') && --depth == 0) return (piece){i + 1, bytes, i + 1};
  }
  return PARTIAL;
}

static piece cut_websocket(const char *bytes, size_t available) {
  const unsigned char *b = (const unsigned char *)bytes;
  if (available < 2) return PARTIAL;
  if ((b[0] & 15) == 8) return NONE;  // it closes
  size_t head = 2;
  uint64_t length = b[1] & 127;
  if (length >= 126) {
    head = length == 126 ? 4 : 10;
    if (available < head) return PARTIAL;
    length = 0;
    for (size_t i = 2; i < head; i++) length = length << 8 | b[i];
  }
  return available < head + length ? PARTIAL : (piece){head + length, bytes + head, length};
}

// RFC 9112, section 7.1; servers are expected to send the text as one chunk.
static piece cut_chunks(const char *bytes, size_t length, size_t head) {
  piece found = {.text = bytes + head};
  for (size_t at = head;;) {
    const char *line = memmem(bytes + at, length - at, "\r\n", 2);
    if (!line) return PARTIAL;
    size_t size = strtoul(bytes + at, NULL, 16);
    at = line - bytes + 2;
    if (length < at + size + 2) return PARTIAL;
    if (!size) { found.length = at + 2; return found; }
    if (!found.text_length) found.text = bytes + at, found.text_length = size;
    at += size + 2;
  }
}

static piece cut_head(const char *bytes, size_t length) {
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (!end) return PARTIAL;
  size_t head = end - bytes + 4;
  long body = -1;
  for (const char *line = bytes; line && line < end; line = memchr(line, '\n', end - line + 2)) {
    if (*line == '\n') line++;
    if (!strncasecmp(line, "content-length:", 15)) body = atol(line + 15);
    if (!strncasecmp(line, "transfer-encoding:", 18)) return cut_chunks(bytes, length, head);
  }
  if (body < 0) return (piece){head, bytes + head, 0};
  return length < head + body ? PARTIAL : (piece){head + body, bytes + head, body};
}

piece cut(framing how, const char *bytes, size_t length, size_t *searched) {
  switch (how) {
    case LINE: return cut_line(bytes, length, searched);
    case WEBSOCKET: return cut_websocket(bytes, length);
    case JSON: return cut_json(bytes, length);
    default: return cut_head(bytes, length);
  }
}
