import { createCipheriv } from "node:crypto";
import { concatBytes } from "@meterseal/core";
import {
    type Decoded,
    decodeDeviceJson,
    decodeMbus,
    decodeMilesight,
    decodeP1,
    decodeReadout,
    decodeSensorLine,
    decodeSml,
    decodeWmbus,
    decodeZigbeeMetering,
    formatValue,
    openP1,
    openZigbee,
    SensorLineSplitter,
    SmlSplitter,
    type Telegram,
    type WirelessKey,
} from "@meterseal/telegram";
import type { SeededRandom } from "@meterseal/testkit/random";
import {
    openCcm,
    openGcm,
    wirelessCrypto,
} from "../../packages/node/src/commands/telegram-keys.ts";
import { smlStream, telegrams } from "./corpus.ts";
import { bytesTarget } from "./make-target.ts";
import { mutateBytes } from "./mutate.ts";
import { bytesOf, type FuzzSession, type FuzzTarget, type FuzzVerdict } from "./target.ts";

/** Decoders answer; their faults are codes of their own closed list, and what they read can be shown. */
function take(decoded: Decoded<Telegram>): FuzzVerdict {
    if (!decoded.ok) return "refused";
    for (const value of decoded.value.values) formatValue(value);
    return "accepted";
}

/** Keys of the encrypted frames among the captures. */
const P1_KEYS = {
    encryptionKey: Uint8Array.fromHex("0123456789abcdef0123456789abcdef"),
    authenticationKey: Uint8Array.fromHex("ffeeddccbbaa99887766554433221100"),
};

/** An encrypted frame around whatever bytes, with the tag that fits. */
function sealP1(telegram: Uint8Array, counter: number): Uint8Array {
    const title = new TextEncoder().encode("systitle");
    const count = Uint8Array.of(counter >>> 24, counter >>> 16, counter >>> 8, counter);
    const nonce = concatBytes(title, count);
    const control = Uint8Array.of(0x30);
    const cipher = createCipheriv("aes-128-gcm", P1_KEYS.encryptionKey, nonce, {
        authTagLength: 12,
    });
    cipher.setAAD(concatBytes(control, P1_KEYS.authenticationKey));
    const sealed = concatBytes(cipher.update(telegram), cipher.final(), cipher.getAuthTag());
    const length = 5 + sealed.length;
    const head = Uint8Array.of(0xdb, 8, ...title, 0x82, length >> 8, length & 255);
    return concatBytes(head, control, count, sealed);
}

/** Frames that are changed, and whole frames around telegrams that are. */
function encryptedSession(): FuzzSession {
    const captures = telegrams("p1-encrypted").map((text) =>
        Uint8Array.fromHex(Buffer.from(text).toString("latin1").replaceAll(/\s/g, "")),
    );
    const inside = telegrams("p1").filter(({ length }) => length < 60_000);
    const frames = [...captures, ...inside.slice(0, 5).map((telegram, i) => sealP1(telegram, i))];
    return {
        make: (random) => {
            if (random.chance(0.4)) return mutateBytes(random, random.pick(frames), frames);
            const telegram = mutateBytes(random, random.pick(inside), inside).slice(0, 65_000);
            return sealP1(telegram, random.below(4));
        },
        take: (input) => {
            const opened = openP1(bytesOf(input), P1_KEYS, 0, openGcm);
            return opened.ok ? take(decodeP1(opened.value.telegram)) : "refused";
        },
    };
}

const METER_KEY: WirelessKey = {
    key: Uint8Array.fromHex("000102030405060708090a0b0c0d0e0f"),
    crypto: wirelessCrypto,
};
/** Examples of the OMS specification, volume 2 annex N, in modes 5 and 7. */
const WIRELESS_EXAMPLES = [
    "2e4493157856341233037a2a0020255923c95aaa26d1b2e7493b013ec4a6f6d3529b520edff0ea6defc99d6d69ebf3",
    "434493157856341233038c2075900f002c25b30a000021924d4f2fb66e017a75002007109058475f4bc91df878b80a1b0f98b629024aac727942bfc549233c0140829b93",
].map((hex) => Uint8Array.fromHex(hex));
const ADDRESS = Uint8Array.fromHex("9315785634123303");
/** Bytes of records that fit a frame together with every layer. */
const RECORDS_MAX = 192;

