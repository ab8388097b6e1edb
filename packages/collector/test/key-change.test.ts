import { accept, type Entry, type LedgerState } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { testSigner } from "@meterseal/testkit/keys";
import { TestChain, type TestMeter, TestNetwork } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { Admission } from "../src/admission.ts";

let network: TestNetwork;
let ledger: LedgerState;
let admission: Admission;
let old: TestMeter;
let next: TestMeter;
let timeMs: number;

beforeEach(async () => {
    network = new TestNetwork("key change");
    ledger = network.state();
    admission = new Admission(network.state());
    old = await network.meter("one");
    next = await network.meter("one", {
        signer: testSigner("next"),
        descriptor: { sealEpoch: 1 },
        payload: { epoch: 1 },
    });
    timeMs = (old.enrolment.timeUnix + 90 * 86_400) * 1000;
});

/** Brings an entry into the ledger, and tells the admission. */
function log(entry: Entry): void {
    expect(accept(ledger, entry, timeMs)).toMatchObject({ ok: true });
    admission.follow(entry, timeMs, timeMs);
}

/** Brings records into the ledger, in a vertex of some collector. */
async function carry(...carried: MeterRecord[]): Promise<void> {
    const collector = await network.collector("other");
    log({ kind: "enrolment", enrolment: collector.enrolment });
    const { records, vertex } = await collector.vertex(carried);
    log({ kind: "vertex", vertex, records });
}

describe.each(["a state of its own", "the engine's state"])("an admission with %s", (kind) => {
    beforeEach(() => {
        if (kind === "the engine's state") admission.share(ledger);
        log({ kind: "enrolment", enrolment: old.enrolment });
    });

    it("follows a key that begins where the one before had gone on, not in the log yet", async () => {
        const chain = new TestChain(old);
        const last = await chain.usage();
        const lost = [await chain.epoch(), await chain.warning()];
        for (const record of [last, ...lost]) {
            expect(admission.admit(record, timeMs).kind).toBe("accepted");
        }
        log({ kind: "enrolment", enrolment: next.enrolment });
        expect(lost.map((record) => admission.holds(record))).toEqual([false, false]);
        expect(admission.holds(last)).toBe(true);
        for (const record of lost) {
            expect(admission.admit(record, timeMs)).toMatchObject({ error: { code: "MS_FROZEN" } });
        }
        const first = await new TestChain(next).warning();
        expect(admission.admit(first, timeMs)).toMatchObject({ kind: "accepted" });
        await carry(last, first);
        expect([last, first].map((record) => admission.holds(record))).toEqual([true, true]);
    });

    it("forgets what waited of a key that was replaced", async () => {
        const chain = new TestChain(old);
        await chain.epoch();
        await chain.warning();
        expect(admission.admit(await chain.warning(2), timeMs).kind).toBe("pending");
        log({ kind: "enrolment", enrolment: next.enrolment });
        const successor = new TestChain(next);
        const [first, second, third] = [
            await successor.warning(),
            await successor.warning(),
            await successor.warning(),
        ];
        expect(admission.admit(third, timeMs).kind).toBe("pending");
        for (const record of [first, second]) {
            expect(admission.admit(record, timeMs).kind).toBe("accepted");
        }
        expect(admission.holds(third)).toBe(true);
    });
});
