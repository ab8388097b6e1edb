import { createServer, type Server } from "node:net";
import { Aedes } from "aedes";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import {
    createServerNetwork,
    type FrameCounters,
    type LoraNetwork,
    type LoraUplink,
} from "../src/lorawan/index.ts";
import { CHIRPSTACK, THINGS_STACK } from "../src/lorawan/server-messages.ts";
import type { ServedDevice } from "../src/lorawan/server-network.ts";

const log = { info: () => {}, warn: () => {} };
const DEV_EUI = "0004a30b001c0530";
const PREFIX = {
    chirpstack: "application/17c82e96-be03-4f38-aef3-f83d48582d97",
    things: "v3/app1@ttn",
};

/** An uplink as ChirpStack's documentation has it, shortened by what is not read. */
const chirpstack = (changes: object = {}): object => ({
    deduplicationId: "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
    time: "2022-07-18T09:34:15.775023242+00:00",
    deviceInfo: { tenantId: "52f14cd4-c6f1-4fbd-8f87-4025e1d49242", devEui: DEV_EUI, tags: {} },
    ...{ devAddr: "00189440", adr: true, dr: 1, fCnt: 4, fPort: 11, confirmed: true, data: "AQID" },
    rxInfo: [{ gatewayId: "0016c001f153a14c", rssi: -48, snr: 9.8 }],
    txInfo: {
        frequency: 868_100_000,
        modulation: { lora: { bandwidth: 125_000, spreadingFactor: 11, codeRate: "CR_4_5" } },
    },
    ...changes,
});

/** An uplink as the documentation of The Things Stack has it; a counter of 0 is left out there. */
const things = (changes: object = {}): object => ({
    end_device_ids: {
        device_id: "dev1",
        application_ids: { application_id: "app1" },
        ...{ dev_eui: DEV_EUI.toUpperCase(), join_eui: "800000000000000C", dev_addr: "00BCB929" },
    },
    received_at: "2020-02-12T15:15:45.787Z",
    uplink_message: {
        ...{ session_key_id: "AXBSH1Pk6Z0G166...", f_port: 10, frm_payload: "gkHe" },
        settings: { data_rate: { lora: { bandwidth: 125_000, spreading_factor: 7 } } },
        received_at: "2020-02-12T15:15:45.787Z",
        ...changes,
    },
});

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

describe("messages of network servers", () => {
    it("are read", () => {
        expect(CHIRPSTACK.read(bytes(chirpstack()))).toEqual({
            ...{ devEui: DEV_EUI, device: DEV_EUI, session: "00189440", port: 11, counter: 4 },
            ...{ content: Uint8Array.of(1, 2, 3), receivedUnix: 1_658_136_855, frameBytes: 51 },
        });
        expect(THINGS_STACK.read(bytes(things()))).toEqual({
            ...{ devEui: DEV_EUI, device: "dev1", session: "00bcb929", port: 10, counter: 0 },
            ...{ content: Uint8Array.of(0x82, 0x41, 0xde), receivedUnix: 1_581_520_545 },
            frameBytes: 222,
        });
    });

    it("are passed over where they are none, or say what cannot be", () => {
        for (const changes of [
            { deviceInfo: null },
            { deviceInfo: { devEui: "../../x" } },
            { devAddr: 7 },
            { fPort: 0 },
            { fPort: 224 },
            { fCnt: -1 },
            { fCnt: 2 ** 32 },
            { data: "" },
            { data: "%%%" },
            { data: "A".repeat(400) },
        ])
            expect(CHIRPSTACK.read(bytes(chirpstack(changes)))).toBeNull();
        expect(
            THINGS_STACK.read(bytes({ ...things(), end_device_ids: { device_id: "a/b" } })),
        ).toBeNull();
        for (const text of ["", "[]", "null", "{", '"x"', `{"a":"${"x".repeat(70_000)}"}`]) {
            expect(CHIRPSTACK.read(Buffer.from(text))).toBeNull();
            expect(THINGS_STACK.read(Buffer.from(text))).toBeNull();
        }
    });
});

