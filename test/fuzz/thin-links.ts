import { Duplex } from "node:stream";
import { concatBytes, error, type Result, utf8 } from "@meterseal/core";
import {
    COLLECTOR_NAME,
    type Credential,
    drawExchangeCredential,
    enrolledCredential,
    type FindCredential,
    Initiator,
    METHOD,
    type Method,
    type OwnCredential,
    Responder,
    SecureChannel,
} from "@meterseal/links/edhoc";
import { createSerialCollectorLink, createSerialMeterLink } from "@meterseal/links/serial";
import { crc16X25 } from "@meterseal/telegram/crc16";
import { testSigner } from "@meterseal/testkit/keys";
import { type SeededRandom, seededRandom } from "@meterseal/testkit/random";
import { pool } from "./corpus.ts";
import { mutateBytes } from "./mutate.ts";
import { bytesOf, type FuzzSession, type FuzzVerdict, verdictOf } from "./target.ts";

const SUBJECT = "5a".repeat(16);
/** Suite of enrolled keys. */
const SUITE = 2;

/** Who speaks, by method: with a key that signs, or a static one. */
type Person = Readonly<Record<Method, OwnCredential>>;

function person(name: string): Person {
    const signer = testSigner(`fuzz ${name}`);
    return {
        [METHOD.signatures]: { ...enrolledCredential(name, signer.publicKey), signer },
        [METHOD.staticKeys]: drawExchangeCredential(name, seededRandom(name.length)),
    };
}

const only =
    ({ id: known, ...rest }: Credential): FindCredential =>
    (id) =>
        Buffer.from(id).equals(known) ? { id: known, ...rest } : null;

/** Handshakes of which one message, or a frame behind it, is changed on its way. */
export function edhocSession(): FuzzSession {
    const [meter, collector] = [person(SUBJECT), person(COLLECTOR_NAME)];
    return {
        make: (random) => random.bytes(5),
        take: async (input) => {
            const bytes = bytesOf(input);
            const random = seededRandom(new DataView(bytes.buffer).getUint32(0));
            const method = random.chance(0.2) ? METHOD.signatures : METHOD.staticKeys;
            const step = (bytes[4] ?? 0) % 5;
            let isChanged = false;
            const onTheWay = (at: number, message: Uint8Array): Uint8Array => {
                const came = at === step ? mutateBytes(random, message, pool) : message;
                isChanged ||= Buffer.compare(came, message) !== 0;
                return came;
            };
            const verdict = await handshake({ meter, collector, method, random }, onTheWay);
            if (isChanged === (verdict === "refused")) return verdict;
            throw new Error("a change that nobody noticed, or a refusal of none");
        },
    };
}

type Sides = {
    readonly meter: Person;
    readonly collector: Person;
    readonly method: Method;
    readonly random: SeededRandom;
};

async function handshake(
    { collector, meter, method, random }: Sides,
    onTheWay: (at: number, message: Uint8Array) => Uint8Array,
): Promise<FuzzVerdict> {
    const initiator = new Initiator({
        ...{ own: meter[method], find: only(collector[method]), random, method },
        ...{ suites: [SUITE], connection: random.bytes(1) },
    });
    const responder = new Responder({
        ...{ own: (each: Method) => collector[each], find: only(meter[method]), random },
        connection: random.bytes(1),
    });
    const message2 = await responder.takeMessage1(onTheWay(0, initiator.message1));
    if (!message2.ok) return verdictOf(message2);
    const message3 = await initiator.takeMessage2(onTheWay(1, message2.value));
    if (!message3.ok) return verdictOf(message3);
    const message4 = responder.takeMessage3(onTheWay(2, message3.value));
    if (!message4.ok) return verdictOf(message4);
    const confirmed: Result<unknown> = initiator.takeMessage4(onTheWay(3, message4.value));
    if (!confirmed.ok || initiator.session === null || responder.session === null)
        return verdictOf(confirmed);
    const frame = new SecureChannel(initiator.session, "initiator").seal(utf8("a content"));
    return verdictOf(new SecureChannel(responder.session, "responder").open(onTheWay(4, frame)));
}