/** A frame around whatever records, in the open or as modes 5 and 7 protect them. */
function wirelessFrame(random: SeededRandom, records: Uint8Array): Uint8Array {
    const mode = random.pick([0, 5, 7]);
    const blocks = Math.ceil((2 + records.length) / 16);
    const plain = new Uint8Array(blocks * 16).fill(0x2f);
    plain.set(records, 2);
    const access = random.below(256);
    const config = [blocks << 4, mode, ...(mode === 7 ? [0x10] : [])];
    const header = Uint8Array.of(0x7a, access, 0, ...config);
    if (mode !== 7) {
        const iv = concatBytes(ADDRESS, new Uint8Array(8).fill(access));
        return framed(header, mode === 0 ? plain : encryptCbc(METER_KEY.key, iv, plain));
    }
    const counter = random.bytes(4);
    const keyFor = (use: number): Uint8Array =>
        wirelessCrypto.cmac(
            METER_KEY.key,
            Uint8Array.of(use, ...counter, ...ADDRESS.subarray(2, 6), ...Array(7).fill(7)),
        );
    const covered = concatBytes(header, encryptCbc(keyFor(0), new Uint8Array(16), plain));
    const control = Uint8Array.of(0x25);
    const mac = wirelessCrypto.cmac(keyFor(1), concatBytes(control, counter, covered));
    const layer = [0x90, 0x0f, 0x00, 0x2c, ...control, ...counter, ...mac.subarray(0, 8)];
    return framed(Uint8Array.from(layer), covered);
}

function framed(...parts: readonly Uint8Array[]): Uint8Array {
    const data = concatBytes(...parts);
    return concatBytes(Uint8Array.of(9 + data.length, 0x44), ADDRESS, data);
}

function encryptCbc(key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Uint8Array {
    const cipher = createCipheriv("aes-128-cbc", key, iv).setAutoPadding(false);
    return concatBytes(cipher.update(plain), cipher.final());
}

/** Frames that are changed, and whole frames around records that are; read without a key and with it. */
function wirelessSession(): FuzzSession {
    const HEADERS = 19; // of a long frame with a variable structure, up to the first record
    const records = telegrams("mbus").map((frame) => frame.subarray(HEADERS, -2));
    return {
        make: (random) => {
            const changed = mutateBytes(random, random.pick(records), records);
            const frame = random.chance(0.2)
                ? random.pick(WIRELESS_EXAMPLES)
                : wirelessFrame(random, changed.subarray(0, RECORDS_MAX));
            return random.chance(0.3) ? mutateBytes(random, frame, WIRELESS_EXAMPLES) : frame;
        },
        take: (input) => {
            take(decodeWmbus(bytesOf(input)));
            return take(decodeWmbus(bytesOf(input), METER_KEY));
        },
    };
}

/** A long frame whose lengths and check sum are right again, so that records are read. */
function mbusSession(): FuzzSession {
    const frames = [...telegrams("mbus"), ...telegrams("mbus/error-frames")];
    return {
        make: (random) => {
            const frame = random.pick(frames);
            if (random.chance(0.3)) return mutateBytes(random, frame, frames);
            const data = mutateBytes(random, frame.subarray(4, -2), frames).subarray(0, 255);
            const sum = data.reduce((total, byte) => (total + byte) & 0xff, 0);
            const { length } = data;
            return Uint8Array.of(0x68, length, length, 0x68, ...data, sum, 0x16);
        },
        take: (input) => take(decodeMbus(bytesOf(input))),
    };
}

/** Captures as they came, some of them in pieces, and the whole files in them. */
function smlFiles(): Uint8Array[] {
    const captures = [...telegrams("sml"), smlStream()];
    return [...captures, ...captures.flatMap((capture) => new SmlSplitter().push(capture))];
}

/** Messages as devices in the home send them. */
const DEVICE_MESSAGES = [
    '{"energy":1234.567,"power":-45,"voltage":231,"last_seen":"2026-03-01T10:00:00Z"}',
    '{"Time":"2022-03-28T19:15:01","ENERGY":{"Total":[1.5,2e3],"TotalTariff":[1,2],"Power":367}}',
    '{"src":"shelly","params":{"em:0":{"a_voltage":236.1},"emdata:0":{"total_act":28013.65}}}',
    '{"emeters":[{"total":5301.2,"is_valid":true}],"meters":[{"total":12345,"power":4.25}]}',
].map((text) => new TextEncoder().encode(text));

/** A plug's report, a read response with every factor, and a payload of each kind of sensor. */
const ZIGBEE_FRAMES = [
    "180a0a00002509660000000000042ad3ffff",
    "18050100030030000103002201000002030022e80300060300180008030041024131",
].map((hex) => Uint8Array.fromHex(hex));
const MILESIGHT_PAYLOADS = [
    "0374600904802c0100000581630683a086010007c9f401087001",
    "ff0bffff0101ff160102030405060708ff090100ff0a0101ff0f00",
].map((hex) => Uint8Array.fromHex(hex));

/** Lines of the current sensor, as its firmware wrote them. */
const SENSOR_LINES = [
    "MSC1,4,00,4995,0,230,511*4DF8\r\n",
    "MSC1,8,01,31681,0,230,511*A473\r\n",
    "MSC1,8,10,0,0,230,511*9E03\r\n",
].map((text) => new TextEncoder().encode(text));
const CHECK_BYTES = 7;

/** Lines that are changed anywhere, and ones whose check is right again; several make a stream. */
function sensorSession(): FuzzSession {
    return {
        make: (random) => {
            const lines = Array.from({ length: 1 + random.below(3) }, () => {
                const line = random.pick(SENSOR_LINES);
                if (random.chance(0.3)) return mutateBytes(random, line, SENSOR_LINES);
                const body = mutateBytes(random, line.subarray(0, -CHECK_BYTES), SENSOR_LINES);
                const check = crc16X25(body).toString(16).toUpperCase().padStart(4, "0");
                return concatBytes(body, new TextEncoder().encode(`*${check}\r\n`));
            });
            return concatBytes(...lines);
        },
        take: (input) => {
            take(decodeSensorLine(bytesOf(input)));
            const verdicts = new SensorLineSplitter().push(bytesOf(input)).map(decodeSensorLine);
            return verdicts.map(take).includes("accepted") ? "accepted" : "refused";
        },
    };
}

/** CRC-16/X-25 of whatever bytes, bit by bit. */
function crc16X25(bytes: Uint8Array): number {
    let crc = 0xffff;
    for (const byte of bytes) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0x8408 : crc >> 1;
    }
    return crc ^ 0xffff;
}

