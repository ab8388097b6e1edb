import { readFileSync, writeFileSync } from "node:fs";
import { fromHex, type Result, toHex, unwrap } from "@meterseal/core";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TestChain, TestNetwork } from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { encodeCoseKey } from "../src/cose-key.ts";
import {
    checkpointOf,
    compactReceipt,
    compactRecord,
    decodeAsk,
    encodeAsk,
    FragmentJoiner,
    fragmentsOf,
    LORA_PORT,
    type LoraProfile,
    lightOf,
    openLight,
    parseCheckpoint,
    rebuildCovered,
    rebuildReceipt,
    rebuildRecord,
    sealLight,
} from "../src/lora/index.ts";
import { createReceipt, RECEIPT_LEVEL } from "../src/receipt.ts";
import { type MeterRecord, usageOf } from "../src/record.ts";
import { codeOf } from "./raw.ts";

const FILE = new URL("../../../vectors/lora/frames.json", import.meta.url);
const KEY = testBytes("light key", 16);
const EDDSA = "edDsa";

type Frame = { name: string; port: number; hex: string };
type Vectors = {
    about: string[];
    device: Record<"key" | "collectorKey" | "subject" | "stream" | "lightKey" | "anchor", string>;
    records: { name: string; prev: string; message: string; registers: string; frames: Frame[] }[];
    lights: {
        name: string;
        counter: number;
        sealEpoch: number;
        firstSlot: number;
        registers: string;
        flag: number | null;
        hex: string;
    }[];
    fragments: {
        transfer: number;
        frameBytes: number;
        port: number;
        content: string;
        parts: string[];
    };
    receipt: { message: string; hex: string };
    ask: { chainEpoch: number; seq: number; missing: number[][]; hex: string };
    refused: {
        name: string;
        form: "compact" | "light" | "checkpoint" | "fragment" | "ask";
        hex: string;
        code: string;
    }[];
};

async function world() {
    const network = new TestNetwork();
    const signer = testSigner("lora meter", EDDSA);
    const meter = await network.meter("lora", { signer, groups: [0, 1] });
    const profile: LoraProfile = {
        key: signer.publicKey,
        subject: meter.subject,
        stream: meter.descriptor,
    };
    return {
        meter,
        profile,
        chain: new TestChain(meter),
        collector: testSigner("lora collector", EDDSA),
    };
}

async function makeVectors(): Promise<Vectors> {
    const { chain, collector, meter, profile } = await world();
    const bytes = (count: number): Uint8Array => new Uint8Array(16 * count).map((_, i) => i + 1);
    const sealed = (count: number) => ({
        count,
        values: { mode: "sealed", bytes: bytes(count) } as const,
    });
    const hour = await chain.usage(sealed(4));
    const flagged = await chain.usage({ ...sealed(1), flags: [{ offset: 0, length: 1, flag: 1 }] });
    const warning = await chain.warning(1);
    const frame = (name: string, port: number, made: Result<Uint8Array>): Frame => ({
        ...{ name, port, hex: toHex(unwrap(made)) },
    });
    const one = (name: string, record: MeterRecord, frames: Frame[]) => {
        const usage = usageOf(record);
        const registers =
            usage.ok && usage.value.values.mode === "sealed"
                ? usage.value.values.bytes
                : new Uint8Array();
        return {
            ...{ name, prev: toHex(record.prev), message: toHex(record.message.bytes) },
            ...{ registers: toHex(registers), frames },
        };
    };
    const usage = unwrap(usageOf(hour));
    const light = (
        name: string,
        body: typeof usage,
        offset: number,
        count: number,
        counter: number,
    ) => {
        const reading = unwrap(lightOf(body, offset, count));
        const { firstSlot, flag = null, registers, sealEpoch } = reading;
        const hex = toHex(unwrap(sealLight(reading, { counter, key: KEY })));
        return { name, counter, sealEpoch, firstSlot, registers: toHex(registers), flag, hex };
    };
    const lights = [
        light("first boundary of the hour", usage, 0, 1, 0),
        light("last boundary of the hour", usage, 3, 1, 0x1_0000),
        light("a missing interval", unwrap(usageOf(flagged)), 0, 1, 2 ** 32 - 1),
    ];
    const receipt = await createReceipt(collector, {
        ...{ subject: meter.subject, chainEpoch: 0, seq: 1, recordHash: hour.message.hash },
        ...{ level: RECEIPT_LEVEL.final, code: 0, timeUnix: 1_357_000_000, leafIndex: 3 },
        checkpoint: { size: 4, root: testBytes("root", 32) },
    });
    const content = unwrap(compactRecord(hour, profile));
    const parts = unwrap(fragmentsOf({ port: LORA_PORT.compact, content }, 7, 51));
    const ask = { chainEpoch: 0, seq: 1, missing: [[2, 1]] as [number, number][] };
    return {
        about: [
            "Frames of the LoRa profile (docs/adr/0038, docs/reference/formats.cddl).",
            "device: COSE keys, subject, stream (groups 0 and 1, 900 s, scale 0), light key, enrolment hash.",
            "records: message is what the meter signed; every frame rebuilds it, given prev, and for a checkpoint registers.",
            "refused: what must be refused, and the error.",
        ],
        device: {
            key: toHex(encodeCoseKey(profile.key)),
            collectorKey: toHex(encodeCoseKey(collector.publicKey)),
            subject: toHex(meter.subject),
            stream: toHex(meter.descriptor.stream),
            lightKey: toHex(KEY),
            anchor: toHex(meter.enrolment.message.hash),
        },
        records: [
            one("an hour of two registers", hour, [
                frame("compact", LORA_PORT.compact, compactRecord(hour, profile)),
                frame("checkpoint", LORA_PORT.checkpoint, checkpointOf(hour, profile)),
            ]),
            one("a missing quarter of an hour", flagged, [
                frame("compact", LORA_PORT.compact, compactRecord(flagged, profile)),
            ]),
            one("a warning", warning, [
                frame("compact", LORA_PORT.compact, compactRecord(warning, profile)),
            ]),
        ],
        lights,
        fragments: {
            ...{ transfer: 7, frameBytes: 51, port: LORA_PORT.compact, content: toHex(content) },
            parts: parts.map(toHex),
        },
        receipt: { message: toHex(receipt), hex: toHex(unwrap(compactReceipt(receipt))) },
        ask: { ...ask, hex: toHex(encodeAsk(ask)) },
        refused: refusals(toHex(content), lights[0]?.hex ?? "", hour),
    };
}

