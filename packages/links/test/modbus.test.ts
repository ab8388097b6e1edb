import type { MetersealError } from "@meterseal/core";
import { ModbusDevice } from "@meterseal/testkit/modbus-device";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
    ModbusClient,
    type ModbusLine,
    openTcpLine,
    rtuFraming,
    tcpFraming,
} from "../src/modbus/index.ts";

let device: ModbusDevice;
let port: number;
let client: ModbusClient;

beforeEach(async () => {
    device = new ModbusDevice();
    port = await device.listen();
    device.set("input", 0x48, [1, 2, 3]);
    client = tcpClient();
});
afterEach(async () => {
    client.close();
    await device.close();
});

function tcpClient(): ModbusClient {
    const open = (): Promise<ModbusLine> => openTcpLine("127.0.0.1", port, 1_000);
    return new ModbusClient({ open, framing: tcpFraming(), answerMs: 100, where: "meter" });
}

const REQUEST = { unit: 1, table: "input", address: 0x48, count: 3 } as const;
const fault = (promise: Promise<unknown>): Promise<MetersealError> =>
    promise.then(
        () => expect.fail("it answered"),
        (cause: MetersealError) => cause,
    );

describe("a Modbus master", () => {
    it("reads registers, and learns what a device refuses", async () => {
        expect(await client.read(REQUEST)).toEqual({ words: Uint16Array.of(1, 2, 3) });
        expect(await client.read({ ...REQUEST, address: 9 })).toEqual({ exception: 2 });
        expect(device.asked).toEqual([
            [4, 0x48, 3],
            [4, 9, 3],
        ]);
    });

    it.each([
        ["is silent", () => null],
        ["answers for another request", (answer: Buffer) => set(answer, 0, 0x7f)],
        ["answers for another unit", (answer: Buffer) => set(answer, 6, 9)],
        ["answers another function", (answer: Buffer) => set(answer, 7, 3)],
        [
            "answers fewer registers",
            (answer: Buffer) => set(set(answer, 8, 4), 5, 7).subarray(0, 13),
        ],
        ["says another length", (answer: Buffer) => set(answer, 4, 0xff)],
        ["sends more than an answer", (answer: Buffer) => Buffer.concat([answer, answer])],
        ["sends half an answer", (answer: Buffer) => answer.subarray(0, 10)],
    ])("takes nothing from a device that %s, and reads it again after", async (_, change) => {
        device.change = change;
        const { code, details } = await fault(client.read(REQUEST));
        expect([code, details.where]).toEqual(["MS_LINK", "meter"]);
        device.change = (answer) => answer;
        expect(await client.read(REQUEST)).toEqual({ words: Uint16Array.of(1, 2, 3) });
    });

    it("drops what a line without numbers still holds from before", async () => {
        const framing = rtuFraming();
        const answer = (value: number): Uint8Array =>
            framing.frame(1, Uint8Array.of(4, 2, value >> 8, value & 0xff));
        let take: Parameters<ModbusLine["onBytes"]>[0] = () => {};
        const line: ModbusLine = {
            write: () => void setTimeout(() => take(answer(7)), 50),
            onBytes: (taker) => {
                take = taker;
                setTimeout(() => take(answer(1)), 10); // to a request of another time
            },
            close: () => {},
        };
        const options = { framing, answerMs: 1_000, where: "meter" };
        const rtu = new ModbusClient({ ...options, open: async () => line });
        expect(await rtu.read({ ...REQUEST, count: 1 })).toEqual({ words: Uint16Array.of(7) });
    });

    it("connects again where the connection was cut, between requests and in one", async () => {
        await client.read(REQUEST);
        device.cut();
        await new Promise((done) => setTimeout(done, 20));
        expect(await client.read(REQUEST)).toHaveProperty("words");
        device.change = () => {
            device.cut();
            return null;
        };
        expect((await fault(client.read(REQUEST))).code).toBe("MS_LINK");
    });

    it("says where nobody listens", async () => {
        await device.close();
        client = tcpClient();
        expect(await fault(client.read(REQUEST))).toMatchObject({
            code: "MS_LINK",
            details: { got: expect.stringContaining("ECONNREFUSED") },
        });
    });

    it("asks for 125 registers at most", async () => {
        device.set("holding", 0, Array(126).fill(7));
        const most = { unit: 1, table: "holding", address: 0, count: 125 } as const;
        expect(await client.read(most)).toHaveProperty("words");
        expect((await fault(client.read({ ...most, count: 126 }))).code).toBe("MS_USAGE");
        expect((await fault(client.read({ ...most, count: 0 }))).code).toBe("MS_USAGE");
    });
});

function set(bytes: Buffer, at: number, value: number): Buffer {
    const changed = Buffer.from(bytes);
    changed[at] = value;
    return changed;
}

describe("frames of a serial line", () => {
    /** Example of the standard's text on the check: unit 2, function 7. */
    it("carry the check of the standard", () => {
        expect([...rtuFraming().frame(2, Uint8Array.of(7))]).toEqual([2, 7, 0x41, 0x12]);
    });

    // An SDM's answer of two registers to unit 1: 230.2 V.
    const ANSWER = Uint8Array.of(1, 4, 4, 0x43, 0x66, 0x33, 0x34, 0x1b, 0x38);

    it.each([
        ["whole", ANSWER, ANSWER.subarray(1, 7)],
        ["in part", ANSWER.subarray(0, 8), "more"],
        ["a single byte", ANSWER.subarray(0, 1), "more"],
        [
            "with a changed byte",
            Uint8Array.from(ANSWER, (byte, i) => (i === 4 ? byte ^ 1 : byte)),
            "broken",
        ],
        ["of another unit", Uint8Array.from(ANSWER, (byte, i) => (i === 0 ? 2 : byte)), "broken"],
        ["with a byte more", Uint8Array.of(...ANSWER, 0), "broken"],
    ])("are parsed: %s", (_, received, parsed) => {
        const framing = rtuFraming();
        framing.frame(1, Uint8Array.of(4, 0, 0, 0, 2));
        expect(framing.parse(received)).toEqual(parsed);
    });
});
