import { fromHex, LIMITS, toHex } from "@meterseal/core";
import { LoraGateway, LoraRadio } from "@meterseal/testkit/lora-gateway";
import { afterEach, describe, expect, it } from "vitest";
import {
    createForwarderNetwork,
    type FrameCounters,
    type LoraUplink,
} from "../src/lorawan/index.ts";
import { counterAfter, openUplink, parseUplink } from "../src/lorawan/mac-frame.ts";

const log = { info: () => {}, warn: () => {} };
const DEVICE = {
    devEui: "70b3d57ed0001234",
    devAddr: 0x26011bda,
    networkKey: fromHex("44024241ed4ce9a68c6a8bc055233fd3"),
    applicationKey: fromHex("ec925802ae430ca77fd3dd73cb2cc588"),
};
const OTHER = { ...DEVICE, devEui: "70b3d57ed0005678", networkKey: new Uint8Array(16).fill(9) };

/** In the place of an answer: the frame is not taken. */
const UNTAKEN = { port: 0, content: new Uint8Array() };

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
});

function memoryCounters(kept = new Map<string, number>()): FrameCounters {
    return {
        last: (name) => kept.get(name) ?? -1,
        keep: (name, value) => void kept.set(name, value),
    };
}

async function bed(counters = memoryCounters()) {
    const network = createForwarderNetwork({
        ...{ host: "127.0.0.1", port: 0, devices: [OTHER, DEVICE], counters, log },
    });
    const uplinks: LoraUplink[] = [];
    const answers: { port: number; content: Uint8Array }[] = [];
    const url = await network.open({
        uplink: (uplink) => {
            uplinks.push(uplink);
            for (const answer of answers.splice(0)) {
                if (answer === UNTAKEN) return Promise.reject(new Error("no room on the disk"));
                network.send(uplink.devEui, answer);
            }
            return Promise.resolve();
        },
    });
    const port = Number(new URL(url).port);
    const gateway = new LoraGateway(port);
    await gateway.open();
    ends.push(
        () => network.close(),
        () => gateway.close(),
    );
    const radio = new LoraRadio(DEVICE, gateway);
    /** Sends and waits for what comes of it. */
    const settled = async (work: () => Promise<void>): Promise<void> => {
        const before = uplinks.length + sum(network.refused);
        await work();
        await expect.poll(() => uplinks.length + sum(network.refused)).toBe(before + 1);
    };
    return { answers, gateway, network, port, radio, settled, uplinks };
}

function sum(counts: Readonly<Record<string, number>>): number {
    return Object.values(counts).reduce((total, count) => total + count, 0);
}

describe("LoRaWAN frames", () => {
    it("are read as their specification's own example has it", () => {
        // The example of lora-packet's and of many libraries' documentation.
        const wire = fromHex("40f17dbe4900020001954378762b11ff0d");
        const frame = parseUplink(wire);
        if (!frame.ok) throw frame.error;
        const session = { ...DEVICE, devAddr: 0x49be7df1 };
        expect(frame.value).toMatchObject({ devAddr: 0x49be7df1, counterLow: 2, port: 1 });
        const content = openUplink(frame.value, session, 2);
        expect(content && Buffer.from(content).toString()).toBe("test");
        expect(openUplink(frame.value, session, 2 + 0x1_0000)).toBeNull();
        for (let bit = 0; bit < wire.length * 8; bit++) {
            const changed = wire.slice();
            changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
            const again = parseUplink(changed);
            if (again.ok) {
                const counter = again.value.counterLow;
                expect(openUplink(again.value, session, counter)).toBeNull();
            }
        }
    });

    it("count on beyond 16 bits, forwards and within reach", () => {
        expect(counterAfter(-1, 7)).toBe(7);
        expect(counterAfter(7, 7)).toBeNull();
        expect(counterAfter(7, 6)).toBeNull();
        expect(counterAfter(0xffff, 0)).toBe(0x1_0000);
        expect(counterAfter(0x1_fff0, 5)).toBe(0x2_0005);
        expect(counterAfter(10, 10 + 16_384)).toBe(10 + 16_384);
        expect(counterAfter(10, 10 + 16_385)).toBeNull();
        expect(counterAfter(0xffff_ffff, 0)).toBeNull();
    });
});

