import type { CollectorLink, LinkHandler, MeterLink, MetersealError } from "@meterseal/core";
import { bytesEqual, LIMITS, utf8 } from "@meterseal/core";
import { describe, expect, it } from "vitest";
import { ScriptedCollector, sampleMessages, TestMeter, until } from "./link-world.ts";

export { ScriptedCollector, TestMeter, until } from "./link-world.ts";

/** A transport under test with its surroundings: an address, and a path that can be broken. */
export interface LinkBed {
    /** Starts a collector end; after the previous one was closed, at the same address for meters. */
    listen(handler: LinkHandler): Promise<CollectorLink>;
    /** A meter end with at most {@link LIMITS.outboxInFlight} messages under way; not yet open. */
    meter(subjectHex: string, token: () => Promise<Uint8Array>): MeterLink;
    /** Breaks all connections without a goodbye. */
    cut(): void;
    /** Lets the path go silent (true: nothing arrives, nothing closes) or pass again; if it can. */
    freeze?(silent: boolean): void;
    /** Ends what the bed itself holds. */
    close(): Promise<void>;
}

const SUBJECT_A = "0a".repeat(16);
const SUBJECT_B = "0b".repeat(16);

/** The world of one test: a bed, its collector, its meters; all closed afterwards. */
class World {
    readonly bed: LinkBed;
    readonly collector = new ScriptedCollector();
    readonly #ends: { close(): Promise<void> }[] = [];

    constructor(bed: LinkBed) {
        this.bed = bed;
    }

    async listen(): Promise<CollectorLink> {
        const link = await this.bed.listen(this.collector);
        this.#ends.push(link);
        return link;
    }

    /** A meter that is up, unless told not to wait. */
    async meter(subjectHex = SUBJECT_A, wait = true): Promise<TestMeter> {
        const meter = new TestMeter((token) => this.bed.meter(subjectHex, token), subjectHex);
        this.#ends.push(meter.link);
        await meter.link.open(meter);
        if (wait) await meter.untilUp();
        return meter;
    }

