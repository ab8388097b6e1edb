import { type AddressInfo, createServer, type Socket } from "node:net";

/** Lines a second: the firmware says one, and a reader of this page should not wait that long. */
const LINES_PER_SECOND = 4;
const [CURRENT_MA, NOMINAL_VOLTS, ZERO_POINT] = [8_700, 230, 511];
/** One line in so many is damaged on its way, as on a bad cable. */
const DAMAGED_EVERY = 6;

/** A line of the sensor of `firmware/acs712`, with its check (CRC-16/X-25). */
export function sensorLine(sequence: number, energyMwh: number): string {
    const text = `MSC1,${sequence},00,${CURRENT_MA},${energyMwh},${NOMINAL_VOLTS},${ZERO_POINT}`;
    let crc = 0xffff;
    for (const byte of Buffer.from(text)) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0x8408 : crc >> 1;
    }
    return `${text}*${(crc ^ 0xffff).toString(16).toUpperCase().padStart(4, "0")}\r\n`;
}

/**
 * An Arduino with an ACS712 at the end of a serial line: a kettle of two kilowatts is on. In a house it
 * is `/dev/ttyUSB0`; here it is a serial server on the loopback.
 */
export class Sensor {
    readonly #sockets = new Set<Socket>();
    readonly #server = createServer((socket) => {
        this.#sockets.add(socket);
        socket.on("error", () => socket.destroy());
        socket.on("close", () => this.#sockets.delete(socket));
    });
    readonly #timer = setInterval(() => this.#say(), 1_000 / LINES_PER_SECOND);
    /** All that it said. */
    readonly lines: string[] = [];
    #energyMwh = 4_711_000;

    async listen(): Promise<string> {
        await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
        return `tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    }

    #say(): void {
        const powerMw = CURRENT_MA * NOMINAL_VOLTS;
        this.#energyMwh += Math.round(powerMw / 3600 / LINES_PER_SECOND);
        const line = sensorLine(this.lines.length, this.#energyMwh);
        this.lines.push(line);
        const isDamaged = this.lines.length % DAMAGED_EVERY === 0;
        const said = isDamaged ? line.replace(`,${CURRENT_MA},`, ",1,") : line;
        for (const socket of this.#sockets) socket.write(said);
    }

    close(): void {
        clearInterval(this.#timer);
        for (const socket of this.#sockets) socket.destroy();
        this.#server.close();
    }
}