describe("a packet forwarder", () => {
    it("brings what a device says, once, whichever gateways heard it", async () => {
        const { gateway, network, port, radio, settled, uplinks } = await bed();
        const second = new LoraGateway(port, "aa555a0000000102");
        await second.open();
        ends.push(() => second.close());
        const frame = radio.frame({ port: 10, content: Uint8Array.of(1, 2, 3) });
        await settled(() => gateway.hear(frame, "SF12BW125"));
        await settled(() => second.hear(frame, "SF12BW125"));
        expect(uplinks).toEqual([
            {
                ...{ devEui: DEVICE.devEui, port: 10, content: Uint8Array.of(1, 2, 3) },
                ...{ counter: 0, receivedUnix: null, frameBytes: 51 },
            },
        ]);
        expect(network.refused).toEqual({ "heard by another gateway too": 1 });
    });

    it("takes frames to a device, in its receive window, and acknowledges confirmed ones", async () => {
        const { answers, radio, uplinks } = await bed();
        answers.push(
            { port: 20, content: Uint8Array.of(9) },
            { port: 21, content: new Uint8Array(40) },
        );
        await radio.send({ port: 11, content: new Uint8Array(44), confirmed: true });
        expect(await radio.receive()).toEqual({
            ...{ port: 20, content: Uint8Array.of(9), acknowledges: true, hasMore: true },
        });
        await radio.send({ port: 11, content: new Uint8Array(44) });
        expect(await radio.receive()).toMatchObject({
            port: 21,
            acknowledges: false,
            hasMore: false,
        });
        await radio.send({ port: 11, content: new Uint8Array(44), confirmed: true });
        expect(await radio.receive()).toMatchObject({ port: null, acknowledges: true });
        expect(uplinks.map(({ counter }) => counter)).toEqual([0, 1, 2]);
    });

    it("takes a confirmed frame once, and answers it again with the same bytes eight times at most", async () => {
        const kept = new Map<string, number>();
        const { answers, gateway, network, radio, uplinks } = await bed(memoryCounters(kept));
        answers.push({ port: 20, content: Uint8Array.of(9) });
        const frame = radio.frame({ port: 10, content: Uint8Array.of(1), confirmed: true });
        const heard = async (): Promise<string> => {
            await gateway.hear(frame);
            return toHex(await gateway.sent());
        };
        const answer = await heard();
        for (let i = 0; i < 8; i++) expect(await heard()).toBe(answer);
        await gateway.hear(frame);
        await expect.poll(() => network.refused).toEqual({ "a counter again": 1 });
        expect([uplinks.length, kept.get(`${DEVICE.devEui} down`)]).toEqual([1, 0]);
        await radio.send({ port: 10, content: Uint8Array.of(2), confirmed: true });
        expect(await radio.receive()).toMatchObject({ port: null, acknowledges: true });
        expect(kept.get(`${DEVICE.devEui} down`)).toBe(1);
    });

    it("acknowledges nothing that was not taken, also where it comes again", async () => {
        const { answers, gateway, network, radio, settled, uplinks } = await bed();
        await radio.send({ port: 10, content: Uint8Array.of(1), confirmed: true });
        expect(await radio.receive()).toMatchObject({ acknowledges: true });
        answers.push(UNTAKEN);
        const frame = radio.frame({ port: 10, content: Uint8Array.of(2), confirmed: true });
        await settled(() => gateway.hear(frame));
        await settled(() => gateway.hear(frame));
        expect([uplinks.length, sum(network.refused), gateway.sentCount]).toEqual([2, 1, 0]);
        await radio.send({ port: 10, content: Uint8Array.of(3), confirmed: true });
        expect(await radio.receive()).toMatchObject({ acknowledges: true });
    });

    it("answers a confirmed frame anew where the gateway could not send", async () => {
        const { answers, gateway, radio } = await bed();
        answers.push({ port: 20, content: Uint8Array.of(9) });
        gateway.fault = "TOO_LATE";
        const frame = radio.frame({ port: 10, content: Uint8Array.of(1), confirmed: true });
        await gateway.hear(frame);
        await expect.poll(() => gateway.fault).toBeNull();
        await gateway.hear(frame);
        expect(await radio.receive()).toMatchObject({ port: 20, acknowledges: true });
    });

    it("refuses a frame again, another key, a counter far away, and a failed check on air", async () => {
        const { gateway, network, radio, settled, uplinks } = await bed();
        const frame = radio.frame({ port: 10, content: Uint8Array.of(1) });
        await settled(() => gateway.hear(frame));
        await settled(() => gateway.hear(frame));
        const forger = new LoraRadio({ ...DEVICE, networkKey: new Uint8Array(16) }, gateway);
        await settled(() => forger.send({ port: 10, content: Uint8Array.of(1), counter: 1 }));
        await settled(() => radio.send({ port: 10, content: Uint8Array.of(1), counter: 60_000 }));
        const stranger = new LoraRadio({ ...DEVICE, devAddr: 1 }, gateway);
        await settled(() => stranger.send({ port: 10, content: Uint8Array.of(1) }));
        await settled(() => gateway.hear(Uint8Array.of(0x00, ...new Uint8Array(22))));
        await gateway.hear(
            radio.frame({ port: 10, content: Uint8Array.of(1), counter: 1 }),
            "SF9BW125",
            -1,
        );
        expect(uplinks).toHaveLength(1);
        expect(network.refused).toEqual({
            "a counter again": 1,
            "the check (MIC) does not fit": 2,
            "a device that is not known": 1,
            "no data frame of a device": 1,
        });
    });

    it("refuses old frames after a restart, and goes on with counters of 32 bits", async () => {
        const kept = new Map([[`${DEVICE.devEui} up`, 0x1_fffe]]);
        const { gateway, radio, settled, uplinks } = await bed(memoryCounters(kept));
        await settled(() => radio.send({ port: 10, content: Uint8Array.of(1), counter: 0x1_fffe }));
        expect(uplinks).toEqual([]);
        await settled(() => radio.send({ port: 10, content: Uint8Array.of(1), counter: 0x1_ffff }));
        await settled(() => radio.send({ port: 10, content: Uint8Array.of(2) }));
        expect(uplinks.map(({ counter }) => counter)).toEqual([0x1_ffff, 0x2_0000]);
        expect(gateway.sentCount).toBe(0);
    });

    it("sends in the next window what a gateway could not send", async () => {
        const { answers, gateway, radio } = await bed();
        answers.push({ port: 20, content: Uint8Array.of(9) });
        gateway.fault = "TOO_LATE";
        await radio.send({ port: 11, content: new Uint8Array(44) });
        await expect.poll(() => gateway.fault).toBeNull();
        await radio.send({ port: 11, content: new Uint8Array(44) });
        expect(await radio.receive()).toMatchObject({ port: 20, content: Uint8Array.of(9) });
    });

    it("has room for so many frames that wait for a device", async () => {
        const { network } = await bed();
        const frame = { port: 20, content: new Uint8Array() };
        const sent = Array.from({ length: LIMITS.loraDownlinks + 1 }, () =>
            network.send(DEVICE.devEui, frame),
        );
        expect(sent.filter(Boolean)).toHaveLength(LIMITS.loraDownlinks);
    });

    it("passes over what is no datagram of a gateway", async () => {
        const { gateway, network, radio, uplinks } = await bed();
        for (const text of ["", "02", "01000000aa555a0000000101", "02000009aa555a0000000101"])
            gateway.raw(fromHex(text));
        gateway.raw(Buffer.concat([fromHex("02000000aa555a0000000101"), Buffer.from("{rxpk")]));
        await radio.send({ port: 10, content: Uint8Array.of(1) });
        await expect.poll(() => uplinks.length).toBe(1);
        expect(network.refused).toEqual({ "no datagram of a packet forwarder": 5 });
        expect(uplinks.map(({ content }) => toHex(content))).toEqual(["01"]);
    });

    it("does not leave the loopback unasked", () => {
        const options = { port: 0, devices: [], counters: memoryCounters(), log };
        expect(() => createForwarderNetwork({ ...options, host: "0.0.0.0" })).toThrow(
            "MS_LISTEN_ADDRESS",
        );
    });
});