/** A segment in its frame, made here from what links.md says of them. */
function lineFrame(kind: number, number: number, bytes: Uint8Array): Uint8Array {
    const head = Uint8Array.of(16 + kind, 0, 7, number >> 8, number & 0xff);
    const body = concatBytes(kind === 5 ? head.subarray(0, 3) : head, bytes);
    const crc = crc16X25(body);
    const checked = [...body, crc & 0xff, crc >> 8];
    const runs = checked.join(",").split(/(?:^|,)0(?=,|$)/);
    const stuffed = runs.flatMap((run) => {
        const numbers = run
            .split(",")
            .filter((text) => text !== "")
            .map(Number);
        return [numbers.length + 1, ...numbers]; // no run here is longer than 253
    });
    return Uint8Array.of(...stuffed, 0);
}

/** A device whose other end is written and read by hand. */
class Wire extends Duplex {
    /** Frames that were written: zeros, but for the one that ends what was before. */
    frames = 0;
    other: Wire | null = null;

    override _read(): void {}

    override _write(chunk: Uint8Array, _encoding: string, written: () => void): void {
        if (chunk.length > 1) this.frames++;
        this.other?.push(chunk);
        written();
    }
}

/** The collector's end of a serial line, at which whatever bytes come. */
export async function serialSession(): Promise<FuzzSession> {
    const log = { info: () => {}, warn: () => {} };
    const [meter, collector] = [person(SUBJECT), person(COLLECTOR_NAME)];
    const [mine, its] = [meter[METHOD.signatures], collector[METHOD.signatures]];
    const find = (id: Uint8Array) =>
        only(mine)(id) === null ? null : { credential: mine, subjectHex: SUBJECT };
    let device = new Wire();
    const received: Uint8Array[] = [];
    const place = { path: "/dev/fuzz", baud: 115_200, mtu: 256 };
    const link = createSerialCollectorLink({ lines: [place], own: its, find, log }, () => {
        device = new Wire();
        return device;
    });
    await link.listen({
        authenticate: () => Promise.resolve(true),
        receive: (_, message) => {
            received.push(message);
            return received.length > 100 ? Promise.reject(error("MS_BUSY")) : Promise.resolve();
        },
        connected: () => {},
    });
    const { message1 } = new Initiator({
        ...{ own: mine, find: only(its), random: seededRandom(9), method: METHOD.signatures },
        ...{ suites: [SUITE], connection: Uint8Array.of(1) },
    });
    const framed = concatBytes(Uint8Array.of(0, 0, 0, message1.length), message1);
    const frames = [
        lineFrame(1, 0, framed),
        lineFrame(2, 1, utf8("bytes")),
        lineFrame(3, 2, new Uint8Array()),
        lineFrame(4, 1, new Uint8Array()),
        lineFrame(4, 1, Uint8Array.of(0, 0, 0, 1)),
        lineFrame(5, 0, new Uint8Array()),
    ];
    return {
        make: (random) => {
            const some = Array.from({ length: 1 + random.below(4) }, () => {
                const frame = random.pick(frames);
                return random.chance(0.6)
                    ? mutateBytes(random, frame, [...frames, ...pool])
                    : frame;
            });
            return concatBytes(...some);
        },
        take: async (input) => {
            const before = device.frames;
            device.push(bytesOf(input));
            await new Promise((resolve) => setImmediate(resolve));
            return device.frames > before ? "accepted" : "refused";
        },
        close: async () => {
            device.push(Uint8Array.of(0));
            const token = () => Promise.resolve(Uint8Array.of(1));
            const options = { url: "serial:///dev/fuzz", subjectHex: SUBJECT, own: mine, token };
            const alive = createSerialMeterLink({ ...options, find: only(its) }, () => {
                const end = new Wire();
                end.other = device;
                device.other = end;
                return end;
            });
            received.length = 0;
            try {
                await new Promise<void>((resolve, reject) => {
                    alive.open({ up: resolve, down: () => {}, message: () => {} }).catch(reject);
                });
                await alive.send(utf8("still here"));
                if (received.length !== 1) throw new Error("a message that did not arrive");
            } finally {
                await alive.close();
                await link.close();
            }
        },
    };
}
