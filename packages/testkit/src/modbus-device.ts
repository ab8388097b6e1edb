import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** Illegal data address (MODBUS Application Protocol, section 7). */
const ILLEGAL_ADDRESS = 2;
const HEAD_BYTES = 7;

/** A Modbus device on TCP: registers that a test sets, and faults that it asks for. */
export class ModbusDevice {
    /** Registers by function code (3 holding, 4 input) and address; what is not here is refused. */
    readonly registers = new Map<string, number>();
    /** Requests so far: function code, address, count. */
    readonly asked: (readonly [number, number, number])[] = [];
    /** What is done with answers: sent, kept back, or changed. */
    change: (answer: Buffer) => Buffer | null = (answer) => answer;
    readonly #server: Server = createServer((socket) => this.#serve(socket));
    readonly #sockets = new Set<Socket>();

    /** Listens on a free port of loopback, or on the one given. */
    async listen(port = 0): Promise<number> {
        this.#server.listen(port, "127.0.0.1");
        await once(this.#server, "listening");
        return (this.#server.address() as AddressInfo).port;
    }

    /** Writes registers of a table from an address on. */
    set(table: "holding" | "input", address: number, words: readonly number[]): void {
        const code = table === "holding" ? 3 : 4;
        for (const [i, word] of words.entries()) this.registers.set(`${code}:${address + i}`, word);
    }

    /** Cuts every connection. */
    cut(): void {
        for (const socket of this.#sockets) socket.destroy();
    }

    /** Ends the device. */
    async close(): Promise<void> {
        this.cut();
        this.#server.close();
        if (this.#server.listening) await once(this.#server, "close");
    }

    #serve(socket: Socket): void {
        this.#sockets.add(socket);
        socket.on("close", () => this.#sockets.delete(socket));
        socket.on("error", () => {});
        let received = Buffer.alloc(0);
        socket.on("data", (bytes) => {
            received = Buffer.concat([received, Buffer.from(bytes as Buffer)]);
            for (
                ;
                received.length >= HEAD_BYTES + 5;
                received = received.subarray(HEAD_BYTES + 5)
            ) {
                const answer = this.change(this.#answer(received));
                if (answer !== null) socket.write(answer);
            }
        });
    }

    #answer(request: Buffer): Buffer {
        const [code, address, count] = [7, 8, 10].map((at) =>
            at === 7 ? request.readUInt8(at) : request.readUInt16BE(at),
        ) as [number, number, number];
        this.asked.push([code, address, count]);
        const words = Array.from({ length: count }, (_, i) =>
            this.registers.get(`${code}:${address + i}`),
        );
        const isRefused = words.includes(undefined);
        const pdu = Buffer.alloc(isRefused ? 2 : 2 + 2 * count);
        pdu.writeUInt8(isRefused ? code | 0x80 : code, 0);
        pdu.writeUInt8(isRefused ? ILLEGAL_ADDRESS : 2 * count, 1);
        if (!isRefused)
            for (const [i, word] of words.entries()) pdu.writeUInt16BE(word ?? 0, 2 + 2 * i);
        const head = Buffer.from(request.subarray(0, HEAD_BYTES));
        head.writeUInt16BE(1 + pdu.length, 4);
        return Buffer.concat([head, pdu]);
    }
}

/** Registers of a SunSpec device: marker, common model with names, one model, end. */
export function sunspecWords(
    names: readonly [manufacturer: string, type: string, serial: string],
    model: number,
    values: readonly number[],
): number[] {
    const text = (of: string, count: number): number[] => {
        const bytes = Buffer.alloc(2 * count);
        bytes.write(of, "latin1");
        return Array.from({ length: count }, (_, i) => bytes.readUInt16BE(2 * i));
    };
    const [manufacturer, type, serial] = names;
    const common = [
        ...[...text(manufacturer, 16), ...text(type, 16), ...text("", 8)],
        ...[...text("1.0", 8), ...text(serial, 16), 1, 0x8000],
    ];
    return [
        ...[0x5375, 0x6e53, 1, common.length, ...common],
        ...[model, values.length, ...values, 0xffff, 0],
    ];
}

/** The 105 registers of a SunSpec meter with scale factors; energies are what it accumulates. */
export function sunspecMeterValues(parts: {
    readonly importUnits: number;
    readonly exportUnits: number;
    readonly energyScaler: number;
}): number[] {
    const words = Array.from({ length: 105 }, () => 0x8000); // "not implemented"
    const put = (offset: number, ...values: number[]): void =>
        void words.splice(offset - 2, values.length, ...values.map((value) => value & 0xffff));
    const pair = (value: number): [number, number] => [value >>> 16, value & 0xffff];
    put(3, 512, 498, 505, -2); // A per phase, and their scale factor
    put(8, 2301, 2298, 2310);
    put(15, -1, 5000, -2); // V factor, Hz, Hz factor
    put(18, -1234);
    put(22, 0); // W factor
    put(38, ...pair(parts.exportUnits));
    put(46, ...pair(parts.importUnits));
    put(54, parts.energyScaler);
    return words;
}