describe("any JSON", () => {
    it("is read or passed over, and what is read is within bounds", () => {
        const value = fc.oneof(fc.jsonValue(), fc.constantFrom(...Object.values(chirpstack())));
        const event = fc.record({
            ...{ deviceInfo: fc.oneof(value, fc.constant({ devEui: DEV_EUI })) },
            ...{ devAddr: fc.oneof(value, fc.constant("00189440")), txInfo: value, time: value },
            ...{ fCnt: value, fPort: fc.oneof(value, fc.integer()) },
            data: fc.oneof(value, fc.base64String()),
        });
        fc.assert(
            fc.property(fc.oneof(event, fc.jsonValue()), (each) => {
                const uplink = CHIRPSTACK.read(bytes(each));
                expect(THINGS_STACK.read(bytes(each))).toBeNull();
                if (uplink === null) return;
                expect(uplink.content.length).toBeLessThanOrEqual(242);
                expect(uplink.counter).toBeLessThan(2 ** 32);
            }),
            { numRuns: 2_000 },
        );
    });
});

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
});

type Login = { readonly username: string; readonly password: string };

const OBSERVED = { devEui: DEV_EUI, isSigning: false };
const SIGNING = { devEui: DEV_EUI, isSigning: true };

async function bed(
    prefix: string,
    kept = new Map<string, number>(),
    { device = OBSERVED, login }: { device?: ServedDevice; login?: Login } = {},
) {
    const broker = await Aedes.createBroker();
    broker.authenticate = (_client, user, password, done) =>
        done(
            null,
            login === undefined || (user === login.username && String(password) === login.password),
        );
    const listener: Server = createServer(broker.handle);
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const address = listener.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const counters: FrameCounters = {
        last: (name) => kept.get(name) ?? -1,
        keep: (name, counter) => void kept.set(name, counter),
    };
    const url = `mqtt://127.0.0.1:${port}/${prefix}`;
    const uplinks: LoraUplink[] = [];
    const open = async (more: { login?: Login } = {}): Promise<LoraNetwork> => {
        const network = createServerNetwork({ url, devices: [device], counters, log, ...more });
        ends.push(() => network.close());
        await network.open({
            uplink: (uplink) => {
                uplinks.push(uplink);
                return Promise.resolve();
            },
        });
        return network;
    };
    ends.push(
        () => new Promise<void>((resolve) => listener.close(() => resolve())),
        () => new Promise<void>((resolve) => broker.close(() => resolve())),
    );
    const publish = (topic: string, value: unknown, retain = false): void =>
        broker.publish(
            {
                cmd: "publish",
                qos: 0,
                dup: false,
                retain,
                topic,
                payload: Buffer.from(bytes(value)),
            },
            () => {},
        );
    return { broker, open, publish, uplinks };
}