    async close(): Promise<void> {
        for (const end of this.#ends.reverse()) await end.close();
        await this.bed.close();
    }
}

/** Time in milliseconds after which a link under test gives up a `receive` that does not settle. */
const RECEIVE_TIMEOUT_MS = 600;

/**
 * Runs the one suite that every transport has to pass.
 * @param createBed makes fresh surroundings, with the time after which to give up a `receive`.
 */
export function describeLinkCompliance(
    name: string,
    createBed: (receiveTimeoutMs: number) => Promise<LinkBed>,
): void {
    const check: Check = (title, run) => {
        it.concurrent(title, async (context) => {
            const world = new World(await createBed(RECEIVE_TIMEOUT_MS));
            try {
                await run(world, () => context.skip("this transport cannot do that"));
            } finally {
                await world.close();
            }
        });
    };
    describe(`${name}: link compliance`, () => {
        carriesMessages(check);
        acknowledges(check);
        admits(check);
        survives(check);
        closes(check);
    });
}

type Check = (title: string, run: (world: World, skip: () => void) => Promise<void>) => void;

function carriesMessages(check: Check): void {
    check("carries every sample up, byte-equal and in order", async (world) => {
        await world.listen();
        const meter = await world.meter();
        const samples = sampleMessages();
        await Promise.all(samples.map((sample) => meter.link.send(sample)));
        expect(world.collector.received).toHaveLength(samples.length);
        for (const [i, { subjectHex, message }] of world.collector.received.entries()) {
            expect(subjectHex).toBe(SUBJECT_A);
            expect(bytesEqual(message, samples[i] as Uint8Array), `sample ${i}`).toBe(true);
        }
    });

    check("carries every sample down, byte-equal and in order", async (world) => {
        const link = await world.listen();
        const meter = await world.meter();
        const samples = sampleMessages();
        const sent = await Promise.all(samples.map((sample) => link.deliver(SUBJECT_A, sample)));
        expect(sent).toEqual(samples.map(() => true));
        await until(() => meter.messages.length >= samples.length, "all samples at the meter");
        for (const [i, sample] of samples.entries()) {
            expect(bytesEqual(meter.messages[i] as Uint8Array, sample), `sample ${i}`).toBe(true);
        }
    });

    check(
        "keeps the order of a meter's messages, also when they are taken at different speed",
        async (world) => {
            await world.listen();
            const meter = await world.meter();
            world.collector.onReceive = async (_subject, message) => {
                await pause((message[0] as number) % 3);
            };
            const numbers = Array.from({ length: 90 }, (_, i) => i);
            await Promise.all(numbers.map((i) => meter.link.send(Uint8Array.of(i))));
            expect(world.collector.received.map(({ message }) => message[0])).toEqual(numbers);
        },
    );

    check(
        "lets a replayed message arrive again; telling copies apart is not its business",
        async (world) => {
            await world.listen();
            const meter = await world.meter();
            await meter.link.send(utf8("same"));
            await meter.link.send(utf8("same"));
            expect(world.collector.texts()).toEqual(["same", "same"]);
        },
    );

    check("keeps what it was given when the caller reuses its buffer", async (world) => {
        const link = await world.listen();
        const meter = await world.meter();
        const buffer = utf8("first");
        const sent = meter.link.send(buffer);
        buffer.fill(0);
        await sent;
        expect(world.collector.texts()).toEqual(["first"]);
        const receipt = utf8("receipt");
        const delivered = link.deliver(SUBJECT_A, receipt);
        receipt.fill(0);
        expect(await delivered).toBe(true);
        await until(() => meter.messages.length === 1, "the receipt");
        expect(meter.texts()).toEqual(["receipt"]);
    });
}

function acknowledges(check: Check): void {
    check("acknowledges after receive resolved and not before", async (world) => {
        await world.listen();
        const meter = await world.meter();
        const taken = Promise.withResolvers<void>();
        world.collector.onReceive = () => taken.promise;
        let acknowledged = false;
        const sent = meter.link.send(utf8("m")).then(() => {
            acknowledged = true;
        });
        await until(() => world.collector.received.length === 1, "the message");
        await pause(60);
        expect(acknowledged).toBe(false);
        taken.resolve();
        await sent;
    });

    check("does not acknowledge what was rejected; sent again, it arrives", async (world) => {
        await world.listen();
        const meter = await world.meter();
        let calls = 0;
        world.collector.onReceive = () => {
            return calls++ === 0 ? Promise.reject(new Error("disk full")) : Promise.resolve();
        };
        expect((await failureOf(meter.link.send(utf8("m")))).code).toBe("MS_LINK");
        await meter.sendUntilAcknowledged(utf8("m"));
        expect(calls).toBe(2);
    });

    check("gives up a receive that never settles, and the meter sends again", async (world) => {
        await world.listen();
        const meter = await world.meter();
        let calls = 0;
        world.collector.onReceive = () => {
            return calls++ === 0 ? new Promise(() => {}) : Promise.resolve();
        };
        expect((await failureOf(meter.link.send(utf8("m")))).code).toBe("MS_LINK");
        await meter.sendUntilAcknowledged(utf8("m"));
    });

    check("bounds what is under way at a slow collector and loses nothing", async (world) => {
        await world.listen();
        const meter = await world.meter();
        let underWay = 0;
        let most = 0;
        world.collector.onReceive = async () => {
            most = Math.max(most, ++underWay);
            await pause(50);
            underWay--;
        };
        const texts = Array.from({ length: 500 }, (_, i) => `message ${i}`);
        await meter.sendAll(texts.map(utf8), 10 * LIMITS.outboxInFlight);
        expect(most).toBeGreaterThan(1);
        expect(most).toBeLessThanOrEqual(LIMITS.outboxInFlight);
        expect(meter.refusedBusy).toBeGreaterThan(0);
        expect(new Set(world.collector.texts())).toEqual(new Set(texts));
        expect(world.collector.received).toHaveLength(500);
    });

    check("does not let one slow meter stall another", async (world) => {
        await world.listen();
        const slow = await world.meter(SUBJECT_A);
        const quick = await world.meter(SUBJECT_B);
        const release = Promise.withResolvers<void>();
        world.collector.onReceive = (subject) => {
            return subject === SUBJECT_A ? release.promise : Promise.resolve();
        };
        const waiting = Array.from({ length: 100 }, () => slow.link.send(utf8("slow")));
        for (let i = 0; i < 20; i++) await quick.link.send(utf8("quick"));
        release.resolve();
        await Promise.all(waiting);
    });
}

function admits(check: Check): void {
    check("refuses a wrong token, and admits the next right one", async (world) => {
        await world.listen();
        const meter = await world.meter(SUBJECT_A, false).then((started) => started);
        await meter.untilUp();
        meter.tokenValid = false;
        world.bed.cut();
        await until(() => world.collector.refused > 0, "a refusal");
        expect(meter.isUp).toBe(false);
        expect((await failureOf(meter.link.send(utf8("m")))).code).toBe("MS_LINK");
        meter.tokenValid = true;
        await meter.untilUp();
        await meter.link.send(utf8("m"));
        expect(world.collector.texts()).toEqual(["m"]);
    });

    check("asks for a fresh token for every connection", async (world) => {
        await world.listen();
        const meter = await world.meter();
        world.bed.cut();
        await until(() => meter.downs === 1, "the cut");
        await meter.untilUp();
        expect(meter.tokens).toBe(2);
        expect(world.collector.tokens).toEqual([1, 2]);
    });

    check("gives a meter only what is for it", async (world) => {
        const link = await world.listen();
        const a = await world.meter(SUBJECT_A);
        const b = await world.meter(SUBJECT_B);
        await link.deliver(SUBJECT_B, utf8("for b"));
        await link.deliver(SUBJECT_A, utf8("for a"));
        await until(() => a.messages.length > 0 && b.messages.length > 0, "both receipts");
        await pause(20);
        expect(a.texts()).toEqual(["for a"]);
        expect(b.texts()).toEqual(["for b"]);
    });

    check("tells when a meter can receive, and when it cannot", async (world) => {
        const link = await world.listen();
        expect(await link.deliver(SUBJECT_A, utf8("nobody"))).toBe(false);
        world.collector.onConnected = (subject) => link.deliver(subject, utf8("welcome"));
        const meter = await world.meter();
        await until(() => meter.messages.length === 1, "the welcome");
        expect(meter.texts()).toEqual(["welcome"]);
        await meter.link.close();
        await until(async () => !(await link.deliver(SUBJECT_A, utf8("gone"))), "its absence");
    });

    check("refuses a message above the limit on both sides and lives on", async (world) => {
        const link = await world.listen();
        const meter = await world.meter();
        const tooLarge = new Uint8Array(LIMITS.messageBytes + 1);
        expect((await failureOf(meter.link.send(tooLarge))).code).toBe("MS_TOO_LARGE");
        expect((await failureOf(link.deliver(SUBJECT_A, tooLarge))).code).toBe("MS_TOO_LARGE");
        await meter.link.send(utf8("fits"));
        expect(world.collector.texts()).toEqual(["fits"]);
        expect(meter.downs).toBe(0);
    });

    check("hands over to a second connection of the same meter", async (world) => {
        const link = await world.listen();
        const first = await world.meter();
        const second = await world.meter();
        await until(() => first.downs === 1, "the end of the first connection");
        await first.link.close();
        await second.sendUntilAcknowledged(utf8("from the second"));
        await until(() => link.deliver(SUBJECT_A, utf8("to the second")), "a connection");
        await until(() => second.messages.length === 1, "the receipt");
        expect(first.messages).toHaveLength(0);
    });
}

function survives(check: Check): void {
    check(
        "rejects what is under way when the connection breaks, and comes up again",
        async (world) => {
            const link = await world.listen();
            const meter = await world.meter();
            world.collector.onReceive = () => new Promise(() => {});
            const sent = [utf8("1"), utf8("2")].map((message) =>
                failureOf(meter.link.send(message)),
            );
            await until(() => world.collector.received.length === 2, "both messages");
            world.bed.cut();
            expect((await Promise.all(sent)).map((failure) => failure.code)).toEqual([
                "MS_LINK",
                "MS_LINK",
            ]);
            world.collector.onReceive = null;
            await meter.sendUntilAcknowledged(utf8("3"));
            await until(() => link.deliver(SUBJECT_A, utf8("receipt")), "the new connection");
            await until(() => meter.messages.length === 1, "the receipt");
            expect([meter.ups, meter.downs]).toEqual([2, 1]);
            expect(world.collector.texts()).toEqual(["1", "2", "3"]); // nothing sent again by the link
        },
    );

    check(
        "goes on after the collector side starts again; what was acknowledged is there",
        async (world) => {
            const first = await world.listen();
            const meter = await world.meter();
            const texts = Array.from({ length: 300 }, (_, i) => `message ${i}`);
            world.collector.onReceive = () => pause(2);
            const all = meter.sendAll(texts.map(utf8), 20);
            await until(() => world.collector.received.length > 60, "some messages");
            await first.close();
            const acknowledged = [...meter.acknowledged];
            const before = new Set(world.collector.texts());
            expect(acknowledged.filter((text) => !before.has(text))).toEqual([]);
            await world.listen();
            await all;
            expect(meter.downs).toBe(1);
            expect(new Set(world.collector.texts())).toEqual(new Set(texts));
        },
    );

    check(
        "rejects what is sent before the link is up, and does not send it later",
        async (world) => {
            await world.listen();
            const meter = await world.meter(SUBJECT_A, false);
            expect((await failureOf(meter.link.send(utf8("early")))).code).toBe("MS_LINK");
            await meter.sendUntilAcknowledged(utf8("m"));
            expect(world.collector.texts()).toEqual(["m"]);
        },
    );

    check("connects when the collector comes after the meter", async (world) => {
        const meter = await world.meter(SUBJECT_A, false);
        await pause(50);
        expect(meter.isUp).toBe(false);
        await world.listen();
        await meter.sendUntilAcknowledged(utf8("late"));
    });

    check("notices a connection that went silent", async (world, skip) => {
        const { bed } = world;
        if (bed.freeze === undefined) {
            skip();
            return;
        }
        const link = await world.listen();
        const meter = await world.meter();
        bed.freeze(true);
        const lost = failureOf(meter.link.send(utf8("m")));
        expect((await lost).code).toBe("MS_LINK");
        await until(async () => !(await link.deliver(SUBJECT_A, utf8("?"))), "the silence", 2_500);
        bed.freeze(false);
        await meter.sendUntilAcknowledged(utf8("m"));
    });
}

function closes(check: Check): void {
    check("closes a meter link within 2 s in every state", async (world) => {
        const unopened = world.bed.meter(SUBJECT_A, () => Promise.resolve(utf8("t")));
        await inTime(unopened.close());
        const absent = await world.meter(SUBJECT_A, false);
        await inTime(absent.link.close());
        await world.listen();
        const busy = await world.meter(SUBJECT_A);
        world.collector.onReceive = () => new Promise(() => {});
        const lost = failureOf(busy.link.send(utf8("m")));
        await inTime(busy.link.close());
        expect((await lost).code).toBe("MS_LINK");
        expect((await failureOf(busy.link.send(utf8("m")))).code).toBe("MS_LINK");
        const refused = await world.meter(SUBJECT_B, false);
        refused.tokenValid = false;
        await inTime(refused.link.close());
        const idle = await world.meter(SUBJECT_B);
        world.bed.freeze?.(true);
        await inTime(idle.link.close());
        await inTime(idle.link.close());
        world.bed.freeze?.(false);
        const upsAtClose = [busy.ups, idle.ups];
        await pause(300);
        expect([busy.ups, idle.ups]).toEqual(upsAtClose); // closed for good
    });

    check(
        "closes a collector link within 2 s in every state, and takes the connections along",
        async (world) => {
            const first = await world.listen();
            const meter = await world.meter();
            await inTime(first.close());
            await inTime(first.close());
            await until(() => !meter.isUp, "the end of the connection");
            const second = await world.listen();
            await meter.untilUp();
            world.collector.onReceive = () => new Promise(() => {});
            const lost = failureOf(meter.link.send(utf8("m")));
            await until(() => world.collector.received.length === 1, "the message");
            await inTime(second.close());
            expect((await lost).code).toBe("MS_LINK");
            expect(await second.deliver(SUBJECT_A, utf8("m"))).toBe(false);
        },
    );
}

async function inTime(closing: Promise<void>): Promise<void> {
    const late = pause(2_000).then(() => "late");
    expect(await Promise.race([closing.then(() => "closed"), late])).toBe("closed");
}

async function failureOf(promise: Promise<unknown>): Promise<MetersealError> {
    return await promise.then(
        () => {
            throw new Error("expected a failure");
        },
        (cause: unknown) => cause as MetersealError,
    );
}

function pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, delayMs));
}
