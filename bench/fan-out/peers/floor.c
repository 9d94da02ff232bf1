/* Compared server: a program that does nothing but write(), as the lower bound of what sending to many sockets costs.
 * It speaks just enough WebSocket and Socket.IO for the load to connect, then writes frames that were made beforehand.
 *
 * Prints its port as the first line. Reads commands as lines, "<bytes> <events> <in one turn>", and answers each with a dot. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 20000, HEAD = 4096 };

static int clients[MOST];
static int count;

static void must(int holds, const char *what) {
  if (!holds) {
    perror(what);
    exit(1);
  }
}

static void write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    must(written > 0, "write");
    bytes += written;
    length -= (size_t)written;
  }
}

static void accept_one(int listener) {
  int fd = accept(listener, NULL, NULL), on = 1;
  must(fd >= 0 && count < MOST, "accept");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  char head[HEAD + 1];
  size_t length = 0;
  do {
    ssize_t got = read(fd, head + length, HEAD - length);
    must(got > 0, "read");
    length += (size_t)got;
    head[length] = 0;
  } while (strstr(head, "\r\n\r\n") == NULL);
  static const char answer[] =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
      "\x81\x03" "0{}" "\x81\x04" "40{}";
  write_all(fd, answer, sizeof answer - 1);
  clients[count++] = fd;
}

/** Several copies of a text frame with a payload of the given length. */
static char *frames(size_t payload, int copies, size_t *length) {
  size_t head = payload < 126 ? 2 : payload < 65536 ? 4 : 10;
  *length = (head + payload) * (size_t)copies;
  char *bytes = malloc(*length);
  must(bytes != NULL, "malloc");
  memset(bytes, 'x', *length);
  for (int copy = 0; copy < copies; copy++) {
    unsigned char *at = (unsigned char *)bytes + (head + payload) * (size_t)copy;
    at[0] = 0x81;
    at[1] = payload < 126 ? (unsigned char)payload : payload < 65536 ? 126 : 127;
    for (size_t n = 2; n < head; n++) at[n] = (unsigned char)(payload >> (8 * (head - 1 - n)));
  }
  return bytes;
}

static void command(size_t bytes, int events, int at_once) {
  size_t length;
  char *text = frames(bytes, at_once, &length);
  for (int sent = 0; sent < events; sent += at_once)
    for (int n = 0; n < count; n++) write_all(clients[n], text, length);
  free(text);
}

int main(void) {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  must(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 4096) == 0, "listen");
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  char line[128];
  struct pollfd both[2] = {{.fd = listener, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
  setvbuf(stdin, NULL, _IONBF, 0);
  while (poll(both, 2, -1) > 0) {
    if (both[0].revents) accept_one(listener);
    if (!both[1].revents) continue;
    size_t bytes;
    int events, at_once;
    if (fgets(line, sizeof line, stdin) == NULL) return 0;
    if (sscanf(line, "%zu %d %d", &bytes, &events, &at_once) == 3) command(bytes, events, at_once);
    printf(".\n");
    fflush(stdout);
  }
}