describe("a network server", () => {
    it.each([
        [
            "ChirpStack",
            PREFIX.chirpstack,
            `device/${DEV_EUI}/event/up`,
            chirpstack,
            (fCnt: number) => ({ fCnt }),
        ],
        [
            "The Things Stack",
            PREFIX.things,
            "devices/dev1/up",
            things,
            (f_cnt: number) => ({ f_cnt }),
        ],
    ] as const)(
        "such as %s brings what devices say, each frame once",
        async (_, prefix, topic, make, at) => {
            const kept = new Map<string, number>();
            const { open, publish, uplinks } = await bed(prefix, kept);
            publish(`${prefix}/${topic}`, make(at(1)), true);
            const network = await open();
            for (const counter of [7, 7, 6, 8]) publish(`${prefix}/${topic}`, make(at(counter)));
            publish(`${prefix}/${topic}`, { nothing: true });
            await expect
                .poll(() => network.refused)
                .toEqual({ "a counter again": 2, "no uplink": 1 });
            expect(uplinks.map(({ counter }) => counter)).toEqual([7, 8]);
            expect([...kept.values()]).toEqual([8]);
        },
    );

    it("cannot shut up a device that signs by a counter out of reach", async () => {
        const kept = new Map<string, number>();
        const { open, publish, uplinks } = await bed(PREFIX.chirpstack, kept, { device: SIGNING });
        const network = await open();
        const topic = `${PREFIX.chirpstack}/device/${DEV_EUI}/event/up`;
        for (const fCnt of [4, 4, 2 ** 32 - 1, 5, 6]) publish(topic, chirpstack({ fCnt }));
        await expect.poll(() => uplinks.length).toBe(4);
        expect(uplinks.map(({ counter }) => counter)).toEqual([4, 2 ** 32 - 1, 5, 6]);
        expect(network.refused).toEqual({ "a counter again": 1 });
        expect(kept.size).toBe(0);
    });

    it("brings what devices of the list say, and keeps nothing of others", async () => {
        const kept = new Map<string, number>();
        const { open, publish, uplinks } = await bed(PREFIX.chirpstack, kept);
        const network = await open();
        const devEui = "0004a30b001c0531";
        const topic = `${PREFIX.chirpstack}/device/${devEui}/event/up`;
        publish(topic, chirpstack({ deviceInfo: { devEui } }));
        await expect.poll(() => network.refused).toEqual({ "a device that is not known": 1 });
        expect([uplinks, kept.size]).toEqual([[], 0]);
        expect(network.send(devEui, { port: 21, content: Uint8Array.of(1) })).toBe(false);
    });

    it("takes frames to devices that said something", async () => {
        const { broker, open, publish, uplinks } = await bed(PREFIX.things);
        const network = await open();
        const sent: [string, unknown][] = [];
        broker.on("publish", ({ payload, topic }) => {
            if (topic.endsWith("/push")) sent.push([topic, JSON.parse(String(payload))]);
        });
        const frame = { port: 21, content: Uint8Array.of(0x82, 0, 1) };
        expect(network.send(DEV_EUI, frame)).toBe(false);
        publish(`${PREFIX.things}/devices/dev1/up`, things());
        await expect.poll(() => uplinks.length).toBe(1);
        expect(network.send(DEV_EUI, frame)).toBe(true);
        await expect
            .poll(() => sent)
            .toEqual([
                [
                    `${PREFIX.things}/devices/dev1/down/push`,
                    {
                        downlinks: [
                            {
                                f_port: 21,
                                frm_payload: "ggAB",
                                priority: "NORMAL",
                                confirmed: false,
                            },
                        ],
                    },
                ],
            ]);
        const { message, topic } = CHIRPSTACK.write(
            PREFIX.chirpstack,
            { devEui: DEV_EUI, device: DEV_EUI },
            frame,
        );
        expect([topic, JSON.parse(message)]).toEqual([
            `${PREFIX.chirpstack}/device/${DEV_EUI}/command/down`,
            { devEui: DEV_EUI, confirmed: false, fPort: 21, data: "ggAB" },
        ]);
    });

    it("lets nobody in without its login", async () => {
        const login = { username: "app1@ttn", password: "NNSXS.VEEBURF3KR77ZR" };
        const { open } = await bed(PREFIX.things, new Map(), { login });
        await expect(open()).rejects.toThrow("MS_LINK");
        await expect(open({ login: { ...login, password: "x" } })).rejects.toThrow("MS_LINK");
        expect((await open({ login })).refused).toEqual({});
    });

    it("has an address that says which it is, and no password in it", () => {
        const counters: FrameCounters = { last: () => -1, keep: () => {} };
        const make = (url: string) => () =>
            createServerNetwork({ url, devices: [], counters, log });
        for (const url of [
            "mqtt://127.0.0.1:1883",
            "mqtt://127.0.0.1:1883/zigbee2mqtt/x",
            "mqtt://127.0.0.1:1883/application/+",
            "http://127.0.0.1:1883/application/1",
            "mqtt://a:b@127.0.0.1:1883/application/1",
            "x",
        ])
            expect(make(url)).toThrow("MS_USAGE");
        expect(make("mqtt://lora.example/application/1")).toThrow("MS_LISTEN_ADDRESS");
        expect(make("mqtts://lora.example/v3/app1")).not.toThrow();
    });
});
