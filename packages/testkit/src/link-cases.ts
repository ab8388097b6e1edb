import { bytesEqual, ERRORS, type ErrorCode, error, LIMITS, utf8 } from "@meterseal/core";
import { expect } from "vitest";
import { type Check, failureOf, pause, SUBJECT_A, SUBJECT_B } from "./link-bed.ts";
import { sampleMessages, until } from "./link-world.ts";

const CODES = Object.keys(ERRORS) as ErrorCode[];

/** What every link does while all is well. */
export function carriesMessages(check: Check): void {
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
        const all = () => meter.messages.length >= samples.length;
        await until(all, "all samples at the meter", 25_000); // a thin link takes its time
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

    check("carries a message of which one byte was changed as it is", async (world) => {
        const link = await world.listen();
        const meter = await world.meter();
        for (const at of [0, 37, 98]) {
            const changed = Uint8Array.from({ length: 99 }, (_, i) => (i === at ? 0xfe : i));
            await meter.link.send(changed);
            await link.deliver(SUBJECT_A, changed);
            expect(world.collector.received.at(-1)?.message).toEqual(changed);
            await until(() => meter.messages.at(-1)?.[at] === 0xfe, "the changed message");
            expect(new Uint8Array(meter.messages.at(-1) ?? [])).toEqual(changed);
        }
    });

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

/** When a message counts as taken. */
export function acknowledges(check: Check): void {
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

    check(
        "does not let one slow meter stall another",
        async (world) => {
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
        },
        30_000,
    );
}

/** What a client of the transport is told of a message that was refused. */
export function tellsRefusals(check: Check): void {
    check("says every refusal in the words of the transport", async (world, skip) => {
        const { refusals } = world.bed;
        if (refusals === undefined) {
            skip();
            return;
        }
        await world.listen();
        const answers: string[] = [];
        for (const [i] of refusals.expected.entries()) {
            const code = CODES.find((each) => ERRORS[each].receipt === i + 1) as ErrorCode;
            world.collector.onReceive = () => Promise.reject(error(code));
            answers.push(await refusals.answerTo(utf8("m")));
        }
        expect(answers).toEqual(refusals.expected);
        expect(answers).toHaveLength(15);
    });
}

/** Who may connect, and how much is under way. */
export function admits(check: Check): void {
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
