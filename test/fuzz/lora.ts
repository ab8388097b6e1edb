import { readFileSync } from "node:fs";
import { fromHex, unwrap, utf8 } from "@meterseal/core";
import { createForwarderNetwork } from "@meterseal/links/lorawan";
import { decodeCoseKey, STREAM_MODE } from "@meterseal/record";
import {
    decodeAsk,
    decodeLoraState,
    encodeAsk,
    encodeLoraState,
    LORA_PORT,
    LoraReceiver,
    newLoraState,
    rebuildReceipt,
    sealLight,
} from "@meterseal/record/lora";
import { LoraGateway, LoraRadio } from "@meterseal/testkit/lora-gateway";
import type { SeededRandom } from "@meterseal/testkit/random";
import { pool } from "./corpus.ts";
import { mutateBytes } from "./mutate.ts";
import {
    bytesOf,
    type FuzzSession,
    type FuzzTarget,
    type FuzzVerdict,
    requireSame,
    verdictOf,
} from "./target.ts";

type Vectors = {
    readonly device: Readonly<Record<string, string>>;
    readonly records: readonly { readonly frames: readonly { port: number; hex: string }[] }[];
    readonly fragments: { readonly parts: readonly string[] };
    readonly receipt: { readonly hex: string };
    readonly ask: { readonly hex: string };
};
const FILE = new URL("../../vectors/lora/frames.json", import.meta.url);
const { ask, device, fragments, receipt, records }: Vectors = JSON.parse(
    readFileSync(FILE, "utf8"),
);
const hex = (name: string): Uint8Array => fromHex(device[name] ?? "");
const PROFILE = {
    key: decodeCoseKey(hex("key")),
    subject: hex("subject"),
    stream: {
        ...{
            stream: hex("stream"),
            sealEpoch: 0,
            suite: 1,
            slotSeconds: 900,
            zone: "Europe/London",
        },
        ...{ groups: [0, 1], mode: STREAM_MODE.sealed, scale: 0 },
    },
};

/** What a mutated frame is put behind: one byte of the port. */
const frames = (): Uint8Array[] => [
    ...records.flatMap((record) =>
        record.frames.map((each) => Uint8Array.of(each.port, ...fromHex(each.hex))),
    ),
    ...fragments.parts.map((part) => Uint8Array.of(LORA_PORT.fragment, ...fromHex(part))),
];

/** Frames of a device whose light readings are authentic, whatever they say. */
function framesSession(): FuzzSession {
    const seeds = frames();
    const key = hex("lightKey");
    let receiver = new LoraReceiver(
        { profile: PROFILE, anchor: hex("anchor") },
        newLoraState(0, hex("anchor"), key),
    );
    const renew = (): void => {
        receiver = new LoraReceiver(
            { profile: PROFILE, anchor: hex("anchor") },
            newLoraState(0, hex("anchor"), key),
        );
    };
    const light = (random: SeededRandom): Uint8Array => {
        const registers = random.bytes(random.pick([0, 8, 15, 16, 17]));
        const reading = { sealEpoch: random.below(3), firstSlot: random.below(2 ** 32), registers };
        const sealed = sealLight(reading, { counter: random.below(2 ** 32), key });
        return Uint8Array.of(LORA_PORT.light, ...(sealed.ok ? sealed.value : []));
    };
    return {
        make: (random) =>
            random.chance(0.3) ? light(random) : mutateBytes(random, random.pick(seeds), pool),
        take: (input) => {
            const [port = 0, ...content] = bytesOf(input);
            const verdict = verdictOf(receiver.take({ port, content: Uint8Array.from(content) }));
            const state = encodeLoraState(receiver.state);
            requireSame(encodeLoraState(unwrap(decodeLoraState(state))), state);
            if ((receiver.state.keys[0]?.counter ?? 0) > 2 ** 31 || receiver.state.nextSeq > 3)
                renew();
            return verdict;
        },
    };
}

function takeAnswer(bytes: Uint8Array): FuzzVerdict {
    const asked = decodeAsk(bytes);
    if (asked.ok) requireSame(encodeAsk(asked.value), bytes);
    else verdictOf(asked);
    const context = { collectorKey: decodeCoseKey(hex("collectorKey")), subject: PROFILE.subject };
    const rebuilt = rebuildReceipt(bytes, context, () => hex("anchor"));
    return asked.ok ? "accepted" : verdictOf(rebuilt);
}

const SESSION = {
    ...{ devEui: "70b3d57ed0001234", devAddr: 1 },
    ...{ networkKey: new Uint8Array(16), applicationKey: new Uint8Array(16) },
};
const GATEWAY_EUI = fromHex("aa555a0000000101");

/** Datagrams at the port of gateways; a frame behind each must be acknowledged. */
async function gatewaySession(): Promise<FuzzSession> {
    const counters = new Map<string, number>();
    const network = createForwarderNetwork({
        ...{ host: "127.0.0.1", port: 0, devices: [SESSION] },
        counters: {
            last: (name) => counters.get(name) ?? -1,
            keep: (name, at) => void counters.set(name, at),
        },
        log: { info: () => {}, warn: () => {} },
    });
    let taken = 0;
    const url = await network.open({
        uplink: () => {
            taken++;
            return Promise.resolve();
        },
    });
    const gateway = new LoraGateway(Number(new URL(url).port));
    await gateway.open();
    const radio = new LoraRadio(SESSION, gateway);
    const frame = (): string =>
        Buffer.from(radio.frame({ port: 10, content: Uint8Array.of(1) })).toString("base64");
    const rxpk = (data: string) => ({
        tmst: 1,
        freq: 868.1,
        stat: 1,
        modu: "LORA",
        datr: "SF7BW125",
        codr: "4/5",
        data,
    });
    const seeds = [
        { kind: 0, json: { rxpk: [rxpk(frame())] } },
        { kind: 0, json: { rxpk: [rxpk(frame()), rxpk("!")] } },
        { kind: 2, json: {} },
        { kind: 5, json: { txpk_ack: { error: "TOO_LATE" } } },
    ].map(({ json, kind }) =>
        Buffer.concat([Uint8Array.of(2, 0, 1, kind), GATEWAY_EUI, utf8(JSON.stringify(json))]),
    );
    return {
        make: (random) => mutateBytes(random, random.pick(seeds), pool).subarray(0, 60_000),
        take: async (input) => {
            const before = Object.values(network.refused).reduce((sum, count) => sum + count, 0);
            gateway.raw(bytesOf(input));
            await gateway.hear(radio.frame({ port: 10, content: Uint8Array.of(1) }));
            const after = Object.values(network.refused).reduce((sum, count) => sum + count, 0);
            return after > before ? "refused" : "accepted";
        },
        close: async () => {
            await network.close();
            await gateway.close();
            if (taken === 0) throw new Error("no frame was taken");
        },
    };
}

/** What comes over LoRaWAN, to a bridge and to a meter. */
export const LORA: readonly FuzzTarget[] = [
    { name: "LoRa frame", share: 30_000, open: framesSession },
    {
        name: "LoRa answer",
        share: 10_000,
        open: () => {
            const seeds = [fromHex(receipt.hex), fromHex(ask.hex)];
            return {
                make: (random) => mutateBytes(random, random.pick(seeds), pool),
                take: (input) => takeAnswer(bytesOf(input)),
            };
        },
    },
    { name: "LoRaWAN gateway", share: 5_000, open: gatewaySession },
];