/** A published frame of the network layer with its key. */
const SECURED_FRAME = Uint8Array.fromHex(
    "4802d36300001e7728ede625002377c6feff6f0d000099fa551ad18f6d7e3e4a56db62a8c5",
);
const NETWORK_KEY = Uint8Array.fromHex("fb39caadd50fef910949baa89504f5d9");

/** Header of the network layer, and the auxiliary one with counter, source and key number. */
const [HEADER_BYTES, AUXILIARY_BYTES, ZIGBEE_TAG_BYTES] = [8, 14, 4];

/** A frame with the published headers around whatever payload, with the code that fits. */
function secure(payload: Uint8Array): Uint8Array {
    const head = SECURED_FRAME.slice(0, HEADER_BYTES + AUXILIARY_BYTES);
    const control = (head[HEADER_BYTES] ?? 0) | 5;
    const covered = head.map((byte, i) => (i === HEADER_BYTES ? control : byte));
    const [counter, source] = [head.subarray(9, 13), head.subarray(13, 21)];
    const nonce = Uint8Array.of(...source, ...counter, control);
    const cipher = createCipheriv("aes-128-ccm", NETWORK_KEY, nonce, {
        authTagLength: ZIGBEE_TAG_BYTES,
    });
    cipher.setAAD(covered, { plaintextLength: payload.length });
    const sealed = concatBytes(cipher.update(payload), cipher.final());
    return concatBytes(head, sealed, cipher.getAuthTag());
}

/** Secured frames that are changed, and whole ones around payloads that are. */
function securedSession(): FuzzSession {
    const receiver = { key: NETWORK_KEY, lastCounter: -1, open: openCcm };
    return {
        make: (random) => {
            if (random.chance(0.4)) return mutateBytes(random, SECURED_FRAME, [SECURED_FRAME]);
            const payload = mutateBytes(random, random.pick(ZIGBEE_FRAMES), ZIGBEE_FRAMES);
            return secure(payload.subarray(0, 1_200));
        },
        take: (input) => {
            const opened = openZigbee(bytesOf(input), HEADER_BYTES, receiver);
            if (!opened.ok) return "refused";
            take(decodeZigbeeMetering(opened.value.payload));
            return "accepted";
        },
    };
}

/** Decoders of what meters say on their local ports. */
export const TELEGRAMS: readonly FuzzTarget[] = [
    bytesTarget(
        "P1 telegram",
        20_000,
        () => telegrams("p1"),
        (bytes) => take(decodeP1(bytes)),
    ),
    { name: "encrypted P1 frame", share: 15_000, open: encryptedSession },
    bytesTarget("SML telegram", 20_000, smlFiles, (bytes) => take(decodeSml(bytes))),
    bytesTarget(
        "IEC 62056-21 readout",
        20_000,
        () => telegrams("iec62056-21"),
        (bytes) => take(decodeReadout(bytes)),
    ),
    { name: "M-Bus frame", share: 30_000, open: mbusSession },
    { name: "wireless M-Bus frame", share: 30_000, open: wirelessSession },
    bytesTarget(
        "message of a device in the home",
        15_000,
        () => DEVICE_MESSAGES,
        (bytes) => take(decodeDeviceJson(bytes)),
    ),
    bytesTarget(
        "Zigbee metering frame",
        15_000,
        () => ZIGBEE_FRAMES,
        (bytes) => take(decodeZigbeeMetering(bytes)),
    ),
    { name: "line of the current sensor", share: 10_000, open: sensorSession },
    { name: "secured Zigbee frame", share: 10_000, open: securedSession },
    bytesTarget(
        "Milesight payload",
        15_000,
        () => MILESIGHT_PAYLOADS,
        (bytes) => take(decodeMilesight(bytes)),
    ),
];
