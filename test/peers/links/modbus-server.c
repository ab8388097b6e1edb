/* A meter of libmodbus for the test beside: input registers of an Eastron SDM, holding registers of a
 * SunSpec device, on TCP or as RTU. Words on standard input change registers: TABLE ADDRESS VALUE. */
#include <errno.h>
#include <modbus/modbus.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REGISTERS 40300

static modbus_mapping_t *mapping;

/* Takes the lines that are there; returns 0 where standard input ended. */
static int take_lines(void) {
    static char text[1 << 16];
    static size_t length;
    ssize_t count = read(0, text + length, sizeof text - 1 - length);
    if (count <= 0) return 0;
    length += (size_t)count;
    text[length] = 0;
    char *line = text, *end;
    while ((end = strchr(line, '\n'))) {
        char table;
        int address, value;
        if (sscanf(line, "%c %d %d", &table, &address, &value) == 3 && address < REGISTERS)
            (table == 'h' ? mapping->tab_registers : mapping->tab_input_registers)[address] =
                (uint16_t)value;
        line = end + 1;
    }
    length = strlen(line);
    memmove(text, line, length + 1);
    return 1;
}

/* Answers one request on a connection; returns 0 where it ended. */
static int answer(modbus_t *context) {
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    int length = modbus_receive(context, query);
    if (length < 0) return errno == EMBBADCRC || errno == ETIMEDOUT;
    if (length > 0) modbus_reply(context, query, length, mapping);
    return 1;
}

static void serve(modbus_t *context, int listening) {
    struct pollfd waits[2] = {{0, POLLIN, 0}, {listening, POLLIN, 0}};
    int is_connected = listening < 0;
    for (;;) {
        waits[1].fd = is_connected ? modbus_get_socket(context) : listening;
        if (poll(waits, 2, -1) < 0) return;
        if (waits[0].revents && !take_lines()) return;
        if (!(waits[1].revents)) continue;
        if (!is_connected) {
            is_connected = modbus_tcp_accept(context, &listening) >= 0;
        } else if (!answer(context) && listening >= 0) {
            modbus_close(context);
            is_connected = 0;
        }
    }
}

int main(int count, char **words) {
    if (count != 3) return 2;
    mapping = modbus_mapping_new(0, 0, REGISTERS, REGISTERS);
    int is_tcp = !strcmp(words[1], "tcp");
    modbus_t *context = is_tcp ? modbus_new_tcp("127.0.0.1", atoi(words[2]))
                               : modbus_new_rtu(words[2], 9600, 'N', 8, 1);
    int listening = -1;
    if (is_tcp) listening = modbus_tcp_listen(context, 1);
    else {
        modbus_set_slave(context, 1);
        if (modbus_connect(context)) return 1;
    }
    puts("ready");
    fflush(stdout);
    serve(context, listening);
    return 0;
}