function refusals(compact: string, light: string, hour: MeterRecord): Vectors["refused"] {
    const zeros = (bytes: number): string => "00".repeat(bytes);
    return [
        { name: "nothing but a signature", form: "compact", hex: zeros(64), code: "MS_MALFORMED" },
        {
            name: "a whole payload, prev and subject in it",
            form: "compact",
            hex: toHex(hour.message.payload) + zeros(64),
            code: "MS_MALFORMED",
        },
        {
            name: "a byte between record and signature",
            form: "compact",
            hex: compact.slice(0, -128) + zeros(65),
            code: "MS_MALFORMED",
        },
        {
            name: "a list in place of a map",
            form: "compact",
            hex: `80${zeros(64)}`,
            code: "MS_MALFORMED",
        },
        {
            name: "a usage record with its registers",
            form: "checkpoint",
            hex: compact,
            code: "MS_MALFORMED",
        },
        { name: "52 bytes", form: "light", hex: zeros(52), code: "MS_TOO_LARGE" },
        { name: "no content", form: "light", hex: zeros(20), code: "MS_MALFORMED" },
        {
            name: "a tag of zeros",
            form: "light",
            hex: light.slice(0, -32) + zeros(16),
            code: "MS_SIGNATURE_BAD",
        },
        {
            name: "another counter",
            form: "light",
            hex: `00000001${light.slice(8)}`,
            code: "MS_SIGNATURE_BAD",
        },
        { name: "a header alone", form: "fragment", hex: "0700", code: "MS_MALFORMED" },
        { name: "a place behind the last", form: "fragment", hex: "072100", code: "MS_MALFORMED" },
        { name: "a longer number than needed", form: "ask", hex: "82001801", code: "MS_MALFORMED" },
        { name: "sequence number 0", form: "ask", hex: "820000", code: "MS_MALFORMED" },
    ];
}

if (process.env.METERSEAL_WRITE_VECTORS !== undefined) {
    writeFileSync(FILE, `${JSON.stringify(await makeVectors(), null, 1)}\n`);
}
const vectors: Vectors = JSON.parse(readFileSync(FILE, "utf8"));

describe("vectors/lora/frames.json", () => {
    it("is what this program makes", async () => {
        expect(await makeVectors()).toEqual(vectors);
    });

    it.each(vectors.records.map((each) => [each.name, each] as const))(
        "gives back %s as it was signed",
        async (_, { frames, message, prev, registers }) => {
            const { profile } = await world();
            for (const { hex, port } of frames) {
                const rebuilt =
                    port === LORA_PORT.compact
                        ? rebuildRecord(fromHex(hex), profile, fromHex(prev))
                        : rebuildCovered(fromHex(hex), fromHex(registers), profile, fromHex(prev));
                expect(toHex(unwrap(rebuilt).message.bytes)).toBe(message);
            }
        },
    );

    it("has light readings, fragments, a receipt and an ask", async () => {
        const { profile } = await world();
        for (const { counter, firstSlot, hex, registers } of vectors.lights) {
            const opened = unwrap(
                openLight(fromHex(hex), profile, { after: counter - 1, key: KEY }),
            );
            expect([opened.firstSlot, toHex(opened.registers)]).toEqual([firstSlot, registers]);
        }
        const { content, parts, port } = vectors.fragments;
        const joiner = new FragmentJoiner();
        const joined = parts.map((part) => unwrap(joiner.take(fromHex(part)))).at(-1);
        expect(joined).toEqual({ port, content: fromHex(content) });
        const context = {
            collectorKey: testSigner("lora collector", EDDSA).publicKey,
            subject: profile.subject,
        };
        const hour = unwrap(
            rebuildRecord(
                fromHex(vectors.records[0]?.frames[0]?.hex ?? ""),
                profile,
                fromHex(vectors.records[0]?.prev ?? ""),
            ),
        );
        const receipt = rebuildReceipt(
            fromHex(vectors.receipt.hex),
            context,
            () => hour.message.hash,
        );
        expect(toHex(unwrap(receipt).message.bytes)).toBe(vectors.receipt.message);
        const { hex, ...ask } = vectors.ask;
        expect(unwrap(decodeAsk(fromHex(hex)))).toEqual(ask);
    });

    it.each(vectors.refused.map((each) => [each.name, each] as const))(
        "refuses %s",
        async (_, { code, form, hex }) => {
            const { profile } = await world();
            const bytes = fromHex(hex);
            const parse = {
                compact: () => rebuildRecord(bytes, profile, testBytes("prev", 32)),
                checkpoint: () => parseCheckpoint(bytes),
                light: () => openLight(bytes, profile, { after: -1, key: KEY }),
                fragment: () => new FragmentJoiner().take(bytes),
                ask: () => decodeAsk(bytes),
            };
            expect(codeOf(parse[form]())).toBe(code);
        },
    );
});
